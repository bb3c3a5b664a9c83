//! host-local's memory: a file for each address in /var/lib/cni/networks/NAME, which says who has it.
//!
//! Always: an address is taken by making its file; two calls cannot make the same one.
//! Source: containernetworking/plugins 1.1.1 `plugins/ipam/host-local/backend/disk`.

use super::error::{CniResult, file_error};
use linux::{FileKind, Sys};
use net::Errno;
use std::net::IpAddr;

const FOLDER: &str = "/var/lib/cni/networks";

pub struct Store {
    folder: String,
}

/// `mkdir -p`
pub async fn make_folders(sys: &Sys, path: &str, mode: u16) -> CniResult<()> {
    let ends = path.match_indices('/').map(|(end, _)| end).skip(1).chain([path.len()]);
    for end in ends {
        match sys.mkdir(&path[..end], mode).await {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(file_error("mkdir", &path[..end], errno)),
        }
    }
    Ok(())
}

impl Store {
    pub async fn open(sys: &Sys, network: &str, folder: &str) -> CniResult<Store> {
        let folder = if folder.is_empty() { FOLDER } else { folder.trim_end_matches('/') };
        let folder = format!("{folder}/{network}");
        make_folders(sys, &folder, 0o755).await?;
        let lock = format!("{folder}/lock");
        if !sys.exists(&lock).await {
            sys.write_file(&lock, b"").await.map_err(|errno| file_error("open", &lock, errno))?;
        }
        Ok(Store { folder })
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Whether it was free.
    pub async fn reserve(&self, sys: &Sys, owner: &str, address: IpAddr, range: usize) -> CniResult<bool> {
        let path = self.path(&address.to_string());
        if sys.exists(&path).await {
            return Ok(false);
        }
        for (path, text) in
            [(path, owner.to_owned()), (self.path(&format!("last_reserved_ip.{range}")), address.to_string())]
        {
            let written = sys.write_file(&path, text.as_bytes()).await;
            written.map_err(|errno| file_error("open", &path, errno))?;
        }
        Ok(true)
    }

    pub async fn last_reserved(&self, sys: &Sys, range: usize) -> Option<IpAddr> {
        let bytes = sys.read_file(&self.path(&format!("last_reserved_ip.{range}"))).await.ok()?;
        String::from_utf8(bytes).ok()?.parse().ok()
    }

    /// Names of the files that say so: by container and interface, or as older versions wrote it.
    async fn files_of(&self, sys: &Sys, owner: &str, or: &str) -> Vec<String> {
        let (mut found, mut old) = (Vec::new(), Vec::new());
        for entry in sys.read_dir(&self.folder).await.unwrap_or_default() {
            if entry.stat.kind != FileKind::File {
                continue;
            }
            let bytes = sys.read_file(&self.path(&entry.name)).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            if text == owner {
                found.push(entry.name);
            } else if text == or {
                old.push(entry.name);
            }
        }
        if found.is_empty() { old } else { found }
    }

    pub async fn addresses_of(&self, sys: &Sys, container: &str, ifname: &str) -> Vec<IpAddr> {
        let files = self.files_of(sys, &owner(container, ifname), container).await;
        files.iter().filter_map(|name| name.parse().ok()).collect()
    }

    pub async fn has(&self, sys: &Sys, container: &str, ifname: &str) -> bool {
        !self.files_of(sys, &owner(container, ifname), container).await.is_empty()
    }

    pub async fn release(&self, sys: &Sys, container: &str, ifname: &str) {
        for name in self.files_of(sys, &owner(container, ifname), container).await {
            sys.remove(&self.path(&name)).await.ok();
        }
    }
}

/// What the file of an address says.
pub fn owner(container: &str, ifname: &str) -> String {
    format!("{}\r\n{ifname}", container.trim())
}
