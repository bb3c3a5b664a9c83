//! `mapfile`, `readarray`: the lines of a file into an array.
//!
//! Source: bash(1), "mapfile".

use super::{Argument, Shell, is_name};
use crate::fs::Fd;
use crate::shell::variables::{Content, ELEMENTS};

const USAGE: &str =
    "[-d delim] [-n count] [-O origin] [-s count] [-t] [-u fd] [-C callback] [-c quantum] [array]";
/// Lines after which the callback runs, where `-c` does not say.
const QUANTUM: u64 = 5000;

struct Wanted {
    trim: bool,
    most: usize,
    skip: usize,
    origin: Option<u64>,
    delimiter: u8,
    fd: Fd,
    callback: Option<String>,
    quantum: u64,
    array: String,
}

impl Shell {
    async fn mapfile_options(&mut self, name: &str, args: &[String]) -> Result<Wanted, u8> {
        let mut wanted = Wanted {
            trim: false,
            most: usize::MAX,
            skip: 0,
            origin: None,
            delimiter: b'\n',
            fd: 0,
            callback: None,
            quantum: QUANTUM,
            array: "MAPFILE".to_owned(),
        };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let mut letters = match word.strip_prefix('-').filter(|it| !it.is_empty()) {
                Some("-") => continue,
                Some(letters) => letters.chars(),
                None => {
                    wanted.array.clone_from(word);
                    break;
                }
            };
            while let Some(letter) = letters.next() {
                if letter == 't' {
                    wanted.trim = true;
                    continue;
                }
                if !"dnOsuCc".contains(letter) {
                    return Err(self.usage(name, &format!("-{letter}"), &format!("{name} {USAGE}")).await);
                }
                let rest: String = letters.by_ref().collect();
                let Some(value) = (!rest.is_empty()).then_some(rest).or_else(|| words.next().cloned()) else {
                    self.builtin_error(name, format!("-{letter}: option requires an argument")).await;
                    self.sys.eprint(format!("{name}: usage: {name} {USAGE}\n")).await;
                    return Err(2);
                };
                self.mapfile_option(name, letter, value, &mut wanted).await?;
            }
        }
        if !is_name(&wanted.array) {
            let words = format!("`{}': not a valid identifier", wanted.array);
            return Err(self.builtin_error(name, words).await);
        }
        Ok(wanted)
    }

    async fn mapfile_option(
        &mut self,
        name: &str,
        letter: char,
        value: String,
        wanted: &mut Wanted,
    ) -> Result<(), u8> {
        let number = value.parse::<u64>().ok();
        let words = match (letter, number) {
            ('d', _) => {
                wanted.delimiter = value.bytes().next().unwrap_or(0);
                return Ok(());
            }
            ('C', _) => {
                wanted.callback = Some(value);
                return Ok(());
            }
            ('n' | 's' | 'c', Some(count)) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                match letter {
                    'n' if count > 0 => wanted.most = count,
                    's' => wanted.skip = count,
                    'c' => wanted.quantum = (count as u64).max(1),
                    _ => {}
                }
                return Ok(());
            }
            ('O', Some(origin)) => {
                wanted.origin = Some(origin);
                return Ok(());
            }
            ('u', Some(fd)) => {
                wanted.fd = Fd::try_from(fd).unwrap_or(Fd::MAX);
                return Ok(());
            }
            ('O', None) => "invalid array origin",
            ('c', None) => "invalid callback quantum",
            ('u', None) => "invalid file descriptor specification",
            _ => "invalid line count",
        };
        Err(self.builtin_error(name, format!("{value}: {words}")).await)
    }

    pub(super) async fn mapfile(&mut self, name: &str, args: &[String]) -> u8 {
        let wanted = match self.mapfile_options(name, args).await {
            Ok(wanted) => wanted,
            Err(status) => return status,
        };
        let bytes = match self.sys.read_all(wanted.fd).await {
            Ok(bytes) => bytes,
            Err(errno) => {
                let words = format!("{}: invalid file descriptor: {errno}", wanted.fd);
                return self.builtin_error(name, words).await;
            }
        };
        let variable = self.variables.entry(&wanted.array);
        if wanted.origin.is_none() {
            variable.content = Some(Content::Indexed(Default::default()));
        }
        let origin = wanted.origin.unwrap_or(0);
        let lines =
            bytes.split_inclusive(|byte| *byte == wanted.delimiter).skip(wanted.skip).take(wanted.most);
        for (index, line) in (origin..).zip(lines.take(ELEMENTS)) {
            let line = match line.split_last() {
                Some((last, rest)) if wanted.trim && *last == wanted.delimiter => rest,
                _ => line,
            };
            let line = String::from_utf8_lossy(line).into_owned();
            if let Some(callback) = &wanted.callback
                && (index - origin + 1).is_multiple_of(wanted.quantum)
            {
                let text = format!("{callback} {index} {}", crate::shell::quoting::quote(&line));
                let text = vec![Argument::Text("eval".to_owned()), Argument::Text(text)];
                if self.run_builtin("eval", text).await != super::Flow::Next {
                    break;
                }
            }
            self.variables.entry(&wanted.array).indexed().insert(index, line);
        }
        0
    }
}
