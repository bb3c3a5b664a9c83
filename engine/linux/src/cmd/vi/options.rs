//! `:set`: the options that mean something here, and what Vim says of the others.
//!
//! Always: an option of Vim that is not in [`Options`] is refused, never taken and forgotten.
//! Source: Vim's options.txt; Debian's debian.vim (ruler, backspace) and Vim's defaults.vim for who has no vimrc.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub autoindent: bool,
    pub expandtab: bool,
    pub hlsearch: bool,
    pub ignorecase: bool,
    pub incsearch: bool,
    pub list: bool,
    pub number: bool,
    pub paste: bool,
    pub readonly: bool,
    pub relativenumber: bool,
    pub ruler: bool,
    pub shiftround: bool,
    pub showcmd: bool,
    pub showmode: bool,
    pub smartcase: bool,
    pub wrap: bool,
    pub wrapscan: bool,
    pub scrolloff: usize,
    pub shiftwidth: usize,
    pub softtabstop: usize,
    pub tabstop: usize,
    /// `display=truncate`: a last line that does not fit ends in `@@@`.
    pub truncate: bool,
    /// The file is YAML, and its own indent rules are on.
    pub yaml: bool,
}

impl Options {
    pub fn new() -> Options {
        Options {
            autoindent: false,
            expandtab: false,
            hlsearch: false,
            ignorecase: false,
            incsearch: false,
            list: false,
            number: false,
            paste: false,
            readonly: false,
            relativenumber: false,
            ruler: true,
            shiftround: false,
            showcmd: false,
            showmode: true,
            smartcase: false,
            wrap: true,
            wrapscan: true,
            scrolloff: 0,
            shiftwidth: 8,
            softtabstop: 0,
            tabstop: 8,
            truncate: false,
            yaml: false,
        }
    }

    /// defaults.vim, for who has no vimrc.
    pub fn defaults(&mut self) {
        (self.incsearch, self.showcmd, self.truncate, self.scrolloff) = (true, true, true, 5);
    }

    /// What the plugins for YAML set.
    pub fn filetype_yaml(&mut self) {
        (self.yaml, self.autoindent, self.expandtab) = (true, true, true);
        (self.shiftwidth, self.softtabstop) = (2, 2);
    }

    /// `shiftwidth`, where 0 is that of `tabstop`.
    pub fn shift(&self) -> usize {
        if self.shiftwidth == 0 { self.tabstop } else { self.shiftwidth }
    }

    fn flag(&mut self, name: &str) -> Option<(&'static str, &mut bool)> {
        Some(match name {
            "autoindent" | "ai" => ("autoindent", &mut self.autoindent),
            "expandtab" | "et" => ("expandtab", &mut self.expandtab),
            "hlsearch" | "hls" => ("hlsearch", &mut self.hlsearch),
            "ignorecase" | "ic" => ("ignorecase", &mut self.ignorecase),
            "incsearch" | "is" => ("incsearch", &mut self.incsearch),
            "list" => ("list", &mut self.list),
            "number" | "nu" => ("number", &mut self.number),
            "paste" => ("paste", &mut self.paste),
            "readonly" | "ro" => ("readonly", &mut self.readonly),
            "relativenumber" | "rnu" => ("relativenumber", &mut self.relativenumber),
            "ruler" | "ru" => ("ruler", &mut self.ruler),
            "shiftround" | "sr" => ("shiftround", &mut self.shiftround),
            "showcmd" | "sc" => ("showcmd", &mut self.showcmd),
            "showmode" | "smd" => ("showmode", &mut self.showmode),
            "smartcase" | "scs" => ("smartcase", &mut self.smartcase),
            "wrap" => ("wrap", &mut self.wrap),
            "wrapscan" | "ws" => ("wrapscan", &mut self.wrapscan),
            _ => return None,
        })
    }

    fn number(&mut self, name: &str) -> Option<(&'static str, &mut usize)> {
        Some(match name {
            "scrolloff" | "so" => ("scrolloff", &mut self.scrolloff),
            "shiftwidth" | "sw" => ("shiftwidth", &mut self.shiftwidth),
            "softtabstop" | "sts" => ("softtabstop", &mut self.softtabstop),
            "tabstop" | "ts" => ("tabstop", &mut self.tabstop),
            _ => return None,
        })
    }

