//! -w: what a transfer was like, in the words of a template.
//!
//! Source: curl 7.88.1 `src/tool_writeout.c`, `src/tool_writeout_json.c`.

use super::handle::{Failure, Info};
use std::time::Duration;

/// curl_version()
pub(super) const LIBRARY: &str = "libcurl/7.88.1 OpenSSL/3.0.19 zlib/1.2.13 brotli/1.0.9 zstd/1.5.4 libidn2/2.3.3 \
     libpsl/0.21.2 (+libidn2/2.3.3) libssh2/1.10.0 nghttp2/1.52.0 librtmp/2.3 OpenLDAP/2.5.13";

enum Value {
    Text(Option<String>),
    Number(u64),
    /// At least three digits.
    Code(u16),
    Time(Duration),
}

/// All variables in curl's order.
const NAMES: &[&str] = &[
    "certs",
    "content_type",
    "errormsg",
    "exitcode",
    "filename_effective",
    "ftp_entry_path",
    "http_code",
    "http_connect",
    "http_version",
    "local_ip",
    "local_port",
    "method",
    "num_certs",
    "num_connects",
    "num_headers",
    "num_redirects",
    "proxy_ssl_verify_result",
    "redirect_url",
    "referer",
    "remote_ip",
    "remote_port",
    "response_code",
    "scheme",
    "size_download",
    "size_header",
    "size_request",
    "size_upload",
    "speed_download",
    "speed_upload",
    "ssl_verify_result",
    "time_appconnect",
    "time_connect",
    "time_namelookup",
    "time_pretransfer",
    "time_redirect",
    "time_starttransfer",
    "time_total",
    "url",
    "url_effective",
    "urlnum",
];

/// A finished transfer.
pub(super) struct Told<'a> {
    pub info: &'a Info,
    pub failure: Option<&'a Failure>,
    pub file: Option<&'a str>,
    pub number: usize,
}

/// What goes to stdout and what to stderr.
#[derive(Default)]
struct Streams {
    out: String,
    err: String,
    to_err: bool,
}

impl Streams {
    fn push(&mut self, text: &str) {
        let stream = if self.to_err { &mut self.err } else { &mut self.out };
        stream.push_str(text);
    }
}

