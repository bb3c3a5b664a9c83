//! What a connection must stand before its bytes go on: TLS and access control.

use super::Proxy;
use super::chain::Guard;
use crate::http::Connection;
#[cfg(feature = "tls")]
use std::rc::Rc;

impl Proxy {
    /// None: it is allowed; else what the log says of it.
    fn network_rbac(
        &mut self,
        rbac: &crate::filter::rbac::NetworkRbac,
        facts: &Connection,
    ) -> Option<String> {
        let (verdict, shadow) = rbac.decide(facts);
        let prefix = format!("{}rbac.", super::filters::dotted(&rbac.stat_prefix));
        let name = |allowed: bool| if allowed { "allowed" } else { "denied" };
        if let Some(shadow) = shadow {
            self.stats.count(&format!("{prefix}shadow_{}", name(shadow.allowed)));
        }
        let verdict = verdict?;
        self.stats.count(&format!("{prefix}{}", name(verdict.allowed)));
        (!verdict.allowed).then(|| verdict.details())
    }

    /// Access control of the connection, before its first bytes go on. False: it has been closed.
    pub(super) fn is_guarded(&mut self, number: u32, bytes: &[u8]) -> bool {
        let Some(down) = self.down(number) else { return false };
        let (Some(chain), facts) = (down.chain.clone(), down.facts.clone()) else { return true };
        if std::mem::replace(&mut down.is_guarded, true) {
            return true;
        }
        for guard in &chain.guards {
            if let Guard::Rbac(rbac) = guard
                && let Some(details) = self.network_rbac(rbac, &facts)
            {
                if let Some(entry) = self.down(number).and_then(|it| it.entry.as_mut()) {
                    entry.info.termination = details.clone().into();
                }
                self.tcp_refused(number, bytes.len() as u64, details);
                self.close_down(number);
                return false;
            }
        }
        true
    }

    #[cfg(feature = "tls")]
    pub(super) fn tls_failed(&mut self, number: u32, reason: &str) {
        let Some(down) = self.down(number) else { return };
        if let Some(entry) = &mut down.entry {
            entry.info.downstream_failure = reason.to_owned().into();
        }
        let kind = down.wire.tls.as_ref().and_then(|it| it.failure()).map(|it| it.kind);
        let at = down.listener;
        let Some(prefix) = self.listeners.get(at).and_then(Option::as_ref).map(|it| it.prefix.clone()) else {
            return;
        };
        use crate::tls::failure::Kind;
        let name = match kind {
            Some(Kind::VerifyNoCert) => "fail_verify_no_cert",
            Some(Kind::VerifyError) => "fail_verify_error",
            Some(Kind::VerifySan) => "fail_verify_san",
            Some(Kind::VerifyCertHash) => "fail_verify_cert_hash",
            Some(Kind::Connection) | None => "connection_error",
        };
        self.stats.count(&format!("{prefix}ssl.{name}"));
        self.abort_down(number);
    }

    #[cfg(feature = "tls")]
    pub(super) fn handshaken(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        let Some(tls) = &down.wire.tls else { return };
        let mut facts = (*down.facts).clone();
        facts.is_tls = true;
        facts.alpn = tls.alpn();
        facts.tls_version = tls.version();
        facts.peer = tls.peer();
        facts.local_uri_sans = tls.local_uri_sans();
        if !tls.sni().is_empty() {
            facts.server_name = tls.sni().to_owned();
        }
        let version = facts.tls_version;
        down.facts = Rc::new(facts);
        let at = down.listener;
        if let Some(prefix) = self.listeners.get(at).and_then(Option::as_ref).map(|it| it.prefix.clone()) {
            self.stats.count(&format!("{prefix}ssl.handshake"));
            self.stats.count(&format!("{prefix}ssl.versions.{version}"));
        }
        self.start_app(number);
    }
}
