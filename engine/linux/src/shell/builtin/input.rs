//! `read`: a line from a descriptor into variables.
//!
//! Source: bash(1), "read".

use super::{Shell, is_name};
use crate::fs::Fd;
use crate::shell::variables::{Content, Variable};
use crate::sys::Woke;
use net::Errno;
use std::time::Duration;

/// A line that `read` takes; what is longer is cut there.
const LINE: usize = 1 << 20;

#[derive(Default)]
struct ReadOptions {
    raw: bool,
    silent: bool,
    array: Option<String>,
    prompt: Option<String>,
    delimiter: Option<char>,
    count: Option<usize>,
    exactly: bool,
    timeout: Option<Duration>,
    fd: Fd,
    names: Vec<String>,
}

impl Shell {
    pub(super) async fn read(&mut self, args: &[String]) -> u8 {
        let options = match self.read_options(args).await {
            Ok(options) => options,
            Err(status) => return status,
        };
        if options.timeout == Some(Duration::ZERO) {
            return u8::from(!self.has_input(options.fd).await);
        }
        if let Some(prompt) = &options.prompt
            && self.sys.is_tty(options.fd).await
        {
            self.sys.eprint(prompt).await;
        }
        let (line, ended) = match self.read_input(&options).await {
            Ok(read) => read,
            Err(Errno::EINTR) => return 130,
            Err(Errno::EBADF) => {
                let words = format!("{}: invalid file descriptor: {}", options.fd, Errno::EBADF);
                return self.builtin_error("read", words).await;
            }
            Err(errno) => {
                return self
                    .builtin_error("read", format!("{}: read error: {errno}", options.fd))
                    .await
                    .max(1);
            }
        };
        let status = match ended {
            Ended::Delimiter => 0,
            Ended::File => 1,
            Ended::Timeout => 142,
        };
        self.read_store(&options, &line).await | status
    }

    /// `read -t 0`: would a read answer at once?
    async fn has_input(&mut self, fd: Fd) -> bool {
        self.sys
            .ask(move |system, id| {
                let Ok(descriptor) = system.descriptor(id, fd) else { return false };
                system.has_input(descriptor.file)
            })
            .await
    }

