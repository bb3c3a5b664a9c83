//! `kubectl` as a program on a Linux machine: its kubeconfig, its terminal, and the network to the API server.
//!
//! Always: every request is a packet of this machine. Differs from kubectl: the server's certificate is not checked and
//! the user's stands in a header, since bytes go in the clear; a server is named by its address.
//! Source: client-go `tools/clientcmd` for where the kubeconfig lies.

mod files;
mod forward;
mod proxy;
mod streams;

use super::{Edited, Entry, Exec, Forward, Host, Later, Piece, Stream, kubectl};
use crate::api::{Request, Response};
use crate::client::Client;
use crate::http::Connection;
use crate::object::Time;
use linux::tar;
use linux::{Args, Command, Exit, FileKind, STDIN, Sys};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

pub static KUBECTL: Command = Command {
    name: "kubectl",
    path: "/usr/bin/kubectl",
    man: "kubectl(1)",
    run: |sys, args| Box::pin(main(sys, args)),
};

const ADMIN: &str = "/etc/kubernetes/admin.conf";
/// What makes an editor's name a line for the shell.
const QUOTES: [char; 3] = ['"', '\'', '\\'];

async fn main(sys: Sys, args: Args) -> Exit {
    let mut here = Here { now: clock(&sys).await, sys, client: None, streams: Vec::new() };
    let words: Vec<String> = args.rest().to_vec();
    Exit(kubectl(&mut here, &words).await)
}

/// The machine kubectl runs on.
struct Here {
    sys: Sys,
    now: Time,
    client: Option<Client>,
    /// Those that have ended stay as gaps.
    streams: Vec<Option<Waiting>>,
}

async fn clock(sys: &Sys) -> Time {
    Time(i64::try_from(sys.realtime().await.as_secs()).unwrap_or(i64::MAX))
}

fn address(server: &str) -> Result<SocketAddr, String> {
    let (scheme, place) = server.split_once("://").unwrap_or(("https", server));
    let place = place.trim_end_matches('/');
    let place = place.strip_prefix("localhost").map_or(place.to_owned(), |rest| format!("127.0.0.1{rest}"));
    let port = if scheme == "http" { 80 } else { 443 };
    let bare = || place.parse().ok().map(|it| SocketAddr::new(it, port));
    place.parse().ok().or_else(bare).ok_or_else(|| {
        let host = place.split(':').next().unwrap_or_default();
        format!("dial tcp: lookup {host}: no such host")
    })
}

impl Here {
    /// `--kubeconfig`, `KUBECONFIG`, `~/.kube/config`, or the administrator's own.
    async fn config_path(&self, given: &str) -> String {
        if !given.is_empty() {
            return given.to_owned();
        }
        let named = self.sys.env("KUBECONFIG").await.filter(|it| !it.is_empty());
        if let Some(first) = named.as_deref().and_then(|it| it.split(':').next()) {
            return first.to_owned();
        }
        let home = self.sys.env("HOME").await.unwrap_or("/root".to_owned());
        let own = format!("{home}/.kube/config");
        if self.sys.exists(&own).await || !self.sys.exists(ADMIN).await { own } else { ADMIN.to_owned() }
    }

    /// A file of ours in `/tmp`, as `os.CreateTemp` names it.
    async fn temporary(&self, head: &str, extension: &str) -> String {
        let folder = self.sys.env("TMPDIR").await.filter(|it| !it.is_empty()).unwrap_or("/tmp".to_owned());
        format!("{}/{head}{}{extension}", folder.trim_end_matches('/'), self.number().await)
    }

    async fn number(&self) -> u32 {
        self.sys.random(4).await.into_iter().fold(0, |sum, byte| sum << 8 | u32::from(byte))
    }

