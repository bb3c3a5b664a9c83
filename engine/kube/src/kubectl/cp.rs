//! `cp`: files to and from containers.
//!
//! Differs from kubectl: not simulated, since it needs `tar` on both sides. Source: kubectl `pkg/cmd/cp`.

use super::fault::Fault;
use super::flags::Flags;

pub fn copy(flags: &Flags) -> Result<(), Fault> {
    let [from, to] = &flags.words[..] else {
        return Err(flags.usage("source and destination are required"));
    };
    match (from.split_once(':'), to.split_once(':')) {
        (None, None) => Err(Fault::plain("one of src or dest must be a remote file specification")),
        (Some(_), Some(_)) => Err(Fault::plain("one of src or dest must be a local file specification")),
        _ => Err(Fault::plain(
            "cp: not simulated in vethlab; use `kubectl exec POD -- cat FILE >FILE`, `kubectl exec -i POD -- tee FILE <FILE`",
        )),
    }
}
