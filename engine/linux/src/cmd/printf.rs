//! `printf`: print by a format. Source: printf(1), coreutils; bash(1).
//! ```transcript
//! host# printf '%-5s|%03d|%x\n' ab 7 255
//! ab   |007|ff
//! ```

use super::{Args, Command, Exit};
use crate::calendar::Date;
use crate::shell::escape::{Style, expand};
use crate::shell::quoting::quote_backslash;
use crate::sys::Sys;
use std::time::Duration;

pub const PRINTF: Command = Command {
    name: "printf",
    path: "/usr/bin/printf",
    man: "printf(1)",
    run: |sys, args| Box::pin(printf(sys, args)),
};

/// The widest field and the longest number of digits; beyond it counts as this.
const WIDTH: usize = 10_000;
/// Rounds in which a format is used again for further arguments.
const OUTPUT: usize = 16 << 20;

async fn printf(sys: Sys, args: Args) -> Exit {
    let Some((format_text, arguments)) = args.rest().split_first() else {
        sys.eprint("printf: missing operand\nTry 'printf --help' for more information.\n").await;
        return Exit::FAILURE;
    };
    let done = format(format_text, arguments, sys.realtime().await);
    sys.print(&done.text).await;
    for words in &done.errors {
        sys.eprint(format!("printf: {words}\n")).await;
    }
    Exit(u8::from(!done.errors.is_empty()))
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Formatted {
    pub text: String,
    pub errors: Vec<String>,
}

struct Directive {
    left: bool,
    sign: bool,
    blank: bool,
    alternative: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

struct Formatter<'a> {
    arguments: std::slice::Iter<'a, String>,
    out: Formatted,
    now: Duration,
    stopped: bool,
}

/// The format is used again while arguments are left.
pub fn format(format: &str, arguments: &[String], now: Duration) -> Formatted {
    let mut formatter =
        Formatter { arguments: arguments.iter(), out: Formatted::default(), now, stopped: false };
    loop {
        let before = formatter.arguments.len();
        formatter.once(format);
        let used = formatter.arguments.len() < before;
        let more = formatter.arguments.len() > 0 && used && formatter.out.text.len() < OUTPUT;
        if formatter.stopped || !more {
            return formatter.out;
        }
    }
}

impl Formatter<'_> {
    fn once(&mut self, format: &str) {
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            self.literal(&rest[..at]);
            if self.stopped {
                return;
            }
            rest = self.directive(&rest[at + 1..]);
            if self.stopped {
                return;
            }
        }
        self.literal(rest);
    }

    fn literal(&mut self, text: &str) {
        self.out.text.push_str(&expand(text, Style::Format).0);
    }

    /// After `%`: prints it and answers what follows.
    fn directive<'f>(&mut self, text: &'f str) -> &'f str {
        if let Some(rest) = text.strip_prefix('%') {
            self.out.text.push('%');
            return rest;
        }
        let mut directive = Directive {
            left: false,
            sign: false,
            blank: false,
            alternative: false,
            zero: false,
            width: 0,
            precision: None,
        };
        let mut rest = text;
        loop {
            match rest.chars().next() {
                Some('-') => directive.left = true,
                Some('+') => directive.sign = true,
                Some(' ') => directive.blank = true,
                Some('#') => directive.alternative = true,
                Some('0') => directive.zero = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        let (width, after) = self.count(rest);
        rest = after;
        if let Some(width) = width {
            directive.left |= width < 0;
            directive.width = usize::try_from(width.unsigned_abs()).unwrap_or(WIDTH).min(WIDTH);
        }
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = self.count(after);
            rest = after;
            directive.precision = usize::try_from(precision.unwrap_or(0)).ok().map(|it| it.min(WIDTH));
        }
        rest = rest.trim_start_matches(['h', 'l', 'L', 'j', 'z', 't']);
        if let Some(after) = rest.strip_prefix('(')
            && let Some((format, after)) = after.split_once(")T")
        {
            self.time(format, &directive);
            return after;
        }
        let Some(letter) = rest.chars().next() else {
            self.out.errors.push(format!("`%{text}': missing format character"));
            self.stopped = true;
            return rest;
        };
        if !self.convert(letter, &directive) {
            self.out.errors.push(format!("`{letter}': invalid format character"));
            self.stopped = true;
        }
        &rest[letter.len_utf8()..]
    }

    fn count<'f>(&mut self, text: &'f str) -> (Option<i64>, &'f str) {
        if let Some(rest) = text.strip_prefix('*') {
            return (Some(self.integer()), rest);
        }
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        (text[..end].parse().ok(), &text[end..])
    }

    fn convert(&mut self, letter: char, directive: &Directive) -> bool {
        match letter {
            's' => {
                let text = self.text();
                self.pad(cut(&text, directive.precision), directive);
            }
            'b' => {
                let text = self.text();
                let (text, stopped) = expand(&text, Style::Echo);
                self.pad(cut(&text, directive.precision), directive);
                self.stopped = stopped;
            }
            'q' => {
                let text = quote_backslash(&self.text());
                self.pad(text, directive);
            }
            'c' => {
                let text = self.text();
                self.pad(text.chars().take(1).collect(), directive);
            }
            'd' | 'i' => {
                let value = self.integer();
                self.number(value < 0, value.unsigned_abs().to_string(), "", directive);
            }
            'u' => {
                let value = self.integer() as u64;
                self.number(
                    false,
                    value.to_string(),
                    "",
                    &Directive { sign: false, blank: false, ..*directive },
                );
            }
            'o' => {
                let value = self.integer() as u64;
                self.number(
                    false,
                    format!("{value:o}"),
                    if directive.alternative { "0" } else { "" },
                    directive,
                );
            }
            'x' => {
                let value = self.integer() as u64;
                let prefix = if directive.alternative && value != 0 { "0x" } else { "" };
                self.number(false, format!("{value:x}"), prefix, directive);
            }
            'X' => {
                let value = self.integer() as u64;
                let prefix = if directive.alternative && value != 0 { "0X" } else { "" };
                self.number(false, format!("{value:X}"), prefix, directive);
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let value = self.float();
                let digits =
                    float(value.abs(), letter, directive.precision.unwrap_or(6), directive.alternative);
                let plain = Directive { precision: None, ..*directive };
                self.number(value.is_sign_negative(), digits, "", &plain);
            }
            _ => return false,
        }
        true
    }

    fn time(&mut self, format: &str, directive: &Directive) {
        let seconds = match self.arguments.next() {
            Some(text) if text != "-1" && text != "-2" => text.parse().unwrap_or(0),
            _ => self.now.as_secs() as i64,
        };
        let format = if format.is_empty() { "%T" } else { format };
        let text = Date::from_signed(seconds.clamp(-60_000_000_000, 250_000_000_000), 0).format(format);
        self.pad(text, directive);
    }

    fn text(&mut self) -> String {
        self.arguments.next().cloned().unwrap_or_default()
    }

    fn integer(&mut self) -> i64 {
        let Some(text) = self.arguments.next() else { return 0 };
        if let Some(rest) = text.strip_prefix(['\'', '"']) {
            return rest.chars().next().map_or(0, |c| c as i64);
        }
        let trimmed = text.trim_start();
        let (negative, digits) = match trimmed.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let (base, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(digits) => (16, digits),
            None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
            None => (10, digits),
        };
        let end = digits.find(|c: char| !c.is_digit(base)).unwrap_or(digits.len());
        if end < digits.len() || digits.is_empty() {
            let words = if base == 8 { "invalid octal number" } else { "invalid number" };
            self.out.errors.push(format!("{text}: {words}"));
        }
        let value = i128::from_str_radix(&digits[..end], base).unwrap_or(0);
        let value = if negative { -value } else { value };
        i64::try_from(value).unwrap_or_else(|_| match u64::try_from(value) {
            Ok(value) => value as i64,
            Err(_) => {
                self.out.errors.push(format!("{text}: Numerical result out of range"));
                if negative { i64::MIN } else { i64::MAX }
            }
        })
    }

    fn float(&mut self) -> f64 {
        let Some(text) = self.arguments.next() else { return 0.0 };
        match text.trim().parse() {
            Ok(value) => value,
            Err(_) => {
                self.out.errors.push(format!("{text}: invalid number"));
                let end =
                    text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(text.len());
                text[..end].parse().unwrap_or(0.0)
            }
        }
    }

    fn number(&mut self, negative: bool, digits: String, prefix: &str, directive: &Directive) {
        let digits = match directive.precision {
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        };
        let sign = match (negative, directive.sign, directive.blank) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let length = sign.len() + prefix.len() + digits.len();
        let zeros = match directive.zero && !directive.left && directive.precision.is_none() {
            true => "0".repeat(directive.width.saturating_sub(length)),
            false => String::new(),
        };
        self.pad(format!("{sign}{prefix}{zeros}{digits}"), directive);
    }

    fn pad(&mut self, text: String, directive: &Directive) {
        let room = " ".repeat(directive.width.saturating_sub(text.chars().count()));
        match directive.left {
            true => self.out.text.extend([text, room]),
            false => self.out.text.extend([room, text]),
        }
    }
}

