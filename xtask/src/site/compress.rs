//! The compressed forms of a file, which the server sends as they are.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};

use super::{
    Mode,
    cache::{Cache, Key},
};

/// Smaller files travel in one packet either way.
const WORTHWHILE_BYTES: usize = 1000;

const BROTLI_WINDOW_BITS: u32 = 22;
const BROTLI_BUFFER_BYTES: usize = 64 * 1024;

/// A file's suffix and content in one compressed form.
pub struct Compressed {
    pub suffix: &'static str,
    pub content: Vec<u8>,
}

/// The compressed forms of a file; none where the format is compressed already or the file small.
pub fn compress(path: &str, content: &[u8], mode: Mode, cache: &mut Cache) -> Result<Vec<Compressed>> {
    if !is_compressible(path) || content.len() < WORTHWHILE_BYTES {
        return Ok(Vec::new());
    }
    let (brotli_quality, gzip_level) = match mode {
        Mode::Development => (3, Compression::fast()),
        Mode::Release => (11, Compression::best()),
    };
    let key = Key::of("compressed").and(content);
    let brotli = cache.file(&key.clone().and(b"br"), || brotli(content, brotli_quality))?;
    let gzip = cache.file(&key.and(b"gz"), || gzip(content, gzip_level))?;
    Ok(vec![Compressed { suffix: "br", content: brotli }, Compressed { suffix: "gz", content: gzip }])
}

fn is_compressible(path: &str) -> bool {
    const TEXTS: [&str; 9] = ["css", "html", "ico", "js", "json", "svg", "txt", "wasm", "webmanifest"];
    path.rsplit_once('.').is_some_and(|(_, kind)| TEXTS.contains(&kind))
}

fn brotli(content: &[u8], quality: u32) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    brotli::CompressorWriter::new(&mut compressed, BROTLI_BUFFER_BYTES, quality, BROTLI_WINDOW_BITS)
        .write_all(content)
        .context("brotli failed")?;
    Ok(compressed)
}

fn gzip(content: &[u8], level: Compression) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(content).context("gzip failed")?;
    encoder.finish().context("gzip failed")
}
