//! A header map: the fields of one message in order, pseudo-headers (`:method`, `:path`, `:status`) among them.
//!
//! All names and values lie in one buffer, so that a message of twenty fields costs two allocations, and none once the
//! map is reused. Always: names are in lower case; a value may hold any byte but CR, LF and NUL.

use std::fmt;

#[derive(Clone, Copy, Debug)]
struct Field {
    name: u32,
    name_len: u32,
    value: u32,
    value_len: u32,
}

/// Names and values in the order of arrival; a name may come more than once.
#[derive(Clone, Default)]
pub struct HeaderMap {
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

/// What Envoy says in responses only.
const ENVOY_IN_RESPONSES: &[&str] =
    &["x-envoy-degraded", "x-envoy-immediate-health-check-fail", "x-envoy-overloaded"];
/// Fields of requests that Envoy keeps in one line, beside the others that begin with `x-envoy-`.
const SINGLE_IN_REQUESTS: &[&str] = &[
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-type",
    "grpc-accept-encoding",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "pragma",
    "proxy-status",
    "referer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];
/// Those of responses.
const SINGLE_IN_RESPONSES: &[&str] = &[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "cache-control",
    "connection",
    "content-encoding",
    "content-type",
    "date",
    "etag",
    "expires",
    "grpc-message",
    "grpc-status",
    "last-modified",
    "location",
    "proxy-status",
    "server",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-degraded",
    "x-request-id",
];

fn is_single(name: &[u8], is_response: bool) -> bool {
    let names = if is_response { SINGLE_IN_RESPONSES } else { SINGLE_IN_REQUESTS };
    names.binary_search_by(|it| it.as_bytes().cmp(name)).is_ok()
        || (!is_response
            && name.starts_with(b"x-envoy-")
            && !ENVOY_IN_RESPONSES.iter().any(|it| it.as_bytes() == name))
}

impl HeaderMap {
    /// A map without fields.
    pub fn new() -> HeaderMap {
        HeaderMap::default()
    }

    /// A map with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> HeaderMap {
        HeaderMap { bytes: Vec::with_capacity(bytes), fields: Vec::with_capacity(bytes / 32) }
    }

    /// Forgets all fields and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn slice(&self, at: u32, len: u32) -> &[u8] {
        &self.bytes[at as usize..(at + len) as usize]
    }

    fn name_of(&self, field: &Field) -> &[u8] {
        self.slice(field.name, field.name_len)
    }

    fn value_of(&self, field: &Field) -> &[u8] {
        self.slice(field.value, field.value_len)
    }

    fn push(&mut self, bytes: &[u8]) -> (u32, u32) {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        (at, bytes.len() as u32)
    }

    fn is_name(&self, field: &Field, name: &[u8]) -> bool {
        field.name_len as usize == name.len() && self.name_of(field).eq_ignore_ascii_case(name)
    }

    /// Adds a field behind the others, whatever is there already. The name is put into lower case.
    pub fn append(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let (at, name_len) = self.push(name.as_ref());
        self.bytes[at as usize..].make_ascii_lowercase();
        let (value, value_len) = self.push(value.as_ref());
        self.fields.push(Field { name: at, name_len, value, value_len });
    }

    /// Adds a field as it arrives: one of which Envoy keeps but a single line grows by a comma and the new value.
    pub fn append_joined(&mut self, name: &[u8], value: &[u8], is_response: bool) {
        match self.position(name) {
            Some(at) if is_single(&name.to_ascii_lowercase(), is_response) => {
                let joined = [self.value_of(&self.fields[at]), value].join(&b',');
                let (value, value_len) = self.push(&joined);
                let field = &mut self.fields[at];
                (field.value, field.value_len) = (value, value_len);
            }
            _ => self.append(name, value),
        }
    }

    /// Adds a space and more to the value of the last field, as folded lines do.
    pub fn extend_last(&mut self, more: &[u8]) {
        let Some(last) = self.fields.last().copied() else { return };
        let joined = [self.value_of(&last), more].join(&b' ');
        let (value, value_len) = self.push(&joined);
        if let Some(last) = self.fields.last_mut() {
            (last.value, last.value_len) = (value, value_len);
        }
    }

    /// Sets a field: the first of this name gets the value, further ones go; without one it is added.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let name = name.as_ref();
        let Some(first) = self.position(name) else { return self.append(name, value) };
        let (value, value_len) = self.push(value.as_ref());
        let field = &mut self.fields[first];
        (field.value, field.value_len) = (value, value_len);
        let mut at = first + 1;
        while at < self.fields.len() {
            if self.is_name(&self.fields[at], name) {
                self.fields.remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Removes all fields of this name; whether there was one.
    pub fn remove(&mut self, name: impl AsRef<[u8]>) -> bool {
        let name = name.as_ref();
        let before = self.fields.len();
        let mut fields = std::mem::take(&mut self.fields);
        fields.retain(|field| !self.is_name(field, name));
        self.fields = fields;
        self.fields.len() < before
    }

    /// Removes all fields of these names.
    pub fn remove_all(&mut self, names: &[impl AsRef<[u8]>]) {
        for name in names {
            self.remove(name);
        }
    }

    /// Removes the fields whose name and value `keep` does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.retain(|field| keep(self.name_of(field), self.value_of(field)));
        self.fields = fields;
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        self.fields.iter().position(|field| self.is_name(field, name))
    }

    /// The first value of this name.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        self.fields.iter().find(|field| self.is_name(field, name)).map(|field| self.value_of(field))
    }

    /// The first value of this name, if it is UTF-8.
    pub fn get_str(&self, name: impl AsRef<[u8]>) -> Option<&str> {
        self.get(name).and_then(|it| std::str::from_utf8(it).ok())
    }

    /// Whether there is a field of this name.
    pub fn contains(&self, name: impl AsRef<[u8]>) -> bool {
        self.position(name.as_ref()).is_some()
    }

    /// All values of this name in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(|it| self.is_name(it, name.as_bytes())).map(|field| self.value_of(field))
    }

    /// All values of this name, joined by commas as Envoy's matchers see them; none without a field.
    pub fn get_joined(&self, name: &str) -> Option<Vec<u8>> {
        let mut all = self.get_all(name);
        let mut joined = all.next()?.to_vec();
        for value in all {
            joined.push(b',');
            joined.extend_from_slice(value);
        }
        Some(joined)
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (self.name_of(field), self.value_of(field)))
    }

    /// What Envoy counts against a limit: the bytes of all names and values.
    pub fn byte_size(&self) -> usize {
        self.fields.iter().map(|field| (field.name_len + field.value_len) as usize).sum()
    }
}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
        f.debug_list().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for HeaderMap {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> HeaderMap {
        let mut map = HeaderMap::new();
        all.into_iter().for_each(|(name, value)| map.append(name, value));
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_one_line_grows_and_others_stand_beside_each_other() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("Accept", "a"), ("x-a", "1"), ("accept", "b"), ("x-a", "2"), ("x-envoy-degraded", "")]
        {
            headers.append_joined(name.as_bytes(), value.as_bytes(), false);
        }
        assert_eq!(headers.get_str("accept"), Some("a,b"));
        assert_eq!(headers.get_all("x-a").count(), 2);
        for names in [SINGLE_IN_REQUESTS, SINGLE_IN_RESPONSES] {
            assert!(names.is_sorted());
        }
    }
}
