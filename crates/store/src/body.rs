//! How bodies are kept: as they were received, or compressed where that is worth it.

use std::borrow::Cow;

use bytes::Bytes;

use crate::error::{Result, StoreError};

/// Smaller bodies are kept as they are: they would shrink by a few bytes, or grow.
const MIN_COMPRESSED: usize = 2 << 10;
/// Larger ones are compressed off the async threads.
const LONG: usize = 128 << 10;
/// Quick: it takes about as long as the body took to arrive over a fast network.
const LEVEL: i32 = 1;
const ZSTD: &str = "zstd";

/// A body as the database keeps it.
#[derive(Debug, Clone)]
pub(crate) enum Packed {
    Plain(Bytes),
    Zstd(Vec<u8>),
}

impl Packed {
    pub async fn of(body: &Bytes) -> Self {
        if body.len() < MIN_COMPRESSED {
            return Self::Plain(body.clone());
        }
        if body.len() < LONG {
            return Self::compressed(body);
        }
        let body = body.clone();
        let plain = body.clone();
        tokio::task::spawn_blocking(move || Self::compressed(&body)).await.unwrap_or(Self::Plain(plain))
    }

    fn compressed(body: &Bytes) -> Self {
        match zstd::bulk::compress(body, LEVEL) {
            // Less than an eighth is not worth the work of reading it back.
            Ok(bytes) if bytes.len() < body.len() - body.len() / 8 => Self::Zstd(bytes),
            _ => Self::Plain(body.clone()),
        }
    }

    pub fn encoding(&self) -> Option<&'static str> {
        match self {
            Self::Plain(_) => None,
            Self::Zstd(_) => Some(ZSTD),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Zstd(bytes) => bytes,
        }
    }
}

/// The body again, of which the event says how long it is.
pub(crate) fn unpack(kept: Vec<u8>, encoding: Option<&str>, length: u64) -> Result<Vec<u8>> {
    let corrupt = |detail: Cow<'static, str>| StoreError::corrupt("event_bodies", "body", detail);
    match encoding {
        None => Ok(kept),
        Some(ZSTD) => {
            let length = usize::try_from(length).map_err(|_| corrupt("is too long to be read here".into()))?;
            zstd::bulk::decompress(&kept, length).map_err(|error| corrupt(error.to_string().into()))
        }
        Some(other) => Err(StoreError::corrupt("event_bodies", "encoding", format!("{other:?} is not known"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_come_back_as_they_were() {
        let repetitive = b"{\"id\":1,\"name\":\"hookstream\"},".repeat(20_000);
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        let noise: Vec<u8> = (0..5_000).flat_map(|_| random()).collect();
        for (body, encoding) in [
            (b"{}".to_vec(), None),
            (repetitive[..MIN_COMPRESSED - 1].to_vec(), None),
            (repetitive[..MIN_COMPRESSED].to_vec(), Some("zstd")),
            (repetitive, Some("zstd")),
            (noise, None),
        ] {
            let packed = Packed::of(&Bytes::from(body.clone())).await;
            assert_eq!(packed.encoding(), encoding, "{} bytes", body.len());
            let kept = packed.bytes().to_vec();
            assert!(kept.len() <= body.len());
            let length = body.len() as u64;
            assert_eq!(unpack(kept, packed.encoding(), length).expect("is read back"), body);
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_of() {
        assert!(unpack(b"no frame".to_vec(), Some("zstd"), 10).is_err());
        assert!(unpack(vec![], Some("lzma"), 0).is_err());
        let kept = zstd::bulk::compress(&[7; 5_000], LEVEL).expect("compresses");
        assert!(unpack(kept, Some("zstd"), 10).is_err(), "it is longer than the event says");
    }
}
