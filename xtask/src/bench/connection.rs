//! One keep-alive connection that asks and waits for the answer: as little of HTTP as our own server needs.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longer than the server may take for anything.
const TIMEOUT: Duration = Duration::from_secs(40);
/// No answer that is measured is longer.
const MAX_BODY: usize = 16 << 20;

pub struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
}

/// An answer that was read to its end.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream), line: String::new() })
    }

    /// Sends a whole request and reads its answer.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.get_mut().write_all(request)?;
        let status = self.line()?.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| malformed("an answer has no status"))?;
        let mut length = None;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
        let length: usize = length.ok_or_else(|| malformed("an answer does not tell its length"))?;
        if length > MAX_BODY {
            return Err(malformed("an answer is too long"));
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body })
    }

    fn line(&mut self) -> io::Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.line.trim_end())
    }
}

/// A request for something that a key may read.
pub fn get(path: &str, key: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\nx-api-key: {key}\r\n\r\n").into_bytes()
}

/// A webhook.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = "host: bench\r\ncontent-type: application/json";
    format!("POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// The bits of the first id with this prefix, `evt_` and 32 hexadecimal digits for example.
pub fn id_in(text: &[u8], prefix: &str) -> Option<u128> {
    let start = text.windows(prefix.len()).position(|window| window == prefix.as_bytes())? + prefix.len();
    let hex = std::str::from_utf8(text.get(start..start + 32)?).ok()?;
    u128::from_str_radix(hex, 16).ok()
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_an_answer() {
        let id = "0199f2c1a7e37c6e8a4f5b6c7d8e9f00";
        let text = format!("{{\"event_id\":\"evt_{id}\",\"source_id\":\"src_{id}\"}}");
        assert_eq!(id_in(text.as_bytes(), "evt_"), u128::from_str_radix(id, 16).ok());
        assert_eq!(id_in(b"{\"event_id\":\"evt_12\"}", "evt_"), None);
        assert_eq!(id_in(b"{}", "evt_"), None);
    }
}
