//! A request's body as the command line puts it together: -d and its kin, -F, -T.
//!
//! Source: curl 7.88.1 `src/tool_getparam.c` (case 'd'), `src/tool_formparse.c`, `lib/mime.c`.

use super::handle::{Body, Failure};
use super::options::{DataKind, Options};
use crate::percent::{self, UNRESERVED};
use crate::sys::Sys;

/// The body, and what goes into the URL's query.
pub(super) async fn body(sys: &Sys, options: &Options) -> Result<(Body, String), Failure> {
    let (mut bytes, mut query) = (Vec::new(), Vec::new());
    let mut json = false;
    let mut any = false;
    for (kind, text) in &options.data {
        let piece = piece(sys, options, *kind, text).await;
        let joined = if *kind == DataKind::Query { &mut query } else { &mut bytes };
        if !joined.is_empty() && *kind != DataKind::Json {
            joined.push(b'&');
        }
        joined.extend(piece);
        json |= *kind == DataKind::Json;
        any |= *kind != DataKind::Query;
    }
    if options.get && any {
        if !query.is_empty() {
            query.push(b'&');
        }
        query.append(&mut bytes);
        any = false;
    }
    let query = String::from_utf8_lossy(&query).into_owned();
    if !options.form.is_empty() {
        return Ok((form(sys, options).await?, query));
    }
    let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
    Ok((Body { bytes, content_type: any.then(|| kind.to_owned()), ..Body::default() }, query))
}

async fn file(sys: &Sys, options: &Options, path: &str) -> Vec<u8> {
    let read = if path == "-" { sys.read_all(0).await } else { sys.read_file(path).await };
    match read {
        Ok(bytes) => bytes,
        Err(_) => {
            if !options.silent {
                let text = format!("Couldn't read data from file \"{path}\", this makes an empty POST.");
                sys.eprint(super::warning(&text) + "\n").await;
            }
            Vec::new()
        }
    }
}

async fn piece(sys: &Sys, options: &Options, kind: DataKind, text: &str) -> Vec<u8> {
    match kind {
        DataKind::Raw => text.as_bytes().to_vec(),
        DataKind::Encode | DataKind::Query => {
            let at = text.find(['=', '@']);
            let (name, rest) = at.map_or(("", text), |at| (&text[..at], &text[at..]));
            let content = match rest.strip_prefix('@') {
                Some(path) => file(sys, options, path).await,
                None => rest.strip_prefix('=').unwrap_or(rest).as_bytes().to_vec(),
            };
            let content = percent::encode(&content, UNRESERVED).replace("%20", "+");
            if name.is_empty() { content.into_bytes() } else { format!("{name}={content}").into_bytes() }
        }
        DataKind::Ascii | DataKind::Binary | DataKind::Json => match text.strip_prefix('@') {
            None => text.as_bytes().to_vec(),
            Some(path) => {
                let mut bytes = file(sys, options, path).await;
                if kind == DataKind::Ascii {
                    bytes.retain(|byte| !b"\r\n\0".contains(byte));
                }
                bytes
            }
        },
    }
}

/// multipart/form-data
async fn form(sys: &Sys, options: &Options) -> Result<Body, Failure> {
    let number = sys.ask(|system, _| system.random.next_u64()).await;
    let boundary = format!("------------------------{number:016x}");
    let mut bytes = Vec::new();
    for (plain, part) in &options.form {
        let Some((name, value)) = part.split_once('=') else {
            return Err(Failure::new(2, "Failed initialization"));
        };
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        let content = match (plain, value.as_bytes().first()) {
            (false, Some(b'@' | b'<')) => {
                let path = value[1..].split(';').next().unwrap_or_default();
                let unread = || Failure::new(26, "Failed to open/read local data from file/application");
                let content = sys.read_file(path).await.map_err(|_| unread())?;
                if value.starts_with('@') {
                    let short = path.rsplit('/').next().unwrap_or_default();
                    let given = value.split(';').find_map(|word| word.trim().strip_prefix("type="));
                    let kind = given.unwrap_or_else(|| content_type(short));
                    head += &format!("; filename=\"{short}\"\r\nContent-Type: {kind}");
                }
                content
            }
            _ => value.as_bytes().to_vec(),
        };
        bytes.extend(head.into_bytes());
        bytes.extend(b"\r\n\r\n");
        bytes.extend(content);
        bytes.extend(b"\r\n");
    }
    bytes.extend(format!("--{boundary}--\r\n").into_bytes());
    let content_type = Some(format!("multipart/form-data; boundary={boundary}"));
    Ok(Body { bytes, content_type, ..Body::default() })
}

/// By the name's end.
fn content_type(name: &str) -> &'static str {
    const KINDS: &[(&str, &str)] = &[
        (".gif", "image/gif"),
        (".jpg", "image/jpeg"),
        (".jpeg", "image/jpeg"),
        (".png", "image/png"),
        (".svg", "image/svg+xml"),
        (".txt", "text/plain"),
        (".htm", "text/html"),
        (".html", "text/html"),
        (".pdf", "application/pdf"),
        (".xml", "application/xml"),
    ];
    KINDS.iter().find(|(end, _)| name.ends_with(end)).map_or("application/octet-stream", |(_, kind)| kind)
}

/// -T's file.
pub(super) async fn upload(sys: &Sys, path: &str) -> Result<Body, Failure> {
    if path == "-" || path == "." {
        let bytes = sys.read_all(0).await.unwrap_or_default();
        return Ok(Body { bytes, upload: true, chunked: true, ..Body::default() });
    }
    match sys.read_file(path).await {
        Ok(bytes) => Ok(Body { bytes, upload: true, ..Body::default() }),
        Err(_) => Err(Failure::new(26, "Failed to open/read local data from file/application")),
    }
}
