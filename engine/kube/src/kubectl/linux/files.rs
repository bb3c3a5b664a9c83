//! Folders of this machine, as `kubectl cp` packs and makes them.
//!
//! Always: the walk is bounded in depth and in size. Source: kubectl `pkg/cmd/cp`, `recursiveTar`.

use linux::tar::{Entry, Kind};
use linux::{FileKind, Sys};
use net::Errno;

/// Folders within folders are walked this deep: deeper is "File name too long".
const DEEPEST: usize = 64;
/// An archive grows no bigger: more is "File too large".
const MOST_BYTES: usize = 64 << 20;

/// A folder with something in it has no entry of its own.
pub async fn gather(sys: &Sys, path: &str) -> Result<Vec<Entry>, Errno> {
    // It has to be there, wherever a link leads.
    sys.stat(path).await?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let mut ahead = vec![(path.to_owned(), String::new(), 0)];
    while let Some((path, name, depth)) = ahead.pop() {
        let stat = sys.lstat(&path).await?;
        let mut entry = Entry {
            name: name.clone(),
            mode: stat.mode & 0o7777,
            uid: stat.uid,
            gid: stat.gid,
            modified: sys.ask(move |system, _| system.realtime(stat.modified)).await.as_secs(),
            ..Entry::default()
        };
        match stat.kind {
            FileKind::Directory => {
                let mut names: Vec<String> =
                    sys.read_dir(&path).await?.into_iter().map(|it| it.name).collect();
                if depth == DEEPEST {
                    return Err(Errno::ENAMETOOLONG);
                }
                if !names.is_empty() {
                    names.sort();
                    let inner = names.into_iter().rev();
                    ahead.extend(inner.map(|it| (format!("{path}/{it}"), format!("{name}/{it}"), depth + 1)));
                    continue;
                }
                entry.kind = Kind::Directory;
            }
            FileKind::Symlink => entry.kind = Kind::Symlink(sys.readlink(&path).await?),
            FileKind::File => entry.bytes = sys.read_file(&path).await?,
            _ => {}
        }
        bytes += entry.bytes.len();
        if bytes > MOST_BYTES {
            return Err(Errno::EFBIG);
        }
        entries.push(entry);
    }
    Ok(entries)
}

pub async fn make_folder(sys: &Sys, path: &str) -> Result<(), Errno> {
    let mut at = String::new();
    for part in path.split_inclusive('/') {
        at.push_str(part);
        match sys.mkdir(&at, 0o755).await {
            Err(Errno::EEXIST) if sys.stat(&at).await?.kind == FileKind::Directory => {}
            Err(Errno::EEXIST) => return Err(Errno::ENOTDIR),
            other => other?,
        }
    }
    Ok(())
}
