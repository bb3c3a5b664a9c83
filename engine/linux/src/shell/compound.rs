//! Compound commands: `{ … }`, `( … )`, `if`, `for`, `while`, `case`, `select`, `(( … ))`, `[[ … ]]`.
//!
//! Always: a loop asks for signals at each turn.
//! Source: bash(1), "Compound Commands".

use super::syntax::print::loop_head;
use super::syntax::{Arm, ArmEnd, Command, Kind, List, Word};
use super::{Failure, Flow, Fork, Shell};
use crate::shell::pattern::Pattern;
use std::rc::Rc;

/// Columns that the choices of `select` are laid out in (`COLUMNS`).
const COLUMNS: usize = 80;
/// A tabulator's width.
const TAB: usize = 8;

impl Shell {
    pub(super) async fn run_compound(&mut self, command: &Command) -> Result<Flow, Failure> {
        match &command.kind {
            Kind::Simple(_) | Kind::Function { .. } => Ok(Flow::Next),
            Kind::Group(list) => Ok(self.run_list(list, false).await),
            Kind::Subshell(list) => {
                self.note(command.printed());
                self.run_subshell(list, &command.printed()).await
            }
            Kind::If { branches, otherwise } => Ok(self.run_if(branches, otherwise.as_ref()).await),
            Kind::For { variable, words, body } => self.run_for(variable, words.as_deref(), body).await,
            Kind::Select { variable, words, body } => self.run_select(variable, words.as_deref(), body).await,
            Kind::ArithmeticFor { start, check, step, body } => {
                self.run_arithmetic_for(start, check, step, body).await
            }
            Kind::While { until, check, body } => Ok(self.run_while(*until, check, body).await),
            Kind::Case { subject, arms } => self.run_case(subject, arms).await,
            Kind::Arithmetic(word) => {
                let flow = self.before(format!("(({}))", word.source)).await;
                if flow != Flow::Next {
                    return Ok(flow);
                }
                let text = self.expand_text(word).await?;
                self.trace_plain(&format!("(( {text} ))")).await;
                self.status = match crate::shell::arithmetic::evaluate(&text, self) {
                    Ok(value) => u8::from(value == 0),
                    Err(words) => {
                        self.complain_line(format!("((: {words}")).await;
                        1
                    }
                };
                Ok(Flow::Next)
            }
            Kind::Conditional(condition) => {
                let flow = self.before(command.printed()).await;
                if flow != Flow::Next {
                    return Ok(flow);
                }
                self.status = 0;
                let holds = self.condition(condition).await?;
                self.status = self.status.max(u8::from(!holds));
                Ok(Flow::Next)
            }
        }
    }

    async fn run_subshell(&mut self, list: &Rc<List>, source: &str) -> Result<Flow, Failure> {
        let list = Rc::clone(list);
        let how = Fork { group: self.job_group(), background: false };
        let child =
            self.fork(&[], &[], how, move |mut shell| async move { shell.run_to_end(&list).await }).await?;
        Ok(self.wait_foreground(vec![child], source).await)
    }

    async fn run_if(&mut self, branches: &[(List, List)], otherwise: Option<&List>) -> Flow {
        for (check, body) in branches {
            self.conditions += 1;
            let flow = self.run_list(check, false).await;
            self.conditions -= 1;
            if flow != Flow::Next {
                return flow;
            }
            if self.status == 0 {
                return self.run_list(body, false).await;
            }
        }
        self.status = 0;
        match otherwise {
            Some(body) => self.run_list(body, false).await,
            None => Flow::Next,
        }
    }

    /// One turn of a loop: `Ok(true)` goes on, `Ok(false)` leaves the loop, `Err` leaves what is around it too.
    async fn turn(&mut self, body: &List) -> Result<bool, Flow> {
        let flow = self.run_list(body, false).await;
        self.after_turn(flow)
    }

    fn after_turn(&mut self, flow: Flow) -> Result<bool, Flow> {
        match flow {
            Flow::Next | Flow::Continue(1) => Ok(true),
            Flow::Break(1) => Ok(false),
            Flow::Break(n) => Err(Flow::Break(n - 1)),
            Flow::Continue(n) => Err(Flow::Continue(n - 1)),
            flow => Err(flow),
        }
    }