    /// One word of `:set`; the text that it shows, or the error.
    pub fn set(&mut self, word: &str) -> Result<Option<String>, String> {
        let wrong = |code: &str| Err(format!("{code}: {word}"));
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(word.len());
        let (name, rest) = word.split_at(end);
        let (plain, wanted) = match (name.strip_prefix("no"), name.strip_prefix("inv")) {
            (Some(plain), _) if self.flag(plain).is_some() => (plain, Some(false)),
            (_, Some(plain)) if self.flag(plain).is_some() => (plain, None),
            _ => (name, Some(true)),
        };
        if let Some((long, flag)) = self.flag(plain) {
            match rest {
                "" => *flag = wanted.unwrap_or(!*flag),
                "!" => *flag = !*flag,
                "?" => return Ok(Some(format!("{}{long}", if *flag { "  " } else { "no" }))),
                "&" => *flag = Options::new().flag(plain).is_some_and(|(_, value)| *value),
                _ => return wrong("E474: Invalid argument"),
            }
            return Ok(None);
        }
        let Some((long, number)) = self.number(name) else {
            return match KNOWN.contains(&name.strip_prefix("no").unwrap_or(name)) {
                true => Err(format!("{name}: not simulated in vethlab")),
                false => wrong("E518: Unknown option"),
            };
        };
        let value = match rest.strip_prefix(['=', ':']) {
            None if matches!(rest, "" | "?") => return Ok(Some(format!("  {long}={number}"))),
            None => return wrong("E474: Invalid argument"),
            Some(value) => value,
        };
        match value.parse::<i64>() {
            Err(_) => return wrong("E521: Number required after ="),
            Ok(value) if value < 0 || long == "tabstop" && value == 0 => {
                return wrong("E487: Argument must be positive");
            }
            Ok(value) if value > 9999 => return wrong("E474: Invalid argument"),
            Ok(value) => *number = value as usize,
        }
        Ok(None)
    }

    /// What differs from the defaults, as `:set` lists it.
    pub fn changed(&self) -> Vec<String> {
        let (mut now, mut usual) = (self.clone(), Options::new());
        let mut words = Vec::new();
        for name in ALL {
            if let (Some((_, now)), Some((_, usual))) = (now.flag(name), usual.flag(name)) {
                if now != usual {
                    words.push(format!("{}{name}", if *now { "  " } else { "no" }));
                }
            } else if let (Some((_, now)), Some((_, usual))) = (now.number(name), usual.number(name))
                && now != usual
            {
                words.push(format!("  {name}={now}"));
            }
        }
        words
    }
}

#[rustfmt::skip]
const ALL: &[&str] = &[
    "autoindent", "expandtab", "hlsearch", "ignorecase", "incsearch", "list", "number", "paste", "readonly",
    "relativenumber", "ruler", "scrolloff", "shiftround", "shiftwidth", "showcmd", "showmode", "smartcase",
    "softtabstop", "tabstop", "wrap", "wrapscan",
];

#[rustfmt::skip]
/// Options of Vim that are often set and mean nothing here.
const KNOWN: &[&str] = &[
    "autoread", "autowrite", "background", "backspace", "backup", "bg", "bs", "cc", "cindent", "cmdheight",
    "colorcolumn", "cp", "compatible", "cuc", "cul", "cursorcolumn", "cursorline", "encoding", "enc", "ff",
    "fileencoding", "fileformat", "filetype", "ft", "hidden", "history", "laststatus", "lazyredraw",
    "linebreak", "listchars", "ls", "magic", "mouse", "pastetoggle", "shell", "showmatch", "si", "smartindent",
    "smarttab", "sta", "spell", "swapfile", "swf", "syntax", "termguicolors", "textwidth", "tw", "title",
    "undofile", "undolevels", "wildmenu", "wildmode", "writebackup",
];
