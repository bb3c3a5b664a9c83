//! The tar format: files as blocks of 512 bytes, and back.
//!
//! Called by `tar`, and by `kubectl cp`. Always: what was written is read back; of a broken archive nothing is made up.
//! Differs from GNU tar: no sparse files, no devices. Sources: tar(5); GNU tar manual "Basic Tar Format".

use std::fmt;

const BLOCK: usize = 512;
/// Archives end with zeros up to a whole record.
const RECORD: usize = 20 * BLOCK;
/// The longest name that stands in a header; a longer one gets an entry of its own.
const NAME: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    File,
    Directory,
    Symlink(String),
    /// Another name of an entry before.
    Link(String),
    /// Devices and whatever else is not simulated, by its letter.
    Other(u8),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// A directory's ends with a slash.
    pub name: String,
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub owner: String,
    pub group: String,
    /// Seconds since 1970.
    pub modified: u64,
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The first header is none.
    NotTar,
    /// A later one is none.
    BadHeader,
    /// The bytes end within an entry.
    UnexpectedEnd,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Error::NotTar => "This does not look like a tar archive",
            Error::BadHeader => "Skipping to next header",
            Error::UnexpectedEnd => "Unexpected EOF in archive",
        })
    }
}

/// Appends one entry.
pub fn write(archive: &mut Vec<u8>, entry: &Entry) {
    let (letter, target) = match &entry.kind {
        Kind::File => (b'0', ""),
        Kind::Directory => (b'5', ""),
        Kind::Symlink(target) => (b'2', target.as_str()),
        Kind::Link(target) => (b'1', target.as_str()),
        Kind::Other(letter) => (*letter, ""),
    };
    for (long, letter) in [(target, b'K'), (entry.name.as_str(), b'L')] {
        if long.len() > NAME {
            let bytes = [long.as_bytes(), b"\0"].concat();
            let name = Entry { name: "././@LongLink".to_owned(), bytes, ..Entry::default() };
            block(archive, &name, letter, "");
        }
    }
    block(archive, entry, letter, target);
}

/// Appends what ends an archive.
pub fn finish(archive: &mut Vec<u8>) {
    let length = (archive.len() + 2 * BLOCK).next_multiple_of(RECORD);
    archive.resize(length, 0);
}

fn block(archive: &mut Vec<u8>, entry: &Entry, letter: u8, target: &str) {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    let cut = |text: &str, most: usize| text.as_bytes()[..text.len().min(most)].to_vec();
    put(0, &cut(&entry.name, NAME));
    put(100, format!("{:07o}", entry.mode).as_bytes());
    put(108, format!("{:07o}", entry.uid & 0o7_777_777).as_bytes());
    put(116, format!("{:07o}", entry.gid & 0o7_777_777).as_bytes());
    put(124, format!("{:011o}", entry.bytes.len()).as_bytes());
    put(136, format!("{:011o}", entry.modified & 0o77_777_777_777).as_bytes());
    put(148, b"        ");
    put(156, &[letter]);
    put(157, &cut(target, NAME));
    put(257, b"ustar  ");
    put(265, &cut(&entry.owner, 31));
    put(297, &cut(&entry.group, 31));
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend_from_slice(&header);
    archive.extend_from_slice(&entry.bytes);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
}