    async fn loop_items(&mut self, variable: &str, words: Option<&[Word]>) -> Result<Vec<String>, Failure> {
        if !super::builtin::is_name(variable) {
            return Err(self.complain(format!("`{variable}': not a valid identifier")).await);
        }
        match words {
            Some(words) => self.expand_words(words).await,
            None => Ok(self.positional.clone()),
        }
    }

    /// Before each turn of a loop: signals, `set -x`, the DEBUG trap.
    async fn begin_turn(&mut self, head: &str) -> Flow {
        let flow = self.tick().await;
        if flow != Flow::Next {
            return flow;
        }
        self.trace_plain(head).await;
        self.before(head.to_owned()).await
    }

    async fn run_for(
        &mut self,
        variable: &str,
        words: Option<&[Word]>,
        body: &List,
    ) -> Result<Flow, Failure> {
        let line = self.line;
        let items = self.loop_items(variable, words).await?;
        let head = loop_head("for", variable, words);
        self.status = 0;
        self.loops += 1;
        let mut flow = Flow::Next;
        for item in items {
            self.line = line;
            flow = self.begin_turn(&head).await;
            if flow != Flow::Next {
                break;
            }
            if let Err(failure) = self.set_variable(variable, item).await {
                flow = self.failed(failure);
                break;
            }
            match self.turn(body).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(left) => {
                    flow = left;
                    break;
                }
            }
        }
        self.loops -= 1;
        Ok(flow)
    }

    async fn run_while(&mut self, until: bool, check: &List, body: &List) -> Flow {
        let mut status = 0;
        self.loops += 1;
        let flow = loop {
            let flow = self.tick().await;
            if flow != Flow::Next {
                break flow;
            }
            self.conditions += 1;
            let flow = self.run_list(check, false).await;
            self.conditions -= 1;
            match self.after_turn(flow) {
                Ok(true) => {}
                Ok(false) => break Flow::Next,
                Err(flow) => break flow,
            }
            if (self.status == 0) == until {
                self.status = status;
                break Flow::Next;
            }
            let turn = self.turn(body).await;
            status = self.status;
            match turn {
                Ok(true) => {}
                Ok(false) => break Flow::Next,
                Err(flow) => break flow,
            }
        };
        self.loops -= 1;
        flow
    }

    async fn run_arithmetic_for(
        &mut self,
        start: &Word,
        check: &Word,
        step: &Word,
        body: &List,
    ) -> Result<Flow, Failure> {
        let line = self.line;
        if let Err(failure) = self.loop_expression(start, 1).await {
            return self.loop_failed(failure);
        }
        let mut status = 0;
        self.loops += 1;
        let flow = loop {
            let flow = self.tick().await;
            if flow != Flow::Next {
                break Ok(flow);
            }
            self.line = line;
            match self.loop_expression(check, 1).await {
                Ok(0) => break Ok(Flow::Next),
                Ok(_) => {}
                Err(failure) => {
                    status = 1;
                    break self.loop_failed(failure);
                }
            }
            let turn = self.turn(body).await;
            status = self.status;
            match turn {
                Ok(true) => {}
                Ok(false) => break Ok(Flow::Next),
                Err(flow) => break Ok(flow),
            }
            if let Err(failure) = self.loop_expression(step, 1).await {
                status = 1;
                break self.loop_failed(failure);
            }
        };
        self.loops -= 1;
        self.status = status;
        flow
    }

    /// An expression of `for ((…))` that means nothing ends the loop only.
    fn loop_failed(&mut self, failure: Failure) -> Result<Flow, Failure> {
        self.status = 1;
        match failure {
            Failure::Discard => Ok(Flow::Next),
            Failure::Exit(_) => Err(failure),
        }
    }

    async fn loop_expression(&mut self, word: &Word, empty: i64) -> Result<i64, Failure> {
        let text = self.expand_text(word).await?;
        if text.trim().is_empty() {
            return Ok(empty);
        }
        self.trace_plain(&format!("(( {} ))", text.trim_start())).await;
        match crate::shell::arithmetic::evaluate(&text, self) {
            Ok(value) => Ok(value),
            Err(words) => Err(self.complain(format!("((: {words}")).await),
        }
    }

    async fn run_select(
        &mut self,
        variable: &str,
        words: Option<&[Word]>,
        body: &List,
    ) -> Result<Flow, Failure> {
        let items = self.loop_items(variable, words).await?;
        let head = loop_head("select", variable, words);
        self.trace_plain(&head).await;
        let flow = self.before(head).await;
        if flow != Flow::Next {
            return Ok(flow);
        }
        self.status = 0;
        if items.is_empty() {
            return Ok(Flow::Next);
        }
        self.loops += 1;
        let mut show = true;
        let flow = loop {
            let flow = self.tick().await;
            if flow != Flow::Next {
                break flow;
            }
            if show {
                self.sys.eprint(select_list(&items)).await;
            }
            let prompt = self.scalar("PS3").unwrap_or_else(|| "#? ".to_owned());
            self.sys.eprint(prompt).await;
            let Some(reply) = self.sys.read_line(0).await else {
                self.sys.print("\n").await;
                self.status = 1;
                break Flow::Next;
            };
            show = reply.trim().is_empty();
            if show {
                continue;
            }
            let chosen =
                reply.trim().parse::<usize>().ok().and_then(|number| items.get(number.checked_sub(1)?));
            self.set_variable("REPLY", reply.clone()).await?;
            self.set_variable(variable, chosen.cloned().unwrap_or_default()).await?;
            match self.turn(body).await {
                Ok(true) => {}
                Ok(false) => break Flow::Next,
                Err(flow) => break flow,
            }
        };
        self.loops -= 1;
        Ok(flow)
    }

    async fn run_case(&mut self, subject: &Word, arms: &[Arm]) -> Result<Flow, Failure> {
        let head = format!("case {} in ", subject.source);
        self.trace_plain(head.trim_end()).await;
        let flow = self.before(head).await;
        if flow != Flow::Next {
            return Ok(flow);
        }
        let subject = self.expand_text(subject).await?;
        self.status = 0;
        let mut fall = false;
        for arm in arms {
            if !fall && !self.arm_matches(&subject, arm).await? {
                continue;
            }
            let flow = self.run_list(&arm.body, false).await;
            if flow != Flow::Next {
                return Ok(flow);
            }
            fall = match arm.end {
                ArmEnd::Leave => return Ok(Flow::Next),
                ArmEnd::FallThrough => true,
                ArmEnd::TestNext => false,
            };
        }
        Ok(Flow::Next)
    }

    async fn arm_matches(&mut self, subject: &str, arm: &Arm) -> Result<bool, Failure> {
        for pattern in &arm.patterns {
            let chars = self.expand_pattern(pattern).await?;
            let pattern = Pattern::new(&chars, true).ignoring_case(self.options.nocasematch);
            if pattern.matches(subject) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The choices, read downwards, in as many columns as fit.
fn select_list(items: &[String]) -> String {
    let digits = items.len().to_string().len();
    let longest = items.iter().map(|item| item.chars().count()).max().unwrap_or(0);
    let width = longest + digits + 2 + 2;
    let across = (COLUMNS / width.max(1)).clamp(1, items.len().max(1));
    let mut rows = items.len().div_ceil(across);
    let across = items.len().div_ceil(rows.max(1));
    if rows == 1 {
        rows = across;
    }
    let mut text = String::new();
    for row in 0..rows {
        let mut column = 0;
        let mut index = row;
        while let Some(item) = items.get(index) {
            // Numbers are as wide as the widest of their own column.
            let first = if index < rows { rows.to_string().len().min(digits) } else { digits };
            let entry = format!("{:>first$}) {item}", index + 1);
            text.push_str(&entry);
            index += rows;
            if index >= items.len() {
                break;
            }
            let mut at = column + entry.chars().count();
            column += width;
            while at < column {
                text.push('\t');
                at = (at / TAB + 1) * TAB;
            }
        }
        text.push('\n');
    }
    text
}
