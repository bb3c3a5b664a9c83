//! What a component watches, several kinds at once, told as single changes.
//!
//! Always: a list that is read anew is told as changes: what is there, then what is gone; once all kinds have been listed
//! and told, [`News::Synced`] comes, and only once.
//! Source: client-go `tools/cache` (shared informers).

use crate::api::Request;
use crate::client::{self, Client, Informer};
use crate::klog::Klog;
use crate::object::{Kind, Value, json};
use crate::store::What;
use linux::Sys;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

#[derive(Clone, Debug)]
pub enum News {
    Set(Kind, Value),
    Deleted(Kind, Value),
    Synced,
}

type Waiting = Pin<Box<dyn Future<Output = (Informer, client::News)>>>;
/// Namespace and name.
type Key = (String, String);

struct Source {
    kind: Kind,
    waiting: Waiting,
    known: BTreeMap<Key, Value>,
    is_listed: bool,
}

pub struct Feed {
    client: Client,
    sources: Vec<Source>,
    ready: VecDeque<News>,
    is_synced: bool,
}

fn wait(mut informer: Informer) -> Waiting {
    Box::pin(async move {
        let news = informer.next().await;
        (informer, news)
    })
}

fn key(object: &Value) -> Key {
    let metadata = object.get("metadata");
    (metadata.str("namespace").to_owned(), metadata.str("name").to_owned())
}

impl Feed {
    pub fn new(client: &Client, kinds: &[Kind], log: Option<&Klog>) -> Feed {
        let informer = |kind: &Kind| {
            let informer = Informer::new(client, *kind, "");
            match log {
                Some(log) => informer.logged(log),
                None => informer,
            }
        };
        let source = |kind: &Kind| Source {
            kind: *kind,
            waiting: wait(informer(kind)),
            known: BTreeMap::new(),
            is_listed: false,
        };
        Feed {
            client: client.clone(),
            sources: kinds.iter().map(source).collect(),
            ready: VecDeque::new(),
            is_synced: false,
        }
    }

    /// By a Pod's environment and token.
    pub async fn in_cluster(sys: &Sys, agent: &str, kinds: &[Kind]) -> Result<Feed, String> {
        Ok(Feed::new(&Client::in_pod(sys, agent).await?, kinds, None))
    }

    /// With what fails in the log, by the server that a kubeconfig names, with the Pod's token where it names one; by the environment without a file.
    pub async fn by_kubeconfig(sys: &Sys, agent: &str, path: &str, kinds: &[Kind]) -> Result<Feed, String> {
        let log = Klog::new(sys);
        if path.is_empty() {
            return Ok(Feed::new(&Client::in_pod(sys, agent).await?, kinds, Some(&log)));
        }
        let read = sys.read_file(path).await;
        let bytes = read.map_err(|errno| format!("stat {path}: {}", errno.text().to_lowercase()))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let server =
            Client::server_of(&text).ok_or("invalid configuration: no configuration has been provided")?;
        let client = match Client::in_pod(sys, agent).await {
            Ok(mut client) => {
                client.server = server;
                client
            }
            Err(_) => Client::new(sys, server, agent, &format!("system:{agent}"), "system:nodes"),
        };
        Ok(Feed::new(&client, kinds, Some(&log)))
    }

    /// What happened next; waits as long as it takes.
    pub async fn next(&mut self) -> News {
        loop {
            if let Some(news) = self.ready.pop_front() {
                return news;
            }
            if !self.is_synced && self.sources.iter().all(|source| source.is_listed) {
                self.is_synced = true;
                return News::Synced;
            }
            let (index, informer, news) = self.any().await;
            let source = &mut self.sources[index];
            source.waiting = wait(informer);
            source.take(news, &mut self.ready);
        }
    }

    async fn any(&mut self) -> (usize, Informer, client::News) {
        poll_fn(|context| {
            for (index, source) in self.sources.iter_mut().enumerate() {
                if let Poll::Ready((informer, news)) = source.waiting.as_mut().poll(context) {
                    return Poll::Ready((index, informer, news));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// A strategic merge patch; the error is the server's message, or the dialer's.
    pub async fn patch(&self, path: &str, body: &str) -> Result<(), String> {
        let request =
            Request::new("PATCH", path).with_body("application/strategic-merge-patch+json", body.to_owned());
        let response = self.client.send(request).await?;
        match response.is_success() {
            true => Ok(()),
            false => {
                Err(json::parse(&response.body)
                    .map_or(response.body, |status| status.str("message").to_owned()))
            }
        }
    }
}

impl Source {
    fn take(&mut self, news: client::News, ready: &mut VecDeque<News>) {
        match news {
            client::News::Listed(objects) => {
                let found: BTreeMap<Key, Value> = objects.into_iter().map(|it| (key(&it), it)).collect();
                ready.extend(found.values().map(|it| News::Set(self.kind, it.clone())));
                let gone = self.known.iter().filter(|(key, _)| !found.contains_key(*key));
                ready.extend(gone.map(|(_, it)| News::Deleted(self.kind, it.clone())));
                (self.known, self.is_listed) = (found, true);
            }
            client::News::Changed(What::Deleted, object) => {
                self.known.remove(&key(&object));
                ready.push_back(News::Deleted(self.kind, object));
            }
            client::News::Changed(_, object) => {
                self.known.insert(key(&object), object.clone());
                ready.push_back(News::Set(self.kind, object));
            }
        }
    }
}
