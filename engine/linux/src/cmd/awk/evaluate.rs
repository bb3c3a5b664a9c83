//! The value of an awk expression.
//!
//! Source: POSIX.1-2017, awk, "Expressions in awk".

use super::program::Expression;
use super::run::{Runner, Running};
use super::value::Value;
use crate::cmd::Exit;
use std::cmp::Ordering;
use std::rc::Rc;

fn truth(holds: bool) -> Value {
    Value::Number(f64::from(u8::from(holds)))
}

impl Runner {
    pub(super) fn value<'a>(&'a mut self, expression: &'a Expression) -> Running<'a, Value> {
        Box::pin(async move {
            self.step().await;
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
                Expression::Call(..)
                | Expression::Builtin(..)
                | Expression::Getline(..)
                | Expression::GetlineFrom(..)
                | Expression::Group(_) => self.called(expression).await?,
                _ => self.computed(expression).await?,
            })
        })
    }

    async fn called(&mut self, expression: &Expression) -> Result<Value, Exit> {
        Ok(match expression {
            Expression::Call(name, arguments) => self.call(name, arguments).await?,
            Expression::Builtin(name, arguments) => self.builtin(name, arguments).await?,
            Expression::Getline(target, file) => self.getline(target.as_deref(), file.as_deref()).await?,
            Expression::GetlineFrom(command, target) => {
                let command = self.value(command).await?.text("%.6g");
                let read = self.read_from(&command, true).await;
                self.got_line(read, target.as_deref(), true).await?
            }
            Expression::Group(parts) => Value::Text(self.key(parts).await?),
            _ => Value::Text(String::new()),
        })
    }

    /// Of operators: conditions, comparisons, numbers and texts.
    async fn computed(&mut self, expression: &Expression) -> Result<Value, Exit> {
        Ok(match expression {
            Expression::Conditional(check, yes, no) => {
                let chosen = if self.value(check).await?.is_true() { yes } else { no };
                self.value(chosen).await?
            }
            Expression::Or(a, b) => truth(self.value(a).await?.is_true() || self.value(b).await?.is_true()),
            Expression::And(a, b) => truth(self.value(a).await?.is_true() && self.value(b).await?.is_true()),
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
            _ => Value::Text(String::new()),
        })
    }

    async fn arithmetic(&mut self, a: f64, operator: &str, b: f64) -> Result<f64, Exit> {
        Ok(match operator {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "^" => a.powf(b),
            "/" => a / b,
            _ => a % b,
        })
    }
}
