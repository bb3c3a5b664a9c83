//! `-batch FILE` and `-color`: what `ip` and `bridge` do alike before any command.
//!
//! Differs from iproute2: `-batch -` reads all of stdin before the first command runs.

use super::Stop;
use super::printer::Palette;
use crate::fs::{STDIN, STDOUT};
use crate::sys::Sys;

/// Words of one line; the real tool's array is as long.
const MOST_WORDS: usize = 512;

/// The commands of a file with the number of their last line: `#` remarks are cut, `\` joins lines.
pub async fn read(sys: &Sys, file: &str) -> Result<Vec<(usize, String)>, Stop> {
    let bytes = match file {
        "-" => sys.read_all(STDIN).await,
        _ => sys.read_file(file).await,
    };
    let bytes = bytes
        .map_err(|error| Stop::exit(1, format!("Cannot open file \"{file}\" for reading: {error}\n")))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut commands = Vec::new();
    let mut joined = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        match line.strip_suffix('\\') {
            Some(begun) => joined.push_str(begun),
            None => commands.push((number + 1, std::mem::take(&mut joined) + line)),
        }
    }
    Ok(commands)
}

/// Splits at blanks; quotes hold a word together.
pub fn split(line: &str) -> Result<Vec<String>, Stop> {
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches([' ', '\t', '\r', '\n']);
    while let Some(first) = rest.chars().next() {
        if words.len() + 1 >= MOST_WORDS {
            return Err(Stop::exit(1, "Too many arguments to command\n"));
        }
        let (word, after) = match first {
            '\'' | '"' => {
                rest[1..].split_once(first).ok_or_else(|| Stop::exit(1, "Unterminated quoted string\n"))?
            }
            _ => rest.split_once([' ', '\t', '\r', '\n']).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    Ok(words)
}

/// Is it `-c`, `-color=auto` …? Then it is noted.
pub fn take_color(word: &str, color: &mut Option<String>) -> bool {
    let (name, when) = word.split_once('=').unwrap_or((word, "always"));
    let fits = super::matches(name, "-color") && matches!(when, "always" | "auto" | "never" | "");
    if fits {
        *color = Some(if when.is_empty() { "always".to_owned() } else { when.to_owned() });
    }
    fits
}

/// The colours of this run, if any.
pub async fn palette(sys: &Sys, color: Option<&str>, json: bool) -> Option<Palette> {
    let wanted = match color {
        Some("always") => true,
        Some("auto") => sys.is_tty(STDOUT).await,
        _ => false,
    };
    if !wanted || json {
        return None;
    }
    Some(Palette::from_environment(sys.env("COLORFGBG").await.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_line_is_split_at_blanks_and_quotes_hold() {
        assert_eq!(split("  link set\teth0 alias 'my uplink' up").map(|it| it.len()), Ok(6));
        assert_eq!(split("\"a b\"c").ok(), Some(vec!["a b".to_owned(), "c".to_owned()]));
        assert!(split("'open").is_err());
        assert_eq!(split("").ok(), Some(vec![]));
    }

    #[test]
    fn color_may_be_shortened_and_has_three_values() {
        let mut color = None;
        assert!(take_color("-c", &mut color));
        assert_eq!(color.as_deref(), Some("always"));
        assert!(take_color("-col=auto", &mut color));
        assert!(!take_color("-c=maybe", &mut color));
        assert!(!take_color("-x", &mut color));
    }
}