    async fn read_options(&mut self, args: &[String]) -> Result<ReadOptions, u8> {
        const USAGE: &str = "read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]";
        let mut options = ReadOptions::default();
        let mut words = args.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                options.names.extend(words.by_ref().cloned());
                break;
            }
            if !word.starts_with('-') || word.len() < 2 {
                options.names.push(word.clone());
                options.names.extend(words.by_ref().cloned());
                break;
            }
            let mut letters = word.chars().skip(1);
            while let Some(letter) = letters.next() {
                match letter {
                    'r' => options.raw = true,
                    's' => options.silent = true,
                    'e' => {}
                    'a' | 'd' | 'i' | 'n' | 'N' | 'p' | 't' | 'u' => {
                        let rest: String = letters.by_ref().collect();
                        let value = match rest.is_empty() {
                            false => rest,
                            true => match words.next() {
                                Some(value) => value.clone(),
                                None => {
                                    let words = format!("-{letter}: option requires an argument");
                                    self.builtin_error("read", words).await;
                                    self.sys.eprint(format!("read: usage: {USAGE}\n")).await;
                                    return Err(2);
                                }
                            },
                        };
                        self.read_option(letter, value, &mut options).await?;
                    }
                    letter => return Err(self.usage("read", &format!("-{letter}"), USAGE).await),
                }
            }
        }
        for name in &options.names {
            if !is_name(name.split('[').next().unwrap_or_default()) {
                return Err(self.builtin_error("read", format!("`{name}': not a valid identifier")).await);
            }
        }
        Ok(options)
    }

    async fn read_option(
        &mut self,
        letter: char,
        value: String,
        options: &mut ReadOptions,
    ) -> Result<(), u8> {
        match letter {
            'a' => options.array = Some(value),
            'd' => options.delimiter = Some(value.chars().next().unwrap_or('\0')),
            'p' => options.prompt = Some(value),
            'n' | 'N' => match value.parse() {
                Ok(count) => (options.count, options.exactly) = (Some(count), letter == 'N'),
                Err(_) => return Err(self.builtin_error("read", format!("{value}: invalid number")).await),
            },
            't' => match value.parse::<f64>() {
                Ok(seconds) if (0.0..1e9).contains(&seconds) => {
                    options.timeout = Some(Duration::from_secs_f64(seconds));
                }
                _ => {
                    return Err(self
                        .builtin_error("read", format!("{value}: invalid timeout specification"))
                        .await);
                }
            },
            'u' => match value.parse() {
                Ok(fd) => options.fd = fd,
                Err(_) => {
                    let words = format!("{value}: invalid file descriptor specification");
                    return Err(self.builtin_error("read", words).await);
                }
            },
            _ => {}
        }
        Ok(())
    }

    /// Characters up to the delimiter; each with whether a backslash stood before it.
    async fn read_input(&mut self, options: &ReadOptions) -> Result<(Vec<(char, bool)>, Ended), Errno> {
        let delimiter = options.delimiter.unwrap_or('\n');
        let deadline = match options.timeout {
            Some(timeout) => Some(self.sys.now().await + timeout),
            None => None,
        };
        let (mut line, mut bytes, mut escaped) = (Vec::new(), Vec::new(), false);
        if options.count == Some(0) {
            return Ok((line, Ended::Delimiter));
        }
        loop {
            let byte = match self.read_byte(options.fd, deadline).await? {
                Byte::Timeout => return Ok((line, Ended::Timeout)),
                Byte::End => return Ok((line, Ended::File)),
                Byte::Read(byte) => byte,
            };
            bytes.push(byte);
            let c = match std::str::from_utf8(&bytes) {
                Ok(text) => text.chars().next().unwrap_or('\0'),
                Err(error) if error.error_len().is_none() && bytes.len() < 4 => continue,
                Err(_) => char::REPLACEMENT_CHARACTER,
            };
            bytes.clear();
            if escaped {
                escaped = false;
                if c != '\n' {
                    line.push((c, true));
                }
            } else if c == delimiter && !options.exactly {
                return Ok((line, Ended::Delimiter));
            } else if c == '\\' && !options.raw {
                escaped = true;
                continue;
            } else {
                line.push((c, false));
            }
            if line.len() >= options.count.unwrap_or(LINE) {
                return Ok((line, Ended::Delimiter));
            }
        }
    }

    async fn read_byte(&mut self, fd: Fd, deadline: Option<sim::Instant>) -> Result<Byte, Errno> {
        let Some(deadline) = deadline else {
            return Ok(self.sys.read(fd, 1).await?.first().map_or(Byte::End, |byte| Byte::Read(*byte)));
        };
        loop {
            let (read, wait) = self
                .sys
                .ask(move |system, id| {
                    let file = match system.descriptor(id, fd) {
                        Ok(descriptor) => descriptor.file,
                        Err(errno) => return (Err(errno), None),
                    };
                    (system.read_file_open(id, file, 1), system.file_wait(file))
                })
                .await;
            match read {
                Err(Errno::EAGAIN) => {}
                read => return Ok(read?.first().map_or(Byte::End, |byte| Byte::Read(*byte))),
            }
            match self.sys.wait(wait.as_slice(), Some(deadline)).await {
                Woke::Ready(_) => {}
                Woke::Timeout => return Ok(Byte::Timeout),
                Woke::Signal(signal) => {
                    self.signalled.push(signal);
                    return Err(Errno::EINTR);
                }
            }
        }
    }

    async fn read_store(&mut self, options: &ReadOptions, line: &[(char, bool)]) -> u8 {
        let separators = match self.variables.get("IFS").and_then(Variable::value) {
            Some(separators) => separators.to_owned(),
            None => " \t\n".to_owned(),
        };
        if let Some(array) = &options.array {
            let fields = split(line, &separators, None);
            let elements = fields.into_iter().enumerate().map(|(index, text)| (index as u64, text)).collect();
            self.variables.entry(array).content = Some(Content::Indexed(elements));
            return 0;
        }
        if options.names.is_empty() {
            let text: String = line.iter().map(|(c, _)| *c).collect();
            return u8::from(self.set_variable("REPLY", text).await.is_err());
        }
        if options.exactly {
            let text: String = line.iter().map(|(c, _)| *c).collect();
            let mut texts = vec![text].into_iter();
            for name in &options.names {
                self.set_plain(name, &texts.next().unwrap_or_default()).await;
            }
            return 0;
        }
        let mut fields = split(line, &separators, Some(options.names.len())).into_iter();
        let mut status = 0;
        for name in &options.names {
            let text = fields.next().unwrap_or_default();
            status |= match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
                Some((array, index)) => {
                    u8::from(self.assign_element(array, index, text, false).await.is_err())
                }
                None => u8::from(self.set_variable(name, text).await.is_err()),
            };
        }
        status
    }
}

enum Ended {
    Delimiter,
    File,
    Timeout,
}

enum Byte {
    Read(u8),
    End,
    Timeout,
}

/// Splits a line for `read`: the last name gets all that is left, without blanks at its ends.
fn split(line: &[(char, bool)], separators: &str, names: Option<usize>) -> Vec<String> {
    let is = |index: usize, blank: bool| {
        line.get(index).is_some_and(|(c, escaped)| {
            !escaped && separators.contains(*c) && (c.is_ascii_whitespace() == blank)
        })
    };
    let (mut fields, mut at) = (Vec::new(), 0);
    while is(at, true) {
        at += 1;
    }
    while at < line.len() {
        if names.is_some_and(|names| fields.len() + 1 == names) {
            let mut end = line.len();
            while end > at && is(end - 1, true) {
                end -= 1;
            }
            // A single separator at the end of the last field goes too.
            let inner = (at..end).filter(|index| is(*index, false)).count();
            if inner == 1 && is(end - 1, false) {
                end -= 1;
            }
            fields.push(line[at..end].iter().map(|(c, _)| *c).collect());
            return fields;
        }
        let start = at;
        while at < line.len() && !is(at, true) && !is(at, false) {
            at += 1;
        }
        fields.push(line[start..at].iter().map(|(c, _)| *c).collect());
        while is(at, true) {
            at += 1;
        }
        if is(at, false) {
            at += 1;
            while is(at, true) {
                at += 1;
            }
        }
    }
    fields
}
