//! The API server without its sockets: a request comes in, an answer goes out.
//!
//! Stands between the store and everybody else. Always: what a request may do, a person could do with curl; times and
//! random names come from the cluster's clock and its own stream of chance.
//! Differs from Kubernetes: no webhooks, no flow control, no protobuf, no OpenAPI document.
//! Sources: kubernetes.io API concepts; apiserver `endpoints/handlers`.

pub mod access;
pub mod admission;
pub mod allocate;
pub mod answer;
pub mod apply;
pub mod bootstrap;
pub mod delete;
pub mod discovery;
pub mod path;
pub mod rbac;
pub mod registry;
pub mod scale;
pub mod strategy;
pub mod table;
pub mod watch;

use crate::controller::event::{self, Recorder};
use crate::object::{Kind, Status, Time, Value, json, yaml};
use crate::store::Store;
use access::User;
use allocate::Allocations;
use path::{Path, Target};
use sim::Rng;

/// As long as a body may be; kube-apiserver takes 3 MiB.
pub const LONGEST_BODY: usize = 3 * 1024 * 1024;
pub const VERSION: &str = "v1.36.2";

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

#[derive(Clone, Debug, Default)]
pub struct Response {
    pub code: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn new(method: &'static str, path: impl Into<String>) -> Request {
        Request { method, path: path.into(), ..Request::default() }
    }

    pub fn query(&self, name: &str) -> &str {
        self.query.iter().find(|(its, _)| its == name).map_or("", |(_, value)| value)
    }

    pub fn has_query(&self, name: &str) -> bool {
        self.query.iter().any(|(its, _)| its == name)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(its, _)| its.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    #[must_use]
    pub fn with_query(mut self, name: &str, value: impl Into<String>) -> Request {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Request {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<String>) -> Request {
        self.body = body.into();
        self.with_header("Content-Type", content_type)
    }

    pub fn is_true(&self, name: &str) -> bool {
        matches!(self.query(name), "1" | "true")
    }
}

impl Response {
    pub fn json(code: u16, value: &Value) -> Response {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Response { code, headers, body: json::compact(value) + "\n" }
    }

    pub fn text(code: u16, text: &str) -> Response {
        let headers = vec![("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned())];
        Response { code, headers, body: text.to_owned() }
    }

    /// Texts of `Warning` headers.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        let warnings = self.headers.iter().filter(|(name, _)| name == "Warning");
        warnings.map(|(_, value)| value.as_str())
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }
}

/// What a request asks beside its object.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub dry_run: bool,
    /// Who is noted as the writer of fields.
    pub manager: String,
    pub force: bool,
    pub validation: Validation,
    pub warnings: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    Ignore,
    #[default]
    Warn,
    Strict,
}

/// The API server: the store, what is allocated, and chance.
#[derive(Debug)]
pub struct Api {
    pub store: Store,
    pub(crate) allocations: Allocations,
    pub(crate) rng: Rng,
    pub(crate) recorder: Recorder,
    pub(crate) lines: watch::Lines,
}

impl Api {
    pub fn new(seed: u64, now: Time) -> Api {
        let mut store = Store::default();
        store.set_now(now);
        Api {
            store,
            allocations: Allocations::default(),
            rng: Rng::stream(seed, "kube-apiserver"),
            recorder: Recorder::default(),
            lines: watch::Lines::default(),
        }
    }

    pub fn set_now(&mut self, now: Time) {
        self.store.set_now(now);
        event::forget_old(self);
    }

    /// Takes an object in as it stands, for a recorded or a prepared world.
    pub fn load(&mut self, object: Value) {
        let Some(kind) = Kind::of(object.str("apiVersion"), object.str("kind")) else { return };
        self.allocations.take_in(kind, &object);
        self.store.load(kind, object);
    }

    /// Answers one request.
    pub fn handle(&mut self, request: &Request) -> Response {
        let mut options = Options::default();
        match self.answer(request, &mut options) {
            Ok(mut response) => {
                for text in &options.warnings {
                    response.headers.push(("Warning".to_owned(), text.clone()));
                }
                response
            }
            Err(status) => {
                let mut response = Response::json(status.code, &status.to_value());
                for text in &options.warnings {
                    response.headers.push(("Warning".to_owned(), text.clone()));
                }
                response
            }
        }
    }

    fn answer(&mut self, request: &Request, options: &mut Options) -> Result<Response, Status> {
        if request.body.len() > LONGEST_BODY {
            let words = "request body too large: limit is 3145728";
            return Err(Status::new(413, "RequestEntityTooLarge", words));
        }
        let user = User::of(&self.store, request)?;
        if let Some(response) = discovery::answer(request) {
            access::check_path(&self.store, &user, &request.path)?;
            return Ok(response);
        }
        let path = Path::parse(request).ok_or_else(Status::no_such_path)?;
        access::check(&self.store, &user, request, &path)?;
        read_options(request, options)?;
        if request.method == "POST" && access::is_review(path.kind) {
            return Ok(access::review(&self.store, &user, &path, &Self::body(request)?));
        }
        match path.target {
            Target::Collection => self.collection(request, &path, options),
            Target::Object => self.object(request, &path, options),
            Target::Part(_) => self.part(request, &path, options, &user),
        }
    }

    /// The body as a tree: JSON, or YAML where the type says so.
    pub(crate) fn body(request: &Request) -> Result<Value, Status> {
        let kind = request.header("Content-Type");
        if kind.contains("yaml") {
            return yaml::parse(&request.body).map_err(Status::bad_request);
        }
        if !kind.is_empty() && !kind.contains("json") {
            let words = "the body of the request was in an unknown format - accepted media types include: \
                         application/json, application/yaml, application/vnd.kubernetes.protobuf";
            return Err(Status::unsupported_media_type(words));
        }
        json::parse(&request.body).map_err(Status::bad_request)
    }

    /// A random name's last five letters, without vowels and what looks alike.
    pub(crate) fn suffix(&mut self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let count = u32::try_from(LETTERS.len()).unwrap_or(1);
        (0..5).map(|_| char::from(LETTERS[self.rng.below(count) as usize])).collect()
    }

    pub(crate) fn uid(&mut self) -> String {
        let mut bytes = [0u8; 16];
        self.rng.fill(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

fn read_options(request: &Request, options: &mut Options) -> Result<(), Status> {
    match request.query("dryRun") {
        "" => {}
        "All" => options.dry_run = true,
        other => {
            let words = format!("dryRun: Unsupported value: \"{other}\": supported values: \"All\"");
            return Err(Status::new(422, "Invalid", format!(" \"\" is invalid: {words}")));
        }
    }
    options.force = request.is_true("force");
    options.manager = match request.query("fieldManager") {
        "" => request.header("User-Agent").split('/').next().unwrap_or_default().to_owned(),
        name => name.to_owned(),
    };
    options.validation = match request.query("fieldValidation") {
        "Ignore" => Validation::Ignore,
        "Strict" => Validation::Strict,
        _ => Validation::Warn,
    };
    Ok(())
}
