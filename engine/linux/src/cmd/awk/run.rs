//! Running an awk program.
//!
//! Always: some steps after another it makes a system call, so that no loop holds up the world.

use super::input::{Sink, Source};
use super::parser::{Expression, Pattern, Program, Statement};
use super::value::Value;
use crate::cmd::Exit;
use crate::regex::{Regex, Syntax};
use crate::sys::Sys;
use sim::Rng;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// Steps between two system calls.
const STEPS: u32 = 200;
/// Functions calling one another.
const CALLS: usize = 50;
/// Elements of one array; further ones are not stored.
const ELEMENTS: usize = 200_000;
/// Fields of one record.
const FIELDS: usize = 30_000;

/// An array: elements by key, each with the order in which it was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Array {
    elements: BTreeMap<String, (u64, Value)>,
    next: u64,
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

type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T, Exit>> + 'a>>;

/// What a name means inside a function.
#[derive(Clone, Debug)]
enum Local {
    Value(Value),
    /// An array of the caller, or a new one, under its own name in `arrays`.
    Array(String),
}

pub(super) struct Runner {
    pub sys: Sys,
    program: Rc<Program>,
    variables: BTreeMap<String, Value>,
    arrays: BTreeMap<String, Array>,
    locals: Vec<BTreeMap<String, Local>>,
    fields: Vec<String>,
    record: String,
    /// The record has to be put together again from its fields.
    stale: bool,
    ranges: Vec<bool>,
    regexes: BTreeMap<String, Regex>,
    pub main: Option<Source>,
    pub sources: BTreeMap<(bool, String), Source>,
    pub sinks: BTreeMap<(bool, String), Sink>,
    pub out: String,
    pub argument: usize,
    pub used_file: bool,
    pub random: Rng,
    pub seed: f64,
    exit: Exit,
    steps: u32,
    temporary: u64,
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

    pub fn count_record(&mut self) {
        for name in ["NR", "FNR"] {
            let number = self.get(name).number() + 1.0;
            self.set(name, Value::Number(number));
        }
    }

    pub fn get(&self, name: &str) -> Value {
        match self.locals.last().and_then(|locals| locals.get(name)) {
            Some(Local::Value(value)) => value.clone(),
            Some(Local::Array(_)) => Value::Unset,
            None => self.variables.get(name).cloned().unwrap_or(Value::Unset),
        }
    }

    pub fn set(&mut self, name: &str, value: Value) {
        match self.locals.last_mut().and_then(|locals| locals.get_mut(name)) {
            Some(local) => *local = Local::Value(value),
            None => {
                if name == "NF" {
                    return self.set_field_count(value.number());
                }
                self.variables.insert(name.to_owned(), value);
            }
        }
    }

    fn format(&self) -> String {
        self.get("CONVFMT").text("%.6g")
    }

    /// The name under which an array is kept.
    fn array_name(&mut self, name: &str) -> String {
        self.temporary += 1;
        let fresh = format!("\0{}", self.temporary);
        match self.locals.last_mut().and_then(|locals| locals.get_mut(name)) {
            Some(Local::Array(target)) => target.clone(),
            Some(local) => {
                *local = Local::Array(fresh.clone());
                fresh
            }
            None => name.to_owned(),
        }
    }

    /// An element; asking makes it.
    pub fn element(&mut self, name: &str, key: &str) -> Value {
        let name = self.array_name(name);
        let array = self.arrays.entry(name).or_default();
        if let Some((_, value)) = array.elements.get(key) {
            return value.clone();
        }
        if array.elements.len() < ELEMENTS {
            array.next += 1;
            array.elements.insert(key.to_owned(), (array.next, Value::Unset));
        }
        Value::Unset
    }

    pub fn set_element(&mut self, name: &str, key: String, value: Value) {
        let name = self.array_name(name);
        let array = self.arrays.entry(name).or_default();
        let room = array.elements.len() < ELEMENTS;
        match array.elements.get_mut(&key) {
            Some(element) => element.1 = value,
            None if room => {
                array.next += 1;
                array.elements.insert(key, (array.next, value));
            }
            None => {}
        }
    }

    pub fn clear_array(&mut self, name: &str) {
        let name = self.array_name(name);
        self.arrays.entry(name).or_default().elements.clear();
    }

