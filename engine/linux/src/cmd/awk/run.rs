//! Running an awk program.
//!
//! Always: some steps after another it makes a system call, so that no loop holds up the world.

use super::input::{Sink, Source};
use super::program::{Pattern, Program};
use super::value::Value;
use crate::cmd::Exit;
use crate::regex::Regex;
use crate::sys::Sys;
use sim::Rng;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// An array: elements by key, each with the order in which it was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Array {
    pub(super) elements: BTreeMap<String, (u64, Value)>,
    pub(super) next: u64,
}

pub(super) enum Flow {
    Next,
    Break,
    Continue,
    NextRecord,
    NextFile,
    Return(Value),
    Exit,
}

pub(super) type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T, Exit>> + 'a>>;

/// What a name means inside a function.
#[derive(Clone, Debug)]
pub(super) enum Local {
    Value(Value),
    /// An array of the caller, or a new one, under its own name in `arrays`.
    Array(String),
}

pub(super) struct Runner {
    pub(super) sys: Sys,
    pub(super) program: Rc<Program>,
    pub(super) variables: BTreeMap<String, Value>,
    pub(super) arrays: BTreeMap<String, Array>,
    pub(super) locals: Vec<BTreeMap<String, Local>>,
    pub(super) fields: Vec<String>,
    pub(super) record: String,
    /// The record has to be put together again from its fields.
    pub(super) stale: bool,
    pub(super) ranges: Vec<bool>,
    pub(super) regexes: BTreeMap<String, Regex>,
    pub main: Option<Source>,
    pub sources: BTreeMap<(bool, String), Source>,
    pub sinks: BTreeMap<(bool, String), Sink>,
    pub out: String,
    pub argument: usize,
    pub used_file: bool,
    pub random: Rng,
    pub seed: f64,
    pub(super) exit: Exit,
    pub(super) steps: u32,
    pub(super) temporary: u64,
}

impl Runner {
    pub async fn new(sys: &Sys, program: Program, operands: Vec<String>) -> Runner {
        let ranges = vec![false; program.ranges];
        let environment = sys.ask(|system, id| system.process(id).environment.clone()).await;
        let mut runner = Runner {
            sys: sys.clone(),
            program: Rc::new(program),
            variables: BTreeMap::new(),
            arrays: BTreeMap::new(),
            locals: Vec::new(),
            fields: Vec::new(),
            record: String::new(),
            stale: false,
            ranges,
            regexes: BTreeMap::new(),
            main: None,
            sources: BTreeMap::new(),
            sinks: BTreeMap::new(),
            out: String::new(),
            argument: 1,
            used_file: false,
            random: Rng::stream(1, "awk"),
            seed: 0.0,
            exit: Exit::OK,
            steps: 0,
            temporary: 0,
        };
        for (name, value) in [
            ("FS", " "),
            ("OFS", " "),
            ("ORS", "\n"),
            ("RS", "\n"),
            ("SUBSEP", "\x1c"),
            ("CONVFMT", "%.6g"),
            ("OFMT", "%.6g"),
        ] {
            runner.set(name, Value::Text(value.to_owned()));
        }
        for name in ["NR", "FNR", "NF", "RSTART"] {
            runner.set(name, Value::Number(0.0));
        }
        runner.set("RLENGTH", Value::Number(-1.0));
        runner.set("ARGC", Value::Number(operands.len() as f64 + 1.0));
        let words = std::iter::once("awk".to_owned()).chain(operands);
        for (index, word) in words.enumerate() {
            runner.set_element("ARGV", index.to_string(), Value::Input(word));
        }
        for (name, value) in environment {
            runner.set_element("ENVIRON", name, Value::Input(value));
        }
        runner
    }

    pub fn set_separator(&mut self, text: &str) {
        let text = if text == "t" { "\t".to_owned() } else { unescape(text) };
        self.set("FS", Value::Text(text));
    }

    /// `name=value` among the operands.
    pub fn assign_argument(&mut self, word: &str) -> bool {
        let Some((name, value)) = word.split_once('=') else { return false };
        let right = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if right {
            self.set(name, Value::Input(unescape(value)));
        }
        right
    }

    pub async fn run(&mut self) -> Exit {
        let program = Rc::clone(&self.program);
        let main = program.rules.iter().any(|(pattern, _)| !matches!(pattern, Pattern::Begin));
        let mut flow = self.rules_of(&program, true).await;
        if main && matches!(flow, Ok(Flow::Next)) {
            flow = self.records(&program).await;
        }
        if !flow.is_err() {
            let ends = match flow {
                Ok(Flow::Exit) => self.end_after_exit(&program).await,
                _ => self.rules_of(&program, false).await.map(drop),
            };
            flow = ends.map(|()| Flow::Next);
        }
        self.close_all().await;
        match flow {
            Err(exit) => exit,
            Ok(_) => self.exit,
        }
    }

    /// `exit` in BEGIN or a rule still runs END.
    async fn end_after_exit(&mut self, program: &Program) -> Result<(), Exit> {
        self.rules_of(program, false).await.map(drop)
    }

    async fn rules_of(&mut self, program: &Program, begin: bool) -> Result<Flow, Exit> {
        for (pattern, action) in &program.rules {
            let chosen = matches!((pattern, begin), (Pattern::Begin, true) | (Pattern::End, false));
            if chosen && let Some(action) = action {
                match self.statement(action).await? {
                    Flow::Exit => return Ok(Flow::Exit),
                    _ => continue,
                }
            }
        }
        Ok(Flow::Next)
    }

    async fn records(&mut self, program: &Program) -> Result<Flow, Exit> {
        while let Some(record) = self.next_record().await? {
            self.set_record(record);
            for (pattern, action) in &program.rules {
                if !self.applies(pattern).await? {
                    continue;
                }
                let flow = match action {
                    Some(action) => self.statement(action).await?,
                    None => {
                        let text = format!("{}{}", self.whole(), self.get("ORS").text("%.6g"));
                        self.write_to(None, text).await?;
                        Flow::Next
                    }
                };
                match flow {
                    Flow::Exit => return Ok(Flow::Exit),
                    Flow::NextRecord => break,
                    Flow::NextFile => {
                        self.skip_file().await;
                        break;
                    }
                    _ => {}
                }
            }
        }
        Ok(Flow::Next)
    }

    async fn applies(&mut self, pattern: &Pattern) -> Result<bool, Exit> {
        match pattern {
            Pattern::Begin | Pattern::End => Ok(false),
            Pattern::Always => Ok(true),
            Pattern::If(expression) => Ok(self.value(expression).await?.is_true()),
            Pattern::Range(first, last, index) => {
                if !self.ranges[*index] && !self.value(first).await?.is_true() {
                    return Ok(false);
                }
                self.ranges[*index] = !self.value(last).await?.is_true();
                Ok(true)
            }
        }
    }
}

fn unescape(text: &str) -> String {
    crate::shell::escape::expand(text, crate::shell::escape::Style::Format).0
}
