//! Bodies as they are meant: decompressed where they came compressed. What is stored and forwarded stays as it came.

use std::io::Read;

use bytes::Bytes;

/// A body that is larger than this when it is decompressed is left as it is.
pub const MAX_DECODED: usize = 16 << 20;
/// Encodings that may lie upon one another.
const MAX_LAYERS: usize = 3;

/// The body without its content encodings. As it is when it has none, when one is not known, when the body is not what its
/// header says, or when it would be too large.
#[must_use]
pub fn decoded(content_encoding: Option<&str>, body: &Bytes) -> Bytes {
    let Some(names) = content_encoding.map(str::trim).filter(|names| !names.is_empty()) else { return body.clone() };
    let layers: Vec<&str> = names.split(',').map(str::trim).collect();
    if layers.len() > MAX_LAYERS {
        return body.clone();
    }
    // The last one named was applied last.
    let inner = layers.iter().rev().try_fold(body.clone(), |body, name| without(name, &body));
    inner.unwrap_or_else(|| body.clone())
}

fn without(encoding: &str, body: &Bytes) -> Option<Bytes> {
    match encoding.to_ascii_lowercase().as_str() {
        "identity" => Some(body.clone()),
        "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(body.as_ref())),
        // Some send raw deflate, although zlib is meant.
        "deflate" => read(flate2::read::ZlibDecoder::new(body.as_ref()))
            .or_else(|| read(flate2::read::DeflateDecoder::new(body.as_ref()))),
        "br" => read(brotli_decompressor::Decompressor::new(body.as_ref(), 4096)),
        _ => None,
    }
}

fn read(from: impl Read) -> Option<Bytes> {
    let mut out = Vec::new();
    let limit = u64::try_from(MAX_DECODED).unwrap_or(u64::MAX);
    let read = from.take(limit + 1).read_to_end(&mut out).ok()?;
    (read <= MAX_DECODED).then(|| out.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TEXT: &[u8] = br#"{"id": "evt_1", "type": "invoice.paid"}"#;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory").into()
    }

    #[test]
    fn each_encoding_is_undone() {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(TEXT).expect("memory");
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        raw.write_all(TEXT).expect("memory");
        // By `brotli -c`.
        let brotli =
            hex::decode("0b13807b226964223a20226576745f31222c202274797065223a2022696e766f6963652e70616964227d03")
                .expect("hex");
        for (name, body) in [
            ("gzip", gzip(TEXT)),
            ("x-gzip", gzip(TEXT)),
            ("GZIP", gzip(TEXT)),
            ("deflate", zlib.finish().expect("memory").into()),
            ("deflate", raw.finish().expect("memory").into()),
            ("br", brotli.into()),
            ("identity", Bytes::from_static(TEXT)),
            ("gzip, gzip", gzip(&gzip(TEXT))),
        ] {
            assert_eq!(decoded(Some(name), &body), TEXT, "{name}");
        }
        assert_eq!(decoded(None, &gzip(TEXT)), gzip(TEXT));
    }

    #[test]
    fn what_cannot_be_undone_stays_as_it_is() {
        let bomb = gzip(&vec![0; MAX_DECODED + 1]);
        assert!(bomb.len() < 100_000);
        for (name, body) in [
            ("gzip", Bytes::from_static(TEXT)),
            ("gzip", gzip(TEXT).slice(..20)),
            ("zstd", gzip(TEXT)),
            ("gzip", bomb),
            ("gzip,gzip,gzip,gzip", gzip(TEXT)),
            ("", gzip(TEXT)),
        ] {
            assert_eq!(decoded(Some(name), &body), body, "{name}");
        }
    }
}
