//! Normalisation of paths before they are matched.
//!
//! Source: Envoy's `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action`; RFC 3986 section 6.

use crate::config::hcm::PathWithEscapedSlashesAction as Escaped;

/// What becomes of the request.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on, with this path.
    Go(Vec<u8>),
    /// It is refused; the path as far as it was normalised.
    Refuse(Vec<u8>),
    /// The client is sent to this path.
    Redirect(Vec<u8>),
}

/// Normalises a path with its query.
pub fn normalize(path: &[u8], normalizes: bool, merges: bool, escaped: Escaped) -> Outcome {
    let bare_len = crate::route::without_query(path).len();
    let (bare, query) = path.split_at(bare_len);
    let mut bare = bare.to_vec();
    let has_escaped = find_escaped(&bare).is_some();
    let mut redirects = false;
    if has_escaped {
        match escaped {
            Escaped::RejectRequest => {
                unescape_slashes(&mut bare);
                bare.extend_from_slice(query);
                return Outcome::Refuse(bare);
            }
            Escaped::UnescapeAndRedirect | Escaped::UnescapeAndForward => {
                unescape_slashes(&mut bare);
                redirects = escaped == Escaped::UnescapeAndRedirect;
            }
            Escaped::ImplementationSpecificDefault | Escaped::KeepUnchanged => {}
        }
    }
    if normalizes && bare.starts_with(b"/") {
        match canonical(&bare) {
            Some(new) => bare = new,
            None => return Outcome::Refuse(path.to_vec()),
        }
    }
    if merges {
        let mut before = 0;
        bare.retain(|byte| !(std::mem::replace(&mut before, *byte) == b'/' && *byte == b'/'));
    }
    bare.extend_from_slice(query);
    if redirects { Outcome::Redirect(bare) } else { Outcome::Go(bare) }
}

fn find_escaped(path: &[u8]) -> Option<usize> {
    path.windows(3).position(|it| matches!(it, [b'%', b'2', b'f' | b'F'] | [b'%', b'5', b'c' | b'C']))
}

fn unescape_slashes(path: &mut Vec<u8>) {
    while let Some(at) = find_escaped(path) {
        let slash = if path[at + 1] == b'2' { b'/' } else { b'\\' };
        path.splice(at..at + 3, [slash]);
    }
}

/// Unreserved characters unescaped, backslashes turned, dot segments removed; none if it is no path.
fn canonical(path: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        let byte = path[at];
        let decoded = path
            .get(at + 1..at + 3)
            .and_then(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok());
        match (byte, decoded) {
            (b'%', Some(0)) => return None,
            (b'%', Some(it)) if it.is_ascii_alphanumeric() || b"-._~".contains(&it) => {
                plain.push(it);
                at += 2;
            }
            (b'\\', _) => plain.push(b'/'),
            _ => plain.push(byte),
        }
        at += 1;
    }
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut parts = plain[1..].split(|it| *it == b'/').peekable();
    let mut ends_in_slash = false;
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            b"." => ends_in_slash = is_last,
            b".." => {
                segments.pop();
                ends_in_slash = is_last;
            }
            _ => segments.push(part),
        }
    }
    let mut out = vec![b'/'];
    out.extend_from_slice(&segments.join(&b'/'));
    if ends_in_slash && out.last() != Some(&b'/') {
        out.push(b'/');
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_and_needless_escapes_go() {
        let normal = |path: &str| match normalize(path.as_bytes(), true, false, Escaped::KeepUnchanged) {
            Outcome::Go(path) => String::from_utf8(path).unwrap(),
            other => format!("{other:?}"),
        };
        for (from, to) in [
            ("/x/../admin/", "/admin/"),
            ("/./admin", "/admin"),
            ("/%61dmin", "/admin"),
            ("/x/%2e%2e/admin", "/admin"),
            ("/x//../admin", "/x/admin"),
            ("/x/..%2fadmin", "/x/..%2fadmin"),
            ("/..", "/"),
            ("/a/b/../../..?q=/../", "/?q=/../"),
            ("/a/%zz", "/a/%zz"),
            ("/a/..", "/"),
            ("/", "/"),
        ] {
            assert_eq!(normal(from), to, "{from}");
        }
        assert_eq!(
            normalize(b"/a%2Fb", true, false, Escaped::RejectRequest),
            Outcome::Refuse(b"/a/b".to_vec())
        );
        assert_eq!(
            normalize(b"/a%2Fb", true, false, Escaped::UnescapeAndRedirect),
            Outcome::Redirect(b"/a/b".to_vec())
        );
        assert_eq!(normalize(b"//a///b", false, true, Escaped::KeepUnchanged), Outcome::Go(b"/a/b".to_vec()));
    }
}
