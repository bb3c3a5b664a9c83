//! Regular expressions of POSIX with GNU's additions, as grep, sed, awk, bash and expr read them.
//!
//! Always: matching takes time in proportion to text and expression, except with back-references, which give up
//! after [`matcher::STEPS`]; the leftmost match wins, and of those the longest.
//! Differs from glibc: the locale is C; no collating symbols; where several ways lead to the longest match, the
//! groups are those of the first alternative.
//! Source: regex(7); the errors as glibc 2.36 words them.

mod matcher;
mod parse;

use parse::Node;

/// Instructions of one compiled expression; a bigger one is refused.
const SIZE: usize = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    Basic,
    Extended,
    /// Plain text (`grep -F`).
    Fixed,
    /// `grep -P`: classes like `\d`, groups that look around, lazy repeats, `\K`; the first match wins, not the longest.
    Perl,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regex {
    program: Vec<Instruction>,
    groups: usize,
    ignore_case: bool,
    /// Ways are tried one after the other, for what the ways in step cannot do.
    ordered: bool,
}

/// Where a match and its groups lie, in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub start: usize,
    pub end: usize,
    /// Group 1 first.
    pub groups: Vec<Option<(usize, usize)>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Instruction {
    Char(char),
    Any,
    Set(parse::Set),
    Split(usize, usize),
    Jump(usize),
    Save(usize),
    LineStart,
    LineEnd,
    WordStart,
    WordEnd,
    WordEdge,
    NoWordEdge,
    Back(usize),
    /// `(?=…)`, `(?<=…)`; true where it must not match.
    Look(Box<Regex>, Side, bool),
    /// Fails where no character was read since the slot was saved: ends loops of nothing.
    Progress(usize),
    Match,
}

/// Which way a group looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ahead,
    Behind,
}

impl Regex {
    pub fn new(pattern: &str, syntax: Syntax, ignore_case: bool) -> Result<Regex, String> {
        let (node, groups) = parse::parse(pattern, syntax)?;
        let mut compiler = Compiler { program: Vec::new(), slots: 2 * (groups + 1), groups, ignore_case };
        compiler.program.push(Instruction::Save(0));
        compiler.node(&node)?;
        compiler.program.extend([Instruction::Save(1), Instruction::Match]);
        let back_references = compiler.program.iter().any(|it| matches!(it, Instruction::Back(_)));
        let ordered = back_references || syntax == Syntax::Perl;
        Ok(Regex { program: compiler.program, groups, ignore_case, ordered })
    }

    pub fn groups(&self) -> usize {
        self.groups
    }

    pub fn is_match(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        self.find_at(&chars, 0).is_some()
    }

    /// The leftmost longest match at or after `from`.
    pub fn find_at(&self, text: &[char], from: usize) -> Option<Match> {
        let slots = match self.ordered {
            true => self.backtrack(text, from)?,
            false => self.simulate(text, from)?,
        };
        let group = |index: usize| Some((slots[2 * index]?, slots[2 * index + 1]?));
        let (start, end) = group(0)?;
        Some(Match { start, end, groups: (1..=self.groups).map(group).collect() })
    }

    /// All matches that do not overlap.
    pub fn find_all(&self, text: &[char]) -> Vec<Match> {
        let (mut all, mut from) = (Vec::<Match>::new(), 0);
        while from <= text.len() {
            let Some(found) = self.find_at(text, from) else { break };
            let empty = found.end == found.start;
            let touches =
                empty && all.last().is_some_and(|last| last.end == found.start && last.start < last.end);
            from = if empty { found.end + 1 } else { found.end };
            if !touches {
                all.push(found);
            }
        }
        all
    }
}

struct Compiler {
    program: Vec<Instruction>,
    slots: usize,
    groups: usize,
    ignore_case: bool,
}

impl Compiler {
    fn push(&mut self, instruction: Instruction) -> Result<usize, String> {
        if self.program.len() >= SIZE {
            return Err("Regular expression too big".to_owned());
        }
        self.program.push(instruction);
        Ok(self.program.len() - 1)
    }

