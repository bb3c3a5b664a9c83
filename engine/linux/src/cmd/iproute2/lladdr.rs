//! Link-layer addresses as words: `02:00:00:00:00:01`, or `1.2.3.4` for tunnels.
//!
//! Always: as lenient as the real tool (`2:0:0:0:0:1` is six bytes).

/// The bytes of a link-layer address; the error is the real text.
pub fn parse(word: &str) -> Result<Vec<u8>, String> {
    let wrong = |part: &str| format!("\"{part}\" is invalid lladdr.\n");
    if word.contains('.') {
        let parsed = super::prefix::ipv4(word).ok_or_else(|| wrong(word))?;
        return Ok(parsed.octets().to_vec());
    }
    let mut bytes = Vec::new();
    for part in word.split(':').take(MOST_BYTES) {
        let digits: String = part.chars().take_while(char::is_ascii_hexdigit).collect();
        match u32::from_str_radix(&digits, 16) {
            Ok(value @ 0..=255) => bytes.push(value as u8),
            _ => return Err(wrong(part)),
        }
    }
    Ok(bytes)
}

/// IFLA_ADDRESS is at most so long (MAX_ADDR_LEN).
const MOST_BYTES: usize = 32;

/// `02:00:00:00:00:01`
pub fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_leniently_and_written_strictly() {
        assert_eq!(parse("02:00:00:00:00:01").as_deref(), Ok(&[2, 0, 0, 0, 0, 1][..]));
        assert_eq!(parse("2:0:0:0:0:A").map(|it| text(&it)).as_deref(), Ok("02:00:00:00:00:0a"));
        assert_eq!(parse("10.0.0.1").as_deref(), Ok(&[10, 0, 0, 1][..]));
        assert_eq!(parse("zz:00").unwrap_err(), "\"zz\" is invalid lladdr.\n");
        assert_eq!(parse("02:1ff").unwrap_err(), "\"1ff\" is invalid lladdr.\n");
        assert!(parse("").is_err());
    }
}