    async fn edit_file(&self, text: String, extension: &str) -> Result<Edited, String> {
        let said = |errno: net::Errno| errno.to_string().to_lowercase();
        let path = self.temporary("kubectl-edit-", extension).await;
        self.sys.write_file(&path, text.as_bytes()).await.map_err(said)?;
        self.sys.chmod(&path, 0o600).await.map_err(said)?;
        let words = self.editor().await;
        let editor = words.join(" ");
        let is_found_by_name = !words[0].contains('/');
        let run = match &words[..] {
            [shell, flag, line] if flag == "-c" && line.contains(QUOTES) => {
                vec![shell.clone(), flag.clone(), format!("{line} {path:?}")]
            }
            words => [words, std::slice::from_ref(&path)].concat(),
        };
        match self.sys.run(run, None).await {
            Ok(Exit::OK) => {}
            Err(_) if is_found_by_name => return Err(format!("unable to launch the editor {editor:?}")),
            _ => return Err(format!("there was a problem with the editor {editor:?}")),
        }
        let bytes = self.sys.read_file(&path).await.map_err(|why| format!("open {path}: {}", said(why)))?;
        Ok(Edited { text: String::from_utf8_lossy(&bytes).into_owned(), path })
    }

    /// The editor's words; what has quotes in it goes to a shell.
    async fn editor(&self) -> Vec<String> {
        let mut editor = "vi".to_owned();
        for name in ["KUBE_EDITOR", "EDITOR"] {
            if let Some(named) = self.sys.env(name).await.filter(|it| !it.is_empty()) {
                editor = named;
                break;
            }
        }
        if !editor.contains(' ') || !editor.contains(QUOTES) {
            return editor.split(' ').map(str::to_owned).collect();
        }
        let shell = self.sys.env("SHELL").await.filter(|it| !it.is_empty());
        vec![shell.unwrap_or("/bin/bash".to_owned()), "-c".to_owned(), editor]
    }
}

