//! Running awk statements.
//!
//! Always: a loop makes a system call now and then.
//! Source: POSIX.1-2017, awk, "Actions".

use super::program::{Expression, Statement};
use super::run::{Flow, Runner, Running};
use super::value::Value;
use crate::cmd::Exit;

impl Runner {
    pub(super) fn statement<'a>(&'a mut self, statement: &'a Statement) -> Running<'a, Flow> {
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

    pub(super) async fn loop_statement(&mut self, statement: &Statement) -> Result<Flow, Exit> {
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

    pub(super) async fn target(
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

    pub(super) async fn print(
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

    pub(super) async fn key(&mut self, index: &[Expression]) -> Result<String, Exit> {
        let (mut parts, format) = (Vec::new(), self.format());
        for expression in index {
            parts.push(self.value(expression).await?.text(&format));
        }
        Ok(parts.join(&self.get("SUBSEP").text("%.6g")))
    }

    pub(super) fn assign<'a>(&'a mut self, target: &'a Expression, value: Value) -> Running<'a, ()> {
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
}
