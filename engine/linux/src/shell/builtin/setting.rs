//! `set`, `shopt`, `shift`, `getopts`, `alias`, `unalias`, `umask`, `ulimit`.

use super::Shell;
use crate::shell::option::{SET, SHOPT};
use crate::shell::quoting::quote;
use crate::shell::syntax::Dialect;
use std::rc::Rc;

/// `ulimit` letters: name, unit, value. `None` is unlimited.
const LIMITS: &[(char, &str, &str, Option<u64>)] = &[
    ('R', "real-time non-blocking time ", "(microseconds, -R)", None),
    ('c', "core file size", "(blocks, -c)", Some(0)),
    ('d', "data seg size", "(kbytes, -d)", None),
    ('e', "scheduling priority", "(-e)", Some(0)),
    ('f', "file size", "(blocks, -f)", None),
    ('i', "pending signals", "(-i)", Some(7823)),
    ('l', "max locked memory", "(kbytes, -l)", Some(253_888)),
    ('m', "max memory size", "(kbytes, -m)", None),
    ('n', "open files", "(-n)", Some(crate::fs::DESCRIPTORS as u64)),
    ('p', "pipe size", "(512 bytes, -p)", Some(8)),
    ('q', "POSIX message queues", "(bytes, -q)", Some(819_200)),
    ('r', "real-time priority", "(-r)", Some(0)),
    ('s', "stack size", "(kbytes, -s)", Some(8192)),
    ('t', "cpu time", "(seconds, -t)", None),
    ('u', "max user processes", "(-u)", Some(crate::system::PROCESSES as u64)),
    ('v', "virtual memory", "(kbytes, -v)", None),
    ('x', "file locks", "(-x)", None),
];

impl Shell {
    pub(super) async fn set(&mut self, args: &[String]) -> u8 {
        if args.is_empty() {
            let mut text = String::new();
            for (name, variable) in self.variables.all() {
                if variable.content.is_some() {
                    text.push_str(&super::plain_listing(name, variable));
                    text.push('\n');
                }
            }
            return self.put_out("set", &text).await;
        }
        let mut index = 0;
        while let Some(word) = args.get(index) {
            index += 1;
            let sign = word.chars().next();
            match word.as_str() {
                "--" => {
                    self.positional = args[index..].to_vec();
                    return 0;
                }
                "-" => {
                    (self.options.xtrace, self.options.verbose) = (false, false);
                    break;
                }
                "-o" | "+o" => {
                    let Some(name) = args.get(index) else {
                        return self.list_options(word == "-o").await;
                    };
                    index += 1;
                    let known = self.options.is_set(name).is_some();
                    match self.options.by_name(name) {
                        Some(option) => *option = word == "-o",
                        None if known => {
                            let words = format!("{name}: not simulated in vethlab");
                            return self.builtin_error("set", words).await;
                        }
                        None => {
                            let words = match self.dialect {
                                Dialect::Bash => format!("{name}: invalid option name"),
                                Dialect::Dash => format!("Illegal option -o {name}"),
                            };
                            self.builtin_error("set", words).await;
                            return 2;
                        }
                    }
                }
                word if matches!(sign, Some('-' | '+')) && word.len() > 1 => {
                    if let Some(status) = self.set_letters(word, args, &mut index).await {
                        return status;
                    }
                }
                _ => {
                    index -= 1;
                    break;
                }
            }
        }
        if index < args.len() {
            self.positional = args[index..].to_vec();
        }
        0
    }

