//! Mirrored requests: copies whose answers nobody waits for.

use super::Proxy;
use super::router::Router;
use super::slab::Key;
use super::stream::{Owner, Stream};
use crate::route::Forward;
use std::rc::Rc;

impl Proxy {
    /// Makes the copies that a route asks for. They are sent behind the request itself.
    pub(super) fn make_shadows(&mut self, key: Key, forward: &Forward) -> Vec<Key> {
        let mut made = Vec::new();
        for mirror in &forward.mirrors {
            let Some(stream) = self.streams.get_mut(key) else { return made };
            if mirror.fraction.as_ref().is_some_and(|it| !it.holds(self.random.draw())) {
                continue;
            }
            let name = match stream.request.get_str(&mirror.cluster_header) {
                Some(name) if mirror.cluster.is_empty() => name.to_owned(),
                _ => mirror.cluster.clone(),
            };
            let Some(cluster) = self.cluster_names.get(name.as_str()).copied() else { continue };
            let Some(router) = &stream.router else { return made };
            let mut request = stream.request.clone();
            if !mirror.keeps_host {
                let host = request.get_str(":authority").unwrap_or_default();
                let bare = crate::route::table::without_port(host);
                let shadow = format!("{bare}-shadow{}", &host[bare.len()..]);
                request.set(":authority", shadow);
            }
            request.set("x-envoy-internal", "true");
            let own = self.own_address.to_string();
            let list = match request.get_str("x-forwarded-for") {
                Some(before) => format!("{before},{own}"),
                None => own,
            };
            request.set("x-forwarded-for", list);
            let copy = Router {
                cluster,
                priority: 0,
                policy: None,
                retries: 0,
                tried: Vec::new(),
                hash: router.hash,
                subset: None,
                cookies: Vec::new(),
                attempt: None,
                started: self.now,
                timeout: router.timeout,
                per_try: None,
                global_timer: None,
                per_try_timer: None,
                back_off: None,
                per_try_idle: None,
                shadows: Vec::new(),
                keeps_body: false,
                buffer_limit: router.buffer_limit,
                suppresses: false,
                counts_retry: false,
            };
            let mut info = stream.info.clone();
            info.attempts = 0;
            let settings = Rc::clone(&stream.settings);
            let is_ended = stream.request_ended;
            let body = stream.body.clone();
            let mut shadow = Stream::new(Owner::Shadow, &settings, info, request);
            shadow.request_ended = is_ended;
            shadow.body = body;
            shadow.router = Some(Box::new(copy));
            let shadow = self.streams.insert(shadow);
            if let Some(router) = self.stream(key).and_then(|it| it.router.as_mut()) {
                router.shadows.push(shadow);
            }
            made.push(shadow);
        }
        made
    }

    /// Sends the copies of a request; one that was answered at once has none.
    pub(super) fn send_shadows(&mut self, key: Key, shadows: Vec<Key>) {
        for shadow in shadows {
            if self.streams.get(key).is_some() {
                self.begin_attempt(shadow);
            } else {
                self.drop_stream(shadow);
            }
        }
    }
}
