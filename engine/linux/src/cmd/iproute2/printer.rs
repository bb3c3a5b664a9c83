//! A listing in one of its three dresses: plain text, coloured text, JSON.
//!
//! Always: a field is told once, with its JSON name and its text; the dress decides which of the two is seen.

use super::json::{Json, Value};
use std::fmt::{Display, Write};

/// What a word stands for, where `-color` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Ifname,
    Mac,
    Inet,
    Inet6,
    OperstateUp,
    OperstateDown,
}

/// Light and dark terminals get other shades (`COLORFGBG`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    Light,
    Dark,
}

impl Palette {
    /// By the last number of `COLORFGBG`: 0-6 and 8 are dark.
    pub fn from_environment(value: Option<&str>) -> Palette {
        match value.and_then(|value| value.rsplit_once(';')) {
            Some((_, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "8")) => Palette::Dark,
            _ => Palette::Light,
        }
    }

    fn code(self, color: Color) -> &'static str {
        match (self, color) {
            (Palette::Light, Color::Ifname) => "\x1b[36m",
            (Palette::Light, Color::Mac) => "\x1b[33m",
            (Palette::Light, Color::Inet) => "\x1b[35m",
            (Palette::Light, Color::Inet6) => "\x1b[34m",
            (Palette::Light, Color::OperstateUp) => "\x1b[32m",
            (Palette::Light, Color::OperstateDown) => "\x1b[31m",
            (Palette::Dark, Color::Ifname) => "\x1b[1;36m",
            (Palette::Dark, Color::Mac) => "\x1b[1;33m",
            (Palette::Dark, Color::Inet) => "\x1b[1;35m",
            (Palette::Dark, Color::Inet6) => "\x1b[1;34m",
            (Palette::Dark, Color::OperstateUp) => "\x1b[1;32m",
            (Palette::Dark, Color::OperstateDown) => "\x1b[1;31m",
        }
    }
}

/// How the whole run prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dress {
    pub json: bool,
    pub pretty: bool,
    pub oneline: bool,
    pub color: Option<Palette>,
}

/// Collects what goes to stdout.
#[derive(Debug)]
pub struct Printer {
    dress: Dress,
    text: String,
    json: Option<Json>,
}

impl Printer {
    pub fn new(dress: Dress) -> Printer {
        Printer { dress, text: String::new(), json: None }
    }

    /// From here to [`Printer::end`] everything is one JSON array, where `-json` was given.
    pub fn begin(&mut self) {
        if self.dress.json && self.json.is_none() {
            let mut json = Json::new(self.dress.pretty);
            json.open_array();
            self.json = Some(json);
        }
    }

    pub fn end(&mut self) {
        if let Some(mut json) = self.json.take() {
            json.close_array();
            self.text.push_str(&json.take());
            self.text.push('\n');
        }
    }

    pub fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// What has been printed since the last time.
    pub fn take(&mut self) -> String {
        if let Some(json) = &mut self.json {
            self.text.push_str(&json.take());
        }
        std::mem::take(&mut self.text)
    }

    /// Text that JSON does not show.
    pub fn text(&mut self, text: impl Display) {
        if self.json.is_none() {
            write!(self.text, "{text}").expect("a String takes all that is written");
        }
    }

    /// As [`Printer::text`], in colour.
    pub fn text_in(&mut self, color: Option<Color>, text: impl Display) {
        match (self.dress.color, color) {
            (Some(palette), Some(color)) => self.text(format_args!("{}{text}\x1b[0m", palette.code(color))),
            _ => self.text(text),
        }
    }

    /// The end of a line that `-oneline` joins to the next.
    pub fn line(&mut self) {
        self.text(if self.dress.oneline { "\\" } else { "\n" });
    }

    /// A field that only JSON shows.
    pub fn json<'a>(&mut self, name: &str, value: impl Into<Value<'a>>) {
        if let Some(json) = &mut self.json {
            json.name(name);
            json.value(value.into());
        }
    }

    pub fn field<'a>(&mut self, name: &str, value: impl Into<Value<'a>>, text: impl Display) {
        self.json(name, value);
        self.text(text);
    }

    pub fn field_in<'a>(
        &mut self,
        color: Option<Color>,
        name: &str,
        value: impl Into<Value<'a>>,
        text: impl Display,
    ) {
        self.json(name, value);
        self.text_in(color, text);
    }

    /// An element of a list.
    pub fn item<'a>(&mut self, value: impl Into<Value<'a>>, text: impl Display) {
        if let Some(json) = &mut self.json {
            json.value(value.into());
        }
        self.text(text);
    }

    pub fn open_object(&mut self, name: Option<&str>) {
        if let Some(json) = &mut self.json {
            if let Some(name) = name {
                json.name(name);
            }
            json.open_object();
        }
    }

    pub fn close_object(&mut self) {
        if let Some(json) = &mut self.json {
            json.close_object();
        }
    }

    pub fn open_array(&mut self, name: &str) {
        if let Some(json) = &mut self.json {
            json.name(name);
            json.open_array();
        }
    }

    pub fn close_array(&mut self) {
        if let Some(json) = &mut self.json {
            json.close_array();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(dress: Dress) -> String {
        let mut out = Printer::new(dress);
        out.begin();
        out.open_object(None);
        out.field("ifindex", 3u32, format_args!("{}: ", 3));
        out.field_in(Some(Color::Ifname), "ifname", "eth0", "eth0: ");
        out.line();
        out.text("    rest\n");
        out.close_object();
        out.end();
        out.take()
    }

    #[test]
    fn one_listing_has_three_dresses() {
        assert_eq!(device(Dress::default()), "3: eth0: \n    rest\n");
        assert_eq!(device(Dress { oneline: true, ..Dress::default() }), "3: eth0: \\    rest\n");
        assert_eq!(
            device(Dress { color: Some(Palette::Light), ..Dress::default() }),
            "3: \x1b[36meth0: \x1b[0m\n    rest\n"
        );
        assert_eq!(
            device(Dress { json: true, ..Dress::default() }),
            "[{\"ifindex\":3,\"ifname\":\"eth0\"}]\n"
        );
    }

    #[test]
    fn a_dark_terminal_is_known_by_colorfgbg() {
        assert_eq!(Palette::from_environment(Some("15;0")), Palette::Dark);
        assert_eq!(Palette::from_environment(Some("0;15")), Palette::Light);
        assert_eq!(Palette::from_environment(None), Palette::Light);
    }
}
