//! The container's namespace, by its path; and what plugins do in it.
//!
//! Always: a process that enters it for a file of /proc/sys comes back.
//! Source: containernetworking/plugins 1.1.1 `pkg/ns`, `pkg/utils/sysctl`.

use super::error::{CniError, CniResult, file_error, words};
use api::NetnsId;
use linux::Sys;
use net::Errno;

/// Why a path is no namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoNetns {
    Gone(String),
    Other(String),
}

impl NoNetns {
    pub fn text(self) -> String {
        match self {
            NoNetns::Gone(text) | NoNetns::Other(text) => text,
        }
    }
}

impl From<NoNetns> for CniError {
    fn from(error: NoNetns) -> CniError {
        CniError::internal(error.text())
    }
}

/// The namespace at a path.
pub async fn find(sys: &Sys, path: &str) -> Result<NetnsId, NoNetns> {
    let failed = |errno| format!("failed to Statfs \"{path}\": {}", words(errno));
    match sys.netns_at(path).await {
        Ok(netns) => Ok(netns),
        Err(errno @ Errno::ENOENT) => Err(NoNetns::Gone(failed(errno))),
        // A file of the disk, which is an ext4.
        Err(Errno::EINVAL) => Err(NoNetns::Other(format!("unknown FS magic on \"{path}\": ef53"))),
        Err(errno) => Err(NoNetns::Other(failed(errno))),
    }
}

/// As ADD and CHECK say it.
pub async fn open(sys: &Sys, path: &str) -> CniResult<NetnsId> {
    let found = find(sys, path).await;
    found.map_err(|error| CniError::internal(format!("failed to open netns \"{path}\": {}", error.text())))
}

/// The namespace that the plugin itself runs in.
pub async fn own(sys: &Sys) -> NetnsId {
    sys.net(|_, netns| netns).await
}

/// Writes a file below /proc/sys as it is seen in a namespace.
pub async fn write_sysctl(sys: &Sys, netns: NetnsId, key: &str, value: &str) -> CniResult<()> {
    let home = own(sys).await;
    let path = format!("/proc/sys/{key}");
    sys.enter_netns(netns, None).await;
    let written = sys.write_file(&path, value.as_bytes()).await;
    sys.enter_netns(home, None).await;
    written.map_err(|errno| file_error("open", &path, errno))
}

/// Reads one, without its newline.
pub async fn read_sysctl(sys: &Sys, netns: NetnsId, key: &str) -> CniResult<String> {
    let home = own(sys).await;
    let path = format!("/proc/sys/{key}");
    sys.enter_netns(netns, None).await;
    let read = sys.read_file(&path).await;
    sys.enter_netns(home, None).await;
    let bytes = read.map_err(|errno| file_error("open", &path, errno))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
}
