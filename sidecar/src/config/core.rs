//! What many parts share: addresses, header values, fractions, texts from a file or in line, matchers of strings.
//!
//! Sources: envoy.config.core.v3, envoy.type.v3, envoy.type.matcher.v3.

use super::extension::{Struct, TransportSocketConfig};
use super::reader::Rule;
use super::schema::{choice, message, oneof};
use std::collections::BTreeMap;
use std::time::Duration;

message! {
    struct Address = "envoy.config.core.v3.Address" {
    }
    oneof {
        address: AddressAddress,
    }
    lacks ["envoy_internal_address"]
    struct SocketAddress = "envoy.config.core.v3.SocketAddress" {
        1 protocol: Protocol,
        2 address: String = [Rule::MinLen(1)],
        5 resolver_name: String,
        6 ipv4_compat: bool,
    }
    oneof {
        port_specifier: SocketAddressPortSpecifier,
    }
    lacks ["named_port" "network_namespace_filepath"]
    struct Pipe = "envoy.config.core.v3.Pipe" {
        1 path: String = [Rule::MinLen(1)],
        2 mode: u32 = [Rule::Lte(511.0)],
    }
    struct CidrRange = "envoy.config.core.v3.CidrRange" {
        1 address_prefix: String = [Rule::MinLen(1)],
        2 prefix_len: Option<u32> = [Rule::Lte(128.0)],
    }
    struct BindConfig = "envoy.config.core.v3.BindConfig" {
        1 source_address: Option<SocketAddress>,
        2 freebind: Option<bool>,
    }
    lacks ["socket_options" "extra_source_addresses" "additional_source_addresses" "local_address_selector"]
    struct Locality = "envoy.config.core.v3.Locality" {
        1 region: String,
        2 zone: String,
        3 sub_zone: String,
    }
    struct Metadata = "envoy.config.core.v3.Metadata" {
        1 filter_metadata: BTreeMap<String, Struct> = [Rule::MinLen(1)],
    }
    lacks ["typed_filter_metadata"]
    struct HeaderValue = "envoy.config.core.v3.HeaderValue" {
        1 key: String = [Rule::MinLen(1)],
        2 value: String,
    }
    lacks ["raw_value"]
    struct HeaderValueOption = "envoy.config.core.v3.HeaderValueOption" {
        1 header: HeaderValue = [Rule::Required],
        2 append: Option<bool>,
        3 append_action: HeaderAppendAction,
        4 keep_empty_value: bool,
    }
    struct DataSource = "envoy.config.core.v3.DataSource" {
    }
    oneof {
        specifier: DataSourceSpecifier,
    }
    lacks ["watched_directory"]
    struct RuntimeFractionalPercent = "envoy.config.core.v3.RuntimeFractionalPercent" {
        1 default_value: FractionalPercent = [Rule::Required],
        2 runtime_key: String,
    }
    struct RuntimeUInt32 = "envoy.config.core.v3.RuntimeUInt32" {
        2 default_value: u32,
        3 runtime_key: String,
    }
    struct RuntimeDouble = "envoy.config.core.v3.RuntimeDouble" {
        1 default_value: f64,
        2 runtime_key: String,
    }
    struct TransportSocket = "envoy.config.core.v3.TransportSocket" {
        1 name: String = [Rule::MinLen(1)],
    }
    oneof {
        config_type: Option<TransportSocketConfigType>,
    }
    struct SubstitutionFormatString = "envoy.config.core.v3.SubstitutionFormatString" {
        3 omit_empty_values: bool,
        4 content_type: String,
        7 json_format_options: Option<JsonFormatOptions>,
    }
    oneof {
        format: SubstitutionFormatStringFormat,
    }
    lacks ["formatters"]
    struct JsonFormatOptions = "envoy.config.core.v3.JsonFormatOptions" {
        1 sort_properties: bool,
    }
    struct FractionalPercent = "envoy.type.v3.FractionalPercent" {
        1 numerator: u32,
        2 denominator: DenominatorType,
    }
    struct Percent = "envoy.type.v3.Percent" {
        1 value: f64 = [Rule::Range(0.0, 100.0)],
    }
    struct Int64Range = "envoy.type.v3.Int64Range" {
        1 start: i64,
        2 end: i64,
    }
    struct Int32Range = "envoy.type.v3.Int32Range" {
        1 start: i32,
        2 end: i32,
    }
    struct TokenBucket = "envoy.type.v3.TokenBucket" {
        1 max_tokens: u32 = [Rule::Gt(0.0)],
        2 tokens_per_fill: Option<u32> = [Rule::Gt(0.0)],
        3 fill_interval: Duration = [Rule::Required, Rule::Positive],
    }
    struct HttpStatus = "envoy.type.v3.HttpStatus" {
        1 code: StatusCode,
    }
    struct StringMatcher = "envoy.type.matcher.v3.StringMatcher" {
        6 ignore_case: bool,
    }
    oneof {
        match_pattern: StringMatcherMatchPattern,
    }
    lacks ["custom"]
    struct RegexMatcher = "envoy.type.matcher.v3.RegexMatcher" {
        2 regex: String = [Rule::MinLen(1)],
    }
    oneof {
        engine_type: Option<RegexMatcherEngineType>,
    }
    struct GoogleRe2 = "envoy.type.matcher.v3.RegexMatcher.GoogleRE2" {
        1 max_program_size: Option<u32>,
    }
    struct RegexMatchAndSubstitute = "envoy.type.matcher.v3.RegexMatchAndSubstitute" {
        1 pattern: RegexMatcher = [Rule::Required],
        2 substitution: String,
    }
    struct ListStringMatcher = "envoy.type.matcher.v3.ListStringMatcher" {
        1 patterns: Vec<StringMatcher> = [Rule::MinItems(1)],
    }
    struct PathMatcher = "envoy.type.matcher.v3.PathMatcher" {
    }
    oneof {
        rule: PathMatcherRule,
    }
    struct MetadataMatcher = "envoy.type.matcher.v3.MetadataMatcher" {
        1 filter: String = [Rule::MinLen(1)],
        2 path: Vec<PathSegment> = [Rule::MinItems(1)],
        3 value: ValueMatcher = [Rule::Required],
        4 invert: bool,
    }
    struct PathSegment = "envoy.type.matcher.v3.MetadataMatcher.PathSegment" {
    }
    oneof {
        segment: PathSegmentSegment,
    }
    struct ValueMatcher = "envoy.type.matcher.v3.ValueMatcher" {
    }
    oneof {
        match_pattern: ValueMatcherMatchPattern,
    }
    struct NullMatch = "envoy.type.matcher.v3.ValueMatcher.NullMatch" {
    }
    struct ListMatcher = "envoy.type.matcher.v3.ListMatcher" {
    }
    oneof {
        match_pattern: ListMatcherMatchPattern,
    }
    struct OrMatcher = "envoy.type.matcher.v3.OrMatcher" {
        1 value_matchers: Vec<ValueMatcher> = [Rule::MinItems(2)],
    }
    struct DoubleMatcher = "envoy.type.matcher.v3.DoubleMatcher" {
    }
    oneof {
        match_pattern: DoubleMatcherMatchPattern,
    }
    struct DoubleRange = "envoy.type.v3.DoubleRange" {
        1 start: f64,
        2 end: f64,
    }
}

