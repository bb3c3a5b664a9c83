//! A whole message: header, question, records, EDNS.
//!
//! Always: a message that was read is all there; writing it again with the same compression keeps its meaning.
//! Sources: RFC 1035 §4.1, RFC 6891 §6.1.

use super::data::Data;
use super::kind::{Class, Kind, Opcode, Rcode};
use super::name::Name;
use super::wire::{Compression, Reader, WireError, Writer};

/// EDNS option codes.
pub mod option {
    pub const NSID: u16 = 3;
    pub const CLIENT_SUBNET: u16 = 8;
    pub const COOKIE: u16 = 10;
    pub const EDE: u16 = 15;
}

/// The header's bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub response: bool,
    pub authoritative: bool,
    pub truncated: bool,
    pub recursion_desired: bool,
    pub recursion_available: bool,
    /// Must be zero.
    pub z: bool,
    pub authentic_data: bool,
    pub checking_disabled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub name: Name,
    pub kind: Kind,
    pub class: Class,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub name: Name,
    pub kind: Kind,
    pub class: Class,
    pub ttl: u32,
    pub data: Data,
}

/// The OPT record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edns {
    pub version: u8,
    pub udp_size: u16,
    pub dnssec_ok: bool,
    /// Code and value, in order.
    pub options: Vec<(u16, Vec<u8>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: u16,
    pub opcode: Opcode,
    /// With EDNS's upper bits.
    pub rcode: Rcode,
    pub flags: Flags,
    pub questions: Vec<Question>,
    pub answers: Vec<Record>,
    pub authorities: Vec<Record>,
    /// Without OPT, which is `edns`.
    pub additionals: Vec<Record>,
    pub edns: Option<Edns>,
}

impl Flags {
    /// In the order of the wire, with their names as `dig` shows them.
    const BITS: [(u16, &'static str); 8] = [
        (0x8000, "qr"),
        (0x0400, "aa"),
        (0x0200, "tc"),
        (0x0100, "rd"),
        (0x0080, "ra"),
        (0x0040, ""),
        (0x0020, "ad"),
        (0x0010, "cd"),
    ];

    fn each(&mut self) -> [&mut bool; 8] {
        [
            &mut self.response,
            &mut self.authoritative,
            &mut self.truncated,
            &mut self.recursion_desired,
            &mut self.recursion_available,
            &mut self.z,
            &mut self.authentic_data,
            &mut self.checking_disabled,
        ]
    }

    fn from_bits(bits: u16) -> Flags {
        let mut flags = Flags::default();
        for (flag, (bit, _)) in flags.each().into_iter().zip(Flags::BITS) {
            *flag = bits & bit != 0;
        }
        flags
    }

    fn bits(mut self) -> u16 {
        let set = self.each().into_iter().zip(Flags::BITS).filter(|(flag, _)| **flag);
        set.fold(0, |bits, (_, (bit, _))| bits | bit)
    }

    /// `qr aa rd ra`
    pub fn names(mut self) -> Vec<&'static str> {
        let set = self.each().into_iter().zip(Flags::BITS).filter(|(flag, _)| **flag);
        set.map(|(_, (_, name))| name).filter(|name| !name.is_empty()).collect()
    }
}

impl Message {
    /// A question for recursive service, as most clients ask.
    pub fn query(id: u16, name: Name, kind: Kind) -> Message {
        Message {
            id,
            opcode: Opcode::QUERY,
            rcode: Rcode::NOERROR,
            flags: Flags { recursion_desired: true, ..Flags::default() },
            questions: vec![Question { name, kind, class: Class::IN }],
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            edns: None,
        }
    }

    /// An answer to `query` without records: same id, opcode and question, `rd` and `cd` as asked.
    pub fn reply(query: &Message, rcode: Rcode) -> Message {
        Message {
            rcode,
            flags: Flags {
                response: true,
                recursion_desired: query.flags.recursion_desired,
                checking_disabled: query.flags.checking_disabled,
                ..Flags::default()
            },
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            edns: None,
            ..query.clone()
        }
    }

