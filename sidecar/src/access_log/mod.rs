//! Access logs: which requests are logged, in what form, and where to.

pub mod format;
pub mod info;
pub mod time;

pub use format::{Format, Subject};
pub use info::{Flag, Flags, Info};

use crate::config::access_log as config;
use crate::config::core::{SubstitutionFormatString, SubstitutionFormatStringFormat};
use crate::config::extension::{AccessLogConfig, Struct};
use crate::matcher::HeaderMatcher;
use crate::random::Random;
use crate::source::{self, ReadFile};
use serde_json::Value;

/// Envoy's own format.
const DEFAULT: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

/// Where a line goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file.
    File(String),
}

/// Text or JSON.
#[derive(Clone, Debug)]
pub enum Layout {
    /// A text.
    Text(Format),
    /// An object whose strings are formats; on one line.
    Json(Json),
}

/// A JSON value whose strings are formats.
#[derive(Clone, Debug)]
pub enum Json {
    /// Anything else.
    Fixed(Value),
    /// A format.
    Format(Format),
    /// A list.
    List(Vec<Json>),
    /// An object, by name.
    Object { members: Vec<(String, Json)>, omits_empty: bool },
}

impl Json {
    fn new(value: &Value, omits_empty: bool) -> Result<Json, String> {
        Ok(match value {
            Value::String(text) if omits_empty => Json::Format(Format::omitting(text)?),
            Value::String(text) => Json::Format(Format::new(text)?),
            Value::Array(all) => {
                Json::List(all.iter().map(|it| Json::new(it, omits_empty)).collect::<Result<_, _>>()?)
            }
            Value::Object(all) => Json::object(all, omits_empty)?,
            fixed => Json::Fixed(fixed.clone()),
        })
    }

    fn object(all: &Struct, omits_empty: bool) -> Result<Json, String> {
        let member = |(name, it): (&String, &Value)| Ok((name.clone(), Json::new(it, omits_empty)?));
        let mut members = all.iter().map(member).collect::<Result<Vec<_>, String>>()?;
        members.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(Json::Object { members, omits_empty })
    }

    fn value(&self, subject: &Subject<'_>) -> Value {
        match self {
            Json::Fixed(value) => value.clone(),
            Json::Format(format) => format.json(subject),
            Json::List(all) => Value::Array(all.iter().map(|it| it.value(subject)).collect()),
            Json::Object { members, omits_empty } => Value::Object(
                members
                    .iter()
                    .map(|(name, it)| (name.clone(), it.value(subject)))
                    .filter(|(_, it)| !(*omits_empty && it.is_null()))
                    .collect(),
            ),
        }
    }
}

impl Layout {
    /// The layout of a `SubstitutionFormatString`.
    pub fn new(config: &SubstitutionFormatString, read: ReadFile<'_>) -> Result<Layout, String> {
        let text = |it: &str| if config.omit_empty_values { Format::omitting(it) } else { Format::new(it) };
        Ok(match &config.format {
            SubstitutionFormatStringFormat::TextFormat(it) => Layout::Text(text(it)?),
            SubstitutionFormatStringFormat::TextFormatSource(it) => {
                Layout::Text(text(&source::text(it, read)?)?)
            }
            SubstitutionFormatStringFormat::JsonFormat(it) => {
                Layout::Json(Json::object(it, config.omit_empty_values)?)
            }
        })
    }

    /// Writes it about a subject.
    pub fn write(&self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        match self {
            Layout::Text(format) => format.write(subject, out),
            Layout::Json(json) => {
                out.extend_from_slice(json.value(subject).to_string().as_bytes());
                out.push(b'\n');
            }
        }
    }
}

#[derive(Clone, Debug)]
/// What a request must be like to be logged, or its local reply to be mapped.
pub enum Condition {
    Status(config::Op, u32),
    Duration(config::Op, u32),
    /// Numerator and denominator.
    Sampled(u64, u64),
    Header(HeaderMatcher),
    /// Any flag, or one of these.
    Flags(Vec<Flag>),
    Grpc {
        statuses: Vec<u32>,
        is_exclusion: bool,
    },
    All(Vec<Condition>),
    Any(Vec<Condition>),
    NotHealthCheck,
    Always,
}

impl Condition {
    /// Compiles a configuration.
    pub fn new(config: &config::AccessLogFilter) -> Result<Condition, String> {
        use config::AccessLogFilterFilterSpecifier as Kind;
        let all = |filters: &[config::AccessLogFilter]| {
            filters.iter().map(Condition::new).collect::<Result<Vec<_>, _>>()
        };
        Ok(match &config.filter_specifier {
            Kind::StatusCodeFilter(it) => {
                Condition::Status(it.comparison.op, it.comparison.value.default_value)
            }
            Kind::DurationFilter(it) => {
                Condition::Duration(it.comparison.op, it.comparison.value.default_value)
            }
            Kind::RuntimeFilter(it) => match &it.percent_sampled {
                Some(percent) => {
                    Condition::Sampled(u64::from(percent.numerator), denominator(percent.denominator))
                }
                None => Condition::Always,
            },
            Kind::HeaderFilter(it) => Condition::Header(HeaderMatcher::new(&it.header)?),
            Kind::ResponseFlagFilter(it) => {
                let known =
                    |it: &String| Flag::named(it).ok_or_else(|| format!("unknown response flag {it}"));
                Condition::Flags(it.flags.iter().map(known).collect::<Result<_, _>>()?)
            }
            Kind::GrpcStatusFilter(it) => Condition::Grpc {
                statuses: it.statuses.iter().map(|it| *it as u32).collect(),
                is_exclusion: it.exclude,
            },
            Kind::AndFilter(it) => Condition::All(all(&it.filters)?),
            Kind::OrFilter(it) => Condition::Any(all(&it.filters)?),
            Kind::NotHealthCheckFilter(_) => Condition::NotHealthCheck,
            // Tracing decides nothing here.
            Kind::TraceableFilter(_) => Condition::Always,
        })
    }

