//! Capture files: the classic pcap format.
//!
//! Always: what is written is read back as it was; a broken file is refused in libpcap's words.
//! Differs from libpcap: pcapng files are not read.
//! Sources: pcap-savefile(5); libpcap 1.10.3, sf-pcap.c.

use std::time::Duration;

const MAGIC: u32 = 0xa1b2_c3d4;
const MAGIC_NANO: u32 = 0xa1b2_3c4d;
const PCAPNG: u32 = 0x0a0d_0d0a;
pub(super) const ETHERNET: u32 = 1;
pub(super) const SLL2: u32 = 276;
const HEADER: usize = 24;
const RECORD: usize = 16;
const MOST_LENGTH: u32 = 262_144;

/// One packet of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub at: Duration,
    pub bytes: Vec<u8>,
    pub length: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Savefile {
    pub link_type: u32,
    pub snaplen: u32,
    pub packets: Vec<Packet>,
    /// What was wrong behind the last good packet.
    pub fault: Option<String>,
}

pub(super) fn header(link_type: u32, snaplen: u32, nanoseconds: bool) -> Vec<u8> {
    let magic = if nanoseconds { MAGIC_NANO } else { MAGIC };
    let mut bytes = Vec::from(magic.to_le_bytes());
    bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(snaplen.to_le_bytes());
    bytes.extend(link_type.to_le_bytes());
    bytes
}

pub(super) fn record(at: Duration, bytes: &[u8], length: u32, nanoseconds: bool) -> Vec<u8> {
    let fraction = if nanoseconds { at.subsec_nanos() } else { at.subsec_micros() };
    let mut record = Vec::with_capacity(RECORD + bytes.len());
    for word in [at.as_secs() as u32, fraction, bytes.len() as u32, length] {
        record.extend(word.to_le_bytes());
    }
    record.extend(bytes);
    record
}

pub(super) fn parse(bytes: &[u8]) -> Result<Savefile, String> {
    let truncated = |wanted: usize, got: usize| {
        format!("truncated dump file; tried to read {wanted} file header bytes, only got {got}")
    };
    let Some(magic) = bytes.first_chunk::<4>() else { return Err(truncated(4, bytes.len())) };
    let (little, magic) = match (u32::from_le_bytes(*magic), u32::from_be_bytes(*magic)) {
        (magic @ (MAGIC | MAGIC_NANO), _) => (true, magic),
        (_, magic @ (MAGIC | MAGIC_NANO)) => (false, magic),
        (PCAPNG, _) => {
            return Err("pcapng: not simulated in vethlab; use a file written by tcpdump -w".into());
        }
        _ => return Err("unknown file format".into()),
    };
    if bytes.len() < HEADER {
        return Err(truncated(HEADER - 4, bytes.len() - 4));
    }
    let word = |at: usize| {
        let four = bytes[at..].first_chunk::<4>().copied().unwrap_or_default();
        if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
    };
    let mut file = Savefile { link_type: word(20), snaplen: word(16), packets: Vec::new(), fault: None };
    let mut at = HEADER;
    while at < bytes.len() {
        let left = bytes.len() - at;
        if left < RECORD {
            file.fault =
                Some(format!("truncated dump file; tried to read {RECORD} header bytes, only got {left}"));
            break;
        }
        let (seconds, fraction, captured, length) = (word(at), word(at + 4), word(at + 8), word(at + 12));
        if captured > MOST_LENGTH {
            file.fault = Some(format!(
                "invalid packet capture length {captured}, bigger than snaplen of {}",
                file.snaplen
            ));
            break;
        }
        at += RECORD;
        let Some(packet) = bytes.get(at..at + captured as usize) else {
            let got = bytes.len() - at;
            file.fault =
                Some(format!("truncated dump file; tried to read {captured} captured bytes, only got {got}"));
            break;
        };
        let nanoseconds = if magic == MAGIC_NANO { fraction } else { fraction.saturating_mul(1000) };
        let at_time = Duration::from_secs(seconds.into()) + Duration::from_nanos(nanoseconds.into());
        file.packets.push(Packet { at: at_time, bytes: packet.to_vec(), length });
        at += captured as usize;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let at = Duration::new(1_700_000_000, 5_000);
        let mut bytes = header(ETHERNET, 100, false);
        bytes.extend(record(at, b"frame", 9, false));
        let file = parse(&bytes).expect("a file just written");
        assert_eq!(file.packets, [Packet { at, bytes: b"frame".to_vec(), length: 9 }]);
        assert_eq!(parse(b"root:x:0:0").map(|_| ()), Err("unknown file format".into()));
        bytes.truncate(bytes.len() - 2);
        let fault = parse(&bytes).expect("the header is whole").fault;
        assert_eq!(fault.as_deref(), Some("truncated dump file; tried to read 5 captured bytes, only got 3"));
    }
}