    pub fn array_length(&mut self, name: &str) -> Option<usize> {
        let local = matches!(self.locals.last().and_then(|locals| locals.get(name)), Some(Local::Array(_)));
        if !local && !self.arrays.contains_key(name) {
            return None;
        }
        let name = self.array_name(name);
        self.arrays.get(&name).map(|array| array.elements.len())
    }

    pub fn set_record(&mut self, record: String) {
        self.record = record;
        self.stale = false;
        self.fields = self.split(&self.record.clone(), &self.get("FS"));
        let count = self.fields.len() as f64;
        self.variables.insert("NF".to_owned(), Value::Number(count));
    }

    fn set_field_count(&mut self, count: f64) {
        let count = (count.max(0.0) as usize).min(FIELDS);
        self.fields.resize(count, String::new());
        self.stale = true;
        self.variables.insert("NF".to_owned(), Value::Number(count as f64));
    }

    pub fn whole(&mut self) -> String {
        if std::mem::take(&mut self.stale) {
            self.record = self.fields.join(&self.get("OFS").text("%.6g"));
        }
        self.record.clone()
    }

    fn field(&mut self, index: f64) -> Value {
        if index == 0.0 {
            return Value::Input(self.whole());
        }
        match self.fields.get(index as usize - usize::from(index >= 1.0)) {
            Some(text) if index >= 1.0 => Value::Input(text.clone()),
            _ => Value::Unset,
        }
    }

    fn set_field(&mut self, index: f64, text: String) {
        if index == 0.0 {
            return self.set_record(text);
        }
        let index = index as usize;
        if index > FIELDS {
            return;
        }
        if self.fields.len() < index {
            self.fields.resize(index, String::new());
            self.variables.insert("NF".to_owned(), Value::Number(index as f64));
        }
        self.fields[index - 1] = text;
        self.stale = true;
    }

    /// Splits by a separator: a blank means runs of blanks, one character itself, else an expression.
    pub fn split(&mut self, text: &str, separator: &Value) -> Vec<String> {
        let separator = separator.text("%.6g");
        if text.is_empty() {
            return Vec::new();
        }
        if separator == " " {
            return text.split([' ', '\t', '\n']).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        }
        if separator.is_empty() {
            return text.chars().map(String::from).collect();
        }
        if separator.chars().count() == 1 && separator != "\\" {
            return text.split(&separator).map(str::to_owned).collect();
        }
        let Some(regex) = self.regex(&separator) else { return vec![text.to_owned()] };
        let chars: Vec<char> = text.chars().collect();
        let (mut parts, mut at) = (Vec::new(), 0);
        for found in regex.find_all(&chars).into_iter().filter(|found| found.end > found.start) {
            parts.push(chars[at..found.start].iter().collect());
            at = found.end;
        }
        parts.push(chars[at..].iter().collect());
        parts
    }

    pub fn regex(&mut self, pattern: &str) -> Option<Regex> {
        if let Some(regex) = self.regexes.get(pattern) {
            return Some(regex.clone());
        }
        let regex = Regex::new(pattern, Syntax::Extended, false).ok()?;
        if self.regexes.len() < 200 {
            self.regexes.insert(pattern.to_owned(), regex.clone());
        }
        Some(regex)
    }

    /// The pattern that an expression stands for: a regular expression itself, or its text.
    pub async fn pattern(&mut self, expression: &Expression) -> Result<Regex, Exit> {
        let text = match expression {
            Expression::Regex(text) => text.to_string(),
            expression => self.value(expression).await?.text("%.6g"),
        };
        match self.regex(&text) {
            Some(regex) => Ok(regex),
            None => {
                self.sys.eprint(format!("awk: regular expression compile failed ({text})\n")).await;
                Err(Exit(2))
            }
        }
    }

    async fn step(&mut self) {
        self.steps += 1;
        if self.steps >= STEPS {
            self.steps = 0;
            self.sys.yield_now().await;
        }
    }

