//! Substitution formats: text with `%COMMANDS%`, for access logs, added headers and bodies of local replies.
//!
//! Compiled once. Differs from Envoy: commands that are not listed here are refused.
//! Source: Envoy's documentation "Access logging", command operators.

use super::info::Info;
use super::time;
use crate::http::HeaderMap;
use std::io::Write as _;
use std::net::SocketAddr;

const MILLISECOND: u64 = 1_000_000;

/// What a format may ask.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The request, or the connection.
    pub info: &'a Info,
    /// Its headers.
    pub request: &'a HeaderMap,
    /// The headers of the response.
    pub response: &'a HeaderMap,
    /// Its trailers.
    pub trailers: &'a HeaderMap,
    /// The body of a local reply.
    pub body: &'a str,
    /// The time.
    pub now: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    StartTime(String),
    Request(Header),
    Response(Header),
    Trailer(Header),
    Fact(Fact, Option<usize>),
}

/// `%REQ(FIRST?SECOND):LENGTH%`.
#[derive(Clone, Debug, PartialEq)]
struct Header {
    name: String,
    alternative: Option<String>,
    length: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fact {
    Protocol,
    ResponseCode,
    ResponseFlags,
    ResponseFlagsLong,
    ResponseCodeDetails,
    TerminationDetails,
    TransportFailure,
    DownstreamTransportFailure,
    BytesReceived,
    BytesSent,
    Duration,
    RequestDuration,
    ResponseDuration,
    ResponseTxDuration,
    UpstreamHost,
    UpstreamHostIp,
    UpstreamHostPort,
    UpstreamCluster,
    UpstreamLocal,
    UpstreamLocalIp,
    Attempts,
    DownstreamLocal,
    DownstreamLocalIp,
    DownstreamLocalPort,
    DownstreamRemote,
    DownstreamRemoteIp,
    DownstreamRemotePort,
    DirectRemote,
    DirectRemoteIp,
    PeerUriSan,
    PeerDnsSan,
    PeerSubject,
    PeerIssuer,
    PeerSerial,
    PeerFingerprint,
    LocalUriSan,
    TlsVersion,
    ServerName,
    RouteName,
    VirtualHostName,
    VirtualClusterName,
    FilterChainName,
    GrpcStatus,
    GrpcStatusNumber,
    LocalReplyBody,
    Hostname,
    RequestHeadersBytes,
    ResponseHeadersBytes,
    ConnectionId,
}

const FACTS: &[(&str, Fact)] = &[
    ("PROTOCOL", Fact::Protocol),
    ("RESPONSE_CODE", Fact::ResponseCode),
    ("RESPONSE_FLAGS", Fact::ResponseFlags),
    ("RESPONSE_FLAGS_LONG", Fact::ResponseFlagsLong),
    ("RESPONSE_CODE_DETAILS", Fact::ResponseCodeDetails),
    ("CONNECTION_TERMINATION_DETAILS", Fact::TerminationDetails),
    ("UPSTREAM_TRANSPORT_FAILURE_REASON", Fact::TransportFailure),
    ("DOWNSTREAM_TRANSPORT_FAILURE_REASON", Fact::DownstreamTransportFailure),
    ("BYTES_RECEIVED", Fact::BytesReceived),
    ("BYTES_SENT", Fact::BytesSent),
    ("DURATION", Fact::Duration),
    ("REQUEST_DURATION", Fact::RequestDuration),
    ("RESPONSE_DURATION", Fact::ResponseDuration),
    ("RESPONSE_TX_DURATION", Fact::ResponseTxDuration),
    ("UPSTREAM_HOST", Fact::UpstreamHost),
    ("UPSTREAM_REMOTE_ADDRESS", Fact::UpstreamHost),
    ("UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Fact::UpstreamHostIp),
    ("UPSTREAM_REMOTE_PORT", Fact::UpstreamHostPort),
    ("UPSTREAM_CLUSTER", Fact::UpstreamCluster),
    ("UPSTREAM_CLUSTER_RAW", Fact::UpstreamCluster),
    ("UPSTREAM_LOCAL_ADDRESS", Fact::UpstreamLocal),
    ("UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Fact::UpstreamLocalIp),
    ("UPSTREAM_REQUEST_ATTEMPT_COUNT", Fact::Attempts),
    ("DOWNSTREAM_LOCAL_ADDRESS", Fact::DownstreamLocal),
    ("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Fact::DownstreamLocalIp),
    ("DOWNSTREAM_LOCAL_PORT", Fact::DownstreamLocalPort),
    ("DOWNSTREAM_REMOTE_ADDRESS", Fact::DownstreamRemote),
    ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Fact::DownstreamRemoteIp),
    ("DOWNSTREAM_REMOTE_PORT", Fact::DownstreamRemotePort),
    ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", Fact::DirectRemote),
    ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", Fact::DirectRemoteIp),
    ("DOWNSTREAM_PEER_URI_SAN", Fact::PeerUriSan),
    ("DOWNSTREAM_PEER_DNS_SAN", Fact::PeerDnsSan),
    ("DOWNSTREAM_PEER_SUBJECT", Fact::PeerSubject),
    ("DOWNSTREAM_PEER_ISSUER", Fact::PeerIssuer),
    ("DOWNSTREAM_PEER_SERIAL", Fact::PeerSerial),
    ("DOWNSTREAM_PEER_FINGERPRINT_256", Fact::PeerFingerprint),
    ("DOWNSTREAM_LOCAL_URI_SAN", Fact::LocalUriSan),
    ("DOWNSTREAM_TLS_VERSION", Fact::TlsVersion),
    ("REQUESTED_SERVER_NAME", Fact::ServerName),
    ("ROUTE_NAME", Fact::RouteName),
    ("VIRTUAL_CLUSTER_NAME", Fact::VirtualClusterName),
    ("VIRTUAL_HOST_NAME", Fact::VirtualHostName),
    ("FILTER_CHAIN_NAME", Fact::FilterChainName),
    ("GRPC_STATUS", Fact::GrpcStatus),
    ("GRPC_STATUS_NUMBER", Fact::GrpcStatusNumber),
    ("LOCAL_REPLY_BODY", Fact::LocalReplyBody),
    ("HOSTNAME", Fact::Hostname),
    ("REQUEST_HEADERS_BYTES", Fact::RequestHeadersBytes),
    ("RESPONSE_HEADERS_BYTES", Fact::ResponseHeadersBytes),
    ("CONNECTION_ID", Fact::ConnectionId),
];

const GRPC: &[&str] = &[
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// A compiled format.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    parts: Vec<Part>,
    missing: &'static str,
}

impl Format {
    /// A format that prints `-` for what there is none of.
    pub fn new(text: &str) -> Result<Format, String> {
        Ok(Format { parts: parse(text)?, missing: "-" })
    }

    /// A format that prints nothing for what there is none of: header values, and `omit_empty_values`.
    pub fn omitting(text: &str) -> Result<Format, String> {
        Ok(Format { parts: parse(text)?, missing: "" })
    }

    /// The text, if there is no command in it.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Writes it about a subject.
    pub fn write(&self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            let before = out.len();
            part.write(subject, out);
            if out.len() == before && !matches!(part, Part::Text(_)) && !part.is_empty_value(subject) {
                out.extend_from_slice(self.missing.as_bytes());
            }
        }
    }

    /// The value as JSON has it: a number where the whole is one, null where there is none.
    pub fn json(&self, subject: &Subject<'_>) -> serde_json::Value {
        let mut out = Vec::new();
        let [part] = self.parts.as_slice() else {
            self.write(subject, &mut out);
            return String::from_utf8_lossy(&out).into_owned().into();
        };
        part.write(subject, &mut out);
        let text = String::from_utf8_lossy(&out).into_owned();
        match part {
            _ if text.is_empty() && !matches!(part, Part::Text(_)) => serde_json::Value::Null,
            Part::Fact(fact, _) if fact.is_number() => {
                text.parse::<u64>().map_or_else(|_| text.into(), Into::into)
            }
            _ => text.into(),
        }
    }
}

fn parse(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        literal.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            literal.push('%');
            rest = after;
            continue;
        }
        let (command, after) = command(rest).ok_or_else(|| {
            format!(
                "Incorrect configuration: {text}. Couldn't find valid command at position {}",
                text.len() - rest.len() - 1
            )
        })?;
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.push(command?);
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

/// `NAME`, `NAME(argument)` or `NAME(argument):length`, and what stands behind the closing `%`.
fn command(text: &str) -> Option<(Result<Part, String>, &str)> {
    let name_len = text.find(|it: char| !it.is_ascii_uppercase() && !it.is_ascii_digit() && it != '_')?;
    let (name, mut rest) = text.split_at(name_len);
    let mut argument = None;
    if let Some(inside) = rest.strip_prefix('(') {
        // START_TIME's own argument holds percent signs, so the end is `)%` or `):`.
        let close = (0..inside.len()).find(|at| {
            inside.is_char_boundary(*at)
                && (inside[*at..].starts_with(")%") || inside[*at..].starts_with("):"))
        })?;
        argument = Some(&inside[..close]);
        rest = &inside[close + 1..];
    }
    let mut length = None;
    if let Some(number) = rest.strip_prefix(':') {
        let digits = number.find(|it: char| !it.is_ascii_digit())?;
        length = Some(number[..digits].parse().ok()?);
        rest = &number[digits..];
    }
    let rest = rest.strip_prefix('%')?;
    let header = || {
        let (name, alternative) = match argument.unwrap_or_default().split_once('?') {
            Some((name, other)) => (name, Some(other.to_ascii_lowercase())),
            None => (argument.unwrap_or_default(), None),
        };
        Header { name: name.to_ascii_lowercase(), alternative, length }
    };
    let part = match name {
        "START_TIME" => Part::StartTime(argument.unwrap_or_default().to_owned()),
        "REQ" => Part::Request(header()),
        "RESP" => Part::Response(header()),
        "TRAILER" => Part::Trailer(header()),
        _ => match FACTS.iter().find(|it| it.0 == name) {
            Some((_, fact)) => Part::Fact(*fact, length),
            None => return Some((Err(format!("Not supported field in StreamInfo: {name}")), rest)),
        },
    };
    Some((Ok(part), rest))
}

impl Header {
    fn find<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        headers.get(&self.name).or_else(|| headers.get(self.alternative.as_ref()?))
    }

    fn write(&self, headers: &HeaderMap, out: &mut Vec<u8>) {
        if let Some(value) = self.find(headers) {
            out.extend_from_slice(&value[..self.length.unwrap_or(value.len()).min(value.len())]);
        }
    }
}

impl Part {
    /// Whether the value is there, and empty.
    fn is_empty_value(&self, subject: &Subject<'_>) -> bool {
        match self {
            Part::Request(header) => header.find(subject.request).is_some(),
            Part::Response(header) => header.find(subject.response).is_some(),
            Part::Trailer(header) => header.find(subject.trailers).is_some(),
            _ => false,
        }
    }

