//! getopt_long(3) as iptables uses it: in order, with options that extensions add while the line is read.
//!
//! Always: what the words say of a wrong option is what `argv[optind-1]` was at that moment, as in iptables.
//! Sources: glibc getopt.c (RETURN_IN_ORDER); iptables xshared.h (IPT_OPTSTRING).

use std::collections::VecDeque;

/// An option of iptables itself: long name, its letter, whether it takes an argument (0, 1, or 2 for maybe).
pub(super) type BaseOption = (&'static str, char, u8);

pub(super) const BASE: &[BaseOption] = &[
    ("append", 'A', 1),
    ("delete", 'D', 1),
    ("check", 'C', 1),
    ("insert", 'I', 1),
    ("replace", 'R', 1),
    ("list", 'L', 2),
    ("list-rules", 'S', 2),
    ("flush", 'F', 2),
    ("zero", 'Z', 2),
    ("new-chain", 'N', 1),
    ("delete-chain", 'X', 2),
    ("rename-chain", 'E', 1),
    ("policy", 'P', 1),
    ("source", 's', 1),
    ("destination", 'd', 1),
    ("src", 's', 1),
    ("dst", 'd', 1),
    ("protocol", 'p', 1),
    ("in-interface", 'i', 1),
    ("jump", 'j', 1),
    ("table", 't', 1),
    ("match", 'm', 1),
    ("numeric", 'n', 0),
    ("out-interface", 'o', 1),
    ("verbose", 'v', 0),
    ("wait", 'w', 2),
    ("wait-interval", 'W', 2),
    ("exact", 'x', 0),
    ("fragments", 'f', 0),
    ("version", 'V', 0),
    ("help", 'h', 2),
    ("line-numbers", '0', 0),
    ("modprobe", 'M', 1),
    ("set-counters", 'c', 1),
    ("goto", 'g', 1),
    ("ipv4", '4', 0),
    ("ipv6", '6', 0),
];

/// Letters, with whether they take an argument.
const LETTERS: &str = "A:C:D:E:F::I:L::M:N:P:VX::Z::c:d:i:j:o:p:s:t:R:S::W::46bfg:h::m:nvw::x";

fn letter(wanted: char) -> Option<u8> {
    let at = LETTERS.find(wanted).filter(|_| wanted != ':')?;
    let colons = LETTERS[at + 1..].chars().take_while(|c| *c == ':').count();
    Some(colons as u8)
}

/// A long option that may be given now. `T` says whose it is.
#[derive(Clone, Debug)]
pub(super) struct Long<T> {
    pub name: &'static str,
    /// 0, 1, or 2 for maybe.
    pub takes: u8,
    pub of: T,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found<T> {
    Letter(char, Option<String>),
    Long(T, Option<String>),
    /// No option.
    Word(String),
    /// An option without its argument, or one that nobody knows, as the words name it.
    Missing(String),
    Unknown(String),
}

/// The words of a command line that are not read yet.
#[derive(Clone, Debug)]
pub(super) struct Arguments {
    pub rest: VecDeque<String>,
    /// The word read last (`argv[optind-1]`).
    last: String,
    /// Letters of a cluster still to come.
    cluster: String,
}

impl Arguments {
    pub fn new(program: &str, words: &[String]) -> Arguments {
        Arguments { rest: words.iter().cloned().collect(), last: program.to_owned(), cluster: String::new() }
    }

    fn shift(&mut self) -> Option<String> {
        let word = self.rest.pop_front()?;
        self.last.clone_from(&word);
        Some(word)
    }

    /// The next word, where it can be a further argument (`xs_has_arg`).
    pub fn operand(&mut self) -> Option<String> {
        self.rest.front().filter(|next| !next.starts_with(['-', '!']))?;
        self.shift()
    }

    /// The next option or word; `longs` are looked through in their order.
    pub fn next<T: Clone + PartialEq>(&mut self, longs: &[Long<T>]) -> Option<Found<T>> {
        if self.cluster.is_empty() {
            let word = self.rest.front()?.clone();
            if word == "--" {
                self.shift();
                return None;
            }
            if let Some(long) = word.strip_prefix("--") {
                return Some(self.long(long, longs));
            }
            match word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                Some(letters) => self.cluster = letters.to_owned(),
                None => {
                    self.shift();
                    return Some(Found::Word(word));
                }
            }
        }
        let wanted = self.cluster.remove(0);
        // The word counts as read with its last letter.
        if self.cluster.is_empty() {
            self.shift();
        }
        Some(match letter(wanted) {
            None => Found::Unknown(self.last.clone()),
            Some(0) => Found::Letter(wanted, None),
            Some(takes) => {
                let attached = std::mem::take(&mut self.cluster);
                if !attached.is_empty() {
                    self.shift();
                    Found::Letter(wanted, Some(attached))
                } else if takes == 2 {
                    Found::Letter(wanted, None)
                } else {
                    match self.shift() {
                        Some(argument) => Found::Letter(wanted, Some(argument)),
                        None => Found::Missing(self.last.clone()),
                    }
                }
            }
        })
    }

    fn long<T: Clone + PartialEq>(&mut self, text: &str, longs: &[Long<T>]) -> Found<T> {
        self.shift();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let exact = longs.iter().find(|long| long.name == name);
        let mut begins = longs.iter().filter(|long| long.name.starts_with(name));
        let found = exact.or_else(|| {
            let first = begins.next()?;
            let same = |other: &Long<T>| other.takes == first.takes && other.of == first.of;
            begins.all(same).then_some(first)
        });
        let Some(long) = found else { return Found::Unknown(self.last.clone()) };
        match (long.takes, value) {
            (0, Some(_)) => Found::Unknown(self.last.clone()),
            (1, None) => match self.shift() {
                Some(argument) => Found::Long(long.of.clone(), Some(argument)),
                None => Found::Missing(self.last.clone()),
            },
            (_, value) => Found::Long(long.of.clone(), value),
        }
    }

    /// Puts the word read last back, to be read again with more options known.
    pub fn again(&mut self) {
        self.rest.push_front(self.last.clone());
        self.cluster.clear();
    }
}