fn cut(text: &str, precision: Option<usize>) -> String {
    match precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    }
}

/// `%e`, `%f`, `%g` of a number that is not negative.
pub fn float(value: f64, letter: char, precision: usize, alternative: bool) -> String {
    let precision = precision.min(400);
    if !value.is_finite() {
        let text = if value.is_nan() { "nan" } else { "inf" };
        return if letter.is_uppercase() { text.to_uppercase() } else { text.to_owned() };
    }
    let scientific = |precision: usize| {
        let text = format!("{value:.precision$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        (mantissa.to_owned(), exponent)
    };
    let with_exponent = |(mantissa, exponent): (String, i32)| {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    };
    let text = match letter.to_ascii_lowercase() {
        'f' => format!("{value:.precision$}"),
        'e' => with_exponent(scientific(precision)),
        _ => {
            let precision = precision.max(1);
            let (_, exponent) = scientific(precision - 1);
            let trim = |text: String| match alternative || !text.contains('.') {
                true => text,
                false => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            };
            if exponent < -4 || exponent >= precision as i32 {
                let (mantissa, exponent) = scientific(precision - 1);
                with_exponent((trim(mantissa), exponent))
            } else {
                let digits = (precision as i32 - 1 - exponent).max(0) as usize;
                trim(format!("{value:.digits$}"))
            }
        }
    };
    if letter.is_uppercase() { text.to_uppercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format_text: &str, arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        format(format_text, &arguments, Duration::ZERO).text
    }

    #[test]
    fn formats_are_used_again_and_pad_as_in_c() {
        assert_eq!(printed("%s-%s\\n", &["a", "b", "c"]), "a-b\nc-\n");
        assert_eq!(printed("%5.1f|%-4d|%+d|% d", &["3.14159", "7", "7", "7"]), "  3.1|7   |+7| 7");
        assert_eq!(printed("%05d %x %o %c %%", &["-42", "255", "8", "xyz"]), "-0042 ff 10 x %");
        assert_eq!(printed("%g %g %e", &["0.0001", "1e10", "12345.678"]), "0.0001 1e+10 1.234568e+04");
        assert_eq!(printed("%q", &["a b"]), "a\\ b");
        assert_eq!(printed("%*d|%.*s", &["5", "3", "2", "abc"]), "    3|ab");
        assert_eq!(printed("%b", &["a\\tb\\cX"]), "a\tb");
    }

    #[test]
    fn wrong_numbers_are_told() {
        let done = format("%d", &["x".to_owned()], Duration::ZERO);
        assert_eq!((done.text.as_str(), done.errors), ("0", vec!["x: invalid number".to_owned()]));
    }
}