    fn write(&self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        match self {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::StartTime(format) => time::write(subject.info.start, format, out),
            Part::Request(header) => header.write(subject.request, out),
            Part::Response(header) => header.write(subject.response, out),
            Part::Trailer(header) => header.write(subject.trailers, out),
            Part::Fact(fact, length) => {
                let before = out.len();
                fact.write(subject, out);
                out.truncate(length.map_or(out.len(), |it| (before + it).min(out.len())));
            }
        }
    }
}

fn put(out: &mut Vec<u8>, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        // Writing into a vector cannot fail.
        write!(out, "{value}").unwrap_or_default();
    }
}

fn millis(from: u64, to: Option<u64>) -> Option<u64> {
    to.map(|it| it.saturating_sub(from) / MILLISECOND)
}

impl Fact {
    fn is_number(self) -> bool {
        use Fact::*;
        matches!(
            self,
            ResponseCode
                | BytesReceived
                | BytesSent
                | Duration
                | RequestDuration
                | ResponseDuration
                | ResponseTxDuration
                | Attempts
                | GrpcStatusNumber
                | DownstreamLocalPort
                | DownstreamRemotePort
                | UpstreamHostPort
                | RequestHeadersBytes
                | ResponseHeadersBytes
                | ConnectionId
        )
    }