    fn statement<'a>(&'a mut self, statement: &'a Statement) -> Running<'a, Flow> {
        Box::pin(async move {
            self.step().await;
            match statement {
                Statement::Expression(expression) => {
                    self.value(expression).await?;
                }
                Statement::Print(arguments, target) => self.print(arguments, target.as_ref()).await?,
                Statement::Printf(arguments, target) => {
                    let mut values = Vec::new();
                    for argument in arguments {
                        values.push(self.value(argument).await?);
                    }
                    let text = self.sprintf(&values);
                    let target = self.target(target.as_ref()).await?;
                    self.write_to(target, text).await?;
                }
                Statement::Block(statements) => {
                    for statement in statements {
                        let flow = self.statement(statement).await?;
                        if !matches!(flow, Flow::Next) {
                            return Ok(flow);
                        }
                    }
                }
                Statement::If(check, yes, no) => {
                    if self.value(check).await?.is_true() {
                        return self.statement(yes).await;
                    }
                    if let Some(no) = no {
                        return self.statement(no).await;
                    }
                }
                Statement::While(..) | Statement::Do(..) | Statement::For(..) | Statement::ForIn(..) => {
                    return self.loop_statement(statement).await;
                }
                Statement::Next => return Ok(Flow::NextRecord),
                Statement::NextFile => return Ok(Flow::NextFile),
                Statement::Break => return Ok(Flow::Break),
                Statement::Continue => return Ok(Flow::Continue),
                Statement::Exit(value) => {
                    if let Some(value) = value {
                        self.exit = Exit(self.value(value).await?.number() as i64 as u8);
                    }
                    return Ok(Flow::Exit);
                }
                Statement::Return(value) => {
                    let value = match value {
                        Some(value) => self.value(value).await?,
                        None => Value::Unset,
                    };
                    return Ok(Flow::Return(value));
                }
                Statement::Delete(name, None) => self.clear_array(name),
                Statement::Delete(name, Some(index)) => {
                    let key = self.key(index).await?;
                    let name = self.array_name(name);
                    self.arrays.entry(name).or_default().elements.remove(&key);
                }
            }
            Ok(Flow::Next)
        })
    }

    async fn loop_statement(&mut self, statement: &Statement) -> Result<Flow, Exit> {
        match statement {
            Statement::While(check, body) => {
                while self.value(check).await?.is_true() {
                    match self.statement(body).await? {
                        Flow::Break => break,
                        Flow::Next | Flow::Continue => {}
                        flow => return Ok(flow),
                    }
                }
            }
            Statement::Do(body, check) => loop {
                match self.statement(body).await? {
                    Flow::Break => break,
                    Flow::Next | Flow::Continue => {}
                    flow => return Ok(flow),
                }
                if !self.value(check).await?.is_true() {
                    break;
                }
            },
            Statement::For(start, check, step, body) => {
                if let Some(start) = start {
                    drop(self.statement(start).await?);
                }
                loop {
                    self.step().await;
                    if let Some(check) = check
                        && !self.value(check).await?.is_true()
                    {
                        break;
                    }
                    match self.statement(body).await? {
                        Flow::Break => break,
                        Flow::Next | Flow::Continue => {}
                        flow => return Ok(flow),
                    }
                    if let Some(step) = step {
                        drop(self.statement(step).await?);
                    }
                }
            }
            Statement::ForIn(name, array, body) => {
                let array = self.array_name(array);
                let mut keys: Vec<(u64, String)> = self
                    .arrays
                    .get(&array)
                    .map(|array| {
                        array.elements.iter().map(|(key, (order, _))| (*order, key.clone())).collect()
                    })
                    .unwrap_or_default();
                keys.sort();
                for (_, key) in keys {
                    self.set(name, Value::Input(key));
                    match self.statement(body).await? {
                        Flow::Break => break,
                        Flow::Next | Flow::Continue => {}
                        flow => return Ok(flow),
                    }
                }
            }
            _ => {}
        }
        Ok(Flow::Next)
    }

