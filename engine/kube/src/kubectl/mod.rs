//! kubectl: words in, requests to the API server, the real tool's text out.
//!
//! Stands on nothing but `Host`, so the same kubectl runs in a test, in a pod and on a node over the simulated network.
//! Always: what it prints comes from the server's answer; exit codes and error texts are kubectl v1.36.2's.
//! Differs from kubectl: no plugins, no kustomize, no kuberc; which kinds there are it knows without asking for discovery.
//! Sources: kubectl and cli-runtime v0.36.2.

mod apply;
mod auth;
pub mod command;
mod complete;
mod config;
mod cp;
mod create;
mod debug;
mod delete;
mod describe;
mod diff;
mod edit;
mod events;
mod exec;
mod explain;
mod fault;
mod find;
mod flags;
mod get;
mod gotemplate;
mod jsonpath;
mod label;
pub mod linux;
mod logs;
mod manifest;
mod node;
mod patch;
mod pod;
mod port_forward;
mod print;
mod resource;
mod rollout;
mod run;
mod scale;
mod session;
mod set;
mod show;
mod tab;
mod unified;
mod wait;

use crate::api::{Request, Response};
use crate::object::Time;
use ::linux::tar;
use fault::Fault;
use flags::Flags;
use session::Session;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

pub use events::{described, is_about, when};
pub use get::wide;
pub use print::yaml_of;

pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// What stands under a path of the machine kubectl runs on.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    File(Vec<u8>),
    /// Names in it, sorted.
    Folder(Vec<String>),
}

/// A program in a container that is joined, over the kubelet of its node.
#[derive(Clone, Debug, Default)]
pub struct Exec {
    pub server: String,
    /// What asks for the stream.
    pub request: Request,
    pub stdin: bool,
    pub tty: bool,
}

/// Ports of this machine that lead to ports of a pod.
#[derive(Clone, Debug, Default)]
pub struct Forward {
    pub server: String,
    /// What asks for one connection, but for its port.
    pub request: Request,
    pub addresses: Vec<IpAddr>,
    /// Local and remote; a local port 0 is any.
    pub ports: Vec<(u16, u16)>,
}

/// What an editor left, and the file in which it lies.
#[derive(Clone, Debug)]
pub struct Edited {
    pub text: String,
    pub path: String,
}

/// What comes on a stream: bytes, or its end, or why it broke.
pub type Piece = Result<Option<Vec<u8>>, String>;