    fn write(self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        let info = subject.info;
        let ip = |it: SocketAddr| it.ip();
        match self {
            Fact::Protocol => put(out, info.protocol),
            Fact::ResponseCode => put(out, Some(info.code)),
            Fact::ResponseFlags => put(out, Some(info.flags.text(false))),
            Fact::ResponseFlagsLong => put(out, Some(info.flags.text(true))),
            Fact::ResponseCodeDetails => put(out, Some(&info.details)),
            Fact::TerminationDetails => put(out, Some(&info.termination)),
            Fact::TransportFailure => put(out, Some(&info.transport_failure)),
            Fact::DownstreamTransportFailure => put(out, Some(&info.downstream_failure)),
            Fact::BytesReceived => put(out, Some(info.received)),
            Fact::BytesSent => put(out, Some(info.sent)),
            Fact::Duration => put(out, millis(info.start, Some(subject.now))),
            Fact::RequestDuration => put(out, millis(info.start, info.request_end)),
            Fact::ResponseDuration => put(out, millis(info.start, info.response_start)),
            Fact::ResponseTxDuration => {
                put(out, info.response_start.and_then(|it| millis(it, info.response_end)))
            }
            Fact::UpstreamHost => put(out, info.upstream),
            Fact::UpstreamHostIp => put(out, info.upstream.map(ip)),
            Fact::UpstreamHostPort => put(out, info.upstream.map(|it| it.port())),
            Fact::UpstreamCluster => put(out, info.cluster.as_deref()),
            Fact::UpstreamLocal => put(out, info.upstream_local),
            Fact::UpstreamLocalIp => put(out, info.upstream_local.map(ip)),
            Fact::Attempts => put(out, Some(info.attempts)),
            Fact::RouteName => put(out, info.route.as_deref()),
            Fact::VirtualHostName => put(out, info.virtual_host.as_deref()),
            Fact::FilterChainName => put(out, Some(&info.filter_chain)),
            Fact::LocalReplyBody => put(out, Some(subject.body)),
            Fact::RequestHeadersBytes => put(out, Some(subject.request.byte_size())),
            Fact::ResponseHeadersBytes => put(out, Some(subject.response.byte_size())),
            Fact::GrpcStatus | Fact::GrpcStatusNumber => self.write_grpc(subject, out),
            // No virtual host has virtual clusters here.
            Fact::Hostname | Fact::VirtualClusterName => {}
            _ => self.write_connection(info, out),
        }
    }

