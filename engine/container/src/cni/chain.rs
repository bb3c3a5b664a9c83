//! A chain of portmap's with the rules in it and those that lead to it.
//!
//! Always: setting up twice is the same as once; taking down leaves nothing that leads to it.
//! Source: containernetworking/plugins 1.1.1 `plugins/meta/portmap/chain.go`.

use super::error::{CniError, CniResult};
use super::iptables::Iptables;
use linux::Sys;

const TABLE: &str = "nat";

#[derive(Clone, Debug, Default)]
pub struct Chain {
    pub name: String,
    /// Chains that lead here.
    pub entry_chains: Vec<&'static str>,
    /// Without the jump.
    pub entry_rules: Vec<Vec<String>>,
    pub rules: Vec<Vec<String>>,
    /// Whether what leads here stands first.
    pub is_first: bool,
}

impl Chain {
    fn jumps(&self) -> Vec<Vec<String>> {
        let jump = |rule: &Vec<String>| [rule.clone(), vec!["-j".to_owned(), self.name.clone()]].concat();
        self.entry_rules.iter().map(jump).collect()
    }

    pub async fn set_up(&self, sys: &Sys, iptables: Iptables) -> CniResult<()> {
        iptables.ensure_chain(sys, TABLE, &self.name).await?;
        for rule in &self.rules {
            iptables.add_once(sys, TABLE, &self.name, false, rule).await?;
        }
        for entry in &self.entry_chains {
            for jump in self.jumps() {
                iptables.add_once(sys, TABLE, entry, self.is_first, &jump).await?;
            }
        }
        Ok(())
    }

    pub async fn tear_down(&self, sys: &Sys, iptables: Iptables) -> CniResult<()> {
        iptables.clear_chain(sys, TABLE, &self.name).await?;
        let end = format!("-j {}", self.name);
        for entry in &self.entry_chains {
            let Ok(rules) = iptables.list(sys, TABLE, entry).await else { continue };
            for rule in rules.iter().skip(1).filter(|rule| rule.ends_with(&end)) {
                // Behind `-A CHAIN`.
                let words: Vec<String> = words(rule).into_iter().skip(2).collect();
                iptables.delete(sys, TABLE, entry, &words).await?;
            }
        }
        iptables.delete_chain(sys, TABLE, &self.name).await
    }

    pub async fn check(&self, sys: &Sys, iptables: Iptables) -> CniResult<()> {
        let name = &self.name;
        if !iptables.has_chain(sys, TABLE, name).await? {
            let words = format!("chain {name} not found in iptables table {TABLE}");
            return Err(CniError::internal(words));
        }
        let missing = |rules: &[Vec<String>], chain: &str| {
            let shown: Vec<String> = rules.iter().map(|rule| format!("[{}]", rule.join(" "))).collect();
            let rules = shown.join(" ");
            CniError::internal(format!("rule [{rules}] in chain {chain} not found in table {TABLE}"))
        };
        for rule in &self.rules {
            if !iptables.has(sys, TABLE, name, rule).await.unwrap_or(false) {
                return Err(missing(&self.rules, name));
            }
        }
        for entry in &self.entry_chains {
            for jump in self.jumps() {
                if !iptables.has(sys, TABLE, entry, &jump).await.unwrap_or(false) {
                    return Err(missing(&self.entry_rules, entry));
                }
            }
        }
        Ok(())
    }
}

/// A line of `iptables -S` as words: quotes and backslashes as a shell reads them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_word) = (Vec::new(), String::new(), false);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for letter in line.chars() {
        match letter {
            _ if is_escaped => {
                word.push(letter);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => {
                is_quoted = !is_quoted;
                is_word = true;
            }
            ' ' if !is_quoted => {
                if is_word || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            _ => word.push(letter),
        }
    }
    if is_word || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_split_as_a_shell_splits_it() {
        let line = "-A C -m comment --comment \"dnat name: \\\"n\\\"\" -j D";
        assert_eq!(words(line), ["-A", "C", "-m", "comment", "--comment", "dnat name: \"n\"", "-j", "D"]);
    }
}
