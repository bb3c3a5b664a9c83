//! Access logs are written.

use super::stream::Stream;
use super::{Output, Proxy};
use crate::access_log::{AccessLog, Subject};

impl Proxy {
    /// Logs a request that is over.
    pub(super) fn log(&mut self, stream: &Stream) {
        self.note_stream_end(stream);
        let settings = stream.settings.clone();
        self.log_to(&settings.logs, &stream.subject(self.now));
    }

    /// Writes to all logs of a list.
    pub(super) fn log_to(&mut self, logs: &[AccessLog], subject: &Subject<'_>) {
        for log in logs {
            if let Some((sink, line)) = log.line(subject, &mut self.random) {
                self.output.push_back(Output::Log { sink: sink.clone(), line });
            }
        }
    }
}
