//! Prose to HTML: CommonMark, and three marks of ours after a piece of code.
//!
//! `` `ip addr`{run} `` types it into the open terminal, `` `ip addr`{run node-1} `` into that machine's;
//! `` `orders.shop`{copy} `` copies it; a fenced ```` ```sh MACHINE ```` block has a button on each line.
//! Always: raw HTML of the author is shown as text, so no lesson can bring a script or an outside picture.

use super::{Fault, Piece};
use crate::Typed;
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn button(class: &str, attribute: &str, code: &str, on: Option<&str>) -> String {
    let on = on.map(|machine| format!(" data-on=\"{}\"", escape(machine))).unwrap_or_default();
    let code = escape(code);
    format!("<button type=\"button\" class=\"{class}\" data-{attribute}=\"{code}\"{on}>{code}</button>")
}

/// Renders a section; headings in it begin at `###`.
pub(crate) fn html(piece: Piece<'_>) -> Result<String, Fault> {
    let mut events = Vec::new();
    let mut fence: Option<(String, String)> = None;
    for (event, range) in Parser::new_ext(piece.text, Options::ENABLE_TABLES).into_offset_iter() {
        let line = || piece.text[..range.start].matches('\n').count();
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if machine(&info).is_some() => {
                fence = machine(&info).map(|on| (on.to_owned(), String::new()));
            }
            Event::Text(text) if fence.is_some() => {
                if let Some((_, code)) = &mut fence {
                    code.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) if fence.is_some() => {
                if let Some((on, code)) = fence.take() {
                    let rows = commands(&code)
                        .iter()
                        .map(|run| button("run", "run", run, Some(&on)))
                        .collect::<String>();
                    events.push(Event::Html(CowStr::from(format!("<div class=\"runs\">{rows}</div>\n"))));
                }
            }
            Event::Text(text) if text.starts_with('{') && matches!(events.last(), Some(Event::Code(_))) => {
                let Some((mark, rest)) = text[1..].split_once('}') else {
                    return Err(piece.fault(line(), "`{` after code is not closed by `}`"));
                };
                let Some(Event::Code(code)) = events.pop() else { continue };
                events.push(Event::InlineHtml(CowStr::from(marked(&code, mark).ok_or_else(|| {
                    piece
                        .fault(line(), format!("`{{{mark}}}`: expected {{run}}, {{run MACHINE}} or {{copy}}"))
                })?)));
                events.push(Event::Text(CowStr::from(rest.to_owned())));
            }
            Event::Html(raw) | Event::InlineHtml(raw) => events.push(Event::Text(raw)),
            Event::Start(Tag::Image { .. }) => {
                return Err(piece.fault(line(), "a lesson has no pictures of its own"));
            }
            other => events.push(other),
        }
    }
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    Ok(out)
}

fn marked(code: &str, mark: &str) -> Option<String> {
    match mark.split_once(' ').unwrap_or((mark, "")) {
        ("run", "") => Some(button("run", "run", code, None)),
        ("run", on) => Some(button("run", "run", code, Some(on.trim()))),
        ("copy", "") => Some(button("copy", "copy", code, None)),
        _ => None,
    }
}

/// One line, without the paragraph around it: labels, hints in a list.
pub(crate) fn line(text: &str) -> Result<String, Fault> {
    let whole = html(Piece { file: "", line: 0, text })?;
    let trimmed = whole.trim();
    Ok(trimmed.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>")).unwrap_or(trimmed).to_owned())
}

/// The machine of a fence's info string `sh MACHINE`.
fn machine(info: &str) -> Option<&str> {
    info.strip_prefix("sh ").map(str::trim).filter(|name| !name.is_empty())
}

/// The command lines of a block; a line that ends in `\` goes on, a here-document stays with its command.
fn commands(code: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut open: Option<String> = None;
    for line in code.lines() {
        let goes_on = commands.last().is_some_and(|last| last.ends_with('\\')) || open.is_some();
        match commands.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.push('\n');
                last.push_str(line);
            }
            None if line.trim().is_empty() || line.starts_with('#') => continue,
            None => commands.push(line.to_owned()),
        }
        match &open {
            Some(end) if line == end => open = None,
            Some(_) => {}
            None => open = here_document(line),
        }
    }
    commands
}

fn here_document(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("<<")?;
    let word = rest.trim_start_matches('-').split_whitespace().next()?.trim_matches(['\'', '"']);
    (!word.starts_with('<')).then(|| word.to_owned())
}

/// All commands of the fenced `sh MACHINE` blocks of a section, in order.
pub(crate) fn typed(piece: Piece<'_>) -> Vec<Typed> {
    let mut typed = Vec::new();
    let mut fence: Option<(String, String)> = None;
    for event in Parser::new(piece.text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                fence = machine(&info).map(|on| (on.to_owned(), String::new()));
            }
            Event::Text(text) => {
                if let Some((_, code)) = &mut fence {
                    code.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((on, code)) = fence.take() {
                    typed.extend(commands(&code).into_iter().map(|run| Typed { on: on.clone(), run }));
                }
            }
            _ => {}
        }
    }
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str) -> Piece<'_> {
        Piece { file: "t.md", line: 10, text }
    }

    #[test]
    fn a_marked_command_becomes_a_button_and_raw_html_stays_text() {
        let out = html(piece("Type `ip a | grep \"x\"`{run node-1} <script>")).expect("good prose");
        assert!(out.contains(
            "<button type=\"button\" class=\"run\" data-run=\"ip a | grep &quot;x&quot;\" data-on=\"node-1\">"
        ));
        assert!(out.contains("&lt;script&gt;"), "{out}");
    }

    #[test]
    fn an_unknown_mark_is_told_with_its_line() {
        let fault = html(piece("One.\n\nTwo `x`{rum}.")).expect_err("a wrong mark");
        assert_eq!(fault.to_string(), "t.md:12: `{rum}`: expected {run}, {run MACHINE} or {copy}");
    }

    #[test]
    fn a_block_is_cut_into_commands_and_a_here_document_stays_whole() {
        let block = "```sh a\nip a\n\ncat > f <<EOF\nx\n\ny\nEOF\nip r\n```\n";
        let runs: Vec<String> = typed(piece(block)).into_iter().map(|typed| typed.run).collect();
        assert_eq!(runs, ["ip a", "cat > f <<EOF\nx\n\ny\nEOF", "ip r"]);
    }
}
