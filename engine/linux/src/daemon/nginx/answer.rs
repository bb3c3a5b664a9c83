//! What nginx answers: its order of fields and its own pages.
//!
//! Source: nginx 1.22 `http/ngx_http_header_filter_module.c`, `http/ngx_http_special_response.c`.

use super::request::Request;

#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub status: u16,
    /// As the upstream worded it: `404 Not Found`.
    pub status_line: Option<String>,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
    /// The upstream did not say how long it is.
    pub unmeasured: bool,
    /// A length without that body (HEAD through a proxy).
    pub length: Option<u64>,
    pub last_modified: Option<String>,
    pub location: Option<String>,
    /// Behind `Connection`.
    pub headers: Vec<(String, String)>,
    pub close: bool,
}

impl Answer {
    /// A page of nginx's own; nothing to show for 204.
    pub fn page(status: u16, tokens: bool) -> Answer {
        let Some(title) = title(status) else { return Answer { status, ..Answer::default() } };
        let name = if tokens { "nginx/1.22.1" } else { "nginx" };
        let body = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
             <hr><center>{name}</center>\r\n</body>\r\n</html>\r\n"
        );
        Answer {
            status,
            content_type: Some(String::from("text/html")),
            body: body.into_bytes(),
            ..Answer::default()
        }
    }

    /// The whole, as it goes over the wire.
    pub fn bytes(mut self, request: Option<&Request>, tokens: bool, date: &str, keep: bool) -> Vec<u8> {
        if request.is_some_and(|request| request.minor.is_none()) {
            return self.body;
        }
        let line = self.status_line.take().unwrap_or_else(|| match reason(self.status) {
            Some(reason) => format!("{} {reason}", self.status),
            None => self.status.to_string(),
        });
        let name = if tokens { "nginx/1.22.1" } else { "nginx" };
        let mut text = format!("HTTP/1.1 {line}\r\nServer: {name}\r\nDate: {date}\r\n");
        let empty = matches!(self.status, 204 | 304 | 100..=199);
        if let Some(kind) = self.content_type.as_ref().filter(|_| !empty || self.status == 304) {
            text += &format!("Content-Type: {kind}\r\n");
        }
        let chunked = self.unmeasured && request.is_some_and(|request| request.minor == Some(1));
        if !empty && !self.unmeasured {
            text += &format!("Content-Length: {}\r\n", self.length.unwrap_or(self.body.len() as u64));
        }
        if let Some(time) = &self.last_modified {
            text += &format!("Last-Modified: {time}\r\n");
        }
        let own = self
            .location
            .take_if(|location| location.starts_with('/'))
            .map(|location| absolute(&location, request));
        if let Some(location) = own {
            text += &format!("Location: {location}\r\n");
        }
        if chunked {
            text += "Transfer-Encoding: chunked\r\n";
        }
        text += if keep { "Connection: keep-alive\r\n" } else { "Connection: close\r\n" };
        if let Some(location) = self.location {
            text += &format!("Location: {location}\r\n");
        }
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        if empty || request.is_some_and(|request| request.method == "HEAD") {
            return bytes;
        }
        if chunked {
            if !self.body.is_empty() {
                bytes.extend(format!("{:x}\r\n", self.body.len()).into_bytes());
                bytes.extend(&self.body);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
        } else {
            bytes.extend(self.body);
        }
        bytes
    }
}

/// A path with the scheme and host it was asked with.
fn absolute(location: &str, request: Option<&Request>) -> String {
    let Some(request) = request else { return location.to_owned() };
    let host = request.host().unwrap_or_else(|| request.local.ip().to_canonical().to_string());
    let port = request.local.port();
    let port = if port == 80 { String::new() } else { format!(":{port}") };
    format!("http://{host}{port}{location}")
}

fn title(status: u16) -> Option<String> {
    Some(match status {
        302 => String::from("302 Found"),
        413 => String::from("413 Request Entity Too Large"),
        414 => String::from("414 Request-URI Too Large"),
        301..=308 | 400..=429 | 500..=507 => format!("{status} {}", reason(status)?),
        _ => return None,
    })
}

fn reason(status: u16) -> Option<&'static str> {
    Some(match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => return None,
    })
}
