//! Base64: the standard alphabet, padded.
//!
//! Called by `base64` and `curl`, and by the crates above for Secrets and tokens. Always: what was encoded is decoded.
//! Source: RFC 4648 §4.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (group >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

/// What a text decodes to, as far as it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    pub bytes: Vec<u8>,
    /// Where the text stops being base64.
    pub wrong: Option<usize>,
}

/// Decodes a text; bytes that `skips` chooses are no part of it.
pub fn decode(text: &[u8], skips: impl Fn(u8) -> bool) -> Decoded {
    let mut decoded = Decoded::default();
    // Digits and padding of the group that has begun, and where it did.
    let (mut group, mut digits, mut padding, mut start) = (0u32, 0, 0, 0);
    for (at, byte) in text.iter().enumerate() {
        match ALPHABET.iter().position(|digit| digit == byte) {
            Some(digit) if padding == 0 => {
                if digits == 0 {
                    start = at;
                }
                group = group << 6 | digit as u32;
                digits += 1;
                if digits > 1 {
                    decoded.bytes.push((group >> (8 - 2 * digits)) as u8);
                }
                if digits == 4 {
                    (group, digits) = (0, 0);
                }
            }
            None if *byte == b'=' && digits >= 2 && digits + padding < 4 => padding += 1,
            None if skips(*byte) => {}
            _ => {
                decoded.wrong = Some(at);
                return decoded;
            }
        }
    }
    if !matches!(digits + padding, 0 | 4) {
        decoded.wrong = Some(start);
    }
    decoded
}

/// The bytes of a text in lines, or where it stops being base64.
pub fn decode_lines(text: &str) -> Result<Vec<u8>, usize> {
    let decoded = decode(text.as_bytes(), |byte| matches!(byte, b'\n' | b'\r'));
    decoded.wrong.map_or(Ok(decoded.bytes), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back() {
        for text in ["", "a", "ab", "abc", "abcd\n"] {
            let decoded = decode(encode(text.as_bytes()).as_bytes(), |_| false);
            assert_eq!(decoded, Decoded { bytes: text.as_bytes().to_vec(), wrong: None });
        }
    }

    #[test]
    fn what_is_no_base64_is_found_where_it_stands() {
        let found = |text: &str| {
            let decoded = decode(text.as_bytes(), |byte| byte == b'\n');
            (String::from_utf8_lossy(&decoded.bytes).into_owned(), decoded.wrong)
        };
        assert_eq!(found("a?"), (String::new(), Some(1)));
        assert_eq!(found("aG\nk=\n"), ("hi".to_owned(), None));
        assert_eq!(found("aGk"), ("hi".to_owned(), Some(0)));
        assert_eq!(found("aGk=aGk="), ("hi".to_owned(), Some(4)));
        assert_eq!(found("aGk=="), ("hi".to_owned(), Some(4)));
        assert_eq!(found("="), (String::new(), Some(0)));
    }
}
