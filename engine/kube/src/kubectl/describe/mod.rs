//! `describe`: one object with what belongs to it, in words.
//!
//! Always: every line comes from the server's objects; columns are laid out as Go's tabwriter does.
//! Source: kubectl `pkg/describe`.

mod access;
mod cluster;
mod config;
mod container;
mod generic;
mod ingress;
mod network;
mod node;
mod pod;
mod policy;
mod volume;
mod workload;

pub use container::template as pod_template;
pub use workload::replica_sets;

use super::fault::Fault;
use super::find::{self, EVERYTHING, Info};
use super::flags::Flags;
use super::session::Session;
use super::{events, tab};
use crate::object::{Kind, Value};

/// Labels and annotations longer than this are put on lines of their own.
const LONGEST_ANNOTATION: usize = 140;

/// Text with its level, as Go's prefix writer keeps it.
#[derive(Default)]
pub struct Text {
    pub text: String,
}

impl Text {
    pub fn line(&mut self, level: usize, text: impl AsRef<str>) {
        self.text.extend(std::iter::repeat_n("  ", level));
        self.text.push_str(text.as_ref());
        self.text.push('\n');
    }

    /// `NAME:` and what it is.
    pub fn field(&mut self, level: usize, name: &str, value: impl std::fmt::Display) {
        self.line(level, format!("{name}:\t{value}"));
    }

    /// The same, only if there is something.
    pub fn some(&mut self, level: usize, name: &str, value: &str) {
        if !value.is_empty() {
            self.field(level, name, value);
        }
    }

    pub fn labels(&mut self, name: &str, labels: &Value) {
        map(self, 0, name, labels);
    }

    pub fn annotations(&mut self, name: &str, annotations: &Value) {
        self.annotations_at(0, name, annotations);
    }

    pub fn annotations_at(&mut self, level: usize, name: &str, annotations: &Value) {
        let shown: Vec<_> =
            annotations.fields().filter(|(key, _)| &***key != super::apply::LAST_APPLIED).collect();
        if shown.is_empty() {
            self.field(level, name, "<none>");
            return;
        }
        let mut head = format!("{name}:\t");
        for (key, value) in shown {
            let value = value.as_str().trim_end_matches('\n');
            if value.contains('\n') || value.len() + key.len() + 2 > LONGEST_ANNOTATION {
                self.line(level, format!("{head}{key}:"));
                for line in value.split('\n') {
                    let line = shorten(line, LONGEST_ANNOTATION - 2);
                    self.line(level, format!("\t  {line}"));
                }
            } else {
                self.line(level, format!("{head}{key}: {value}"));
            }
            head = "\t".to_owned();
        }
    }
}

fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        text.to_owned()
    } else {
        format!("{}...", &text[..text.floor_char_boundary(most)])
    }
}

/// `NAME:` and a map's entries, one a line.
pub fn map(out: &mut Text, level: usize, name: &str, labels: &Value) {
    if labels.is_empty() {
        out.field(level, name, "<none>");
        return;
    }
    let mut head = format!("{name}:\t");
    for (key, value) in labels.fields() {
        out.line(level, format!("{head}{key}={}", super::jsonpath::shown(value)));
        head = "\t".to_owned();
    }
}

pub async fn describe(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if flags.words.is_empty() && !flags.has("filename") {
        return Err(Fault::Plain(format!(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of \
             supported resources.{}",
            ""
        )));
    }
    let (infos, mut faults) = find::find(session, flags, &flags.words, EVERYTHING).await?;
    let mut found = infos;
    if found.is_empty() && faults.iter().all(Fault::is_not_found) && !faults.is_empty() {
        // A name that is not there may be the beginning of others.
        let ahead = by_prefix(session, flags).await?;
        if !ahead.is_empty() {
            faults.clear();
            found = ahead;
        }
    }
    let with_events = flags.or("show-events", "true") == "true";
    let mut is_first = true;
    for info in &found {
        let text = one(session, info, with_events).await?;
        if !is_first {
            session.print("\n\n");
        }
        is_first = false;
        session.print(&text);
    }
    if found.is_empty() && faults.is_empty() {
        let kinds = super::resource::Wanted::parse(&flags.words)?.kinds;
        let namespaced =
            kinds.iter().any(|(kind, _)| kind.resource().namespaced) && !flags.is_on("all-namespaces");
        session.complain(&if namespaced {
            format!("No resources found in {} namespace.\n", session.namespace)
        } else {
            "No resources found\n".to_owned()
        });
    }
    Fault::all(faults)
}

