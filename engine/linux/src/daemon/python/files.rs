//! What a path stands for: a file, a directory's listing, a way to the directory, or nothing.
//!
//! Always: no path leads out of the served directory, except through a symbolic link.
//! Source: Python 3.11.2 `http/server.py` (SimpleHTTPRequestHandler), `mimetypes.py`.

use super::request::{Answer, Request, unchanged};
use crate::calendar::Date;
use crate::fs::FileKind;
use crate::percent;
use crate::sys::Sys;

/// The kinds of files that a lab may hold, by the end of their names.
const KINDS: &[(&str, &str)] = &[
    ("bin", "application/octet-stream"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("c", "text/plain"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("h", "text/plain"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/vnd.microsoft.icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "application/javascript"),
    ("json", "application/json"),
    ("mjs", "application/javascript"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("nc", "application/x-netcdf"),
    ("pdf", "application/pdf"),
    ("pl", "text/plain"),
    ("png", "image/png"),
    ("py", "text/x-python"),
    ("sh", "application/x-sh"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("txt", "text/plain"),
    ("wasm", "application/wasm"),
    ("webm", "video/webm"),
    ("xml", "text/xml"),
    ("xz", "application/x-xz"),
    ("zip", "application/zip"),
];

/// `html.escape(…, quote=False)`
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The file's path below the directory.
fn translated(directory: &str, target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let trailing = path.trim_end().ends_with('/');
    let mut words: Vec<String> = Vec::new();
    for word in percent::decode(path).split('/') {
        match word {
            "" | "." => {}
            ".." => _ = words.pop(),
            word => words.push(word.to_owned()),
        }
    }
    let mut found = directory.trim_end_matches('/').to_owned();
    for word in words {
        found = format!("{found}/{word}");
    }
    if trailing || found.is_empty() { found + "/" } else { found }
}

fn kind_of(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.trim_start_matches('.');
    let end = stem.rsplit_once('.').map_or("", |(_, end)| end);
    if end == "Z" {
        return "application/octet-stream";
    }
    let end = end.to_ascii_lowercase();
    KINDS.iter().find(|(known, _)| *known == end).map_or("application/octet-stream", |(_, kind)| kind)
}

pub(super) async fn answer(sys: &Sys, directory: &str, request: &Request) -> Answer {
    let mut path = translated(directory, &request.target);
    if is(sys, &path, FileKind::Directory).await {
        let (before, query) = match request.target.split_once('?') {
            Some((before, query)) => (before, format!("?{query}")),
            None => (request.target.as_str(), String::new()),
        };
        if !before.ends_with('/') {
            let headers =
                vec![("Location", format!("{before}/{query}")), ("Content-Length", String::from("0"))];
            let reason = String::from("Moved Permanently");
            return Answer { status: 301, reason, headers, ..Answer::default() };
        }
        let mut index = None;
        for name in ["index.html", "index.htm"] {
            let file = format!("{}/{name}", path.trim_end_matches('/'));
            if index.is_none() && is(sys, &file, FileKind::File).await {
                index = Some(file);
            }
        }
        match index {
            Some(file) => path = file,
            None => return listing(sys, &path, &request.target).await,
        }
    }
    let missing = || Answer::error(404, "File not found");
    if path.ends_with('/') {
        return missing();
    }
    let (Ok(stat), Ok(body)) = (sys.stat(&path).await, sys.read_file(&path).await) else { return missing() };
    let modified = sys.ask(move |system, _| system.realtime(stat.modified)).await;
    if unchanged(request, modified) {
        return Answer { status: 304, reason: String::from("Not Modified"), ..Answer::default() };
    }
    let headers = vec![
        ("Content-type", kind_of(&path).to_owned()),
        ("Content-Length", body.len().to_string()),
        ("Last-Modified", Date::from_duration(modified).http()),
    ];
    Answer { status: 200, reason: String::from("OK"), headers, body, ..Answer::default() }
}

async fn is(sys: &Sys, path: &str, kind: FileKind) -> bool {
    sys.stat(path).await.is_ok_and(|stat| stat.kind == kind)
}

async fn listing(sys: &Sys, path: &str, target: &str) -> Answer {
    let Ok(mut entries) = sys.read_dir(path).await else {
        return Answer::error(404, "No permission to list directory");
    };
    entries.retain(|entry| !matches!(entry.name.as_str(), "." | ".."));
    entries.sort_by_key(|entry| entry.name.to_lowercase());
    let title = format!("Directory listing for {}", escaped(&percent::decode(target)));
    let mut page = format!(
        "<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<hr>\n<ul>\n"
    );
    for entry in entries {
        let file = format!("{}/{}", path.trim_end_matches('/'), entry.name);
        let slash = if is(sys, &file, FileKind::Directory).await { "/" } else { "" };
        let mark = if entry.stat.kind == FileKind::Symlink { "@" } else { slash };
        let (link, name) = (percent::encode(entry.name.as_bytes(), b"_.-~/"), escaped(&entry.name));
        page += &format!("<li><a href=\"{link}{slash}\">{name}{mark}</a></li>\n");
    }
    page += "</ul>\n<hr>\n</body>\n</html>\n";
    let headers = vec![
        ("Content-type", String::from("text/html; charset=utf-8")),
        ("Content-Length", page.len().to_string()),
    ];
    Answer { status: 200, reason: String::from("OK"), headers, body: page.into_bytes(), ..Answer::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_directory() {
        assert_eq!(translated("/srv", "/a/../../../etc/passwd?x=1"), "/srv/etc/passwd");
        assert_eq!(translated("/srv/", "/%2e%2e/b%20c/#x"), "/srv/b c/");
        assert_eq!(translated("/", "/"), "/");
    }

    #[test]
    fn kinds_go_by_the_end_of_the_name() {
        assert_eq!(kind_of("/srv/index.HTML"), "text/html");
        assert_eq!(kind_of("/srv/a.tar.gz"), "application/gzip");
        assert_eq!(kind_of("/srv/.html"), "application/octet-stream");
    }
}