    /// Whether it holds of a subject.
    pub fn holds(&self, subject: &Subject<'_>, random: &mut Random) -> bool {
        let compare = |op, value: u64, with: u32| match op {
            config::Op::Eq => value == u64::from(with),
            config::Op::Ge => value >= u64::from(with),
            config::Op::Le => value <= u64::from(with),
            config::Op::Ne => value != u64::from(with),
        };
        match self {
            Condition::Status(op, with) => compare(*op, u64::from(subject.info.code), *with),
            Condition::Duration(op, with) => {
                compare(*op, (subject.now - subject.info.start) / 1_000_000, *with)
            }
            Condition::Sampled(numerator, denominator) => random.below(*denominator) < *numerator,
            Condition::Header(matcher) => matcher.matches(subject.request),
            Condition::Flags(flags) if flags.is_empty() => !subject.info.flags.is_empty(),
            Condition::Flags(flags) => flags.iter().any(|it| subject.info.flags.has(*it)),
            Condition::Grpc { statuses, is_exclusion } => {
                let of = |headers: &crate::http::HeaderMap| {
                    headers.get_str("grpc-status").and_then(|it| it.parse().ok())
                };
                let status: u32 = of(subject.trailers).or_else(|| of(subject.response)).unwrap_or(2);
                statuses.contains(&status) != *is_exclusion
            }
            Condition::All(all) => all.iter().all(|it| it.holds(subject, random)),
            Condition::Any(all) => all.iter().any(|it| it.holds(subject, random)),
            Condition::NotHealthCheck => !subject.info.is_health_check,
            Condition::Always => true,
        }
    }
}

/// Of what a percentage is a part.
pub fn denominator(kind: crate::config::core::DenominatorType) -> u64 {
    use crate::config::core::DenominatorType::{Hundred, Million, TenThousand};
    match kind {
        Hundred => 100,
        TenThousand => 10_000,
        Million => 1_000_000,
    }
}

/// One access log.
#[derive(Clone, Debug)]
pub struct AccessLog {
    filter: Condition,
    sink: Sink,
    layout: Layout,
}

impl AccessLog {
    /// The log that a configuration describes.
    pub fn new(log: &config::AccessLog, read: ReadFile<'_>) -> Result<AccessLog, String> {
        use config::FileAccessLogAccessLogFormat as InFile;
        let filter = log.filter.as_ref().map_or(Ok(Condition::Always), Condition::new)?;
        let layout = |it: Option<&SubstitutionFormatString>| match it {
            Some(it) => Layout::new(it, read),
            None => Format::new(DEFAULT).map(Layout::Text),
        };
        let Some(config::AccessLogConfigType::TypedConfig(kind)) = &log.config_type else {
            return Err(format!("Didn't find a registered implementation for name: '{}'", log.name));
        };
        let (sink, layout) = match kind {
            AccessLogConfig::Stdout(it) => {
                let format = it.access_log_format.as_ref();
                (
                    Sink::Stdout,
                    layout(format.map(|config::StdoutAccessLogAccessLogFormat::LogFormat(it)| it))?,
                )
            }
            AccessLogConfig::Stderr(it) => {
                let format = it.access_log_format.as_ref();
                (
                    Sink::Stderr,
                    layout(format.map(|config::StderrAccessLogAccessLogFormat::LogFormat(it)| it))?,
                )
            }
            AccessLogConfig::File(it) => {
                let sink = match it.path.as_str() {
                    "/dev/stdout" => Sink::Stdout,
                    "/dev/stderr" => Sink::Stderr,
                    path => Sink::File(path.to_owned()),
                };
                let layout = match &it.access_log_format {
                    None => layout(None)?,
                    Some(InFile::Format(text)) if text.is_empty() => layout(None)?,
                    Some(InFile::Format(text)) => Layout::Text(Format::new(text)?),
                    Some(InFile::JsonFormat(all) | InFile::TypedJsonFormat(all)) => {
                        Layout::Json(Json::object(all, false)?)
                    }
                    Some(InFile::LogFormat(it)) => Layout::new(it, read)?,
                };
                (sink, layout)
            }
            _ => return Err(format!("Didn't find a registered implementation for name: '{}'", log.name)),
        };
        Ok(AccessLog { filter, sink, layout })
    }

    /// The line about a subject, unless the filter does not want it.
    pub fn line(&self, subject: &Subject<'_>, random: &mut Random) -> Option<(&Sink, Vec<u8>)> {
        if !self.filter.holds(subject, random) {
            return None;
        }
        let mut out = Vec::with_capacity(256);
        self.layout.write(subject, &mut out);
        Some((&self.sink, out))
    }
}

/// All logs of a list.
pub fn all(logs: &[config::AccessLog], read: ReadFile<'_>) -> Result<Vec<AccessLog>, String> {
    logs.iter().map(|it| AccessLog::new(it, read)).collect()
}
