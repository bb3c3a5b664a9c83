//! curl's command line.
//!
//! Always: an option that curl knows and this world does not is refused by name, never taken and ignored.
//! Source: curl 7.88.1 `src/tool_getparam.c`.

use super::names::{NAMES, Takes};
use crate::sys::Sys;
use std::time::Duration;

/// Where a transfer's body goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    File(String),
    /// -O: as the last part of the URL's path.
    Remote,
}

/// A piece of a request's body, as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataKind {
    /// -d: `@file` without its line ends.
    Ascii,
    Raw,
    Binary,
    Encode,
    Json,
    /// --url-query
    Query,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Meter {
    #[default]
    Table,
    Bar,
    Off,
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub urls: Vec<String>,
    pub outputs: Vec<Output>,
    pub uploads: Vec<String>,
    pub data: Vec<(DataKind, String)>,
    pub form: Vec<(bool, String)>,
    pub headers: Vec<String>,
    pub resolve: Vec<String>,
    pub connect_to: Vec<String>,
    pub cookies: Vec<String>,
    pub family: Option<u8>,
    pub method: Option<String>,
    pub head: bool,
    pub get: bool,
    pub include: bool,
    pub dump_header: Option<String>,
    pub silent: bool,
    pub show_error: Option<bool>,
    pub verbose: bool,
    pub fail: bool,
    pub fail_with_body: bool,
    pub fail_early: bool,
    pub location: bool,
    pub trusted: bool,
    pub redirects: Option<u32>,
    /// Requests that stay a POST: 301, 302, 303.
    pub keep_post: [bool; 3],
    pub max_time: Option<Duration>,
    pub connect_timeout: Option<Duration>,
    pub eyeballs: Duration,
    pub expect_timeout: Duration,
    pub interface: Option<String>,
    pub local_port: Option<(u16, u16)>,
    pub proxy: Option<String>,
    pub proxy_user: Option<String>,
    pub no_proxy: Option<String>,
    pub user: Option<String>,
    pub user_agent: Option<String>,
    pub referer: Option<String>,
    pub range: Option<String>,
    pub request_target: Option<String>,
    pub write_out: Option<String>,
    pub retries: u32,
    pub retry_delay: Option<Duration>,
    pub retry_max: Duration,
    pub retry_refused: bool,
    pub retry_all: bool,
    pub insecure: bool,
    /// The file of `--cacert`.
    pub authority: Option<String>,
    pub http10: bool,
    pub compressed: bool,
    pub glob: bool,
    pub path_as_is: bool,
    pub ignore_length: bool,
    pub create_dirs: bool,
    pub output_dir: Option<String>,
    pub remote_all: bool,
    pub meter: Meter,
    pub help: bool,
    pub version: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            urls: Vec::new(),
            outputs: Vec::new(),
            uploads: Vec::new(),
            data: Vec::new(),
            form: Vec::new(),
            headers: Vec::new(),
            resolve: Vec::new(),
            connect_to: Vec::new(),
            cookies: Vec::new(),
            family: None,
            method: None,
            head: false,
            get: false,
            include: false,
            dump_header: None,
            silent: false,
            show_error: None,
            verbose: false,
            fail: false,
            fail_with_body: false,
            fail_early: false,
            location: false,
            trusted: false,
            redirects: Some(50),
            keep_post: [false; 3],
            max_time: None,
            connect_timeout: None,
            eyeballs: Duration::from_millis(200),
            expect_timeout: Duration::from_secs(1),
            interface: None,
            local_port: None,
            proxy: None,
            proxy_user: None,
            no_proxy: None,
            user: None,
            user_agent: Some(String::from("curl/7.88.1")),
            referer: None,
            range: None,
            request_target: None,
            write_out: None,
            retries: 0,
            retry_delay: None,
            retry_max: Duration::ZERO,
            retry_refused: false,
            retry_all: false,
            insecure: false,
            authority: None,
            http10: false,
            compressed: false,
            glob: true,
            path_as_is: false,
            ignore_length: false,
            create_dirs: false,
            output_dir: None,
            remote_all: false,
            meter: Meter::Table,
            help: false,
            version: false,
        }
    }
}

/// What is wrong with a word, in curl's words.
pub(super) enum Wrong {
    /// Behind `option WORD: `.
    Option(&'static str),
    NotSimulated(String),
}

const UNKNOWN: Wrong = Wrong::Option("is unknown");
const NUMERIC: Wrong = Wrong::Option("expected a proper numerical parameter");

impl Options {
    /// Does stderr get `curl: (7) …`?
    pub fn tells_errors(&self) -> bool {
        self.show_error.unwrap_or(!self.silent)
    }

