//! The body of a lesson file, cut at its `## ` headings.
//!
//! Always: a heading is one of the known ones; a `## ` inside a fenced block cuts nothing.

use super::{Fault, Piece};

/// What a `## ` heading begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heading {
    Introduction,
    Setup,
    Step(String),
    Goal,
    Checks,
    Hint,
    Solution,
    Wrong,
    Debrief,
}

impl Heading {
    fn read(title: &str) -> Option<Heading> {
        match title.split_once(' ').unwrap_or((title, "")) {
            ("Setup", "") => Some(Heading::Setup),
            ("Step:", name) if !name.trim().is_empty() => Some(Heading::Step(name.trim().to_owned())),
            ("Goal", "") => Some(Heading::Goal),
            ("Checks", "") => Some(Heading::Checks),
            ("Hint", number) if number.parse::<u8>().is_ok() => Some(Heading::Hint),
            ("Solution", "") => Some(Heading::Solution),
            ("Wrong", "") => Some(Heading::Wrong),
            ("Debrief", "") => Some(Heading::Debrief),
            _ => None,
        }
    }
}

pub(crate) fn cut<'a>(body: Piece<'a>) -> Result<Vec<(Heading, Piece<'a>)>, Fault> {
    let mut sections = Vec::new();
    let mut heading = Heading::Introduction;
    let (mut start, mut start_line) = (0, 0);
    let (mut offset, mut fenced) = (0, false);
    for (number, line) in body.text.split_inclusive('\n').enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if let (false, Some(title)) = (fenced, line.strip_prefix("## ")) {
            let next = Heading::read(title.trim()).ok_or_else(|| {
                body.fault(
                    number,
                    format!(
                        "`## {}`: expected Setup, `Step: NAME`, Goal, Checks, `Hint N`, Solution, Wrong or Debrief",
                        title.trim()
                    ),
                )
            })?;
            sections.push((heading, piece(body, start_line, &body.text[start..offset])));
            heading = next;
            (start, start_line) = (offset + line.len(), number + 1);
        }
        offset += line.len();
    }
    if fenced {
        return Err(body.fault(start_line, "a fenced block is not closed"));
    }
    sections.push((heading, piece(body, start_line, &body.text[start..])));
    Ok(sections)
}

fn piece<'a>(body: Piece<'a>, offset: usize, text: &'a str) -> Piece<'a> {
    Piece { file: body.file, line: body.line + offset, text }
}

/// The one fenced YAML block of a section that is nothing else.
pub(crate) fn yaml_block(section: Piece<'_>) -> Result<Piece<'_>, Fault> {
    let Some(open) = section.text.find("```yaml\n") else {
        return Err(section.fault(0, "expected one fenced block that begins with ```yaml"));
    };
    let start = open + "```yaml\n".len();
    let Some(length) = section.text[start..].find("\n```") else {
        return Err(section.fault(0, "the ```yaml block is not closed"));
    };
    let offset = section.text[..start].lines().count();
    Ok(piece(section, offset, &section.text[start..=start + length]))
}
