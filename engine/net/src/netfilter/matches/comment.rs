//! `-m comment`: words that stand in the rule, and match every packet.
//!
//! Sources: linux xt_comment.c; libxt_comment.c for the words.

use super::{Match, Matcher, Style};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt, save_string};
use crate::netfilter::text::problem::Problem;
use std::cell::Cell;

/// `XT_MAX_COMMENT_LEN` without the end of string; more is cut.
const MAX_LENGTH: usize = 255;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comment {
    pub text: String,
}

const OPTIONS: &[Opt] = &[opt("comment", 0, Takes::Text(0, 0)).mandatory()];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "comment", family: None, options: OPTIONS, start: |_| Box::new(Comment::default()) }];

impl Draft<Match> for Comment {
    fn set(&mut self, _: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        let mut end = given.text.len().min(MAX_LENGTH);
        while !given.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text = given.text[..end].to_owned();
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Comment(*self)
    }
}

impl Matcher for Comment {
    fn name(&self) -> &'static str {
        "comment"
    }

    fn save(&self, out: &mut String) {
        out.push_str(" --comment");
        save_string(out, &self.text);
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        put!(out, " /* {} */", self.text);
    }

    fn matches(&self, _: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        true
    }
}