oneof! {
    AddressAddress {
        1 socket_address: SocketAddress(SocketAddress),
        2 pipe: Pipe(Pipe),
    }
    SocketAddressPortSpecifier {
        3 port_value: PortValue(u32) = [Rule::Lte(65535.0)],
    }
    DataSourceSpecifier {
        1 filename: Filename(String) = [Rule::MinLen(1)],
        2 inline_bytes: InlineBytes(String),
        3 inline_string: InlineString(String),
        4 environment_variable: EnvironmentVariable(String) = [Rule::MinLen(1)],
    }
    TransportSocketConfigType {
        3 typed_config: TypedConfig(TransportSocketConfig),
    }
    SubstitutionFormatStringFormat {
        1 text_format: TextFormat(String),
        2 json_format: JsonFormat(Struct) = [Rule::Required],
        5 text_format_source: TextFormatSource(DataSource),
    }
    StringMatcherMatchPattern {
        1 exact: Exact(String),
        2 prefix: Prefix(String) = [Rule::MinLen(1)],
        3 suffix: Suffix(String) = [Rule::MinLen(1)],
        5 safe_regex: SafeRegex(RegexMatcher) = [Rule::Required],
        7 contains: Contains(String) = [Rule::MinLen(1)],
    }
    RegexMatcherEngineType {
        1 google_re2: GoogleRe2(GoogleRe2),
    }
    PathMatcherRule {
        1 path: Path(StringMatcher) = [Rule::Required],
    }
    PathSegmentSegment {
        1 key: Key(String) = [Rule::MinLen(1)],
    }
    ValueMatcherMatchPattern {
        1 null_match: NullMatch(NullMatch),
        2 double_match: DoubleMatch(DoubleMatcher),
        3 string_match: StringMatch(StringMatcher),
        4 bool_match: BoolMatch(bool),
        5 present_match: PresentMatch(bool),
        6 list_match: ListMatch(ListMatcher),
        7 or_match: OrMatch(OrMatcher),
    }
    ListMatcherMatchPattern {
        1 one_of: OneOf(Box<ValueMatcher>),
    }
    DoubleMatcherMatchPattern {
        1 range: Range(DoubleRange),
        2 exact: Exact(f64),
    }
}

