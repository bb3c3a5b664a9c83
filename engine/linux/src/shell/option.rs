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
    pub functrace: bool,
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
    pub patsub_replacement: bool,
}

/// `set -o` names with their letters, in the order in which `set -o` lists them.
pub(super) const SET: &[(&str, Option<char>)] = &[
    ("allexport", Some('a')),
    ("braceexpand", Some('B')),
    ("emacs", None),
    ("errexit", Some('e')),
    ("errtrace", Some('E')),
    ("functrace", Some('T')),
    ("hashall", Some('h')),
    ("histexpand", Some('H')),
    ("history", None),
    ("ignoreeof", None),
    ("interactive-comments", None),
    ("keyword", Some('k')),
    ("monitor", Some('m')),
    ("noclobber", Some('C')),
    ("noexec", Some('n')),
    ("noglob", Some('f')),
    ("nolog", None),
    ("notify", Some('b')),
    ("nounset", Some('u')),
    ("onecmd", Some('t')),
    ("physical", Some('P')),
    ("pipefail", None),
    ("posix", None),
    ("privileged", Some('p')),
    ("verbose", Some('v')),
    ("vi", None),
    ("xtrace", Some('x')),
];

/// `shopt` names, and whether they are on by default.
pub(super) const SHOPT: &[(&str, bool)] = &[
    ("autocd", false),
    ("assoc_expand_once", false),
    ("cdable_vars", false),
    ("cdspell", false),
    ("checkhash", false),
    ("checkjobs", false),
    ("checkwinsize", true),
    ("cmdhist", true),
    ("compat31", false),
    ("compat32", false),
    ("compat40", false),
    ("compat41", false),
    ("compat42", false),
    ("compat43", false),
    ("compat44", false),
    ("complete_fullquote", true),
    ("direxpand", false),
    ("dirspell", false),
    ("dotglob", false),
    ("execfail", false),
    ("expand_aliases", false),
    ("extdebug", false),
    ("extglob", false),
    ("extquote", true),
    ("failglob", false),
    ("force_fignore", true),
    ("globasciiranges", true),
    ("globskipdots", true),
    ("globstar", false),
    ("gnu_errfmt", false),
    ("histappend", false),
    ("histreedit", false),
    ("histverify", false),
    ("hostcomplete", true),
    ("huponexit", false),
    ("inherit_errexit", false),
    ("interactive_comments", true),
    ("lastpipe", false),
    ("lithist", false),
    ("localvar_inherit", false),
    ("localvar_unset", false),
    ("login_shell", false),
    ("mailwarn", false),
    ("no_empty_cmd_completion", false),
    ("nocaseglob", false),
    ("nocasematch", false),
    ("noexpand_translation", false),
    ("nullglob", false),
    ("patsub_replacement", true),
    ("progcomp", true),
    ("progcomp_alias", false),
    ("promptvars", true),
    ("restricted_shell", false),
    ("shift_verbose", false),
    ("sourcepath", true),
    ("varredir_close", false),
    ("xpg_echo", false),
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
            functrace: false,
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
            patsub_replacement: true,
        }
    }

    pub fn by_name(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "allexport" => &mut self.allexport,
            "braceexpand" => &mut self.braceexpand,
            "errexit" => &mut self.errexit,
            "errtrace" => &mut self.errtrace,
            "functrace" => &mut self.functrace,
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

    /// Is it on? Of one that this shell lacks, what a fresh bash says. `None`: there is no such name.
    pub fn is_set(&self, name: &str) -> Option<bool> {
        let interactive = self.expand_aliases;
        SET.iter().find(|(known, _)| *known == name)?;
        Some(match self.clone().by_name(name) {
            Some(on) => *on,
            None => name == "interactive-comments" || interactive && matches!(name, "emacs" | "history"),
        })
    }

    /// The names of `set -o`, or of `shopt`.
    pub fn names(shopt: bool) -> Vec<String> {
        let names: Vec<&str> = match shopt {
            true => SHOPT.iter().map(|it| it.0).collect(),
            false => SET.iter().map(|it| it.0).collect(),
        };
        names.into_iter().map(str::to_owned).collect()
    }

    /// The same of a `shopt` name.
    pub fn is_shopt(&self, name: &str) -> Option<bool> {
        let (_, usual) = SHOPT.iter().find(|(known, _)| *known == name)?;
        Some(self.clone().shopt(name).map_or(*usual, |on| *on))
    }

    pub fn set_on(&self) -> Vec<&'static str> {
        SET.iter().map(|(name, _)| *name).filter(|name| self.is_set(name) == Some(true)).collect()
    }

    pub fn shopt_on(&self) -> Vec<&'static str> {
        SHOPT.iter().map(|(name, _)| *name).filter(|name| self.is_shopt(name) == Some(true)).collect()
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
            "patsub_replacement" => &mut self.patsub_replacement,
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