    fn write_grpc(self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        let found =
            subject.trailers.get_str("grpc-status").or_else(|| subject.response.get_str("grpc-status"));
        let Some(number) = found.and_then(|it| it.parse::<usize>().ok()) else { return };
        match GRPC.get(number) {
            Some(name) if self == Fact::GrpcStatus => put(out, Some(name)),
            _ => put(out, Some(number)),
        }
    }

    fn write_connection(self, info: &Info, out: &mut Vec<u8>) {
        let connection = &info.connection;
        let peer = connection.peer.as_ref();
        match self {
            Fact::DownstreamLocal => put(out, Some(connection.local)),
            Fact::DownstreamLocalIp => put(out, Some(connection.local.ip())),
            Fact::DownstreamLocalPort => put(out, Some(connection.local.port())),
            Fact::DownstreamRemote => put(out, Some(info.remote)),
            Fact::DownstreamRemoteIp => put(out, Some(info.remote.ip())),
            Fact::DownstreamRemotePort => put(out, Some(info.remote.port())),
            Fact::DirectRemote => put(out, Some(connection.direct_remote)),
            Fact::DirectRemoteIp => put(out, Some(connection.direct_remote.ip())),
            Fact::PeerUriSan => put(out, peer.map(|it| it.uri_sans.join(","))),
            Fact::PeerDnsSan => put(out, peer.map(|it| it.dns_sans.join(","))),
            Fact::PeerSubject => put(out, peer.map(|it| &it.subject)),
            Fact::PeerIssuer => put(out, peer.map(|it| &it.issuer)),
            Fact::PeerSerial => put(out, peer.map(|it| &it.serial)),
            Fact::PeerFingerprint => put(out, peer.map(|it| &it.sha256)),
            Fact::LocalUriSan => put(out, Some(connection.local_uri_sans.join(","))),
            Fact::TlsVersion => put(out, Some(connection.tls_version)),
            Fact::ServerName => put(out, Some(&connection.server_name)),
            Fact::ConnectionId => put(out, Some(connection.id)),
            _ => {}
        }
    }
}