impl Host for Here {
    fn send(&mut self, server: &str, request: Request) -> Later<'_, Result<Response, String>> {
        let server = address(server);
        Box::pin(async move {
            let server = server?;
            let client = match self.client.take().filter(|it| it.server == server) {
                Some(client) => client,
                None => Client::new(&self.sys, server, "kubectl", "", ""),
            };
            // kubectl names the request itself.
            let bare = |why: String| why.split_once("\": ").map_or(why.clone(), |(_, rest)| rest.to_owned());
            let answer = client.send(request).await.map_err(bare);
            self.client = Some(client);
            self.now = clock(&self.sys).await;
            answer
        })
    }

    fn print(&mut self, to: Stream, text: String) -> Later<'_, ()> {
        Box::pin(async move {
            match to {
                Stream::Out => self.sys.print(text).await,
                Stream::Err => self.sys.eprint(text).await,
            }
        })
    }

    fn read(&mut self, path: &str) -> Later<'_, Result<Entry, String>> {
        let path = path.to_owned();
        Box::pin(async move {
            let said = |errno: net::Errno| errno.to_string().to_lowercase();
            if path == "-" {
                return self.sys.read_all(STDIN).await.map(Entry::File).map_err(said);
            }
            if self.sys.stat(&path).await.map_err(said)?.kind == FileKind::Directory {
                let entries = self.sys.read_dir(&path).await.map_err(said)?;
                let mut names: Vec<String> = entries.into_iter().map(|it| it.name).collect();
                names.sort();
                return Ok(Entry::Folder(names));
            }
            self.sys.read_file(&path).await.map(Entry::File).map_err(said)
        })
    }

    fn write(&mut self, path: &str, bytes: Vec<u8>) -> Later<'_, Result<(), String>> {
        let path = path.to_owned();
        Box::pin(async move { self.sys.write_file(&path, &bytes).await.map_err(|errno| errno.to_string()) })
    }

    fn gather(&mut self, path: &str) -> Later<'_, Result<Vec<tar::Entry>, String>> {
        let path = path.to_owned();
        Box::pin(async move { files::gather(&self.sys, &path).await.map_err(|errno| errno.to_string()) })
    }

    fn make_folder(&mut self, path: &str) -> Later<'_, Result<(), String>> {
        let path = path.to_owned();
        Box::pin(async move { files::make_folder(&self.sys, &path).await.map_err(|errno| errno.to_string()) })
    }

    fn remove(&mut self, path: &str) -> Later<'_, ()> {
        let path = path.to_owned();
        // That it is gone already is as well.
        Box::pin(async move { self.sys.remove(&path).await.unwrap_or_default() })
    }

    fn edit(&mut self, text: String, extension: &'static str) -> Later<'_, Result<Edited, String>> {
        Box::pin(async move { self.edit_file(text, extension).await })
    }

    fn digits(&mut self) -> Later<'_, u32> {
        Box::pin(self.number())
    }

    fn suffix(&mut self) -> Later<'_, String> {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        Box::pin(async move {
            let bytes = self.sys.random(5).await;
            bytes.into_iter().map(|it| char::from(LETTERS[usize::from(it) % LETTERS.len()])).collect()
        })
    }

    fn sleep(&mut self, time: Duration) -> Later<'_, ()> {
        Box::pin(async move {
            self.sys.sleep(time).await;
            self.now = clock(&self.sys).await;
        })
    }

    fn now(&self) -> Time {
        self.now
    }

    fn kubeconfig(&mut self, path: &str) -> Later<'_, String> {
        let path = path.to_owned();
        Box::pin(async move {
            let path = self.config_path(&path).await;
            let bytes = self.sys.read_file(&path).await.unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }

    fn write_kubeconfig(&mut self, path: &str, text: String) -> Later<'_, Result<(), String>> {
        let path = path.to_owned();
        Box::pin(async move {
            let path = self.config_path(&path).await;
            self.sys.write_file(&path, text.as_bytes()).await.map_err(|errno| format!("open {path}: {errno}"))
        })
    }

    fn open(&mut self, server: &str, request: Request) -> Later<'_, Result<Response, String>> {
        let server = address(server);
        Box::pin(async move {
            let client = Client::new(&self.sys, server?, "kubectl", "", "");
            let (head, mut connection) = client.open(&request).await?;
            let headers = head.headers.clone();
            let mut answer = Response { code: head.code(), headers, body: String::new() };
            if answer.is_success() {
                self.streams.push(Some(stream(connection)));
            } else {
                let body = connection.body(&head, None).await.map_err(|errno| errno.to_string())?;
                answer.body = String::from_utf8_lossy(&body).into_owned();
            }
            Ok(answer)
        })
    }

    fn next(&mut self) -> Later<'_, (usize, Piece)> {
        Box::pin(async move {
            let (at, connection, piece) = poll_fn(|context| {
                for (at, slot) in self.streams.iter_mut().enumerate() {
                    if let Some(Poll::Ready((connection, piece))) =
                        slot.as_mut().map(|it| it.as_mut().poll(context))
                    {
                        return Poll::Ready((at, connection, piece));
                    }
                }
                Poll::Pending
            })
            .await;
            self.streams[at] = matches!(piece, Ok(Some(_))).then(|| stream(connection));
            self.now = clock(&self.sys).await;
            (at, piece)
        })
    }

    fn is_terminal(&mut self) -> Later<'_, bool> {
        Box::pin(async move { self.sys.is_tty(STDIN).await })
    }

    fn exec(&mut self, exec: Exec) -> Later<'_, Result<u8, String>> {
        let server = address(&exec.server);
        Box::pin(async move {
            let client = Client::new(&self.sys, server?, "kubectl", "", "");
            streams::join(&self.sys, &client, exec).await
        })
    }

    fn capture(&mut self, exec: Exec, input: Vec<u8>) -> Later<'_, Result<(u8, Vec<u8>, Vec<u8>), String>> {
        let server = address(&exec.server);
        Box::pin(async move {
            let client = Client::new(&self.sys, server?, "kubectl", "", "");
            streams::capture(&self.sys, &client, exec.request, &input).await
        })
    }

    fn forward(&mut self, forward: Forward) -> Later<'_, Result<(), String>> {
        let server = address(&forward.server);
        Box::pin(async move {
            let client = Client::new(&self.sys, server?, "kubectl", "", "");
            forward::forward(&self.sys, &client, forward).await
        })
    }

    fn proxy(&mut self, server: &str, like: Request, local: SocketAddr) -> Later<'_, Result<(), String>> {
        let server = address(server);
        Box::pin(async move {
            let client = Client::new(&self.sys, server?, "kubectl", "", "");
            proxy::proxy(&self.sys, &client, like, local).await
        })
    }
}

type Waiting = Pin<Box<dyn Future<Output = (Connection, Piece)>>>;

/// The next piece of a stream that is answered in chunks.
fn stream(mut connection: Connection) -> Waiting {
    Box::pin(async move {
        let piece = connection.chunk(None).await.map_err(|errno| errno.to_string().to_lowercase());
        (connection, piece)
    })
}