async fn by_prefix(session: &mut Session<'_>, flags: &Flags) -> Result<Vec<Info>, Fault> {
    let [kind, prefix] = &flags.words[..] else { return Ok(Vec::new()) };
    let Ok(kind) = super::resource::kind_of(kind) else { return Ok(Vec::new()) };
    let namespace = find::namespace_of(session, flags, kind);
    let list = session.list(kind, &namespace, &[]).await?;
    let starts = list.into_iter().filter(|it| it["metadata"].str("name").starts_with(prefix.as_str()));
    Ok(starts.map(|it| Info::of(kind, it)).collect())
}

/// One object's text.
async fn one(session: &mut Session<'_>, info: &Info, with_events: bool) -> Result<String, Fault> {
    let (object, mut out) = (&info.object, Text::default());
    match info.kind {
        Kind::Pod => pod::describe(&mut out, object, session.host.now()),
        Kind::Node => node::describe(session, &mut out, object).await,
        Kind::Service => network::service(session, &mut out, object).await,
        Kind::Ingress => ingress::describe(session, &mut out, object).await,
        Kind::IngressClass => network::class(&mut out, object),
        Kind::Endpoints => network::endpoints(&mut out, object),
        Kind::EndpointSlice => network::slice(&mut out, object),
        Kind::ServiceCIDR => network::service_cidr(&mut out, object),
        Kind::IPAddress => network::ip_address(&mut out, object),
        Kind::Role | Kind::ClusterRole => {
            access::role(&mut out, object);
            return Ok(tab::describe(&out.text));
        }
        Kind::RoleBinding | Kind::ClusterRoleBinding => {
            access::binding(&mut out, object);
            return Ok(tab::describe(&out.text));
        }
        Kind::NetworkPolicy => {
            policy::describe(&mut out, object);
            return Ok(tab::describe(&out.text));
        }
        Kind::Deployment => workload::deployment(session, &mut out, object).await,
        Kind::ReplicaSet => workload::replica_set(session, &mut out, object).await,
        Kind::DaemonSet => workload::daemon_set(session, &mut out, object).await,
        Kind::StatefulSet => workload::stateful_set(session, &mut out, object).await,
        Kind::Job => workload::job(&mut out, object),
        Kind::Namespace => {
            cluster::namespace(&mut out, object);
            return Ok(tab::describe(&out.text));
        }
        Kind::ConfigMap => config::config_map(&mut out, object),
        Kind::Secret => {
            config::secret(&mut out, object);
            return Ok(tab::describe(&out.text));
        }
        Kind::ServiceAccount => config::service_account(&mut out, object),
        _ => generic::describe(&mut out, object),
    }
    if with_events {
        events_of(session, &mut out, info).await;
    }
    Ok(tab::describe(&out.text))
}

/// The last part of a description.
async fn events_of(session: &mut Session<'_>, out: &mut Text, info: &Info) {
    let mut fields = format!("involvedObject.name={}", info.name);
    if !info.namespace.is_empty() {
        fields += &format!(",involvedObject.namespace={}", info.namespace);
    }
    let list = session.list(Kind::Event, &info.namespace, &[("fieldSelector", &fields)]).await;
    let mut list = list.unwrap_or_default();
    list.retain(|it| events::is_about(it, info.kind, &info.object));
    if list.is_empty() {
        out.field(0, "Events", "<none>");
        return;
    }
    list.sort_by_key(events::when);
    let now = session.host.now();
    out.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage");
    out.line(0, "  ----\t------\t----\t----\t-------");
    for event in &list {
        out.line(0, format!("  {}", events::described(event, now).join("\t")));
    }
}
