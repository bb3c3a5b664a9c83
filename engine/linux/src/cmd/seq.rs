//! `seq`: numbers one after the other. Source: seq(1), coreutils 9.1, `src/seq.c`.
//! ```transcript
//! host# seq -s, 1 2 5
//! 1,3,5
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::printf;
use super::tool::{Tool, quoted};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const SEQ: Command =
    Command { name: "seq", path: "/usr/bin/seq", man: "seq(1)", run: |sys, args| Box::pin(seq(sys, args)) };

const TOOL: Tool = Tool::gnu(
    "seq",
    "+f:s:w",
    &[("equal-width", Nothing, 'w'), ("format", Value, 'f'), ("separator", Value, 's')],
);

/// Numbers that are printed before others may run.
const BATCH: u64 = 1000;

/// A number as it was written.
#[derive(Clone, Copy)]
struct Operand {
    value: f64,
    /// Digits behind the point.
    precision: usize,
    /// Characters in front of it, sign and all.
    width: usize,
    /// The same without loss, where it is a whole number.
    whole: Option<i128>,
}

fn operand(text: &str) -> Option<Operand> {
    let bare = text.trim_start_matches([' ', '\t']);
    let bare = bare.strip_prefix('+').unwrap_or(bare);
    let (sign, digits) = bare.strip_prefix('-').map_or((1.0, bare), |digits| (-1.0, digits));
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let value = u64::from_str_radix(hex, 16).ok()?;
        let whole = i128::from(value) * sign as i128;
        return Some(Operand {
            value: sign * value as f64,
            precision: 0,
            width: whole.to_string().len(),
            whole: Some(whole),
        });
    }
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value: f64 = digits.parse().ok().filter(|value: &f64| !value.is_nan())?;
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let (front, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let precision = usize::try_from((behind.len() as i64 - exponent).clamp(0, 400)).unwrap_or(0);
    let front = (front.len().max(1) as i64 + exponent).clamp(1, 400) as usize;
    let whole = bare.parse().ok();
    Some(Operand { value: sign * value, precision, width: front + usize::from(sign < 0.0), whole })
}

