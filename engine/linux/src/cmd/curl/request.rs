//! A request's head and body, in curl's order of fields.
//!
//! Source: curl 7.88.1 `lib/http.c` (Curl_http, Curl_http_bodysend).

use super::handle::{Body, Connection, Failure, Handle, Info, Method};
use super::options::{DataKind, Options};
use super::show::Mark;
use super::url::Url;
use crate::base64;
use crate::socket::Socket;

impl Handle<'_> {
    /// The request's head, and whether it waits for a 100.
    pub async fn request_text(
        &mut self,
        connection: &Connection,
        url: &Url,
        method: &Method,
        body: &Body,
        trusted: bool,
    ) -> (String, bool) {
        let options = self.options;
        let given = |name: &str| options.headers.iter().any(|header| names(header, name));
        let host = options.headers.iter().find(|header| names(header, "Host") && trusted);
        let mut text = String::new();
        let target = match &options.request_target {
            Some(target) => target.clone(),
            None if connection.target.proxy => Url { user: None, ..url.clone() }.text(),
            None => format!("{}{}", url.path, url.query),
        };
        let version = if options.http10 { "1.0" } else { "1.1" };
        text += &format!("{} {target} HTTP/{version}\r\n", method.word());
        match host {
            None => text += &format!("Host: {}\r\n", url.authority()),
            Some(header) => {
                let value = header.split_once(':').map_or("", |(_, value)| value.trim());
                if !value.is_empty() {
                    text += &format!("Host: {value}\r\n");
                }
            }
        }
        if let Some(user) = options.proxy_user.as_ref().filter(|_| connection.target.proxy) {
            text += &format!("Proxy-Authorization: Basic {}\r\n", base64::encode(user.as_bytes()));
        }
        if let Some((user, password)) = credentials(options, url, trusted).filter(|_| !given("Authorization"))
        {
            self.show.info(format!("Server auth using Basic with user '{user}'")).await;
            text += &format!(
                "Authorization: Basic {}\r\n",
                base64::encode(format!("{user}:{password}").as_bytes())
            );
        }
        let mut field = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|_| !given(name)) {
                text += &format!("{name}: {value}\r\n");
            }
        };
        field("Range", options.range.as_ref().map(|range| format!("bytes={range}")));
        field("User-Agent", options.user_agent.clone());
        let json = options.data.iter().any(|(kind, _)| *kind == DataKind::Json);
        field("Accept", Some(if json { "application/json" } else { "*/*" }.to_owned()));
        field("Accept-Encoding", options.compressed.then(|| String::from("deflate, gzip, br, zstd")));
        field("Referer", options.referer.clone());
        field("Proxy-Connection", connection.target.proxy.then(|| String::from("Keep-Alive")));
        let carries = matches!(method.kind, "POST" | "PUT");
        field("Transfer-Encoding", (carries && body.chunked).then(|| String::from("chunked")));
        if !options.cookies.is_empty() {
            text += &format!("Cookie: {}\r\n", options.cookies.join("; "));
        }
        for header in &options.headers {
            text += &custom(header, trusted);
        }
        let expects = carries && self.body_fields(body, &mut text)
            || options
                .headers
                .iter()
                .any(|header| names(header, "Expect") && header.contains("100-continue"));
        (text + "\r\n", expects)
    }

    /// What the head says of the body; true if it asks for a 100 first.
    fn body_fields(&self, body: &Body, text: &mut String) -> bool {
        let options = self.options;
        let given = |name: &str| options.headers.iter().any(|header| names(header, name));
        if !body.chunked && !given("Content-Length") {
            *text += &format!("Content-Length: {}\r\n", body.bytes.len());
        }
        if let Some(kind) = body.content_type.as_ref().filter(|_| !given("Content-Type")) {
            *text += &format!("Content-Type: {kind}\r\n");
        }
        let expects = !given("Expect") && !options.http10 && (body.upload || body.bytes.len() > 1 << 20);
        if expects {
            *text += "Expect: 100-continue\r\n";
        }
        expects
    }

    pub async fn send(&mut self, socket: &Socket, bytes: &[u8]) -> Result<(), Failure> {
        match socket.write(bytes, self.deadline(false)).await {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(self.late(0, None).await),
            Err(errno) => Err(self.fail(55, format!("Send failure: {errno}")).await),
        }
    }

    pub async fn send_body(&mut self, socket: &Socket, body: &Body, info: &mut Info) -> Result<(), Failure> {
        let bytes = if body.chunked {
            let mut bytes = Vec::new();
            if !body.bytes.is_empty() {
                bytes.extend(format!("{:x}\r\n", body.bytes.len()).into_bytes());
                bytes.extend(&body.bytes);
                bytes.extend(b"\r\n");
            }
            self.show.info("Signaling end of chunked upload via terminating chunk.").await;
            bytes.extend(b"0\r\n\r\n");
            bytes
        } else {
            self.show.will_send(body.bytes.len() as u64);
            body.bytes.clone()
        };
        if !bytes.is_empty() {
            self.show.data(Mark::DataOut, bytes.len()).await;
            self.send(socket, &bytes).await?;
        }
        self.show.sent(body.bytes.len());
        info.sent = body.bytes.len() as u64;
        if body.upload && !body.chunked {
            self.show.info("We are completely uploaded and fine").await;
        }
        Ok(())
    }
}

fn names(header: &str, name: &str) -> bool {
    header.split([':', ';']).next().is_some_and(|head| head.trim_end().eq_ignore_ascii_case(name))
}

/// A line of -H: nothing where it takes a field away (`Name:`), an empty field for `Name;`.
fn custom(header: &str, trusted: bool) -> String {
    if names(header, "Host") || !trusted && (names(header, "Authorization") || names(header, "Cookie")) {
        return String::new();
    }
    match (header.split_once(':'), header.split_once(';')) {
        (Some((_, value)), _) if value.trim().is_empty() => String::new(),
        (Some(_), _) => format!("{header}\r\n"),
        (None, Some((name, rest))) if rest.trim().is_empty() => format!("{name}:\r\n"),
        _ => String::new(),
    }
}

fn credentials(options: &Options, url: &Url, trusted: bool) -> Option<(String, String)> {
    match &options.user {
        Some(user) if trusted => {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            Some((user.to_owned(), password.to_owned()))
        }
        _ => url.user.clone(),
    }
}
