//! The shell's options: `set -o` and `shopt`.
//!
//! Source: bash(1), "set", "shopt".

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub allexport: bool,
    pub braceexpand: bool,
    pub errexit: bool,
    pub monitor: bool,
    pub noclobber: bool,
    pub noexec: bool,
    pub noglob: bool,
    pub nounset: bool,
    pub pipefail: bool,
    pub verbose: bool,
    pub xtrace: bool,
    pub errtrace: bool,
    pub hashall: bool,
    pub histexpand: bool,
    pub ignoreeof: bool,
    pub posix: bool,
    // shopt
    pub autocd: bool,
    pub checkwinsize: bool,
    pub dotglob: bool,
    pub expand_aliases: bool,
    pub extglob: bool,
    pub failglob: bool,
    pub globstar: bool,
    pub histappend: bool,
    pub lastpipe: bool,
    pub nocaseglob: bool,
    pub nocasematch: bool,
    pub nullglob: bool,
}

/// `set -o` names with their letters, in the order in which `set -o` lists them.
pub(super) const SET: &[(&str, Option<char>)] = &[
    ("allexport", Some('a')),
    ("braceexpand", Some('B')),
    ("errexit", Some('e')),
    ("errtrace", Some('E')),
    ("hashall", Some('h')),
    ("histexpand", Some('H')),
    ("ignoreeof", None),
    ("monitor", Some('m')),
    ("noclobber", Some('C')),
    ("noexec", Some('n')),
    ("noglob", Some('f')),
    ("nounset", Some('u')),
    ("pipefail", None),
    ("posix", None),
    ("verbose", Some('v')),
    ("xtrace", Some('x')),
];

/// `shopt` names.
pub(super) const SHOPT: &[&str] = &[
    "autocd",
    "checkwinsize",
    "dotglob",
    "expand_aliases",
    "extglob",
    "failglob",
    "globstar",
    "histappend",
    "lastpipe",
    "nocaseglob",
    "nocasematch",
    "nullglob",
];

impl Options {
    pub fn new(interactive: bool) -> Options {
        Options {
            allexport: false,
            braceexpand: true,
            errexit: false,
            monitor: interactive,
            noclobber: false,
            noexec: false,
            noglob: false,
            nounset: false,
            pipefail: false,
            verbose: false,
            xtrace: false,
            errtrace: false,
            hashall: true,
            histexpand: interactive,
            ignoreeof: false,
            posix: false,
            autocd: false,
            checkwinsize: true,
            dotglob: false,
            expand_aliases: interactive,
            extglob: interactive,
            failglob: false,
            globstar: false,
            histappend: false,
            lastpipe: false,
            nocaseglob: false,
            nocasematch: false,
            nullglob: false,
        }
    }

    pub fn by_name(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "allexport" => &mut self.allexport,
            "braceexpand" => &mut self.braceexpand,
            "errexit" => &mut self.errexit,
            "errtrace" => &mut self.errtrace,
            "hashall" => &mut self.hashall,
            "histexpand" => &mut self.histexpand,
            "ignoreeof" => &mut self.ignoreeof,
            "monitor" => &mut self.monitor,
            "noclobber" => &mut self.noclobber,
            "noexec" => &mut self.noexec,
            "noglob" => &mut self.noglob,
            "nounset" => &mut self.nounset,
            "pipefail" => &mut self.pipefail,
            "posix" => &mut self.posix,
            "verbose" => &mut self.verbose,
            "xtrace" => &mut self.xtrace,
            _ => return None,
        })
    }

    pub fn by_letter(&mut self, letter: char) -> Option<&mut bool> {
        let (name, _) = SET.iter().find(|(_, known)| *known == Some(letter))?;
        self.by_name(name)
    }

    pub fn shopt(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "autocd" => &mut self.autocd,
            "checkwinsize" => &mut self.checkwinsize,
            "dotglob" => &mut self.dotglob,
            "expand_aliases" => &mut self.expand_aliases,
            "extglob" => &mut self.extglob,
            "failglob" => &mut self.failglob,
            "globstar" => &mut self.globstar,
            "histappend" => &mut self.histappend,
            "lastpipe" => &mut self.lastpipe,
            "nocaseglob" => &mut self.nocaseglob,
            "nocasematch" => &mut self.nocasematch,
            "nullglob" => &mut self.nullglob,
            _ => return None,
        })
    }
}

impl super::Shell {
    /// `$-`
    pub(super) fn option_letters(&self) -> String {
        let mut options = self.options.clone();
        let mut letters: Vec<char> = SET
            .iter()
            .filter_map(|(name, letter)| letter.filter(|_| options.by_name(name).is_some_and(|set| *set)))
            .collect();
        // bash lists lower case first, each in alphabetical order.
        letters.sort_by_key(|letter| (letter.is_uppercase(), *letter));
        if self.interactive {
            letters.push('i');
            letters.sort_by_key(|letter| (letter.is_uppercase(), *letter));
        }
        if self.name_is_command_string() {
            letters.push('c');
        } else if !self.interactive && self.reads_stdin() {
            letters.push('s');
        }
        letters.into_iter().collect()
    }
}
