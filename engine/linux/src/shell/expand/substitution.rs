//! Command substitution and process substitution: a subshell at the other end of a pipe.

use crate::fs::Fd;
use crate::shell::syntax::{Item, Kind, List, Parser, RedirectKind};
use crate::shell::{Failure, Fork, Shell};
use std::rc::Rc;

impl Shell {
    /// What the commands print, without the newlines at its end.
    pub(in crate::shell) async fn substitute(&mut self, list: Rc<List>) -> Result<String, Failure> {
        if let Some(word) = only_input(&list) {
            let path = self.expand_text(word).await?;
            return match self.sys.read_file(&path).await {
                Ok(bytes) => {
                    self.substituted = Some(0);
                    Ok(trim(bytes))
                }
                Err(errno) => {
                    self.complain_line(format!("{path}: {errno}")).await;
                    self.substituted = Some(1);
                    Ok(String::new())
                }
            };
        }
        let (reader, writer) = match self.sys.pipe().await {
            Ok(ends) => ends,
            Err(errno) => {
                return Err(self
                    .complain(format!("cannot make pipe for command substitution: {errno}"))
                    .await);
            }
        };
        let child = self
            .fork(&[(1, writer)], &[reader, writer], Fork::default(), move |mut shell| async move {
                shell.indirection += 1;
                shell.run_to_end(&list).await
            })
            .await;
        self.sys.close(writer).await.ok();
        let text = match child {
            Ok(child) => {
                let bytes = self.sys.read_all(reader).await.unwrap_or_default();
                self.sys.close(reader).await.ok();
                self.substituted = Some(self.sys.wait_child(child).await.0);
                trim(bytes)
            }
            Err(failure) => {
                self.sys.close(reader).await.ok();
                return Err(failure);
            }
        };
        Ok(text)
    }

    /// The same for `` `…` ``, which is read now.
    pub(super) async fn substitute_text(&mut self, text: &str) -> Result<String, Failure> {
        let mut parser = Parser::new(text, self.dialect, self.aliases_in_use()).at_line(self.line);
        let list = match parser.whole() {
            Ok(list) => list,
            Err(error) => {
                self.report_syntax(&error, "command substitution: ").await;
                self.substituted = Some(2);
                return Ok(String::new());
            }
        };
        self.substitute(Rc::new(list)).await
    }

    /// A path under which the commands' output can be read (or their input written).
    pub(super) async fn process_substitution(
        &mut self,
        reading: bool,
        list: Rc<List>,
    ) -> Result<String, Failure> {
        let (reader, writer) = match self.sys.pipe().await {
            Ok(ends) => ends,
            Err(errno) => return Err(self.complain(format!("cannot make pipe: {errno}")).await),
        };
        let (theirs, ours): ((Fd, Fd), Fd) =
            if reading { ((1, writer), reader) } else { ((0, reader), writer) };
        self.fork(&[theirs], &[reader, writer], Fork::default(), move |mut shell| async move {
            shell.run_to_end(&list).await
        })
        .await?;
        self.sys.close(theirs.1).await.ok();
        // High descriptors, as bash has them: /dev/fd/63.
        let mut fd = 63;
        while fd > 20 && self.process_fds.contains(&fd) {
            fd -= 1;
        }
        self.sys.dup2(ours, fd).await.ok();
        self.sys.close(ours).await.ok();
        self.process_fds.push(fd);
        Ok(format!("/dev/fd/{fd}"))
    }

    /// Closes what `<(…)` of the command just run left open.
    pub(in crate::shell) async fn close_process_fds(&mut self, kept: usize) {
        while self.process_fds.len() > kept {
            let fd = self.process_fds.pop().expect("there is one more than kept");
            self.sys.close(fd).await.ok();
        }
    }
}

/// `$(<file)`
fn only_input(list: &List) -> Option<&crate::shell::syntax::Word> {
    let [Item { and_or, background: false }] = list.items.as_slice() else { return None };
    let [command] = and_or.first.commands.as_slice() else { return None };
    let Kind::Simple(simple) = &command.kind else { return None };
    let [redirect] = command.redirects.as_slice() else { return None };
    match &redirect.kind {
        RedirectKind::Input(word)
            if simple.words.is_empty()
                && simple.assignments.is_empty()
                && and_or.rest.is_empty()
                && redirect.fd.is_none() =>
        {
            Some(word)
        }
        _ => None,
    }
}

fn trim(bytes: Vec<u8>) -> String {
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_end_matches('\n');
    if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() }
}