    /// All words; the error names the word.
    pub fn parse(words: &[String]) -> Result<Options, (String, Wrong)> {
        let mut options = Options::default();
        let mut at = 0;
        let mut flags = true;
        while let Some(word) = words.get(at) {
            at += 1;
            if !flags || !word.starts_with('-') {
                options.urls.push(word.clone());
            } else if word == "--" {
                flags = false;
            } else {
                let used = options.word(word, words.get(at)).map_err(|wrong| (word.clone(), wrong))?;
                at += usize::from(used);
                if options.help || options.version {
                    break;
                }
            }
        }
        Ok(options)
    }

    /// The proxies of the environment, where none was named; upper case is not heeded for HTTP.
    pub async fn read_environment(&mut self, sys: &Sys) {
        for name in ["http_proxy", "all_proxy", "ALL_PROXY"] {
            if self.proxy.is_none() {
                self.proxy = sys.env(name).await;
            }
        }
        for name in ["no_proxy", "NO_PROXY"] {
            if self.no_proxy.is_none() {
                self.no_proxy = sys.env(name).await;
            }
        }
    }

    /// One word of options; says whether the next word was its value.
    fn word(&mut self, word: &str, next: Option<&String>) -> Result<bool, Wrong> {
        if let Some(long) = word.strip_prefix("--") {
            return self.long(long, next);
        }
        let mut rest = word.get(1..).unwrap_or_default();
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            let (code, name, takes) =
                NAMES.iter().find(|(code, ..)| code.starts_with(letter)).ok_or(UNKNOWN)?;
            // A letter that only begins longer codes has no option of its own.
            if takes == &Takes::Value {
                let used = rest.is_empty();
                let value = if used { next.cloned() } else { Some(rest.to_owned()) };
                let value = value.ok_or(Wrong::Option("requires parameter"))?;
                self.set(code, name, &value, true)?;
                return Ok(used);
            }
            self.set(code, name, "", true)?;
        }
        Ok(false)
    }

    fn long(&mut self, word: &str, next: Option<&String>) -> Result<bool, Wrong> {
        let (name, on) = match word.strip_prefix("no-") {
            Some(name) => (name, false),
            None => (word, true),
        };
        // curl compares as many letters as the word has, its "no-" counted.
        let begins = |long: &str| {
            if on {
                long.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
            } else {
                long == name
            }
        };
        let exact = NAMES.iter().find(|(_, long, _)| long.eq_ignore_ascii_case(name));
        let mut found = NAMES.iter().filter(|(_, long, _)| begins(long));
        let (code, long, takes) = match exact {
            Some(row) => row,
            None => {
                let row = found.next().ok_or(UNKNOWN)?;
                if found.next().is_some() {
                    return Err(Wrong::Option("is ambiguous"));
                }
                row
            }
        };
        match takes {
            Takes::Value if !on => Err(Wrong::Option("used '--no-' for option that isn't a boolean")),
            Takes::None if !on => Err(Wrong::Option("used '--no-' for option that isn't a boolean")),
            Takes::Value => {
                let value = next.ok_or(Wrong::Option("requires parameter"))?;
                self.set(code, long, value, on)?;
                Ok(true)
            }
            _ => self.set(code, long, "", on).map(|()| false),
        }
    }

    fn set(&mut self, code: &str, name: &str, value: &str, on: bool) -> Result<(), Wrong> {
        let text = || Some(value.to_owned());
        match code {
            "*@" => self.urls.push(value.to_owned()),
            "o" => self.outputs.push(Output::File(value.to_owned())),
            "O" if on => self.outputs.push(Output::Remote),
            "T" => self.uploads.push(value.to_owned()),
            "d" | "da" => self.data.push((DataKind::Ascii, value.to_owned())),
            "dr" => self.data.push((DataKind::Raw, value.to_owned())),
            "db" => self.data.push((DataKind::Binary, value.to_owned())),
            "de" => self.data.push((DataKind::Encode, value.to_owned())),
            "df" => self.data.push((DataKind::Json, value.to_owned())),
            "dg" => self.data.push((DataKind::Query, value.to_owned())),
            "F" => self.form.push((false, value.to_owned())),
            "Fs" => self.form.push((true, value.to_owned())),
            "H" => self.headers.push(value.to_owned()),
            "b" if value.contains('=') => self.cookies.push(value.to_owned()),
            "$F" => self.resolve.push(value.to_owned()),
            "$U" => self.connect_to.push(value.to_owned()),
            "4" => self.family = Some(4),
            "6" => self.family = Some(6),
            "A" => self.user_agent = text().filter(|agent| !agent.is_empty()),
            "X" => self.method = text(),
            "D" => self.dump_header = text(),
            "e" => self.referer = text(),
            "r" => self.range = text(),
            "u" => self.user = text(),
            "U" => self.proxy_user = text(),
            "x" => self.proxy = text(),
            "$5" => self.no_proxy = text(),
            "Ga" => self.request_target = text(),
            "Ob" => self.output_dir = text(),
            "w" => self.write_out = text(),
            "*w" => self.interface = text(),
            _ => return self.set_number(code, name, value, on),
        }
        Ok(())
    }

