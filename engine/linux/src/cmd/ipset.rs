//! `ipset`: named sets that rules look up. Source: ipset(8), 7.17.
//!
//! Reads and writes the files of `-f`; the rest is netfilter's own reader.
//! Differs from Linux: no interactive mode, no XML.
//! ```transcript
//! host$ ipset create web hash:ip
//! host$ ipset add web 10.0.0.1
//! host$ ipset test web 10.0.0.2
//! 10.0.0.2 is NOT in set web.
//! ```

use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const IPSET: Command = Command {
    name: "ipset",
    path: "/usr/sbin/ipset",
    man: "ipset(8)",
    run: |sys, args| Box::pin(ipset(sys, args)),
};

/// Takes `-f FILE` out of the words.
fn take_file(words: &mut Vec<String>) -> Option<String> {
    let at = words.iter().position(|word| matches!(word.as_str(), "-f" | "-file" | "--file"))?;
    words.remove(at);
    (at < words.len()).then(|| words.remove(at))
}

async fn ipset(sys: Sys, args: Args) -> Exit {
    let mut words = args.rest().to_vec();
    let file = take_file(&mut words);
    let restores = words.iter().any(|word| matches!(word.as_str(), "restore" | "-R" | "--restore"));
    let mut input = Vec::new();
    if restores {
        let read = match &file {
            Some(path) => sys.read_file(path).await,
            None => sys.read_all(0).await,
        };
        match read {
            Ok(bytes) => input = bytes,
            Err(error) => {
                let path = file.as_deref().unwrap_or("-");
                sys.eprint(format!("ipset v7.17: Cannot open {path} for reading: {error}\n")).await;
                return Exit(1);
            }
        }
    }
    let is_root = sys.uid().await == 0;
    let text = String::from_utf8_lossy(&input).into_owned();
    let output = sys.net(move |net, ns| net.ipset(ns, &words, is_root, &text)).await;
    sys.eprint(&output.stderr).await;
    match file.filter(|_| !restores) {
        None => sys.print(&output.stdout).await,
        Some(path) => {
            if let Err(error) = sys.write_file(&path, output.stdout.as_bytes()).await {
                sys.eprint(format!("ipset v7.17: Cannot open {path} for writing: {error}\n")).await;
                return Exit(1);
            }
        }
    };
    Exit(output.code)
}