impl Told<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        let info = self.info;
        let text = |text: &str| Value::Text(Some(text.to_owned()));
        let speed = |bytes: u64| {
            let micros = info.total.as_micros().max(1);
            Value::Number((u128::from(bytes) * 1_000_000 / micros) as u64)
        };
        Some(match name {
            "certs" => text(""),
            "content_type" => Value::Text(info.content_type.clone()),
            "errormsg" => Value::Text(self.failure.map(|failure| failure.text.clone())),
            "exitcode" => Value::Number(self.failure.map_or(0, |failure| failure.code.into())),
            "filename_effective" => Value::Text(self.file.map(str::to_owned)),
            "ftp_entry_path" => Value::Text(None),
            "http_code" | "response_code" => Value::Code(info.status),
            "http_connect" => Value::Code(0),
            "http_version" => text(if info.version.is_empty() { "0" } else { info.version }),
            "local_ip" => text(&info.local.map(|local| local.ip().to_string()).unwrap_or_default()),
            "local_port" => Value::Number(info.local.map_or(0, |local| local.port().into())),
            "remote_ip" => text(&info.remote.map(|remote| remote.ip().to_string()).unwrap_or_default()),
            "remote_port" => Value::Number(info.remote.map_or(0, |remote| remote.port().into())),
            "method" => text(&info.method),
            "num_certs" | "proxy_ssl_verify_result" | "ssl_verify_result" => Value::Number(0),
            "num_connects" => Value::Number(info.connects.into()),
            "num_headers" => Value::Number(info.headers.len() as u64),
            "num_redirects" => Value::Number(info.redirects.into()),
            "redirect_url" => Value::Text(info.redirect.clone()),
            "referer" => Value::Text(info.referer.clone()),
            "scheme" => Value::Text(Some(info.scheme.to_uppercase()).filter(|scheme| !scheme.is_empty())),
            "size_download" => Value::Number(info.received),
            "size_header" => Value::Number(info.header_bytes),
            "size_request" => Value::Number(info.request_bytes),
            "size_upload" => Value::Number(info.sent),
            "speed_download" => speed(info.received),
            "speed_upload" => speed(info.sent),
            "time_appconnect" => Value::Time(Duration::ZERO),
            "time_connect" => Value::Time(info.connected),
            "time_namelookup" => Value::Time(info.name_looked_up),
            "time_pretransfer" => Value::Time(info.pretransfer),
            "time_redirect" => Value::Time(info.redirected),
            "time_starttransfer" => Value::Time(info.first_byte),
            "time_total" => Value::Time(info.total),
            "url" => text(&info.url),
            "url_effective" => text(&info.effective),
            "urlnum" => Value::Number(self.number as u64),
            _ => return None,
        })
    }

    fn json(&self) -> String {
        let mut text = String::from("{");
        for name in NAMES {
            let value = match self.value(name) {
                Some(Value::Text(Some(value))) => quoted(&value),
                Some(Value::Text(None)) | None => String::from("null"),
                Some(Value::Number(number)) => number.to_string(),
                Some(Value::Code(code)) => code.to_string(),
                Some(Value::Time(time)) => seconds(time),
            };
            text += &format!("\"{name}\":{value},");
        }
        text + &format!("\"curl_version\":{}}}", quoted(LIBRARY))
    }

    /// Every header field once, with all its values.
    fn header_json(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in &self.info.headers {
            let name = name.to_ascii_lowercase();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let lines: Vec<String> = names
            .iter()
            .map(|name| {
                let values = self.info.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
                let values: Vec<_> = values.map(|(_, value)| quoted(value)).collect();
                format!("{}:[{}]", quoted(name), values.join(","))
            })
            .collect();
        format!("{{{}\n}}", lines.join(",\n"))
    }

    /// The template filled: for stdout, and for stderr.
    pub fn fill(&self, template: &str) -> (String, String) {
        let mut streams = Streams::default();
        let mut rest = template;
        while let Some(letter) = rest.chars().next() {
            let after = &rest[letter.len_utf8()..];
            match (letter, after.chars().next()) {
                ('%', Some('%')) => {
                    streams.push("%");
                    rest = &after[1..];
                }
                ('%', Some('{')) => match after[1..].split_once('}') {
                    None => {
                        streams.push("%{");
                        rest = &after[1..];
                    }
                    Some((name, behind)) => {
                        if !self.variable(name, &mut streams) {
                            break;
                        }
                        rest = behind;
                    }
                },
                ('%', _) if after.starts_with("header{") => match after["header{".len()..].split_once('}') {
                    None => {
                        streams.push("%header{");
                        rest = &after["header{".len()..];
                    }
                    Some((name, behind)) => {
                        let value =
                            self.info.headers.iter().rfind(|(other, _)| other.eq_ignore_ascii_case(name));
                        streams.push(value.map_or("", |(_, value)| value));
                        rest = behind;
                    }
                },
                ('\\', Some(escaped)) => {
                    let text = match escaped {
                        'r' => String::from("\r"),
                        'n' => String::from("\n"),
                        't' => String::from("\t"),
                        other => format!("\\{other}"),
                    };
                    streams.push(&text);
                    rest = &after[escaped.len_utf8()..];
                }
                (letter, _) => {
                    streams.push(letter.encode_utf8(&mut [0; 4]));
                    rest = after;
                }
            }
        }
        (streams.out, streams.err)
    }

    /// False where the rest is only for errors.
    fn variable(&self, name: &str, streams: &mut Streams) -> bool {
        match name.to_ascii_lowercase().as_str() {
            "onerror" => return self.failure.is_some(),
            "stdout" => streams.to_err = false,
            "stderr" => streams.to_err = true,
            "json" => streams.push(&self.json()),
            "header_json" => streams.push(&self.header_json()),
            name => match self.value(name) {
                Some(Value::Text(text)) => streams.push(&text.unwrap_or_default()),
                Some(Value::Number(number)) => streams.push(&number.to_string()),
                Some(Value::Code(code)) => streams.push(&format!("{code:03}")),
                Some(Value::Time(time)) => streams.push(&seconds(time)),
                None => streams.err += &format!("curl: unknown --write-out variable: '{name}'\n"),
            },
        }
        true
    }
}

fn seconds(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\n' => quoted += "\\n",
            '\r' => quoted += "\\r",
            '\t' => quoted += "\\t",
            letter if letter < ' ' => quoted += &format!("\\u{:04x}", letter as u32),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_and_what_is_unknown_is_told() {
        let info = Info { status: 200, ..Info::default() };
        let told = Told { info: &info, failure: None, file: None, number: 0 };
        let (out, err) = told.fill("a\\tb\\\\n%%%{frob}%{http_code}%{onerror}x");
        assert_eq!(out, "a\tb\\\\n%200");
        assert_eq!(err, "curl: unknown --write-out variable: 'frob'\n");
        assert_eq!(told.fill("%{").0, "%{");
    }

    proptest::proptest! {
        #[test]
        fn no_template_is_too_much_for_it(template in "[a-z%{}\\\\é]{0,30}") {
            let info = Info::default();
            Told { info: &info, failure: None, file: None, number: 0 }.fill(&template);
        }
    }
}
