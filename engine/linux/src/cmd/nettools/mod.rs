//! What `ifconfig`, `route` and `arp` of net-tools share: their release, their usage texts, names of hosts and
//! networks, and the ioctls behind them.
//!
//! Always: texts and exit statuses are the real programs'; a usage text's lists go to stderr whatever happens.
//! Differs from net-tools: families other than inet and inet6, and hardware other than Ethernet, are not simulated.
//! Source: net-tools 2.10, its manual pages and observable behaviour.

pub mod arp;
pub mod ifconfig;
pub mod interface;
mod ioctl;
mod names;
pub mod route;
pub mod routes;

use super::Exit;
use crate::sys::Sys;

pub const RELEASE: &str = "net-tools 2.10\n";
/// Exit statuses of wrong options, of names that do not resolve, and of refused ioctls.
const E_OPTERR: u8 = 3;
const E_LOOKUP: u8 = 6;
const E_SOCK: u8 = 7;

/// Lines of a list of families or hardware.
fn is_list(line: &str) -> bool {
    line.strip_prefix("    ").is_some_and(|rest| !rest.starts_with(' '))
}

/// A usage text: asked for, it goes to stdout and is no failure.
async fn usage(sys: &Sys, text: &str, asked_for: bool) -> Exit {
    if !asked_for {
        sys.eprint(text).await;
        return Exit(E_OPTERR);
    }
    let (lists, rest): (Vec<&str>, Vec<&str>) = text.split_inclusive('\n').partition(|line| is_list(line));
    sys.eprint(lists.concat()).await;
    sys.print(rest.concat()).await;
    Exit::OK
}

/// As much of a name as fits into the ioctl's field.
fn cut(name: &str, bytes: usize) -> String {
    let mut end = name.len().min(bytes);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

/// The longest name a device may have (IFNAMSIZ less its end).
const NAME_BYTES: usize = 15;

/// An Ethernet address as net-tools reads it: too few bytes are filled up with zeros, what follows six is ignored.
fn ether(word: &str) -> Option<net::Mac> {
    let mut bytes = [0; 6];
    let mut letters = word.chars().peekable();
    for byte in &mut bytes {
        let Some(first) = letters.next() else { break };
        let mut value = first.to_digit(16)?;
        match letters.next() {
            None | Some(':') => {}
            Some(second) => value = value * 16 + second.to_digit(16)?,
        }
        letters.next_if_eq(&':');
        *byte = value as u8;
    }
    Some(net::Mac(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ethernet_address_may_be_short_and_without_colons() {
        let bytes = |word| ether(word).map(|mac| mac.0);
        assert_eq!(bytes("02:00:00:00:00:11"), Some([2, 0, 0, 0, 0, 0x11]));
        assert_eq!(bytes("2:0:0:0:0:A"), Some([2, 0, 0, 0, 0, 10]));
        assert_eq!(bytes("020000000011"), Some([2, 0, 0, 0, 0, 0x11]));
        assert_eq!(bytes("02:01"), Some([2, 1, 0, 0, 0, 0]));
        assert_eq!(bytes("zz"), None);
        assert_eq!(bytes("0g"), None);
    }

    #[test]
    fn lists_of_a_usage_text_stand_in_four_columns() {
        assert!(is_list("    inet (DARPA Internet) \n"));
        assert!(!is_list("        -v, --verbose\n"));
        assert!(!is_list("  <AF>=Address family\n"));
    }
}
