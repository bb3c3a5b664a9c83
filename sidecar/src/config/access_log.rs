//! Access logs: which requests, in which words, to where.
//!
//! Sources: envoy.config.accesslog.v3, envoy.extensions.access_loggers.{file,stream}.v3.

use super::core::{FractionalPercent, RuntimeUInt32, SubstitutionFormatString};
use super::extension::{AccessLogConfig, Struct};
use super::reader::Rule;
use super::route::HeaderMatcher;
use super::schema::{choice, message, oneof};

message! {
    struct AccessLog = "envoy.config.accesslog.v3.AccessLog" {
        1 name: String,
        2 filter: Option<AccessLogFilter>,
    }
    oneof {
        config_type: Option<AccessLogConfigType>,
    }
    struct AccessLogFilter = "envoy.config.accesslog.v3.AccessLogFilter" {
    }
    oneof {
        filter_specifier: AccessLogFilterFilterSpecifier,
    }
    lacks ["extension_filter" "metadata_filter" "log_type_filter"]
    struct ComparisonFilter = "envoy.config.accesslog.v3.ComparisonFilter" {
        1 op: Op,
        2 value: RuntimeUInt32 = [Rule::Required],
    }
    struct StatusCodeFilter = "envoy.config.accesslog.v3.StatusCodeFilter" {
        1 comparison: ComparisonFilter = [Rule::Required],
    }
    struct DurationFilter = "envoy.config.accesslog.v3.DurationFilter" {
        1 comparison: ComparisonFilter = [Rule::Required],
    }
    struct NotHealthCheckFilter = "envoy.config.accesslog.v3.NotHealthCheckFilter" {
    }
    struct TraceableFilter = "envoy.config.accesslog.v3.TraceableFilter" {
    }
    struct RuntimeFilter = "envoy.config.accesslog.v3.RuntimeFilter" {
        1 runtime_key: String = [Rule::MinLen(1)],
        2 percent_sampled: Option<FractionalPercent>,
        3 use_independent_randomness: bool,
    }
    struct AndFilter = "envoy.config.accesslog.v3.AndFilter" {
        1 filters: Vec<AccessLogFilter> = [Rule::MinItems(2)],
    }
    struct OrFilter = "envoy.config.accesslog.v3.OrFilter" {
        2 filters: Vec<AccessLogFilter> = [Rule::MinItems(2)],
    }
    struct HeaderFilter = "envoy.config.accesslog.v3.HeaderFilter" {
        1 header: HeaderMatcher = [Rule::Required],
    }
    struct ResponseFlagFilter = "envoy.config.accesslog.v3.ResponseFlagFilter" {
        1 flags: Vec<String>,
    }
    struct GrpcStatusFilter = "envoy.config.accesslog.v3.GrpcStatusFilter" {
        1 statuses: Vec<GrpcStatus>,
        2 exclude: bool,
    }
    struct FileAccessLog = "envoy.extensions.access_loggers.file.v3.FileAccessLog" {
        1 path: String = [Rule::MinLen(1)],
    }
    oneof {
        access_log_format: Option<FileAccessLogAccessLogFormat>,
    }
    struct StdoutAccessLog = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog" {
    }
    oneof {
        access_log_format: Option<StdoutAccessLogAccessLogFormat>,
    }
    struct StderrAccessLog = "envoy.extensions.access_loggers.stream.v3.StderrAccessLog" {
    }
    oneof {
        access_log_format: Option<StderrAccessLogAccessLogFormat>,
    }
}

oneof! {
    AccessLogConfigType {
        4 typed_config: TypedConfig(AccessLogConfig),
    }
    AccessLogFilterFilterSpecifier {
        1 status_code_filter: StatusCodeFilter(StatusCodeFilter),
        2 duration_filter: DurationFilter(DurationFilter),
        3 not_health_check_filter: NotHealthCheckFilter(NotHealthCheckFilter),
        4 traceable_filter: TraceableFilter(TraceableFilter),
        5 runtime_filter: RuntimeFilter(RuntimeFilter),
        6 and_filter: AndFilter(AndFilter),
        7 or_filter: OrFilter(OrFilter),
        8 header_filter: HeaderFilter(HeaderFilter),
        9 response_flag_filter: ResponseFlagFilter(ResponseFlagFilter),
        10 grpc_status_filter: GrpcStatusFilter(GrpcStatusFilter),
    }
    FileAccessLogAccessLogFormat {
        2 format: Format(String),
        3 json_format: JsonFormat(Struct),
        4 typed_json_format: TypedJsonFormat(Struct),
        5 log_format: LogFormat(SubstitutionFormatString) = [Rule::Required],
    }
    StdoutAccessLogAccessLogFormat {
        1 log_format: LogFormat(SubstitutionFormatString) = [Rule::Required],
    }
    StderrAccessLogAccessLogFormat {
        1 log_format: LogFormat(SubstitutionFormatString) = [Rule::Required],
    }
}

choice! {
    Op = "envoy.config.accesslog.v3.ComparisonFilter.Op" {
        Eq = 0 "EQ", Ge = 1 "GE", Le = 2 "LE", Ne = 3 "NE",
    }
    GrpcStatus = "envoy.config.accesslog.v3.GrpcStatusFilter.Status" {
        Ok = 0 "OK", Canceled = 1 "CANCELED", Unknown = 2 "UNKNOWN", InvalidArgument = 3 "INVALID_ARGUMENT",
        DeadlineExceeded = 4 "DEADLINE_EXCEEDED", NotFound = 5 "NOT_FOUND",
        AlreadyExists = 6 "ALREADY_EXISTS", PermissionDenied = 7 "PERMISSION_DENIED",
        ResourceExhausted = 8 "RESOURCE_EXHAUSTED", FailedPrecondition = 9 "FAILED_PRECONDITION",
        Aborted = 10 "ABORTED", OutOfRange = 11 "OUT_OF_RANGE", Unimplemented = 12 "UNIMPLEMENTED",
        Internal = 13 "INTERNAL", Unavailable = 14 "UNAVAILABLE", DataLoss = 15 "DATA_LOSS",
        Unauthenticated = 16 "UNAUTHENTICATED",
    }
}
