//! autopath: walks the search list for a Pod, so that it asks once instead of four times.
//!
//! Always: only for names that end in the first domain of the asking Pod's list; where nothing is found, the answer to
//! the first name is given, and the Pod goes on by itself.
//! Source: CoreDNS 1.14.7 `plugin/autopath`.

use super::super::chain::{Cx, Plugin};
use super::super::corefile::Surroundings;
use super::super::dispenser::Dispenser;
use super::super::request::{Outcome, Request, record};
use super::super::zone::{from_args, is_below, matches, normalise};
use linux::dns::{Data, Kind, Message, Name, Rcode};
use linux::resolver::ResolvConf;

#[derive(Clone, Debug)]
enum Search {
    /// Of the Pod that asks.
    Kubernetes,
    /// Of a file.
    List(Vec<String>),
}

#[derive(Clone, Debug)]
pub struct Autopath {
    zones: Vec<String>,
    search: Search,
}

impl Autopath {
    pub fn parse(at: &mut Dispenser, keys: &[String], around: &dyn Surroundings) -> Result<Autopath, String> {
        let mut plugin = None;
        while at.next() {
            let args = at.remaining_args();
            let Some((source, zones)) = args.split_last() else {
                return Err("no resolv-conf specified".to_owned());
            };
            let search = match source.strip_prefix('@') {
                Some("kubernetes") => Search::Kubernetes,
                Some(other) => return Err(format!("autopath plugin: {other} is not simulated in vethlab")),
                None => {
                    let missing =
                        || format!("failed to parse \"{source}\": open {source}: no such file or directory");
                    let text = around.file(source).ok_or_else(missing)?;
                    let conf = ResolvConf::parse(&text, &linux::resolver::Surroundings::default());
                    let list = conf.search.iter().map(|domain| normalise(domain));
                    Search::List(list.chain([String::new()]).collect())
                }
            };
            let zones = if zones.is_empty() { keys.to_vec() } else { from_args(zones) };
            plugin = Some(Autopath { zones, search });
        }
        plugin.ok_or_else(|| at.arg_error())
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        let name = request.name();
        let search = match matches(&self.zones, &name) {
            None => None,
            Some(_) => self.search_for(cx, &request),
        };
        let search = search.filter(|list| list.first().is_some_and(|first| is_below(first, &name)));
        let Some(search) = search else { return cx.next("autopath", request).await };
        let asked = request.question().name.clone();
        let text = asked.to_string();
        let base = text.get(..text.len().saturating_sub(search[0].len())).unwrap_or_default().to_owned();
        let (mut first, mut last): (Option<Outcome>, _) = (None, None);
        for domain in search {
            let Ok(name) = Name::parse(&format!("{base}{domain}")) else { continue };
            let mut next = request.clone();
            let kind = next.kind();
            next.ask_for(name, kind);
            let length = next.length();
            let mut outcome = cx.next("autopath", next).await;
            outcome.size = Some(length);
            if outcome.error.is_some() {
                return outcome;
            }
            let is_hit = outcome.reply.as_ref().is_some_and(|reply| reply.rcode != Rcode::NXDOMAIN);
            if is_hit && let Some(reply) = &mut outcome.reply {
                name_back(reply, &asked);
                return outcome;
            }
            last = Some(length);
            first.get_or_insert(outcome);
        }
        if let Some(first) = &mut first {
            first.size = last;
        }
        first.unwrap_or_else(|| Outcome::failed(Rcode::SERVFAIL, None))
    }

    fn search_for(&self, cx: &Cx, request: &Request) -> Option<Vec<String>> {
        match &self.search {
            Search::List(list) => Some(list.clone()),
            Search::Kubernetes => {
                let chain = &cx.core.blocks[cx.block].chain;
                chain.iter().find_map(|plugin| match plugin {
                    Plugin::Kubernetes(it) => it.autopath(cx, request),
                    _ => None,
                })
            }
        }
    }
}

/// Leads from the name that was asked for to the one that was found.
fn name_back(reply: &mut Message, asked: &Name) {
    if let Some(other) = reply.answers.iter().find(|record| !record.name.same(asked)) {
        let alias = record(asked.clone(), Kind::CNAME, other.ttl, Data::Name(other.name.clone()));
        reply.answers.insert(0, alias);
    }
    if let Some(question) = reply.questions.first_mut() {
        question.name = asked.clone();
    }
}
