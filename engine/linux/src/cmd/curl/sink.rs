//! Where a transfer's bytes go: a file that is made with the first of them, or stdout.

use super::handle::Failure;
use super::options::Options;
use crate::fs::{Fd, OpenFlags};
use crate::sys::Sys;

pub(super) struct Sink {
    sys: Sys,
    path: Option<String>,
    file: Option<Fd>,
    warn: bool,
    create_dirs: bool,
    pub bytes: u64,
}

impl Sink {
    pub fn new(sys: &Sys, options: &Options, path: Option<String>) -> Sink {
        let path = path.filter(|path| path != "-");
        Sink {
            sys: sys.clone(),
            path,
            file: None,
            warn: !options.silent,
            create_dirs: options.create_dirs,
            bytes: 0,
        }
    }

    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The file, made if it is not yet.
    pub async fn open(&mut self) -> Result<Fd, Failure> {
        let unwritable = || Failure::new(23, "Failure writing output to destination");
        let Some(path) = &self.path else { return Ok(1) };
        if let Some(file) = self.file {
            return Ok(file);
        }
        if self.create_dirs {
            for (at, _) in path.match_indices('/').filter(|(at, _)| *at > 0) {
                // One that is there already is as good.
                self.sys.mkdir(&path[..at], 0o750).await.ok();
            }
        }
        match self.sys.open(path, OpenFlags::WRITE).await {
            Ok(file) => {
                self.file = Some(file);
                Ok(file)
            }
            Err(errno) => {
                if self.warn {
                    let text = format!("Failed to open the file {path}: {errno}");
                    self.sys.eprint(super::warning(&text) + "\n").await;
                }
                Err(unwritable())
            }
        }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let file = self.open().await?;
        self.bytes += bytes.len() as u64;
        let done = self.sys.write(file, bytes).await;
        done.map_err(|_| Failure::new(23, "Failure writing output to destination"))
    }

    pub async fn close(&mut self) {
        if let Some(file) = self.file.take() {
            self.sys.close(file).await.ok();
        }
    }
}