    async fn set_letters(&mut self, word: &str, args: &[String], index: &mut usize) -> Option<u8> {
        let on = word.starts_with('-');
        for letter in word.chars().skip(1) {
            if letter == 'o' {
                let Some(name) = args.get(*index) else { return Some(self.list_options(on).await) };
                *index += 1;
                match self.options.by_name(name) {
                    Some(option) => *option = on,
                    None => {
                        self.builtin_error("set", format!("{name}: invalid option name")).await;
                        return Some(2);
                    }
                }
                continue;
            }
            match self.options.by_letter(letter) {
                Some(option) => *option = on,
                None if "kpbtP".contains(letter) => {
                    let words = format!("-{letter}: not simulated in vethlab");
                    return Some(self.builtin_error("set", words).await);
                }
                None => {
                    let usage = "set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]";
                    let option = format!("{}{letter}", if on { '-' } else { '+' });
                    return Some(self.usage("set", &option, usage).await);
                }
            }
        }
        None
    }

    async fn list_options(&mut self, readable: bool) -> u8 {
        let mut text = String::new();
        for (name, _) in SET {
            let on = self.options.is_set(name) == Some(true);
            text.push_str(&match readable {
                true => format!("{name:<15}\t{}\n", if on { "on" } else { "off" }),
                false => format!("set {}o {name}\n", if on { '-' } else { '+' }),
            });
        }
        self.put_out("set", &text).await
    }

    pub(super) async fn shopt(&mut self, args: &[String]) -> u8 {
        let (mut set, mut quiet, mut print, mut rest) = (None, false, false, args);
        let mut options = false;
        while let Some((first, more)) = rest.split_first().filter(|(first, _)| first.starts_with('-')) {
            for letter in first.chars().skip(1) {
                match letter {
                    's' => set = Some(true),
                    'u' => set = Some(false),
                    'q' => quiet = true,
                    'p' => print = true,
                    'o' => options = true,
                    letter => {
                        return self
                            .usage("shopt", &format!("-{letter}"), "shopt [-pqsu] [-o] [optname ...]")
                            .await;
                    }
                }
            }
            rest = more;
        }
        let mut known = self.options.clone();
        let listed: Vec<&str> = match options {
            true => SET.iter().map(|(name, _)| *name).collect(),
            false => SHOPT.iter().map(|(name, _)| *name).collect(),
        };
        let names: Vec<String> = match rest {
            [] => listed.into_iter().map(str::to_owned).collect(),
            names => names.to_vec(),
        };
        let (mut status, mut text) = (0, String::new());
        for name in &names {
            let found = if options { known.is_set(name) } else { known.is_shopt(name) };
            let Some(value) = found else {
                let kind = if options { "option" } else { "shell option" };
                status = self.builtin_error("shopt", format!("{name}: invalid {kind} name")).await;
                continue;
            };
            match set.filter(|_| !rest.is_empty()) {
                Some(wanted) => match if options { known.by_name(name) } else { known.shopt(name) } {
                    Some(option) => *option = wanted,
                    None if wanted == value => {}
                    None => {
                        status =
                            self.builtin_error("shopt", format!("{name}: not simulated in vethlab")).await;
                    }
                },
                None if set.is_some_and(|wanted| wanted != value) => {}
                None if quiet => status |= u8::from(!value),
                None if print => text.push_str(&format!("shopt -{} {name}\n", if value { 's' } else { 'u' })),
                None => {
                    text.push_str(&format!("{name:<15}\t{}\n", if value { "on" } else { "off" }));
                    if !rest.is_empty() {
                        status |= u8::from(!value);
                    }
                }
            }
        }
        self.options = known;
        self.put_out("shopt", &text).await | status
    }

