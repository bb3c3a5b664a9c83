//! Base64 as Secrets use it: the standard alphabet, padded.
//!
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

/// The bytes, or where the text stops being base64.
pub fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let (mut bytes, mut group, mut held, mut padded) = (Vec::new(), 0u32, 0, 0);
    for (at, it) in text.bytes().enumerate().filter(|(_, it)| !matches!(it, b'\n' | b'\r')) {
        if it == b'=' && held >= 2 {
            padded += 1;
            held += 1;
            group <<= 6;
        } else {
            let Some(value) = ALPHABET.iter().position(|its| *its == it).filter(|_| padded == 0) else {
                return Err(at);
            };
            group = group << 6 | value as u32;
            held += 1;
        }
        if held == 4 {
            bytes.extend(&group.to_be_bytes()[1..4 - padded]);
            (group, held) = (0, 0);
        }
    }
    if held == 0 { Ok(bytes) } else { Err(text.len() - text.len() % 4) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_read_back() {
        for text in ["", "a", "ab", "abc", "abcd\n"] {
            assert_eq!(super::decode(&super::encode(text.as_bytes())), Ok(text.as_bytes().to_vec()));
        }
        assert_eq!(super::decode("a?"), Err(1));
    }
}
