//! The numbers of DNS and their names: record types, classes, opcodes, response codes.
//!
//! Source: IANA's "Domain Name System (DNS) Parameters"; the spelling is BIND's.

use std::fmt;

macro_rules! numbers {
    ($(#[$doc:meta])* $type:ident $prefix:literal, $($name:ident $number:literal)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub u16);

        impl $type {
            $(pub const $name: $type = $type($number);)*

            fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some(stringify!($name)),)* _ => None }
            }

            /// Reads the name in any case, or the numbered form.
            pub fn parse(text: &str) -> Option<$type> {
                let upper = text.to_ascii_uppercase();
                match upper.as_str() {
                    $(stringify!($name) => Some($type($number)),)*
                    other => other.strip_prefix($prefix)?.parse().ok().map($type),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => f.pad(&format!("{}{}", $prefix, self.0)),
                }
            }
        }
    };
}

numbers! {
    /// The type of a record or question.
    Kind "TYPE",
    A 1 NS 2 MD 3 MF 4 CNAME 5 SOA 6 MB 7 MG 8 MR 9 NULL 10 WKS 11 PTR 12 HINFO 13 MINFO 14 MX 15 TXT 16 RP 17
    AFSDB 18 X25 19 ISDN 20 RT 21 NSAP 22 SIG 24 KEY 25 PX 26 GPOS 27 AAAA 28 LOC 29 NXT 30 SRV 33 NAPTR 35 KX 36
    CERT 37 A6 38 DNAME 39 SINK 40 OPT 41 APL 42 DS 43 SSHFP 44 IPSECKEY 45 RRSIG 46 NSEC 47 DNSKEY 48 DHCID 49
    NSEC3 50 NSEC3PARAM 51 TLSA 52 SMIMEA 53 HIP 55 NINFO 56 RKEY 57 TALINK 58 CDS 59 CDNSKEY 60 OPENPGPKEY 61
    CSYNC 62 ZONEMD 63 SVCB 64 HTTPS 65 SPF 99 UINFO 100 UID 101 GID 102 UNSPEC 103 NID 104 L32 105 L64 106 LP 107
    EUI48 108 EUI64 109 TKEY 249 TSIG 250 IXFR 251 AXFR 252 MAILB 253 MAILA 254 ANY 255 URI 256 CAA 257 AVC 258
    DOA 259 AMTRELAY 260 TA 32768 DLV 32769
}

numbers! {
    /// The class of a record or question.
    Class "CLASS",
    RESERVED0 0 IN 1 CH 3 HS 4 NONE 254 ANY 255
}

numbers! {
    /// What a message asks for.
    Opcode "OPCODE",
    QUERY 0 IQUERY 1 STATUS 2 RESERVED3 3 NOTIFY 4 UPDATE 5 RESERVED6 6 RESERVED7 7 RESERVED8 8 RESERVED9 9
    RESERVED10 10 RESERVED11 11 RESERVED12 12 RESERVED13 13 RESERVED14 14 RESERVED15 15
}

numbers! {
    /// How a server answered.
    Rcode "RESERVED",
    NOERROR 0 FORMERR 1 SERVFAIL 2 NXDOMAIN 3 NOTIMP 4 REFUSED 5 YXDOMAIN 6 YXRRSET 7 NXRRSET 8 NOTAUTH 9 NOTZONE 10
    BADVERS 16 BADCOOKIE 23
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_go_by_name_or_number() {
        assert_eq!(Kind::parse("aaaa"), Some(Kind::AAAA));
        assert_eq!(Kind::parse("TYPE1"), Some(Kind::A));
        assert_eq!(Kind::parse("FROB"), None);
        assert_eq!(Kind::parse("TYPE99999"), None);
        assert_eq!(Kind(65534).to_string(), "TYPE65534");
        assert_eq!(Rcode(11).to_string(), "RESERVED11");
    }
}
