//! `iptables` as plugins use it: the program, run with words, its exit code read.
//!
//! Always: a rule is looked for before it is added; what is not there is no error when it is taken away.
//! Source: coreos/go-iptables 0.6.

use super::error::{CniError, CniResult};
use crate::output::{Said, run};
use linux::{Exit, Sys};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iptables {
    program: &'static str,
}

impl Iptables {
    pub fn new(is_v4: bool) -> Iptables {
        Iptables { program: if is_v4 { "/usr/sbin/iptables" } else { "/usr/sbin/ip6tables" } }
    }

    async fn run(self, sys: &Sys, words: &[&str]) -> CniResult<Said> {
        let all: Vec<&str> =
            [self.program].into_iter().chain(words.iter().copied()).chain(["--wait"]).collect();
        let said = run(sys, &all, "", None).await;
        said.map_err(|errno| CniError::internal(format!("{}: {}", self.program, errno.text().to_lowercase())))
    }

    /// Fails where the program does.
    async fn change(self, sys: &Sys, words: &[&str]) -> CniResult<()> {
        let said = self.run(sys, words).await?;
        if said.exit == Exit::OK {
            return Ok(());
        }
        let (program, words, code) = (self.program, words.join(" "), said.exit.0);
        let stderr = said.stderr;
        Err(format!("running [{program} {words} --wait]: exit status {code}: {stderr}").into())
    }

    /// The rules of a chain as `-S` prints them, `-P` or `-N` first.
    pub async fn list(self, sys: &Sys, table: &str, chain: &str) -> CniResult<Vec<String>> {
        let said = self.run(sys, &["-t", table, "-S", chain]).await?;
        if said.exit != Exit::OK {
            return Err(CniError::internal(said.stderr));
        }
        Ok(said.stdout.lines().map(str::to_owned).collect())
    }

    pub async fn has_chain(self, sys: &Sys, table: &str, chain: &str) -> CniResult<bool> {
        let said = self.run(sys, &["-t", table, "-S"]).await?;
        let is_it = |line: &str| {
            let mut words = line.split(' ');
            matches!(words.next(), Some("-P" | "-N")) && words.next() == Some(chain)
        };
        Ok(said.stdout.lines().any(is_it))
    }

    pub async fn ensure_chain(self, sys: &Sys, table: &str, chain: &str) -> CniResult<()> {
        if self.has_chain(sys, table, chain).await? {
            return Ok(());
        }
        self.change(sys, &["-t", table, "-N", chain]).await
    }

    /// Empties a chain, and makes it where there is none.
    pub async fn clear_chain(self, sys: &Sys, table: &str, chain: &str) -> CniResult<()> {
        if self.has_chain(sys, table, chain).await? {
            return self.change(sys, &["-t", table, "-F", chain]).await;
        }
        self.change(sys, &["-t", table, "-N", chain]).await
    }

    pub async fn delete_chain(self, sys: &Sys, table: &str, chain: &str) -> CniResult<()> {
        if !self.has_chain(sys, table, chain).await? {
            return Ok(());
        }
        self.change(sys, &["-t", table, "-X", chain]).await
    }

    pub async fn has(self, sys: &Sys, table: &str, chain: &str, rule: &[String]) -> CniResult<bool> {
        let words = command(table, "-C", chain, rule);
        let said = self.run(sys, &words).await?;
        match said.exit.0 {
            0 => Ok(true),
            1 => Ok(false),
            code => {
                let (program, words) = (self.program, words.join(" "));
                let stderr = said.stderr;
                Err(format!("running [{program} {words} --wait]: exit status {code}: {stderr}").into())
            }
        }
    }

    /// Appends, or puts first, a rule that is not there yet.
    pub async fn add_once(
        self,
        sys: &Sys,
        table: &str,
        chain: &str,
        first: bool,
        rule: &[String],
    ) -> CniResult<()> {
        if self.has(sys, table, chain, rule).await? {
            return Ok(());
        }
        let action = if first { "-I" } else { "-A" };
        self.change(sys, &command(table, action, chain, rule)).await
    }

    /// Takes a rule away, if it is there.
    pub async fn delete(self, sys: &Sys, table: &str, chain: &str, rule: &[String]) -> CniResult<()> {
        let said = self.run(sys, &command(table, "-D", chain, rule)).await?;
        // 1: no such rule or chain; 2: what the rule refers to is gone.
        match said.exit.0 {
            0..=2 => Ok(()),
            _ => Err(format!("Failed to delete referring rule {table} {chain}: {}", said.stderr).into()),
        }
    }
}

fn command<'a>(table: &'a str, action: &'a str, chain: &'a str, rule: &'a [String]) -> Vec<&'a str> {
    ["-t", table, action, chain].into_iter().chain(rule.iter().map(String::as_str)).collect()
}

/// Words of a rule.
pub fn rule(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
