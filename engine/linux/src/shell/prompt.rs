//! Prompts: `\u@\h:\w\$` and what else `PS1` may hold.
//!
//! Source: bash(1), "PROMPTING".

use super::Shell;
use super::syntax::Parser;
use crate::calendar::Date;

impl Shell {
    /// A prompt string with its escapes and expansions done. `\[` and `\]` become \x01 and \x02.
    pub(super) async fn decode_prompt(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            let Some(next) = chars.next() else {
                out.push('\\');
                break;
            };
            if let Some(mut code) = next.to_digit(8) {
                for _ in 0..2 {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    chars.next();
                }
                out.extend(char::from_u32(code & 255));
                continue;
            }
            let piece = self.prompt_escape(next).await;
            out.push_str(&piece);
        }
        let mut parser = Parser::new(&out, self.dialect, Default::default());
        match parser.quoted_text() {
            Ok(word) => {
                let status = self.status;
                let expanded = self.expand_text(&word).await.unwrap_or(out);
                self.status = status;
                expanded
            }
            Err(_) => out,
        }
    }

    async fn prompt_escape(&mut self, letter: char) -> String {
        let date = Date::from_seconds(self.realtime.as_secs());
        match letter {
            'a' => "\x07".to_owned(),
            'e' => "\x1b".to_owned(),
            'n' => "\n".to_owned(),
            'r' => "\r".to_owned(),
            '[' => "\x01".to_owned(),
            ']' => "\x02".to_owned(),
            '\\' => "\\\\".to_owned(),
            '$' => if self.sys.uid().await == 0 { "#" } else { "\\$" }.to_owned(),
            'u' => crate::cmd::id::user_name(&self.sys, self.sys.uid().await).await,
            'h' => self.sys.hostname().await.split('.').next().unwrap_or_default().to_owned(),
            'H' => self.sys.hostname().await,
            'w' | 'W' => {
                let path = self.logical_directory().await;
                let home = self.scalar("HOME").unwrap_or_default();
                let shown = match path.strip_prefix(&home) {
                    Some(rest)
                        if !home.is_empty() && home != "/" && (rest.is_empty() || rest.starts_with('/')) =>
                    {
                        format!("~{rest}")
                    }
                    _ => path,
                };
                match letter {
                    'W' if shown.len() > 1 => shown.rsplit('/').next().unwrap_or_default().to_owned(),
                    _ => shown,
                }
            }
            's' => self.name.trim_start_matches('-').rsplit('/').next().unwrap_or_default().to_owned(),
            'v' => "5.2".to_owned(),
            'V' => "5.2.15".to_owned(),
            't' => date.format("%H:%M:%S"),
            'T' => date.format("%I:%M:%S"),
            '@' => date.format("%I:%M %p"),
            'A' => date.format("%H:%M"),
            'd' => date.format("%a %b %d"),
            'j' => self.jobs.list.len().to_string(),
            'l' => "0".to_owned(),
            '!' | '#' => (self.history.len() + 1).to_string(),
            other => format!("\\{other}"),
        }
    }
}