    pub(super) async fn shift(&mut self, args: &[String]) -> u8 {
        let count = match args.first() {
            None => 1,
            Some(text) => match text.parse::<i64>() {
                Ok(count) => count,
                Err(_) => {
                    return self.builtin_error("shift", format!("{text}: numeric argument required")).await;
                }
            },
        };
        if count < 0 {
            return self.builtin_error("shift", format!("{count}: shift count out of range")).await;
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > self.positional.len() {
            if self.dialect == Dialect::Dash {
                self.builtin_error("shift", "can't shift that many").await;
                return 2;
            }
            return 1;
        }
        self.positional.drain(..count);
        0
    }

    pub(super) async fn getopts(&mut self, args: &[String]) -> u8 {
        let [spec, name, given @ ..] = args else {
            self.sys.eprint("getopts: usage: getopts optstring name [arg ...]\n").await;
            return 2;
        };
        let words = if given.is_empty() { self.positional.clone() } else { given.to_vec() };
        let silent = spec.starts_with(':');
        let index: usize = self.scalar("OPTIND").and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
        let (known, mut offset) = self.getopts;
        if known != index {
            offset = 0;
        }
        let word = words.get(index - 1).cloned().unwrap_or_default();
        let ends = index > words.len() || (offset == 0 && (!word.starts_with('-') || word == "-"));
        if ends || word == "--" && offset == 0 {
            let next = if word == "--" && !ends { index + 1 } else { index };
            self.set_plain(name, "?").await;
            self.variables.remove("OPTARG");
            self.set_plain("OPTIND", &next.to_string()).await;
            return 1;
        }
        let letters: Vec<char> = word.chars().collect();
        let at = offset.max(1);
        let letter = letters.get(at).copied().unwrap_or('?');
        let last = at + 1 >= letters.len();
        let place = spec.trim_start_matches(':').find(letter).filter(|_| letter != ':');
        let takes = place
            .is_some_and(|place| spec.trim_start_matches(':')[place + letter.len_utf8()..].starts_with(':'));
        let (mut next, mut offset) = if last { (index + 1, 0) } else { (index, at + 1) };
        let mut shown = letter.to_string();
        let mut argument = None;
        if place.is_none() {
            shown = "?".to_owned();
            match silent {
                true => argument = Some(letter.to_string()),
                false => {
                    let _: () = self.getopts_error(format!("illegal option -- {letter}")).await;
                }
            }
        } else if takes {
            offset = 0;
            let rest: String = letters[at + 1..].iter().collect();
            if !rest.is_empty() {
                argument = Some(rest);
                next = index + 1;
            } else if let Some(word) = words.get(index) {
                argument = Some(word.clone());
                next = index + 2;
            } else {
                next = index + 1;
                shown = if silent { ":" } else { "?" }.to_owned();
                match silent {
                    true => argument = Some(letter.to_string()),
                    false => {
                        let _: () =
                            self.getopts_error(format!("option requires an argument -- {letter}")).await;
                    }
                }
            }
        }
        match argument {
            Some(argument) => self.set_plain("OPTARG", &argument).await,
            None => self.variables.remove("OPTARG"),
        }
        self.set_plain(name, &shown).await;
        self.set_plain("OPTIND", &next.to_string()).await;
        self.getopts = (next, offset);
        0
    }

    async fn getopts_error(&mut self, words: String) {
        self.sys.eprint(format!("{}: {words}\n", self.name)).await;
    }

    pub(in crate::shell) async fn set_plain(&mut self, name: &str, text: &str) {
        self.set_variable(name, text.to_owned()).await.ok();
    }

    pub(super) async fn alias(&mut self, args: &[String]) -> u8 {
        let (mut text, mut status) = (String::new(), 0);
        let prefix = if self.dialect == Dialect::Bash { "alias " } else { "" };
        let args: Vec<&String> = args.iter().filter(|arg| *arg != "-p" && *arg != "--").collect();
        if args.is_empty() {
            for (name, value) in self.aliases.iter() {
                text.push_str(&format!("{prefix}{name}={}\n", quote(value)));
            }
        }
        for arg in args {
            match arg.split_once('=') {
                Some((name, value)) if !name.is_empty() => {
                    Rc::make_mut(&mut self.aliases).insert(name.to_owned(), value.to_owned());
                }
                _ => match self.aliases.get(arg) {
                    Some(value) => text.push_str(&format!("{prefix}{arg}={}\n", quote(value))),
                    None => status = self.builtin_error("alias", format!("{arg}: not found")).await,
                },
            }
        }
        self.put_out("alias", &text).await | status
    }

    pub(super) async fn unalias(&mut self, args: &[String]) -> u8 {
        if args.is_empty() {
            self.sys.eprint("unalias: usage: unalias [-a] name [name ...]\n").await;
            return 2;
        }
        if args[0] == "-a" {
            self.aliases = Rc::default();
            return 0;
        }
        let mut status = 0;
        for name in args {
            if Rc::make_mut(&mut self.aliases).remove(name).is_none() {
                status = self.builtin_error("unalias", format!("{name}: not found")).await;
            }
        }
        status
    }

    pub(super) async fn umask(&mut self, args: &[String]) -> u8 {
        let old = self.sys.ask(|system, id| system.process(id).umask).await;
        let symbolic = args.iter().any(|arg| arg == "-S");
        let Some(mode) = args.iter().find(|arg| !arg.starts_with('-')) else {
            let text = match symbolic {
                false if args.iter().any(|arg| arg == "-p") => format!("umask {old:04o}\n"),
                false => format!("{old:04o}\n"),
                true => {
                    let class = |shift: u16| {
                        let bits = (!old >> shift) & 7;
                        let letter = |bit: u16, letter: char| (bits & bit != 0).then_some(letter);
                        [letter(4, 'r'), letter(2, 'w'), letter(1, 'x')]
                            .into_iter()
                            .flatten()
                            .collect::<String>()
                    };
                    format!("u={},g={},o={}\n", class(6), class(3), class(0))
                }
            };
            return self.put_out("umask", &text).await;
        };
        let parsed = match u16::from_str_radix(mode, 8) {
            Ok(mask) if mode.starts_with(|c: char| c.is_ascii_digit()) => Some(mask & 0o777),
            _ => crate::cmd::chmod::symbolic(mode, !old & 0o777, 0, false).map(|mode| !mode & 0o777),
        };
        match parsed {
            Some(mask) => {
                self.sys.ask(move |system, id| system.process_mut(id).umask = mask).await;
                0
            }
            None if mode.starts_with(|c: char| c.is_ascii_digit()) => {
                self.builtin_error("umask", format!("{mode}: octal number out of range")).await
            }
            None => {
                let wrong = mode.chars().find(|c| !"ugoa".contains(*c)).unwrap_or('=');
                self.builtin_error("umask", format!("`{wrong}': invalid symbolic mode operator")).await
            }
        }
    }

    pub(super) async fn ulimit(&mut self, args: &[String]) -> u8 {
        let value = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |it| it.to_string());
        let letters: Vec<char> =
            args.iter().filter_map(|arg| arg.strip_prefix('-')).flat_map(str::chars).collect();
        if let Some(given) = args.iter().find(|arg| !arg.starts_with('-')) {
            if given.parse::<u64>().is_err() && !matches!(given.as_str(), "unlimited" | "hard" | "soft") {
                return self.builtin_error("ulimit", format!("{given}: invalid number")).await;
            }
            return self.builtin_error("ulimit", "setting a limit is not simulated in vethlab").await;
        }
        let chosen: Vec<char> = letters.into_iter().filter(|letter| !matches!(letter, 'H' | 'S')).collect();
        let mut text = String::new();
        match chosen.as_slice() {
            [] => text.push_str("unlimited\n"),
            ['a'] => {
                for (_, name, unit, limit) in LIMITS {
                    let name = name.trim_end();
                    text.push_str(&format!("{name:<20}{unit:>20} {}\n", value(*limit)));
                }
            }
            letters => {
                for letter in letters {
                    match LIMITS.iter().find(|(known, ..)| known == letter) {
                        Some((_, _, _, limit)) => text.push_str(&format!("{}\n", value(*limit))),
                        None => {
                            let usage = "ulimit [-SHabcdefiklmnpqrstuvxPRT] [limit]";
                            return self.usage("ulimit", &format!("-{letter}"), usage).await;
                        }
                    }
                }
            }
        }
        self.put_out("ulimit", &text).await
    }
}
