//! The head of a lesson file: what stands between the two `---` lines.
//!
//! Always: an unknown or missing field is a fault that names it.

use super::{Fault, Piece};
use crate::{Exam, Kind, Link, Reviewed};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Front {
    pub id: String,
    pub kind: Kind,
    pub title: String,
    pub track: String,
    pub order: u32,
    #[serde(default)]
    pub exams: Vec<Exam>,
    pub weight: u32,
    pub target_seconds: u32,
    #[serde(default)]
    pub needs: Vec<String>,
    pub profile: String,
    /// The lab's name: `labs/NAME.toml`.
    pub lab: String,
    pub host: String,
    pub seed: u64,
    #[serde(default)]
    pub docs: Vec<Link>,
    pub reviewed: Reviewed,
}

/// Splits a file into its head and its body.
pub(crate) fn split<'a>(file: &'a str, text: &'a str) -> Result<(Piece<'a>, Piece<'a>), Fault> {
    let whole = Piece { file, line: 1, text };
    let Some(rest) = text.strip_prefix("---\n") else {
        return Err(whole.fault(0, "expected `---`: a lesson begins with its YAML head"));
    };
    let Some(end) = rest.find("\n---\n") else {
        return Err(whole.fault(0, "the YAML head has no closing `---` line"));
    };
    let head = Piece { file, line: 2, text: &rest[..=end] };
    let body = Piece { file, line: 2 + head.text.lines().count() + 1, text: &rest[end + 5..] };
    Ok((head, body))
}
