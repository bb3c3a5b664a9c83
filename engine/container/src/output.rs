//! Running another program to its end, with what it said.
//!
//! Always: its stdin is a text that is given; stdout and stderr are kept apart.

use linux::{Exit, STDERR, STDIN, STDOUT, Start, Sys};
use net::Errno;
use std::collections::BTreeMap;

/// What another program said.
pub struct Said {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a program; `environment` takes the place of one's own.
pub async fn run(
    sys: &Sys,
    words: &[&str],
    stdin: &str,
    environment: Option<BTreeMap<String, String>>,
) -> Result<Said, Errno> {
    let input = sys.open_bytes(stdin.as_bytes().to_vec()).await?;
    let (out, out_end) = sys.pipe().await?;
    let (err, err_end) = sys.pipe().await?;
    let files = Some(vec![(STDIN, input), (STDOUT, out_end), (STDERR, err_end)]);
    let start = Start { files, environment, ..Start::new(words.iter().copied()) };
    let started = sys.spawn(start).await;
    for fd in [input, out_end, err_end] {
        sys.close(fd).await?;
    }
    let stdout = sys.read_all(out).await?;
    let stderr = sys.read_all(err).await?;
    sys.close(out).await?;
    sys.close(err).await?;
    let exit = sys.wait_child(started?).await;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Said { exit, stdout: text(stdout), stderr: text(stderr) })
}
