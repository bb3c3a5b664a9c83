//! Files under a root, as nginx gives them out.
//!
//! Source: nginx 1.22 `http/modules/ngx_http_static_module.c`, `ngx_http_index_module.c`, `conf/mime.types`.

use super::Nginx;
use super::answer::Answer;
use super::config::Settings;
use super::request::Request;
use crate::calendar::Date;
use crate::fs::FileKind;
use crate::sys::Sys;
use net::Errno;

const KINDS: &[(&str, &str)] = &[
    ("html", "text/html"),
    ("htm", "text/html"),
    ("css", "text/css"),
    ("xml", "text/xml"),
    ("gif", "image/gif"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("js", "application/javascript"),
    ("txt", "text/plain"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("ico", "image/x-icon"),
    ("json", "application/json"),
    ("pdf", "application/pdf"),
];

pub(super) async fn serve(sys: &Sys, nginx: &Nginx, settings: &Settings, request: &Request) -> Answer {
    let page = |status| Answer::page(status, nginx.config.tokens);
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return page(405);
    }
    let path = format!("{}{}", settings.root, request.path);
    if path.ends_with('/') {
        for index in &settings.index {
            let file = format!("{path}{index}");
            if sys.exists(&file).await {
                return one(sys, nginx, settings, &file).await;
            }
        }
        return page(if sys.exists(&path).await { 403 } else { 404 });
    }
    match sys.stat(&path).await {
        Ok(stat) if stat.kind == FileKind::Directory => {
            Answer { location: Some(format!("{}/", request.path)), ..page(301) }
        }
        _ => one(sys, nginx, settings, &path).await,
    }
}

async fn one(sys: &Sys, nginx: &Nginx, settings: &Settings, path: &str) -> Answer {
    let (stat, bytes) = match (sys.stat(path).await, sys.read_file(path).await) {
        (Ok(stat), Ok(bytes)) => (stat, bytes),
        (Err(Errno::EACCES), _) | (_, Err(Errno::EACCES)) => return Answer::page(403, nginx.config.tokens),
        _ => return Answer::page(404, nginx.config.tokens),
    };
    let end = path.rsplit('/').next().unwrap_or_default().rsplit_once('.').map_or("", |(_, end)| end);
    let kind = KINDS
        .iter()
        .find(|(known, _)| *known == end)
        .map_or(settings.default_type.as_str(), |(_, kind)| kind);
    let since_1970 = sys.ask(move |system, _| system.realtime(stat.modified)).await;
    let tag = format!("\"{:x}-{:x}\"", since_1970.as_secs(), bytes.len());
    Answer {
        status: 200,
        content_type: Some(kind.to_owned()),
        last_modified: Some(Date::from_duration(since_1970).http()),
        headers: vec![(String::from("ETag"), tag), (String::from("Accept-Ranges"), String::from("bytes"))],
        body: bytes,
        ..Answer::default()
    }
}