/// What kubectl needs of the machine it runs on.
pub trait Host {
    /// Sends a request to the API server and waits for its answer; an error is the dialer's text.
    fn send(&mut self, server: &str, request: Request) -> Later<'_, Result<Response, String>>;
    fn print(&mut self, to: Stream, text: String) -> Later<'_, ()>;
    /// A file or folder; `-` is standard input. An error is the system's text, as `no such file or directory`.
    fn read(&mut self, path: &str) -> Later<'_, Result<Entry, String>>;
    fn write(&mut self, path: &str, bytes: Vec<u8>) -> Later<'_, Result<(), String>>;
    /// What stands at a path and below it as an archive's entries, named from there.
    fn gather(&mut self, path: &str) -> Later<'_, Result<Vec<tar::Entry>, String>>;
    /// A folder, and those that it stands in.
    fn make_folder(&mut self, path: &str) -> Later<'_, Result<(), String>>;
    /// Takes a file away, if it is there.
    fn remove(&mut self, path: &str) -> Later<'_, ()>;
    /// Runs the editor on a file of its own, whose name ends so.
    fn edit(&mut self, text: String, extension: &'static str) -> Later<'_, Result<Edited, String>>;
    /// A number by chance, as files for a while have it in their names.
    fn digits(&mut self) -> Later<'_, u32>;
    /// Five letters by chance, as names that are made up end in them.
    fn suffix(&mut self) -> Later<'_, String>;
    fn sleep(&mut self, time: Duration) -> Later<'_, ()>;
    fn now(&self) -> Time;
    /// The kubeconfig in force, as YAML; empty if there is none. A path is what `--kubeconfig` named.
    fn kubeconfig(&mut self, path: &str) -> Later<'_, String>;
    fn write_kubeconfig(&mut self, path: &str, text: String) -> Later<'_, Result<(), String>>;
    /// Begins a stream beside those that are open. An answer that is no success is whole, and no stream.
    fn open(&mut self, server: &str, request: Request) -> Later<'_, Result<Response, String>>;
    /// What comes next on any open stream, and which it is, in the order of opening.
    fn next(&mut self) -> Later<'_, (usize, Piece)>;
    /// Is standard input a terminal?
    fn is_terminal(&mut self) -> Later<'_, bool>;
    /// Joins a program in a container with this machine's standard streams; its exit code. An error is the server's status
    /// as JSON, or words.
    fn exec(&mut self, exec: Exec) -> Later<'_, Result<u8, String>>;
    /// The same away from the terminal: what standard input holds, exit code, both outputs.
    fn capture(&mut self, exec: Exec, input: Vec<u8>) -> Later<'_, Result<(u8, Vec<u8>, Vec<u8>), String>>;
    /// Serves until it is stopped; errors as [`Host::exec`].
    fn forward(&mut self, forward: Forward) -> Later<'_, Result<(), String>>;
    /// Serves the API on an address of this machine until it is stopped; each request goes on with the headers of `like`.
    fn proxy(&mut self, server: &str, like: Request, local: SocketAddr) -> Later<'_, Result<(), String>>;
}

/// Runs `kubectl WORDS…`; its exit code.
pub async fn kubectl(host: &mut dyn Host, words: &[String]) -> u8 {
    let mut session = Session::new(host);
    let result = run(&mut session, words).await;
    let mut code = 0;
    if let Err(fault) = result {
        session.complain(&fault.text());
        code = fault.code();
    }
    session.flush().await;
    code
}

async fn run(session: &mut Session<'_>, words: &[String]) -> Result<(), Fault> {
    if let Some(("__complete", rest)) = words.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        complete::complete(session, rest).await;
        return Ok(());
    }
    let (command, rest) = command::find(words);
    let wants_help = rest.iter().take_while(|it| *it != "--").any(|it| it == "--help" || it == "-h");
    if wants_help || command.is_none() && rest.first().is_none_or(|it| it.starts_with('-') || it == "help") {
        session.print(&command::help(command.or_else(|| command::find(rest.get(1..).unwrap_or_default()).0)));
        return Ok(());
    }
    let Some(command) = command else {
        return Err(Fault::Raw(command::unknown(rest.first().map_or("", String::as_str))));
    };
    let flags = Flags::parse(command, &rest)?;
    session.settle(&flags).await?;
    verb(session, command, &flags).await?;
    match session.warned.len() {
        1 if flags.is_on("warnings-as-errors") => Err(Fault::plain("1 warning received")),
        count @ 2.. if flags.is_on("warnings-as-errors") => {
            Err(Fault::Plain(format!("{count} warnings received")))
        }
        _ => Ok(()),
    }
}

async fn verb(
    session: &mut Session<'_>,
    command: &'static command::Command,
    flags: &Flags,
) -> Result<(), Fault> {
    let (first, second) = command.path.split_once(' ').unwrap_or((command.path, ""));
    match first {
        "get" => get::get(session, flags).await,
        "events" => events::events(session, flags).await,
        "describe" => describe::describe(session, flags).await,
        "create" => create::create(session, second, flags).await,
        "run" => run::run(session, flags).await,
        "expose" => run::expose(session, flags).await,
        "apply" => apply::apply(session, second, flags).await,
        "diff" => diff::diff(session, flags).await,
        "replace" => manifest::replace(session, flags).await,
        "delete" => delete::delete(session, flags).await,
        "patch" => patch::patch(session, flags).await,
        "edit" => edit::edit(session, flags).await,
        "scale" => scale::scale(session, flags).await,
        "autoscale" => scale::autoscale(session, flags).await,
        "set" => set::set(session, second, flags).await,
        "label" => label::label(session, flags).await,
        "annotate" => label::annotate(session, flags).await,
        "taint" => node::taint(session, flags).await,
        "cordon" => node::cordon(session, flags, true).await,
        "uncordon" => node::cordon(session, flags, false).await,
        "drain" => node::drain(session, flags).await,
        "rollout" => rollout::rollout(session, second, flags).await,
        "wait" => wait::wait(session, flags).await,
        "explain" => explain::explain(session, flags).await,
        "api-resources" => show::api_resources(session, flags).await,
        "api-versions" => show::api_versions(session).await,
        "cluster-info" => show::cluster_info(session, second).await,
        "version" => show::version(session, flags).await,
        "top" => show::top(session, second, flags).await,
        "auth" => auth::auth(session, second, flags).await,
        "logs" => logs::logs(session, flags).await,
        "exec" => exec::exec(session, flags).await,
        "attach" => exec::attach(session, flags).await,
        "cp" => cp::copy(session, flags).await,
        "port-forward" => port_forward::port_forward(session, flags).await,
        "debug" => debug::debug(session, flags).await,
        "proxy" => show::proxy(session, flags).await,
        "config" => config::config(session, second, flags).await,
        "options" => {
            session.print(&command::options());
            Ok(())
        }
        "completion" => show::completion(session, flags),
        name => Err(Fault::Plain(format!("{name}: not simulated in vethlab"))),
    }
}
