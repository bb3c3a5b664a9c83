//! Commands as text again, laid out as bash lays them out: for `declare -f`, `type`, `jobs`, `set -x` and `BASH_COMMAND`.
//!
//! Always: what is printed reads back as the same commands; words stand as they were written.
//! Source: the output of bash 5.2 (`print_cmd.c`).

use super::ast::*;
use std::fmt::Write;

/// Blanks by which what is inside a compound command is moved in.
const STEP: usize = 4;

#[derive(Default)]
struct Printer {
    text: String,
    indentation: usize,
    /// The next command goes on where the last one ended.
    inline: bool,
    in_function: bool,
    /// Here-documents whose line is not over yet.
    here: Vec<String>,
    was_here: bool,
}

/// `name () { … }` as `declare -f` shows it.
pub fn function(name: &str, body: &Command) -> String {
    let mut printer = Printer::default();
    printer.function(&format!("{name} () "), body);
    printer.text
}

impl Command {
    /// On one line where it is simple.
    pub fn printed(&self) -> String {
        let mut printer = Printer { inline: true, ..Printer::default() };
        printer.command(self);
        printer.here_bodies("");
        printer.text
    }
}

impl AndOr {
    /// As `jobs` shows it.
    pub fn printed(&self) -> String {
        let mut printer = Printer { inline: true, ..Printer::default() };
        printer.and_or(self);
        printer.here_bodies("");
        printer.text
    }
}

impl Pipeline {
    pub fn printed(&self) -> String {
        let mut printer = Printer { inline: true, ..Printer::default() };
        printer.pipeline(self);
        printer.here_bodies("");
        printer.text
    }
}

/// `for x in a b`: the head that `set -x` shows before each turn.
pub fn loop_head(keyword: &str, variable: &str, words: Option<&[Word]>) -> String {
    let words = match words {
        None => "\"$@\"".to_owned(),
        Some(words) => words.iter().map(|word| word.source.as_str()).collect::<Vec<_>>().join(" "),
    };
    format!("{keyword} {variable} in {words}")
}