    fn set_number(&mut self, code: &str, name: &str, value: &str, on: bool) -> Result<(), Wrong> {
        match code {
            "m" => self.max_time = seconds(value)?,
            "*c" => self.connect_timeout = seconds(value)?,
            "$R" => self.expect_timeout = seconds(value)?.unwrap_or_default(),
            "$~" => self.eyeballs = Duration::from_millis(number(value)?),
            "$g" => self.retries = number(value)?.try_into().unwrap_or(u32::MAX),
            "$h" => {
                self.retry_delay = Some(Duration::from_secs(number(value)?)).filter(|time| !time.is_zero())
            }
            "$i" => self.retry_max = Duration::from_secs(number(value)?),
            "*s" => {
                let most: i64 = value.parse().map_err(|_| NUMERIC)?;
                if most < -1 {
                    return Err(Wrong::Option("expected a positive numerical parameter"));
                }
                self.redirects = u32::try_from(most).ok();
            }
            "$s" => {
                let (first, last) = value.split_once('-').unwrap_or((value, value));
                let port = |text: &str| text.trim().parse().map_err(|_| Wrong::Option("is badly used here"));
                let (first, last): (u16, u16) = (port(first)?, port(last)?);
                if first == 0 || last < first {
                    return Err(Wrong::Option("is badly used here"));
                }
                self.local_port = Some((first, last));
            }
            "Ea" => self.authority = Some(value.to_owned()),
            _ => return self.set_switch(code, name, on),
        }
        Ok(())
    }

    fn set_switch(&mut self, code: &str, name: &str, on: bool) -> Result<(), Wrong> {
        match code {
            "I" => self.head = on,
            "G" => self.get = on,
            "i" => self.include = on,
            "s" => self.silent = on,
            "S" => self.show_error = Some(on),
            "v" => self.verbose = on,
            "f" => self.fail = on,
            "fd" => self.fail_with_body = on,
            "fa" => self.fail_early = on,
            "L" => self.location = on,
            "Lt" => (self.location, self.trusted) = (on, on),
            "$0" => self.keep_post[0] = on,
            "$4" => self.keep_post[1] = on,
            "$I" => self.keep_post[2] = on,
            "$V" => self.retry_refused = on,
            "$!" => self.retry_all = on,
            "k" => self.insecure = on,
            "0" => self.http10 = true,
            "01" => self.http10 = false,
            "*j" => self.compressed = on,
            "g" => self.glob = !on,
            "$N" => self.path_as_is = on,
            "$p" => self.ignore_length = on,
            "*r" => self.create_dirs = on,
            "Oa" => self.remote_all = on,
            "#" => self.meter = if on { Meter::Bar } else { Meter::Table },
            "#m" => self.meter = if on { Meter::Table } else { Meter::Off },
            "h" => self.help = on,
            "V" => self.version = on,
            // True here in any case: what is written goes out at once, Basic is what is asked with, there are no
            // configuration files, and no keep-alive probes within a command's life.
            "N" | "*n" | "q" | "$d" | "$1" | "O" | "fb" => {}
            "$3" => {}
            _ => return Err(Wrong::NotSimulated(format!("--{name}"))),
        }
        Ok(())
    }
}

fn number(text: &str) -> Result<u64, Wrong> {
    match text.parse::<i64>() {
        Ok(number) if number >= 0 => Ok(number.unsigned_abs()),
        Ok(_) => Err(Wrong::Option("expected a positive numerical parameter")),
        Err(_) => Err(NUMERIC),
    }
}

/// Seconds with a fraction; zero means no limit.
fn seconds(text: &str) -> Result<Option<Duration>, Wrong> {
    let number: f64 = text.parse().map_err(|_| NUMERIC)?;
    if number < 0.0 {
        return Err(Wrong::Option("expected a positive numerical parameter"));
    }
    if !number.is_finite() || number > 1e12 {
        return Err(Wrong::Option("too large number"));
    }
    Ok(Some(Duration::from_millis((number * 1000.0) as u64)).filter(|time| !time.is_zero()))
}
