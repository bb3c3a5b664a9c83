//! Listening to changes of the tables: what `ip monitor` and `bridge monitor` have in common.

use super::run::{Run, Snapshot};
use crate::cmd::ip::monitor::timestamp;
use crate::signal::Signal;
use crate::sys::Woke;
use net::rtnetlink::Change;
use std::time::Duration;

/// How often the kernel is asked for news.
const LOOK: Duration = Duration::from_millis(20);

/// Tells each change, with its time stamp, until a signal comes.
pub async fn listen(run: &mut Run, tell: impl Fn(&mut Run, &Snapshot, &Change, &str)) -> Signal {
    run.sys.catch(Signal::Int).await;
    run.sys.catch(Signal::Term).await;
    let mut next = run.kernel(|net, ns| net.monitor_start(ns)).await;
    let end = loop {
        let (changes, after) = run.kernel(move |net, ns| net.changes_since(ns, next)).await;
        next = after;
        if !changes.is_empty() {
            let snapshot = run.snapshot().await;
            for change in &changes {
                let stamp = timestamp(run).await;
                tell(run, &snapshot, change, &stamp);
            }
            run.flush().await;
        }
        if let Woke::Signal(signal) = run.sys.sleep(LOOK).await {
            break signal;
        }
    };
    run.kernel(|net, ns| net.monitor_end(ns)).await;
    end
}
