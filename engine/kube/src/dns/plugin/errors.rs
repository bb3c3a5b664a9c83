//! errors: a line in the log for each query that went wrong.
//!
//! Differs from CoreDNS: `consolidate` and `stacktrace` are not simulated.
//! Source: CoreDNS 1.14.7 `plugin/errors`.

use super::super::chain::Cx;
use super::super::dispenser::Dispenser;
use super::super::request::{Outcome, Request};

#[derive(Clone, Copy, Debug)]
pub struct Errors;

impl Errors {
    pub fn parse(at: &mut Dispenser) -> Result<Errors, String> {
        let mut is_second = false;
        while at.next() {
            if is_second {
                return Err("this plugin can only be used once per Server Block".to_owned());
            }
            is_second = true;
            let args = at.remaining_args();
            match args.as_slice() {
                [] => {}
                [one] if one == "stdout" => {}
                [one] => return Err(format!("invalid log file: {one}")),
                _ => return Err(at.arg_error()),
            }
            if at.next_block() {
                let name = at.value().to_owned();
                at.remaining_args();
                return Err(match name.as_str() {
                    "consolidate" | "stacktrace" => at.error(&format!("{name}: not simulated in vethlab")),
                    _ => at.syntax_error("consolidate"),
                });
            }
        }
        Ok(Errors)
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        let (name, kind) = (request.name(), request.kind());
        let outcome = cx.next("errors", request).await;
        if let Some(error) = &outcome.error {
            let line = format!("[ERROR] plugin/errors: {} {name} {kind}: {error}", outcome.rcode.0);
            cx.with(|state| state.log.push(line));
        }
        outcome
    }
}