choice! {
    Protocol = "envoy.config.core.v3.SocketAddress.Protocol" { Tcp = 0 "TCP", Udp = 1 "UDP", }
    HeaderAppendAction = "envoy.config.core.v3.HeaderValueOption.HeaderAppendAction" {
        AppendIfExistsOrAdd = 0 "APPEND_IF_EXISTS_OR_ADD", AddIfAbsent = 1 "ADD_IF_ABSENT",
        OverwriteIfExistsOrAdd = 2 "OVERWRITE_IF_EXISTS_OR_ADD",
        OverwriteIfExists = 3 "OVERWRITE_IF_EXISTS",
    }
    DenominatorType = "envoy.type.v3.FractionalPercent.DenominatorType" {
        Hundred = 0 "HUNDRED", TenThousand = 1 "TEN_THOUSAND", Million = 2 "MILLION",
    }
    RoutingPriority = "envoy.config.core.v3.RoutingPriority" { Default = 0 "DEFAULT", High = 1 "HIGH", }
    TrafficDirection = "envoy.config.core.v3.TrafficDirection" {
        Unspecified = 0 "UNSPECIFIED", Inbound = 1 "INBOUND", Outbound = 2 "OUTBOUND",
    }
    HealthStatus = "envoy.config.core.v3.HealthStatus" {
        Unknown = 0 "UNKNOWN", Healthy = 1 "HEALTHY", Unhealthy = 2 "UNHEALTHY", Draining = 3 "DRAINING",
        Timeout = 4 "TIMEOUT", Degraded = 5 "DEGRADED",
    }
    ApiVersion = "envoy.config.core.v3.ApiVersion" { Auto = 0 "AUTO", V2 = 1 "V2", V3 = 2 "V3", }
    RequestMethod = "envoy.config.core.v3.RequestMethod" {
        Unspecified = 0 "METHOD_UNSPECIFIED", Get = 1 "GET", Head = 2 "HEAD", Post = 3 "POST",
        Put = 4 "PUT", Delete = 5 "DELETE", Connect = 6 "CONNECT", Options = 7 "OPTIONS", Trace = 8 "TRACE",
        Patch = 9 "PATCH",
    }
    StatusCode = "envoy.type.v3.StatusCode" {
        Empty = 0 "Empty", Continue = 100 "Continue", Ok = 200 "OK", Created = 201 "Created",
        Accepted = 202 "Accepted", NonAuthoritativeInformation = 203 "NonAuthoritativeInformation",
        NoContent = 204 "NoContent", ResetContent = 205 "ResetContent",
        PartialContent = 206 "PartialContent", MultiStatus = 207 "MultiStatus",
        AlreadyReported = 208 "AlreadyReported", IMUsed = 226 "IMUsed",
        MultipleChoices = 300 "MultipleChoices", MovedPermanently = 301 "MovedPermanently",
        Found = 302 "Found", SeeOther = 303 "SeeOther", NotModified = 304 "NotModified",
        UseProxy = 305 "UseProxy", TemporaryRedirect = 307 "TemporaryRedirect",
        PermanentRedirect = 308 "PermanentRedirect", BadRequest = 400 "BadRequest",
        Unauthorized = 401 "Unauthorized", PaymentRequired = 402 "PaymentRequired",
        Forbidden = 403 "Forbidden", NotFound = 404 "NotFound", MethodNotAllowed = 405 "MethodNotAllowed",
        NotAcceptable = 406 "NotAcceptable",
        ProxyAuthenticationRequired = 407 "ProxyAuthenticationRequired",
        RequestTimeout = 408 "RequestTimeout", Conflict = 409 "Conflict", Gone = 410 "Gone",
        LengthRequired = 411 "LengthRequired", PreconditionFailed = 412 "PreconditionFailed",
        PayloadTooLarge = 413 "PayloadTooLarge", URITooLong = 414 "URITooLong",
        UnsupportedMediaType = 415 "UnsupportedMediaType", RangeNotSatisfiable = 416 "RangeNotSatisfiable",
        ExpectationFailed = 417 "ExpectationFailed", MisdirectedRequest = 421 "MisdirectedRequest",
        UnprocessableEntity = 422 "UnprocessableEntity", Locked = 423 "Locked",
        FailedDependency = 424 "FailedDependency", UpgradeRequired = 426 "UpgradeRequired",
        PreconditionRequired = 428 "PreconditionRequired", TooManyRequests = 429 "TooManyRequests",
        RequestHeaderFieldsTooLarge = 431 "RequestHeaderFieldsTooLarge",
        InternalServerError = 500 "InternalServerError", NotImplemented = 501 "NotImplemented",
        BadGateway = 502 "BadGateway", ServiceUnavailable = 503 "ServiceUnavailable",
        GatewayTimeout = 504 "GatewayTimeout", HTTPVersionNotSupported = 505 "HTTPVersionNotSupported",
        VariantAlsoNegotiates = 506 "VariantAlsoNegotiates",
        InsufficientStorage = 507 "InsufficientStorage", LoopDetected = 508 "LoopDetected",
        NotExtended = 510 "NotExtended",
        NetworkAuthenticationRequired = 511 "NetworkAuthenticationRequired",
    }
}

impl TransportSocket {
    /// What stands in `typed_config`.
    pub fn typed(&self) -> Option<&TransportSocketConfig> {
        self.config_type.as_ref().map(|TransportSocketConfigType::TypedConfig(it)| it)
    }
}
