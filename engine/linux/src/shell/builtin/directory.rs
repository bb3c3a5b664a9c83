//! `cd`, `pwd`.

use super::Shell;
use crate::shell::syntax::Dialect;

impl Shell {
    pub(super) async fn cd(&mut self, args: &[String]) -> u8 {
        let (mut physical, mut rest) = (false, args);
        while let Some((first, more)) = rest.split_first() {
            match first.as_str() {
                "-P" => physical = true,
                "-L" => physical = false,
                "--" => {
                    rest = more;
                    break;
                }
                option if option.starts_with('-') && option.len() > 1 => {
                    return self.usage("cd", option, "cd [-L|[-P [-e]] [-@]] [dir]").await;
                }
                _ => break,
            }
            rest = more;
        }
        if rest.len() > 1 && self.dialect == Dialect::Bash {
            return self.builtin_error("cd", "too many arguments").await;
        }
        let (target, show) = match rest.first().map(String::as_str) {
            None => match self.scalar("HOME") {
                Some(home) => (home, false),
                None => return self.builtin_error("cd", "HOME not set").await,
            },
            Some("-") => match self.scalar("OLDPWD") {
                Some(old) => (old, true),
                None => return self.builtin_error("cd", "OLDPWD not set").await,
            },
            Some(target) => (target.to_owned(), false),
        };
        if target.is_empty() {
            return 0;
        }
        let here = self.logical_directory().await;
        let path = self.in_cdpath(&target).await;
        let (path, show) = match path {
            Some(path) => (path, true),
            None => (target.clone(), show),
        };
        let wanted = if path.starts_with('/') { path.clone() } else { format!("{here}/{path}") };
        let logical = if physical { wanted.clone() } else { normal(&wanted) };
        if let Err(errno) = self.sys.chdir(&logical).await {
            let words = match self.dialect {
                Dialect::Bash => format!("{target}: {errno}"),
                Dialect::Dash => format!("can't cd to {target}"),
            };
            let status = self.builtin_error("cd", words).await;
            return if self.dialect == Dialect::Dash { 2 } else { status };
        }
        let now = if physical { self.sys.cwd().await } else { logical };
        if show {
            self.sys.print(format!("{now}\n")).await;
        }
        let mut status = 0;
        for (name, value) in [("OLDPWD", here), ("PWD", now)] {
            status |= u8::from(self.set_variable(name, value).await.is_err());
            if name == "OLDPWD" {
                self.variables.entry(name).exported = true;
            }
        }
        status
    }

    async fn in_cdpath(&mut self, target: &str) -> Option<String> {
        let search = self.scalar("CDPATH")?;
        if target.starts_with(['/', '.']) {
            return None;
        }
        for directory in search.split(':').filter(|directory| !directory.is_empty()) {
            let path = format!("{}/{target}", directory.trim_end_matches('/'));
            if self.sys.stat(&path).await.is_ok_and(|stat| stat.kind == crate::FileKind::Directory) {
                return Some(path);
            }
        }
        None
    }

    /// Where the shell is, with the links it came through.
    pub(in crate::shell) async fn logical_directory(&mut self) -> String {
        let physical = self.sys.cwd().await;
        match self.scalar("PWD") {
            Some(path)
                if path.starts_with('/') && self.sys.realpath(&path).await.is_ok_and(|it| it == physical) =>
            {
                path
            }
            _ => physical,
        }
    }

    pub(super) async fn pwd(&mut self, args: &[String]) -> u8 {
        let mut physical = false;
        for arg in args {
            match arg.as_str() {
                "-P" => physical = true,
                "-L" => physical = false,
                option if option.starts_with('-') && option.len() > 1 => {
                    return self.usage("pwd", option, "pwd [-LP]").await;
                }
                _ => {}
            }
        }
        let path = if physical { self.sys.cwd().await } else { self.logical_directory().await };
        self.put_out("pwd", &format!("{path}\n")).await
    }
}

/// Without `.`, `..` and doubled slashes, as the path is written.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
