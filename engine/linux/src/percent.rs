//! Percent-encoding of URLs and of forms.
//!
//! Called by programs that speak HTTP, here and in the crates above. Always: `%` without two hexadecimal digits stands for
//! itself, unless whoever asks refuses it. Source: RFC 3986 §2.1; HTML, `application/x-www-form-urlencoded`.

/// The bytes that are never encoded (RFC 3986 §2.3, "unreserved"), besides letters and digits.
pub const UNRESERVED: &[u8] = b"-._~";

/// Letters, digits and the bytes of `plain` stay as they are.
pub fn encode(bytes: &[u8], plain: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || plain.contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn escaped(after: &[u8]) -> Option<u8> {
    let pair = after.get(..2).filter(|pair| pair.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
}

/// The bytes that a text stands for, and whether every `%` of it was followed by two digits.
fn bytes(text: &str) -> (Vec<u8>, bool) {
    let (mut out, mut right) = (Vec::with_capacity(text.len()), true);
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match escaped(after).filter(|_| byte == b'%') {
            Some(value) => {
                out.push(value);
                rest = &after[2..];
            }
            None => {
                right &= byte != b'%';
                out.push(byte);
                rest = after;
            }
        }
    }
    (out, right)
}

pub fn decode(text: &str) -> String {
    String::from_utf8_lossy(&bytes(text).0).into_owned()
}

/// `None` where a `%` has no two digits after it.
pub fn decode_strictly(text: &str) -> Option<String> {
    let (bytes, right) = bytes(text);
    right.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// A name or value of a form or query, where `+` is a blank.
pub fn decode_form(text: &str) -> String {
    decode(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_reads_back_and_a_lone_percent_stays() {
        let text = "a b&c=d/é%";
        assert_eq!(encode(text.as_bytes(), UNRESERVED), "a%20b%26c%3Dd%2F%C3%A9%25");
        assert_eq!(decode(&encode(text.as_bytes(), UNRESERVED)), text);
        assert_eq!(decode("%4x%+1%é"), "%4x%+1%é");
        assert_eq!(decode_form("a+b%2B"), "a b+");
        assert_eq!((decode_strictly("%64"), decode_strictly("%6")), (Some("d".to_owned()), None));
    }
}