/// The entries of an archive, and what is wrong with it behind them.
pub fn read(archive: &[u8]) -> (Vec<Entry>, Option<Error>) {
    let mut entries = Vec::new();
    let (mut long_name, mut long_target) = (None, None);
    let mut rest = archive;
    loop {
        if rest.is_empty() {
            return (entries, None);
        }
        let Some((header, after)) = rest.split_at_checked(BLOCK) else {
            return (entries, Some(Error::UnexpectedEnd));
        };
        if header.iter().all(|byte| *byte == 0) {
            return (entries, None);
        }
        let Some((mut entry, letter, size)) = head(header) else {
            let error = if rest.len() == archive.len() { Error::NotTar } else { Error::BadHeader };
            return (entries, Some(error));
        };
        let Some((bytes, after)) = after.split_at_checked(size) else {
            return (entries, Some(Error::UnexpectedEnd));
        };
        rest = after.get(size.next_multiple_of(BLOCK) - size..).unwrap_or_default();
        match letter {
            b'L' => long_name = Some(text(bytes)),
            b'K' => long_target = Some(text(bytes)),
            b'x' => {
                long_name = extended(bytes, "path").or(long_name);
                long_target = extended(bytes, "linkpath").or(long_target);
            }
            b'g' => {}
            _ => {
                entry.name = long_name.take().unwrap_or(entry.name);
                let target = long_target.take().unwrap_or_else(|| text(&header[157..257]));
                entry.kind = match letter {
                    b'5' => Kind::Directory,
                    b'2' => Kind::Symlink(target),
                    b'1' => Kind::Link(target),
                    0 | b'0' | b'7' => Kind::File,
                    other => Kind::Other(other),
                };
                entry.bytes = bytes.to_vec();
                entries.push(entry);
            }
        }
    }
}

/// A header's fields, its letter and the size of what follows; `None` where its sum is wrong.
fn head(header: &[u8]) -> Option<(Entry, u8, usize)> {
    let number = |from: usize, to: usize| {
        let digits = text(&header[from..to]);
        u64::from_str_radix(digits.trim_matches([' ', '\0']), 8).unwrap_or(0)
    };
    let is_sum = |at: usize| (148..156).contains(&at);
    let sum: u64 =
        header.iter().enumerate().map(|(at, byte)| u64::from(if is_sum(at) { b' ' } else { *byte })).sum();
    if sum != number(148, 156) {
        return None;
    }
    let mut name = text(&header[..NAME]);
    // POSIX has the front of a long name here; GNU other things.
    if &header[257..263] == b"ustar\0" && header[345] != 0 {
        name = format!("{}/{name}", text(&header[345..500]));
    }
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let entry = Entry {
        name,
        mode: u16::try_from(number(100, 108) & 0o7777).unwrap_or(0),
        uid: small(number(108, 116)),
        gid: small(number(116, 124)),
        owner: text(&header[265..297]),
        group: text(&header[297..329]),
        modified: number(136, 148),
        kind: Kind::File,
        bytes: Vec::new(),
    };
    let letter = header[156];
    let holds = !matches!(letter, b'1'..=b'6');
    Some((entry, letter, if holds { usize::try_from(number(124, 136)).ok()? } else { 0 }))
}

/// Up to the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A record `LENGTH KEY=VALUE` of POSIX's extended header.
fn extended(bytes: &[u8], key: &str) -> Option<String> {
    let all = text(bytes);
    let records = all.lines().filter_map(|it| it.split_once(' ')).filter_map(|(_, it)| it.split_once('='));
    records.filter(|(its, _)| *its == key).map(|(_, value)| value.to_owned()).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let long = "directory/".repeat(30) + "file";
        let entries = vec![
            Entry { name: "d/".to_owned(), mode: 0o755, kind: Kind::Directory, ..Entry::default() },
            Entry { name: "d/f".to_owned(), mode: 0o644, bytes: b"hello\n".to_vec(), ..Entry::default() },
            Entry { name: "d/l".to_owned(), kind: Kind::Symlink("f".to_owned()), ..Entry::default() },
            Entry { name: long, owner: "root".to_owned(), modified: 1_795_000_000, ..Entry::default() },
        ];
        let mut archive = Vec::new();
        entries.iter().for_each(|it| write(&mut archive, it));
        finish(&mut archive);
        assert_eq!(archive.len(), 10_240);
        assert_eq!(read(&archive), (entries, None));
    }

    #[test]
    fn what_is_no_archive_says_so_wherever_it_breaks() {
        assert_eq!(read(&[b'x'; 2000]), (Vec::new(), Some(Error::NotTar)));
        assert_eq!(read(b"short"), (Vec::new(), Some(Error::UnexpectedEnd)));
        let mut archive = Vec::new();
        write(&mut archive, &Entry { name: "f".to_owned(), bytes: vec![1; 600], ..Entry::default() });
        for length in 1..archive.len() {
            let (entries, _) = read(&archive[..length]);
            assert!(entries.is_empty() || length >= BLOCK + 600);
        }
    }
}
