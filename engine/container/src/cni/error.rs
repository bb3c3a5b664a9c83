//! A plugin's error: a code of the specification, words, details.
//!
//! Always: what a plugin itself finds wrong has code 999; what another plugin said is handed on as it was.
//! Source: CNI specification, "Error"; libcni 1.1.1 `pkg/types`.

use super::result::pretty;
use net::Errno;
use serde_json::{Value, json};

pub const INCOMPATIBLE_VERSION: u32 = 1;
pub const INVALID_ENVIRONMENT: u32 = 4;
pub const IO: u32 = 5;
pub const DECODING: u32 = 6;
pub const INVALID_CONFIG: u32 = 7;
const INTERNAL: u32 = 999;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CniError {
    pub code: u32,
    pub message: String,
    pub details: String,
}

pub type CniResult<T> = Result<T, CniError>;

impl CniError {
    pub fn new(code: u32, message: impl Into<String>) -> CniError {
        CniError { code, message: message.into(), details: String::new() }
    }

    pub fn internal(message: impl Into<String>) -> CniError {
        CniError::new(INTERNAL, message)
    }

    /// The same with words in front, as a plugin adds them to what went wrong below.
    pub fn within(self, what: &str) -> CniError {
        CniError::internal(format!("{what}: {}", self.text()))
    }

    /// In one line, for another message.
    pub fn text(&self) -> String {
        match self.details.as_str() {
            "" => self.message.clone(),
            details => format!("{}; {details}", self.message),
        }
    }

    /// As it is printed on stdout.
    pub fn json(&self) -> String {
        let mut value = json!({ "code": self.code, "msg": self.message });
        if !self.details.is_empty() {
            value["details"] = Value::from(self.details.as_str());
        }
        pretty(&value)
    }
}

impl From<String> for CniError {
    fn from(message: String) -> CniError {
        CniError::internal(message)
    }
}

/// A refused call as Go's `syscall.Errno` says it.
pub fn words(errno: Errno) -> String {
    errno.text().to_lowercase()
}

/// The same of a file.
pub fn file_error(call: &str, path: &str, errno: Errno) -> CniError {
    CniError::internal(format!("{call} {path}: {}", words(errno)))
}