    fn node(&mut self, node: &Node) -> Result<(), String> {
        match node {
            Node::Char(c) => drop(self.push(Instruction::Char(*c))?),
            Node::Any => drop(self.push(Instruction::Any)?),
            Node::Set(set) => drop(self.push(Instruction::Set(set.clone()))?),
            Node::LineStart => drop(self.push(Instruction::LineStart)?),
            Node::LineEnd => drop(self.push(Instruction::LineEnd)?),
            Node::WordStart => drop(self.push(Instruction::WordStart)?),
            Node::WordEnd => drop(self.push(Instruction::WordEnd)?),
            Node::WordEdge => drop(self.push(Instruction::WordEdge)?),
            Node::NoWordEdge => drop(self.push(Instruction::NoWordEdge)?),
            Node::Back(group) => drop(self.push(Instruction::Back(*group))?),
            Node::Sequence(nodes) => {
                for node in nodes {
                    self.node(node)?;
                }
            }
            Node::Group(index, inner) => {
                self.push(Instruction::Save(2 * index))?;
                self.node(inner)?;
                self.push(Instruction::Save(2 * index + 1))?;
            }
            Node::Alternatives(branches) => self.alternatives(branches)?,
            Node::Repeat(inner, least, most) => self.repeat(inner, *least, *most, false)?,
            Node::Lazy(inner, least, most) => self.repeat(inner, *least, *most, true)?,
            Node::Keep => drop(self.push(Instruction::Save(0))?),
            Node::Look(inner, side, negated) => {
                let mut own = Compiler { program: Vec::new(), slots: self.slots, ..*self };
                own.program.push(Instruction::Save(0));
                own.node(inner)?;
                if *side == Side::Behind {
                    own.push(Instruction::LineEnd)?;
                }
                own.program.extend([Instruction::Save(1), Instruction::Match]);
                let (program, groups, ignore_case) = (own.program, self.groups, self.ignore_case);
                let regex = Regex { program, groups, ignore_case, ordered: true };
                self.push(Instruction::Look(Box::new(regex), *side, *negated))?;
            }
        }
        Ok(())
    }