impl Printer {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n(' ', self.indentation));
    }

    fn newline(&mut self, text: &str) {
        self.text.push('\n');
        self.indent();
        self.put(text);
    }

    fn begin(&mut self) {
        if !std::mem::take(&mut self.inline) {
            self.indent();
        }
    }

    fn semicolon(&mut self) {
        if !self.text.ends_with(['&', '\n']) {
            self.put(";");
        }
    }

    /// The bodies of the here-documents named so far; `before` stands ahead of them.
    fn here_bodies(&mut self, before: &str) {
        if self.here.is_empty() {
            return;
        }
        self.put(before);
        self.put("\n");
        for body in std::mem::take(&mut self.here) {
            self.put(&body);
        }
        self.was_here = true;
    }

    fn list(&mut self, list: &List) {
        for (index, item) in list.items.iter().enumerate() {
            let last = index + 1 == list.items.len();
            self.and_or(&item.and_or);
            if item.background {
                self.put(" &");
            }
            if last {
                return;
            }
            match (item.background, self.here.is_empty()) {
                (true, _) => {
                    self.put(" ");
                    self.inline = true;
                    continue;
                }
                (false, false) => self.here_bodies(""),
                (false, true) if std::mem::take(&mut self.was_here) => {}
                (false, true) => self.put(";"),
            }
            if self.in_function {
                self.put("\n");
            } else {
                self.put(" ");
                self.inline = true;
            }
            self.was_here = false;
        }
    }

    fn and_or(&mut self, and_or: &AndOr) {
        self.pipeline(&and_or.first);
        for (join, pipeline) in &and_or.rest {
            self.put(if *join == Join::And { " && " } else { " || " });
            self.inline = true;
            self.pipeline(pipeline);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        self.begin();
        match pipeline.timed {
            Some(TimeFormat::Bash) => self.put("time "),
            Some(TimeFormat::Posix) => self.put("time -p "),
            None => {}
        }
        if pipeline.negated {
            self.put("! ");
        }
        for (index, command) in pipeline.commands.iter().enumerate() {
            if index > 0 {
                self.put(" | ");
            }
            self.inline = true;
            self.command(command);
        }
        self.inline = false;
    }

    fn command(&mut self, command: &Command) {
        self.begin();
        self.kind(&command.kind);
        for (index, redirect) in command.redirects.iter().enumerate() {
            let bare =
                matches!(&command.kind, Kind::Simple(it) if it.words.is_empty() && it.assignments.is_empty());
            if index > 0 || !bare {
                self.put(" ");
            }
            self.redirect(redirect);
        }
    }

    fn kind(&mut self, kind: &Kind) {
        match kind {
            Kind::Simple(simple) => {
                let assignments = simple.assignments.iter().map(|it| it.source.as_str());
                let words: Vec<&str> = assignments.chain(simple.words.iter().map(Argument::source)).collect();
                self.put(&words.join(" "));
            }
            Kind::Group(list) => self.group(list),
            Kind::Subshell(list) => {
                self.put("( ");
                self.inline = true;
                self.list(list);
                self.here_bodies("");
                self.put(" )");
            }
            Kind::If { branches, otherwise } => self.branches(branches, otherwise.as_ref()),
            Kind::For { variable, words, body } => {
                self.put(&loop_head("for", variable, words.as_deref()));
                self.put(";");
                self.body(body, "\ndo\n");
            }
            Kind::Select { variable, words, body } => {
                self.put(&loop_head("select", variable, words.as_deref()));
                self.put(";");
                self.body(body, "\ndo\n");
            }
            Kind::ArithmeticFor { start, check, step, body } => {
                let [start, check, step] =
                    [start, check, step].map(|word| word.source.trim_start().to_owned());
                self.put(&format!("for (({start}; {check}; {step}))"));
                self.body(body, "\ndo\n");
            }
            Kind::While { until, check, body } => {
                self.put(if *until { "until " } else { "while " });
                self.inline = true;
                self.list(check);
                self.semicolon();
                self.body(body, " do\n");
            }
            Kind::Case { subject, arms } => self.case(subject, arms),
            Kind::Function { name, body } => self.function(&format!("function {name} () "), body),
            Kind::Arithmetic(word) => self.put(&format!("(({}))", word.source)),
            Kind::Conditional(condition) => {
                let text = condition_text(condition);
                self.put(&format!("[[ {text} ]]"));
            }
        }
    }

    /// `do … done` after `opening`, which may go on a line of its own.
    fn body(&mut self, body: &List, opening: &str) {
        match opening.strip_prefix('\n') {
            Some(opening) => self.newline(opening),
            None => self.put(opening),
        }
        self.indentation += STEP;
        self.list(body);
        self.here_bodies("");
        self.indentation -= STEP;
        self.semicolon();
        self.newline("done");
    }

    fn branches(&mut self, branches: &[(List, List)], otherwise: Option<&List>) {
        let Some(((check, body), rest)) = branches.split_first() else { return };
        self.put("if ");
        self.inline = true;
        self.list(check);
        self.semicolon();
        self.put(" then\n");
        self.indentation += STEP;
        self.list(body);
        self.here_bodies("");
        self.indentation -= STEP;
        if !rest.is_empty() || otherwise.is_some() {
            self.semicolon();
            self.newline("else\n");
            self.indentation += STEP;
            match (rest, otherwise) {
                ([], Some(list)) => self.list(list),
                (rest, otherwise) => {
                    self.indent();
                    self.branches(rest, otherwise);
                }
            }
            self.here_bodies("");
            self.indentation -= STEP;
        }
        self.semicolon();
        self.newline("fi");
    }

    fn case(&mut self, subject: &Word, arms: &[Arm]) {
        self.put(&format!("case {} in ", subject.source));
        self.indentation += STEP;
        for arm in arms {
            let patterns: Vec<&str> = arm.patterns.iter().map(|it| it.source.as_str()).collect();
            self.newline(&format!("{})\n", patterns.join(" | ")));
            self.indentation += STEP;
            self.list(&arm.body);
            self.here_bodies("");
            self.indentation -= STEP;
            self.newline(match arm.end {
                ArmEnd::Leave => ";;",
                ArmEnd::FallThrough => ";&",
                ArmEnd::TestNext => ";;&",
            });
        }
        self.indentation -= STEP;
        self.newline("esac");
    }

    fn group(&mut self, list: &List) {
        self.put("{ ");
        if self.in_function {
            self.put("\n");
            self.indentation += STEP;
        } else {
            self.inline = true;
        }
        self.list(list);
        self.here_bodies("");
        if self.in_function {
            self.put("\n");
            self.indentation -= STEP;
            self.indent();
        } else {
            self.semicolon();
            self.put(" ");
        }
        self.put("}");
    }

    fn function(&mut self, head: &str, body: &Command) {
        self.put(head);
        self.newline("{ \n");
        let outer = std::mem::replace(&mut self.in_function, true);
        self.indentation += STEP;
        match &body.kind {
            Kind::Group(list) => self.list(list),
            _ => {
                let bare = Printer {
                    inline: true,
                    in_function: true,
                    indentation: self.indentation,
                    ..Printer::default()
                };
                let mut bare = bare;
                bare.kind(&body.kind);
                self.indent();
                self.put(&bare.text);
            }
        }
        self.here_bodies("");
        self.indentation -= STEP;
        self.in_function = outer;
        self.newline("}");
        for redirect in &body.redirects {
            self.put(" ");
            self.redirect(redirect);
        }
    }

    fn redirect(&mut self, redirect: &Redirect) {
        // The number is left out where it is the usual one.
        let from = |usual: i32| match &redirect.fd {
            Some(RedirectFd::Number(number)) if *number == usual => String::new(),
            Some(RedirectFd::Number(number)) => number.to_string(),
            Some(RedirectFd::Variable(name)) => format!("{{{name}}}"),
            None => String::new(),
        };
        let always = |usual: i32| match &redirect.fd {
            None => usual.to_string(),
            Some(_) => from(i32::MIN),
        };
        let text = match &redirect.kind {
            RedirectKind::Input(word) => format!("{}< {}", from(0), word.source),
            RedirectKind::Output { to, clobber: false } => format!("{}> {}", from(1), to.source),
            RedirectKind::Output { to, clobber: true } => format!("{}>| {}", from(1), to.source),
            RedirectKind::Append(word) => format!("{}>> {}", from(1), word.source),
            RedirectKind::ReadWrite(word) => format!("{}<> {}", always(0), word.source),
            RedirectKind::Both { to, append: false } => format!("&> {}", to.source),
            RedirectKind::Both { to, append: true } => format!("&>> {}", to.source),
            RedirectKind::DuplicateInput(word) => match word.source.as_str() {
                "-" => format!("{}>&-", always(0)),
                _ => format!("{}<&{}", always(0), word.source),
            },
            RedirectKind::DuplicateOutput(word) => format!("{}>&{}", always(1), word.source),
            RedirectKind::HereString(word) => format!("{}<<< {}", from(0), word.source),
            RedirectKind::Here(here) => {
                let delimiter =
                    if here.quoted { format!("'{}'", here.delimiter) } else { here.delimiter.clone() };
                let mut body = here.body.get().map_or_else(String::new, |word| word.source.clone());
                writeln!(body, "{}", here.delimiter).expect("a String takes all");
                self.here.push(body);
                format!("{}<<{}{delimiter}", from(0), if here.strip_tabs { "-" } else { "" })
            }
        };
        self.put(&text);
    }
}

fn condition_text(condition: &Condition) -> String {
    match condition {
        Condition::Word(word) => format!("-n {}", word.source),
        Condition::Not(inner) => format!("! {}", condition_text(inner)),
        Condition::And(a, b) => format!("{} && {}", condition_text(a), condition_text(b)),
        Condition::Or(a, b) => format!("{} || {}", condition_text(a), condition_text(b)),
        Condition::Group(inner) => format!("( {} )", condition_text(inner)),
        Condition::Unary(operator, word) => format!("{operator} {}", word.source),
        Condition::Binary(left, operator, right) => format!("{} {operator} {}", left.source, right.source),
    }
}