    pub fn question(&self) -> Option<&Question> {
        self.questions.first()
    }

    /// Records of the additional section, OPT included.
    pub fn additional_count(&self) -> usize {
        self.additionals.len() + usize::from(self.edns.is_some())
    }

    /// Whether this is an answer to `query`: same id and, where it repeats a question, the same one.
    pub fn answers_to(&self, query: &Message) -> bool {
        let same =
            |a: &Question, b: &Question| a.kind == b.kind && a.class == b.class && a.name.same(&b.name);
        self.flags.response
            && self.id == query.id
            && self.questions.len() == query.questions.len()
            && self.questions.iter().zip(&query.questions).all(|(a, b)| same(a, b))
    }

    /// Bytes behind the last record are left out of account.
    pub fn read(bytes: &[u8]) -> Result<Message, WireError> {
        let mut reader = Reader::new(bytes);
        let id = reader.u16()?;
        let bits = reader.u16()?;
        let mut counts = [0_u16; 4];
        for count in &mut counts {
            *count = reader.u16()?;
        }
        let mut message = Message {
            id,
            opcode: Opcode(bits >> 11 & 15),
            rcode: Rcode(bits & 15),
            flags: Flags::from_bits(bits),
            questions: Vec::new(),
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            edns: None,
        };
        for _ in 0..counts[0] {
            let name = reader.name()?;
            message.questions.push(Question { name, kind: Kind(reader.u16()?), class: Class(reader.u16()?) });
        }
        for (section, count) in counts.iter().enumerate().skip(1) {
            for _ in 0..*count {
                message.read_record(&mut reader, section)?;
            }
        }
        Ok(message)
    }

    fn read_record(&mut self, reader: &mut Reader<'_>, section: usize) -> Result<(), WireError> {
        let name = reader.name()?;
        let (kind, class, ttl, length) = (Kind(reader.u16()?), reader.u16()?, reader.u32()?, reader.u16()?);
        let mut data = reader.part(usize::from(length))?;
        if kind == Kind::OPT && section == 3 {
            if self.edns.is_some() {
                return Err(WireError::FormErr);
            }
            self.rcode = Rcode(self.rcode.0 | (ttl >> 24 << 4) as u16);
            let mut options = Vec::new();
            while data.left() > 0 {
                let (code, length) = (data.u16()?, data.u16()?);
                options.push((code, data.take(usize::from(length))?.to_vec()));
            }
            let (version, dnssec_ok) = ((ttl >> 16) as u8, ttl & 0x8000 != 0);
            self.edns = Some(Edns { version, udp_size: class, dnssec_ok, options });
            return Ok(());
        }
        let data = Data::read(kind, data)?;
        let record = Record { name, kind, class: Class(class), ttl, data };
        match section {
            1 => self.answers.push(record),
            2 => self.authorities.push(record),
            _ => self.additionals.push(record),
        }
        Ok(())
    }

    pub fn write(&self, compression: Compression) -> Vec<u8> {
        let mut writer = Writer::new(compression);
        writer.u16(self.id);
        writer.u16(self.flags.bits() | (self.opcode.0 & 15) << 11 | (self.rcode.0 & 15));
        let counts =
            [self.questions.len(), self.answers.len(), self.authorities.len(), self.additional_count()];
        counts.iter().for_each(|count| writer.u16(u16::try_from(*count).unwrap_or(u16::MAX)));
        for question in &self.questions {
            writer.owner(&question.name);
            writer.u16(question.kind.0);
            writer.u16(question.class.0);
        }
        for record in self.answers.iter().chain(&self.authorities).chain(&self.additionals) {
            writer.owner(&record.name);
            writer.u16(record.kind.0);
            writer.u16(record.class.0);
            writer.u32(record.ttl);
            writer.counted(|writer| record.data.write(writer));
        }
        if let Some(edns) = &self.edns {
            writer.bytes.push(0);
            writer.u16(Kind::OPT.0);
            writer.u16(edns.udp_size);
            let extended = u32::from(self.rcode.0 >> 4) << 24;
            writer.u32(extended | u32::from(edns.version) << 16 | u32::from(edns.dnssec_ok) << 15);
            writer.counted(|writer| {
                for (code, value) in &edns.options {
                    writer.u16(*code);
                    writer.counted(|writer| writer.bytes.extend(value));
                }
            });
        }
        writer.bytes
    }

