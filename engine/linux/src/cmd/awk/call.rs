//! What awk expressions call: functions, and the getline forms.
//!
//! Always: functions call one another at most [`CALLS`] deep.
//! Source: POSIX.1-2017, awk, "User-Defined Functions", "Input/Output and General Functions".

use super::program::Expression;
use super::run::{Flow, Local, Runner};
use super::value::Value;
use crate::cmd::Exit;
use std::collections::BTreeMap;

/// Functions calling one another.
const CALLS: usize = 50;

impl Runner {
    pub(super) async fn getline(
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

    pub(super) async fn got_line(
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

    pub(super) async fn call(&mut self, name: &str, arguments: &[Expression]) -> Result<Value, Exit> {
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

    pub(super) fn may_be_array(&self, name: &str) -> bool {
        match self.locals.last().and_then(|locals| locals.get(name)) {
            Some(Local::Array(_)) => true,
            Some(Local::Value(_)) => false,
            None => self.arrays.contains_key(name) || !self.variables.contains_key(name),
        }
    }
}