/// The directive of a format.
struct Float {
    flags: String,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

/// The widest a number may be asked to be.
const WIDTH: usize = 10_000;

impl Float {
    fn print(&self, value: f64) -> String {
        let has = |flag| self.flags.contains(flag);
        let digits = printf::float(value.abs(), self.letter, self.precision.unwrap_or(6), has('#'));
        let sign = match (value.is_sign_negative(), has('+'), has(' ')) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let room = self.width.min(WIDTH).saturating_sub(sign.len() + digits.len());
        match (has('-'), has('0')) {
            (true, _) => format!("{sign}{digits}{}", " ".repeat(room)),
            (_, true) => format!("{sign}{}{digits}", "0".repeat(room)),
            _ => format!("{}{sign}{digits}", " ".repeat(room)),
        }
    }
}

/// What stands before and behind the one `%` directive of a format; the error is what is told.
fn directive(format: &str) -> Result<(String, Float, String), String> {
    let shown = quoted(format);
    let mut before = String::new();
    let mut rest = format;
    loop {
        let Some(at) = rest.find('%') else { return Err(format!("format {shown} has no % directive")) };
        before.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('%') {
            Some(after) => {
                before.push('%');
                rest = after;
            }
            None => break,
        }
    }
    let end = rest.find(|c: char| !"-+#0 '".contains(c)).unwrap_or(rest.len());
    let (flags, after) = rest.split_at(end);
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let (width, after) = after.split_at(end);
    let (precision, after) = match after.strip_prefix('.') {
        Some(after) => {
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            (Some(after[..end].parse().unwrap_or(0)), &after[end..])
        }
        None => (None, after),
    };
    let letter = match after.chars().next() {
        None => return Err(format!("format {shown} ends in %")),
        Some(letter) if "efgaEFGA".contains(letter) => letter,
        Some(letter) => return Err(format!("format {shown} has unknown %{letter} directive")),
    };
    if letter.eq_ignore_ascii_case(&'a') {
        return Err(format!("format {shown}: %{letter}: not simulated in vethlab; use %g"));
    }
    let rest = &after[1..];
    let mut behind = String::new();
    let mut letters = rest.chars();
    while let Some(c) = letters.next() {
        match c {
            '%' if letters.next() == Some('%') => behind.push('%'),
            '%' => return Err(format!("format {shown} has too many % directives")),
            c => behind.push(c),
        }
    }
    let float = Float { flags: flags.to_owned(), width: width.parse().unwrap_or(0), precision, letter };
    Ok((before, float, behind))
}

async fn seq(sys: Sys, args: Args) -> Exit {
    // A negative number is no option.
    let number = |word: &String| {
        word.strip_prefix('-').is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
    };
    let mut words = args.rest().to_vec();
    let mut skips = false;
    let first = words.iter().position(|word| {
        let value = std::mem::replace(&mut skips, word == "-s" || word == "-f");
        number(word) && !value
    });
    if let Some(at) = first
        && !words[..at].iter().any(|word| word == "--")
    {
        words.insert(at, "--".to_owned());
    }
    let options = match TOOL.options_of(&sys, args.name(), &words).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let operands = &options.operands;
    if operands.is_empty() {
        return TOOL.wrong(&sys, "missing operand").await;
    }
    if let Some(extra) = operands.get(3) {
        return TOOL.extra_operand(&sys, extra).await;
    }
    let mut numbers = Vec::new();
    for word in operands {
        match operand(word) {
            Some(number) => numbers.push(number),
            None => {
                return TOOL.wrong(&sys, format!("invalid floating point argument: {}", quoted(word))).await;
            }
        }
    }
    let one = Operand { value: 1.0, precision: 0, width: 1, whole: Some(1) };
    let (from, step, to) = match numbers[..] {
        [to] => (one, one, to),
        [from, to] => (from, one, to),
        [from, step, to] => (from, step, to),
        _ => return Exit::FAILURE,
    };
    if step.value == 0.0 {
        return TOOL.wrong(&sys, format!("invalid Zero increment value: {}", quoted(&operands[1]))).await;
    }
    let format = match options.value('f').map(directive) {
        None => None,
        Some(Ok(_)) if options.has('w') => {
            return TOOL
                .wrong(&sys, "format string may not be specified when printing equal width strings")
                .await;
        }
        Some(Ok(parts)) => Some(parts),
        Some(Err(words)) => {
            TOOL.complain(&sys, words).await;
            return Exit::FAILURE;
        }
    };
    let precision = from.precision.max(step.precision);
    let wide = |it: Operand| it.width + if precision > 0 { precision + 1 } else { 0 };
    let width = if options.has('w') { wide(from).max(wide(to)) } else { 0 };
    let sequence = Sequence { from, step, to, format, precision, width };
    sequence.print(&sys, options.value('s').unwrap_or("\n")).await
}

struct Sequence {
    from: Operand,
    step: Operand,
    to: Operand,
    format: Option<(String, Float, String)>,
    precision: usize,
    width: usize,
}

impl Sequence {
    /// The number at that place; `None` beyond the last.
    fn number(&self, at: u64) -> Option<String> {
        let (from, step, to) = (self.from, self.step, self.to);
        let (width, precision) = (self.width, self.precision);
        if let (Some(first), Some(by), Some(last), None) = (from.whole, step.whole, to.whole, &self.format) {
            let value = first.checked_add(by.checked_mul(i128::from(at))?)?;
            let within = if by > 0 { value <= last } else { value >= last };
            return within.then(|| format!("{value:0width$}"));
        }
        let value = from.value + step.value * at as f64;
        // What prints as the last number is the last number.
        let slack = step.value.abs() * 1e-9;
        let within = if step.value > 0.0 { value <= to.value + slack } else { value >= to.value - slack };
        within.then(|| match &self.format {
            Some((before, float, behind)) => format!("{before}{}{behind}", float.print(value)),
            None => format!("{value:0width$.precision$}"),
        })
    }

    async fn print(&self, sys: &Sys, separator: &str) -> Exit {
        let mut at = 0;
        let Some(mut next) = self.number(0) else { return Exit::OK };
        loop {
            let mut out = String::new();
            let mut ended = false;
            for _ in 0..BATCH {
                out.push_str(&next);
                at += 1;
                match self.number(at) {
                    Some(more) => {
                        out.push_str(separator);
                        next = more;
                    }
                    None => {
                        out.push('\n');
                        ended = true;
                        break;
                    }
                }
            }
            if sys.write(1, out.as_bytes()).await.is_err() || ended {
                return Exit(u8::from(!ended));
            }
        }
    }
}