    fn alternatives(&mut self, branches: &[Node]) -> Result<(), String> {
        let mut ends = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            if index + 1 == branches.len() {
                self.node(branch)?;
                break;
            }
            let split = self.push(Instruction::Split(0, 0))?;
            self.node(branch)?;
            ends.push(self.push(Instruction::Jump(0))?);
            self.program[split] = Instruction::Split(split + 1, self.program.len());
        }
        let end = self.program.len();
        ends.into_iter().for_each(|at| self.program[at] = Instruction::Jump(end));
        Ok(())
    }

    fn repeat(&mut self, inner: &Node, least: u32, most: Option<u32>, lazy: bool) -> Result<(), String> {
        let split = |on: usize, out: usize| match lazy {
            true => Instruction::Split(out, on),
            false => Instruction::Split(on, out),
        };
        for _ in 0..least {
            self.node(inner)?;
        }
        match most {
            None => {
                let slot = self.slots;
                self.slots += 1;
                let top = self.push(Instruction::Split(0, 0))?;
                self.push(Instruction::Save(slot))?;
                self.node(inner)?;
                self.push(Instruction::Progress(slot))?;
                self.push(Instruction::Jump(top))?;
                self.program[top] = split(top + 1, self.program.len());
            }
            Some(most) => {
                let mut splits = Vec::new();
                for _ in least..most {
                    splits.push(self.push(Instruction::Split(0, 0))?);
                    self.node(inner)?;
                }
                let end = self.program.len();
                splits.into_iter().for_each(|at| self.program[at] = split(at + 1, end));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pattern: &str, syntax: Syntax, text: &str) -> Option<String> {
        let chars: Vec<char> = text.chars().collect();
        let regex = Regex::new(pattern, syntax, false).expect("a right pattern");
        regex.find_at(&chars, 0).map(|found| chars[found.start..found.end].iter().collect())
    }

    #[test]
    fn basic_and_extended_differ_in_what_is_special() {
        for (pattern, syntax, text, wanted) in [
            ("a*b", Syntax::Basic, "xaab", Some("aab")),
            ("*a", Syntax::Basic, "*a", Some("*a")),
            ("a\\+", Syntax::Basic, "baa", Some("aa")),
            ("a+", Syntax::Basic, "a+", Some("a+")),
            ("a+", Syntax::Extended, "baa", Some("aa")),
            ("\\(ab\\)*c", Syntax::Basic, "ababc", Some("ababc")),
            ("a|ab", Syntax::Extended, "abc", Some("ab")),
            ("(a|ab)(c|bcd)", Syntax::Extended, "abcd", Some("abcd")),
            ("^b", Syntax::Basic, "ab", None),
            ("b$", Syntax::Basic, "ab", Some("b")),
            ("a^b$c", Syntax::Basic, "a^b$c", Some("a^b$c")),
            ("[[:digit:]]\\{2,3\\}", Syntax::Basic, "a1234", Some("123")),
            ("[0-9]{2}", Syntax::Extended, "a123", Some("12")),
            ("[]a]+", Syntax::Extended, "x]a", Some("]a")),
            ("[^a-c]", Syntax::Extended, "abcd", Some("d")),
            ("\\bfoo\\b", Syntax::Extended, "a foo b", Some("foo")),
            ("\\<o", Syntax::Basic, "foo o", Some("o")),
            ("\\(.\\)\\1", Syntax::Basic, "abbc", Some("bb")),
            ("\\w+", Syntax::Extended, " ab_1 ", Some("ab_1")),
            ("a.c", Syntax::Fixed, "a.c", Some("a.c")),
            ("()", Syntax::Extended, "x", Some("")),
            ("x*", Syntax::Extended, "aaa", Some("")),
            ("(a*)*", Syntax::Extended, "aab", Some("aa")),
            ("(a*)+b", Syntax::Extended, "aab", Some("aab")),
        ] {
            assert_eq!(find(pattern, syntax, text).as_deref(), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn errors_are_worded_as_glibc_words_them() {
        for (pattern, syntax, words) in [
            ("[a", Syntax::Basic, "Unmatched [, [^, [:, [., or [="),
            ("(a", Syntax::Extended, "Unmatched ( or \\("),
            ("a)", Syntax::Extended, "Unmatched ) or \\)"),
            ("\\(a", Syntax::Basic, "Unmatched ( or \\("),
            ("a\\{1", Syntax::Basic, "Unmatched \\{"),
            ("\\", Syntax::Basic, "Trailing backslash"),
            ("\\1", Syntax::Basic, "Invalid back reference"),
            ("*a", Syntax::Extended, ""),
            ("[b-a]", Syntax::Basic, "Invalid range end"),
            ("[[:foo:]]", Syntax::Basic, "Invalid character class name"),
        ] {
            let error = Regex::new(pattern, syntax, false).err().unwrap_or_default();
            assert_eq!(error, words, "{pattern}");
        }
        assert!(Regex::new(&"(".repeat(5000), Syntax::Extended, false).is_err());
        assert!(Regex::new("(((a{200}){200}){200})", Syntax::Extended, false).is_err());
    }

    #[test]
    fn perl_looks_around_and_takes_the_first() {
        for (pattern, text, wanted) in [
            ("\\d+", "a12b", Some("12")),
            ("(?<=inet )[\\d.]+", "inet 10.0.0.2/24", Some("10.0.0.2")),
            ("src \\K\\S+", "via x src 10.0.0.1 y", Some("10.0.0.1")),
            ("\\w+(?=:)", "eth0: up", Some("eth0")),
            ("a(?!b)", "abac", Some("a")),
            ("(?<!x)y", "xyzy", Some("y")),
            ("<.+?>", "<a><b>", Some("<a>")),
            ("(?:ab)+", "abab", Some("abab")),
            ("a|ab", "ab", Some("a")),
            ("(?<n>a)\\1", "aa", Some("aa")),
        ] {
            assert_eq!(find(pattern, Syntax::Perl, text).as_deref(), wanted, "{pattern} {text}");
        }
        let error = |pattern| Regex::new(pattern, Syntax::Perl, false).err().unwrap_or_default();
        assert_eq!(error("(a"), "missing closing parenthesis");
        assert_eq!(error("(?i)a"), "(?i: not simulated in vethlab");
    }

    #[test]
    fn hostile_expressions_end_soon() {
        let text: Vec<char> = "a".repeat(2000).chars().collect();
        for pattern in ["(a*)*b", "(a|a)*b", "((a+)+)+b", "(a?){100}b"] {
            let regex = Regex::new(pattern, Syntax::Extended, false).expect("a right pattern");
            assert_eq!(regex.find_at(&text, 0), None, "{pattern}");
        }
        let regex = Regex::new("\\(a*\\)*\\1b", Syntax::Basic, false).expect("a right pattern");
        assert_eq!(regex.find_at(&text, 0), None);
    }
}
