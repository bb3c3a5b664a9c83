//! How kubectl fails: the server's status, or a fault of its own, and the exit code of each.
//!
//! Source: kubectl `pkg/cmd/util/helpers.go`.

use crate::object::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// `error: …`
    Plain(String),
    /// As it stands.
    Raw(String),
    /// A status of the server, and what stands before its message.
    Server { status: Value, before: String },
    /// Several, in order.
    Many(Vec<Fault>),
    /// Nothing more to say.
    Silent(u8),
}

impl Fault {
    pub fn plain(text: impl Into<String>) -> Fault {
        Fault::Plain(text.into())
    }

    /// Of an answer that was no success.
    pub fn of(body: &str) -> Fault {
        let status = json::parse(body).unwrap_or_else(|_| crate::object!({"message": (body.trim())}));
        Fault::Server { status, before: String::new() }
    }

    /// Says what was being done, and to which file.
    #[must_use]
    pub fn when(self, doing: &str, file: &str) -> Fault {
        match self {
            _ if file.is_empty() => self,
            Fault::Server { status, before } => {
                Fault::Server { status, before: format!("error when {doing} \"{file}\": {before}") }
            }
            Fault::Plain(text) => Fault::Plain(format!("error when {doing} \"{file}\": {text}")),
            other => other,
        }
    }

    /// Puts words before the message and leaves off what kind of fault it was, as Go's `%v` does.
    #[must_use]
    pub fn wrap(self, words: &str) -> Fault {
        match self {
            Fault::Server { .. } | Fault::Plain(_) => Fault::Plain(format!("{words}{}", self.message())),
            other => other,
        }
    }

    /// Nothing, one, or several.
    pub fn all(mut faults: Vec<Fault>) -> Result<(), Fault> {
        match faults.len() {
            0 => Ok(()),
            1 => Err(faults.remove(0)),
            _ => Err(Fault::Many(faults)),
        }
    }

    pub fn reason(&self) -> &str {
        if let Fault::Server { status, .. } = self { status.str("reason") } else { "" }
    }

    pub fn is_not_found(&self) -> bool {
        self.reason() == "NotFound"
    }

    /// The message alone, as another message quotes it.
    pub fn message(&self) -> String {
        match self {
            Fault::Server { status, before } => format!("{before}{}", status.str("message")),
            Fault::Plain(text) | Fault::Raw(text) => text.clone(),
            Fault::Many(all) => all.iter().map(Fault::message).collect::<Vec<_>>().join(", "),
            Fault::Silent(_) => String::new(),
        }
    }

    pub fn code(&self) -> u8 {
        if let Fault::Silent(code) = self { *code } else { 1 }
    }

    pub fn text(&self) -> String {
        match self {
            Fault::Plain(text) => format!("error: {text}\n"),
            Fault::Raw(text) => text.clone(),
            Fault::Many(all) => all.iter().map(Fault::text).collect(),
            Fault::Silent(_) => String::new(),
            Fault::Server { status, before } => {
                let details = status.get("details");
                if status.str("reason") == "Invalid" && !details.is_null() {
                    return invalid(details, status);
                }
                let reason = status.str("reason");
                let head = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
                format!("Error from server{head}: {before}{}\n", status.str("message"))
            }
        }
    }
}

fn invalid(details: &Value, status: &Value) -> String {
    let head = format!("The {} \"{}\" is invalid", details.str("kind"), details.str("name"));
    let one = |cause: &Value| format!("{}: {}", cause.str("field"), cause.str("message"));
    match details.get("causes").items() {
        [] if status.str("message").is_empty() => format!("{head}\n"),
        [] => format!("{head}: {}\n", status.str("message")),
        [cause] => format!("{head}: {}\n", one(cause)),
        causes => {
            let list: Vec<String> = causes.iter().map(|it| format!("* {}\n", one(it))).collect();
            format!("{head}: \n{}", list.concat())
        }
    }
}