    /// The same in at most `limit` bytes: if it is longer, without any record and with `tc` set.
    pub fn write_within(&self, compression: Compression, limit: usize) -> Vec<u8> {
        let bytes = self.write(compression);
        if bytes.len() <= limit {
            return bytes;
        }
        let mut short = self.clone();
        short.answers.clear();
        short.authorities.clear();
        short.additionals.clear();
        short.flags.truncated = true;
        short.write(compression)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Message {
        let name = |text| Name::parse(text).expect("a name");
        let mut message = Message::query(0xbeef, name("alias.example.com"), Kind::A);
        message.flags.response = true;
        message.flags.authoritative = true;
        let record = |owner, kind, data| Record { name: name(owner), kind, class: Class::IN, ttl: 300, data };
        let target = name("www.example.com");
        message.answers = vec![
            record("alias.example.com", Kind::CNAME, Data::Name(target.clone())),
            record("www.example.com", Kind::A, Data::A([10, 0, 0, 80].into())),
            record("x.example.com", Kind::SRV, Data::Srv { priority: 0, weight: 1, port: 2, target }),
            record("t.example.com", Kind::TXT, Data::Strings(vec![b"a \"b\"".to_vec(), Vec::new()])),
            record("u.example.com", Kind(999), Data::Bytes(vec![1, 2, 3])),
        ];
        message.edns = Some(Edns {
            version: 0,
            udp_size: 1232,
            dnssec_ok: true,
            options: vec![(option::EDE, vec![0, 14])],
        });
        message
    }

    #[test]
    fn a_message_reads_back_as_written_whatever_the_compression() {
        let message = sample();
        for compression in [Compression::None, Compression::Owners, Compression::Full] {
            assert_eq!(Message::read(&message.write(compression)), Ok(message.clone()));
        }
    }

    #[test]
    fn the_extended_code_lies_in_two_places() {
        let mut message = sample();
        message.rcode = Rcode::BADVERS;
        assert_eq!(
            Message::read(&message.write(Compression::None)).map(|read| read.rcode),
            Ok(Rcode::BADVERS)
        );
    }

    #[test]
    fn a_cut_message_is_refused_wherever_it_is_cut() {
        let bytes = sample().write(Compression::Full);
        for length in 0..bytes.len() {
            assert!(Message::read(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_marked() {
        let bytes = sample().write_within(Compression::Full, 60);
        let short = Message::read(&bytes).expect("a message");
        assert!(short.flags.truncated && short.answers.is_empty() && bytes.len() <= 60);
    }

    #[test]
    fn data_are_shown_as_in_a_zone_file() {
        let shown: Vec<String> = sample().answers.iter().map(|record| record.data.to_string()).collect();
        assert_eq!(
            shown,
            ["www.example.com.", "10.0.0.80", "0 1 2 www.example.com.", r#""a \"b\"" """#, r"\# 3 010203"]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            if let Ok(message) = Message::read(&bytes) {
                let again = message.write(Compression::Full);
                let shown: Vec<String> = message.answers.iter().map(|record| record.data.to_string()).collect();
                proptest::prop_assert!(shown.len() == message.answers.len() && !again.is_empty());
            }
        }

        #[test]
        fn a_spoilt_message_never_panics(at in 0_usize..180, byte in proptest::num::u8::ANY) {
            let mut bytes = sample().write(Compression::Full);
            let length = bytes.len();
            bytes[at % length] = byte;
            proptest::prop_assert!(Message::read(&bytes).is_ok() || Message::read(&bytes).is_err());
        }
    }
}
