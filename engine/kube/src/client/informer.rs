//! An informer: a list, then a watch from where the list stood, for ever.
//!
//! Always: what is lost with a connection comes again: a watch goes on from the last revision seen, and where the server no
//! longer knows that one (410 Gone) the list is read anew; a server that is away is asked again with back-off.
//! Source: client-go `tools/cache/reflector.go`.

use super::{Client, path_of};
use crate::api::Request;
use crate::http::Connection;
use crate::klog::{Klog, quoted};
use crate::object::{Kind, Value, json};
use crate::store::What;
use std::collections::VecDeque;
use std::time::Duration;

/// The reflector's back-off: it doubles from the first to the last.
const FIRST_DELAY: Duration = Duration::from_millis(800);
const LAST_DELAY: Duration = Duration::from_secs(30);
/// What makes the reflectors of a component.
const REFLECTOR: &str = "k8s.io/client-go/informers/factory.go:160";

#[derive(Clone, Debug)]
pub enum News {
    /// All there is; what was known before and is not among it is gone.
    Listed(Vec<Value>),
    Changed(What, Value),
}

pub struct Informer {
    client: Client,
    kind: Kind,
    namespace: String,
    selectors: Vec<(String, String)>,
    /// Empty where a list is due.
    revision: String,
    stream: Option<Connection>,
    begun: Vec<u8>,
    ready: VecDeque<News>,
    delay: Duration,
    log: Option<Klog>,
    /// What is to be said of the last attempt: a stream that breaks off is no news.
    trouble: Option<String>,
}

impl Informer {
    /// Of all namespaces where `namespace` is empty.
    pub fn new(client: &Client, kind: Kind, namespace: &str) -> Informer {
        Informer {
            client: client.clone(),
            kind,
            namespace: namespace.to_owned(),
            selectors: Vec::new(),
            revision: String::new(),
            stream: None,
            begun: Vec::new(),
            ready: VecDeque::new(),
            delay: FIRST_DELAY,
            log: None,
            trouble: None,
        }
    }

    /// Says in the log what fails.
    #[must_use]
    pub fn logged(mut self, log: &Klog) -> Informer {
        self.log = Some(log.clone());
        self
    }

    /// `fieldSelector` or `labelSelector`.
    #[must_use]
    pub fn with(mut self, selector: &str, value: impl Into<String>) -> Informer {
        self.selectors.push((selector.to_owned(), value.into()));
        self
    }

    /// What happens next; waits as long as it takes.
    pub async fn next(&mut self) -> News {
        loop {
            if let Some(news) = self.ready.pop_front() {
                return news;
            }
            match self.advance().await {
                Ok(()) => self.delay = FIRST_DELAY,
                Err(_) => {
                    self.stream = None;
                    if let Some(why) = self.trouble.take() {
                        self.complain(&why).await;
                    }
                    self.client.sys.sleep(self.delay).await;
                    self.delay = (self.delay * 2).min(LAST_DELAY);
                }
            }
        }
    }

    /// That nobody listens at the server's port is no news: client-go tells it at a higher verbosity only.
    async fn complain(&self, why: &str) {
        let Some(log) = self.log.as_ref().filter(|_| !why.ends_with("connection refused")) else { return };
        let kind = quoted(&self.type_name());
        let (logger, reflector) = (quoted("UnhandledError"), quoted(REFLECTOR));
        log.error(
            "reflector.go:227",
            "Failed to watch",
            why,
            &[("logger", &logger), ("reflector", &reflector), ("type", &kind)],
        )
        .await;
    }

    fn type_name(&self) -> String {
        let resource = self.kind.resource();
        format!("*{}.{}", resource.version, resource.name)
    }

    fn request(&self) -> Request {
        let mut request = Request::new("GET", path_of(self.kind, &self.namespace, ""));
        request.query.clone_from(&self.selectors);
        request
    }

    /// One step: the list, the beginning of a watch, or its next lines.
    async fn advance(&mut self) -> Result<(), String> {
        if self.revision.is_empty() {
            let request = self.request().with_query("limit", "500").with_query("resourceVersion", "0");
            let answer = self.client.send(request).await.and_then(super::read);
            let list = match answer {
                Ok(list) => list,
                Err(why) => {
                    let words = format!("failed to list {}: {why}", self.type_name());
                    return Err(self.trouble.insert(words).clone());
                }
            };
            self.revision = list["metadata"].str("resourceVersion").to_owned();
            let resource = self.kind.resource();
            let item = |it: &Value| {
                let mut it = it.clone();
                it.set("kind", resource.name);
                it.set("apiVersion", resource.api_version());
                it
            };
            self.ready.push_back(News::Listed(list.get("items").items().iter().map(item).collect()));
            return Ok(());
        }
        let Some(stream) = &mut self.stream else {
            let mut request = self.request();
            request.query.push(("watch".to_owned(), "true".to_owned()));
            request.query.push(("resourceVersion".to_owned(), self.revision.clone()));
            let opened = self.client.open(&request).await;
            let (head, connection) = match opened {
                Ok(opened) => opened,
                Err(why) => {
                    let words = format!("{}: {why}", self.client.shown(&request));
                    return Err(self.trouble.insert(words).clone());
                }
            };
            if head.code() == 410 {
                self.revision.clear();
                return Ok(());
            }
            if head.code() != 200 {
                return Err(format!("watch: {}", head.first));
            }
            (self.stream, self.begun) = (Some(connection), Vec::new());
            return Ok(());
        };
        let chunk = stream.chunk(None).await.map_err(|errno| errno.to_string())?;
        let Some(chunk) = chunk else {
            // The server ended the watch in good order: ask again at once.
            self.stream = None;
            return Ok(());
        };
        self.begun.extend(chunk);
        while let Some(at) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=at).collect();
            self.line(&String::from_utf8_lossy(&line))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let event = json::parse(line)?;
        let what = match event.str("type") {
            "ADDED" => What::Added,
            "MODIFIED" => What::Modified,
            "DELETED" => What::Deleted,
            "BOOKMARK" => return Ok(()),
            _ => {
                if event["object"].int("code") == 410 {
                    self.revision.clear();
                }
                return Err(event["object"].str("message").to_owned());
            }
        };
        let object = event["object"].clone();
        object["metadata"].str("resourceVersion").clone_into(&mut self.revision);
        self.ready.push_back(News::Changed(what, object));
        Ok(())
    }
}
