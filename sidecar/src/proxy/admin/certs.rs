//! `/certs`: the certificates that are in use, and for how long they hold.
//!
//! Source: Envoy `source/server/admin/server_info_handler.cc`, envoy.admin.v3 (certs).

use super::{JSON, Page, pretty};
use crate::access_log::time::rfc3339;
use crate::proxy::{Proxy, SECOND};
use crate::tls::certificate::{San, Validity, validity};
use crate::tls::{Certificate, Shown};
use serde_json::{Map, Value, json};

const DAY: u64 = 24 * 3600;

impl Proxy {
    /// The page.
    pub(super) fn admin_certs(&self) -> Page {
        let connectors =
            self.cluster_names.values().filter_map(|id| self.clusters.get(*id)?.as_ref()?.tls.as_ref());
        let chains = self.listeners.iter().flatten().flat_map(|it| &it.chains);
        let shown =
            connectors.map(|it| it.shown()).chain(chains.filter_map(|it| it.tls.as_ref()?.shown().into()));
        let all: Vec<Value> = shown.map(|it| self.certificate(it)).collect();
        let mut fields = Map::new();
        fields.insert("certificates".to_owned(), all.into());
        (200, pretty(&fields.into()), JSON)
    }

    fn certificate(&self, shown: &Shown) -> Value {
        let details =
            |all: &[Certificate]| -> Vec<Value> { all.iter().filter_map(|it| self.details(it)).collect() };
        json!({ "ca_cert": details(&shown.authorities), "cert_chain": details(&shown.own) })
    }

    fn details(&self, certificate: &Certificate) -> Option<Value> {
        let Validity { serial, from, until, mut sans } = validity(&certificate.der)?;
        // By kind, as Envoy lists them.
        sans.sort_by_key(|it| match it {
            San::Dns(_) => 0,
            San::Uri(_) => 1,
            San::Email(_) | San::Ip(_) => 2,
        });
        let names = sans.into_iter().filter_map(|it| match it {
            San::Dns(name) => Some(json!({ "dns": name })),
            San::Uri(name) => Some(json!({ "uri": name })),
            San::Ip(address) => Some(json!({ "ip_address": address })),
            San::Email(_) => None,
        });
        let days = until.saturating_sub(self.now / SECOND) / DAY;
        Some(json!({
            "path": certificate.path,
            "serial_number": serial,
            "subject_alt_names": names.collect::<Vec<_>>(),
            "days_until_expiration": days.to_string(),
            "valid_from": rfc3339(from),
            "expiration_time": rfc3339(until),
        }))
    }
}