    async fn target(
        &mut self,
        target: Option<&(&'static str, Expression)>,
    ) -> Result<Option<(&'static str, String)>, Exit> {
        match target {
            None => Ok(None),
            Some((operator, expression)) => {
                let name = self.value(expression).await?.text("%.6g");
                Ok(Some((operator, name)))
            }
        }
    }

    async fn print(
        &mut self,
        arguments: &[Expression],
        target: Option<&(&'static str, Expression)>,
    ) -> Result<(), Exit> {
        let mut texts = Vec::new();
        for argument in arguments {
            let format = self.get("OFMT").text("%.6g");
            texts.push(self.value(argument).await?.text(&format));
        }
        let text =
            if arguments.is_empty() { self.whole() } else { texts.join(&self.get("OFS").text("%.6g")) };
        let target = self.target(target).await?;
        let end = self.get("ORS").text("%.6g");
        self.write_to(target, text + &end).await
    }

    async fn key(&mut self, index: &[Expression]) -> Result<String, Exit> {
        let (mut parts, format) = (Vec::new(), self.format());
        for expression in index {
            parts.push(self.value(expression).await?.text(&format));
        }
        Ok(parts.join(&self.get("SUBSEP").text("%.6g")))
    }

    pub fn assign<'a>(&'a mut self, target: &'a Expression, value: Value) -> Running<'a, ()> {
        Box::pin(async move {
            match target {
                Expression::Variable(name) => self.set(name, value),
                Expression::Element(name, index) => {
                    let key = self.key(index).await?;
                    self.set_element(name, key, value);
                }
                Expression::Field(index) => {
                    let index = self.value(index).await?.number();
                    let text = value.text(&self.format());
                    self.set_field(index, text);
                }
                _ => {}
            }
            Ok(())
        })
    }

    pub fn value<'a>(&'a mut self, expression: &'a Expression) -> Running<'a, Value> {
        Box::pin(async move {
            self.step().await;
            let truth = |holds: bool| Value::Number(f64::from(u8::from(holds)));
            Ok(match expression {
                Expression::Number(number) => Value::Number(*number),
                Expression::Text(text) => Value::Text(text.to_string()),
                Expression::Regex(text) => {
                    let whole = self.whole();
                    let regex = self.pattern(&Expression::Regex(Rc::clone(text))).await?;
                    truth(regex.is_match(&whole))
                }
                Expression::Variable(name) => self.get(name),
                Expression::Field(index) => {
                    let index = self.value(index).await?.number();
                    if index < 0.0 {
                        self.sys.eprint(format!("awk: negative field index ${index}\n")).await;
                        return Err(Exit(2));
                    }
                    self.field(index.trunc())
                }
                Expression::Element(name, index) => {
                    let key = self.key(index).await?;
                    self.element(name, &key)
                }
                Expression::Assign(target, operator, value) => {
                    let right = self.value(value).await?;
                    let value = match operator.strip_suffix('=') {
                        Some("") | None => right,
                        Some(operator) => {
                            let left = self.value(target).await?.number();
                            Value::Number(self.arithmetic(left, operator, right.number()).await?)
                        }
                    };
                    self.assign(target, value.clone()).await?;
                    value
                }
                Expression::Conditional(check, yes, no) => {
                    let chosen = if self.value(check).await?.is_true() { yes } else { no };
                    self.value(chosen).await?
                }
                Expression::Or(a, b) => {
                    truth(self.value(a).await?.is_true() || self.value(b).await?.is_true())
                }
                Expression::And(a, b) => {
                    truth(self.value(a).await?.is_true() && self.value(b).await?.is_true())
                }
                Expression::In(keys, array) => {
                    let key = self.key(keys).await?;
                    let name = self.array_name(array);
                    truth(self.arrays.get(&name).is_some_and(|array| array.elements.contains_key(&key)))
                }
                Expression::Match(text, negated, pattern) => {
                    let text = self.value(text).await?.text(&self.format());
                    truth(self.pattern(pattern).await?.is_match(&text) != *negated)
                }
                Expression::Compare(a, operator, b) => {
                    let (a, b) = (self.value(a).await?, self.value(b).await?);
                    let order = a.compare(&b, &self.format());
                    truth(match *operator {
                        "<" => order == Ordering::Less,
                        "<=" => order != Ordering::Greater,
                        "==" => order == Ordering::Equal,
                        "!=" => order != Ordering::Equal,
                        ">" => order == Ordering::Greater,
                        _ => order != Ordering::Less,
                    })
                }
                Expression::Concatenate(a, b) => {
                    let format = self.format();
                    let a = self.value(a).await?.text(&format);
                    Value::Text(a + &self.value(b).await?.text(&format))
                }
                Expression::Arithmetic(a, operator, b) => {
                    let (a, b) = (self.value(a).await?.number(), self.value(b).await?.number());
                    Value::Number(self.arithmetic(a, operator, b).await?)
                }
                Expression::Unary(operator, inner) => {
                    let value = self.value(inner).await?;
                    match *operator {
                        "!" => truth(!value.is_true()),
                        "-" => Value::Number(-value.number()),
                        "+" => Value::Number(value.number()),
                        _ => value,
                    }
                }
                Expression::Step(target, by, before) => {
                    let old = self.value(target).await?.number();
                    self.assign(target, Value::Number(old + by)).await?;
                    Value::Number(if *before { old + by } else { old })
                }
                Expression::Call(name, arguments) => self.call(name, arguments).await?,
                Expression::Builtin(name, arguments) => self.builtin(name, arguments).await?,
                Expression::Getline(target, file) => self.getline(target.as_deref(), file.as_deref()).await?,
                Expression::GetlineFrom(command, target) => {
                    let command = self.value(command).await?.text("%.6g");
                    let read = self.read_from(&command, true).await;
                    self.got_line(read, target.as_deref(), true).await?
                }
                Expression::Group(parts) => Value::Text(self.key(parts).await?),
            })
        })
    }

    async fn arithmetic(&mut self, a: f64, operator: &str, b: f64) -> Result<f64, Exit> {
        Ok(match operator {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "^" => a.powf(b),
            "/" | "%" if b == 0.0 => {
                self.flush().await;
                self.sys
                    .eprint(format!("awk: division by zero{}\n", if operator == "%" { " in %" } else { "" }))
                    .await;
                return Err(Exit(2));
            }
            "/" => a / b,
            _ => a % b,
        })
    }

    async fn getline(
        &mut self,
        target: Option<&Expression>,
        file: Option<&Expression>,
    ) -> Result<Value, Exit> {
        match file {
            Some(file) => {
                let name = self.value(file).await?.text("%.6g");
                let read = self.read_from(&name, false).await;
                self.got_line(read, target, false).await
            }
            None => {
                let read = self.next_record().await?;
                self.got_line(Ok(read), target, false).await
            }
        }
    }

    async fn got_line(
        &mut self,
        read: Result<Option<String>, ()>,
        target: Option<&Expression>,
        counts: bool,
    ) -> Result<Value, Exit> {
        match read {
            Err(()) => Ok(Value::Number(-1.0)),
            Ok(None) => Ok(Value::Number(0.0)),
            Ok(Some(line)) => {
                if counts {
                    self.count_record();
                }
                match target {
                    Some(target) => self.assign(target, Value::Input(line)).await?,
                    None => self.set_record(line),
                }
                Ok(Value::Number(1.0))
            }
        }
    }

    async fn call(&mut self, name: &str, arguments: &[Expression]) -> Result<Value, Exit> {
        let Some(function) = self.program.functions.get(name).cloned() else {
            self.sys.eprint(format!("awk: function {name} never defined\n")).await;
            return Err(Exit(2));
        };
        if self.locals.len() >= CALLS {
            self.sys
                .eprint(format!(
                    "awk: more than {CALLS} calls inside one another are not simulated in vethlab\n"
                ))
                .await;
            return Err(Exit(2));
        }
        let mut locals = BTreeMap::new();
        for (index, parameter) in function.parameters.iter().enumerate() {
            let local = match arguments.get(index) {
                // An array is handed over itself; a name never used may become one.
                Some(Expression::Variable(name)) if self.may_be_array(name) => {
                    Local::Array(self.array_name(name))
                }
                Some(argument) => Local::Value(self.value(argument).await?),
                None => Local::Value(Value::Unset),
            };
            locals.insert(parameter.clone(), local);
        }
        self.locals.push(locals);
        let mut result = Value::Unset;
        let mut failed = None;
        for statement in &function.body {
            match self.statement(statement).await {
                Ok(Flow::Next) => {}
                Ok(Flow::Return(value)) => {
                    result = value;
                    break;
                }
                Ok(Flow::Exit) => {
                    failed = Some(self.exit);
                    break;
                }
                Ok(_) => break,
                Err(exit) => {
                    failed = Some(exit);
                    break;
                }
            }
        }
        self.locals.pop();
        match failed {
            Some(exit) => Err(exit),
            None => Ok(result),
        }
    }

    fn may_be_array(&self, name: &str) -> bool {
        match self.locals.last().and_then(|locals| locals.get(name)) {
            Some(Local::Array(_)) => true,
            Some(Local::Value(_)) => false,
            None => self.arrays.contains_key(name) || !self.variables.contains_key(name),
        }
    }
}

fn unescape(text: &str) -> String {
    crate::shell::escape::expand(text, crate::shell::escape::Style::Format).0
}
