//! A world as a short text: seed and requests, packed for a share link, a file or the browser's storage.
//!
//! Stands between `api::Replay` and every place that keeps one. Always: `unpack(pack(x)) == x`; what does not
//! unpack is refused with a sentence, never half read.
//! Form: base64url (no padding) of one version byte, then deflate of postcard.

use api::request::Replay;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Raised when `api::Replay` changes shape, so that an old link says so.
const VERSION: u8 = 1;
/// A link that would unpack to more is refused: it is not one of ours.
const LIMIT_BYTES: usize = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareError {
    NotOurs,
    OtherVersion,
}

pub fn pack(replay: &Replay) -> String {
    let plain = postcard::to_stdvec(replay).expect("a replay is plain data");
    let mut bytes = vec![VERSION];
    bytes.extend(compress_to_vec(&plain, 9));
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn unpack(text: &str) -> Result<Replay, ShareError> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| ShareError::NotOurs)?;
    let (version, packed) = bytes.split_first().ok_or(ShareError::NotOurs)?;
    if *version != VERSION {
        return Err(ShareError::OtherVersion);
    }
    let plain = decompress_to_vec_with_limit(packed, LIMIT_BYTES).map_err(|_| ShareError::NotOurs)?;
    postcard::from_bytes(&plain).map_err(|_| ShareError::NotOurs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::request::{Recorded, Request};
    use api::{Lab, TtyId};

    fn replay(keys: usize) -> Replay {
        let type_one = |i: usize| Recorded {
            at: i as u64 * 90_000_000,
            request: Request::Type { tty: TtyId(1), bytes: b"ping -c 1 10.0.0.2\r"[i % 19..][..1].to_vec() },
        };
        Replay { lab: Lab::default(), seed: 7, requests: (0..keys).map(type_one).collect(), until: 9 }
    }

    #[test]
    fn a_world_survives_the_link() {
        let world = replay(500);
        assert_eq!(unpack(&pack(&world)), Ok(world));
    }

    #[test]
    fn a_link_holds_only_what_an_address_may_hold() {
        assert!(pack(&replay(40)).chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    }

    #[test]
    fn five_hundred_key_presses_fit_an_address() {
        assert!(pack(&replay(500)).len() < 4_000, "{}", pack(&replay(500)).len());
    }

    #[test]
    fn a_broken_link_is_refused_and_says_which_way() {
        let link = pack(&replay(3));
        assert_eq!(unpack(&link[..link.len() / 2]), Err(ShareError::NotOurs));
        assert_eq!(unpack("not a link"), Err(ShareError::NotOurs));
        assert_eq!(unpack(""), Err(ShareError::NotOurs));
        assert_eq!(unpack(&URL_SAFE_NO_PAD.encode([VERSION + 1, 0])), Err(ShareError::OtherVersion));
    }
}
