//! Whether a signature is good: of certificates, of handshakes, of tokens.
//!
//! Always: RSA keys have 2,048 to 8,192 bits, as ring has it.
//! Sources: RFC 8017 §8, FIPS 186-4 §6.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey};
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// By how many bits a hash is known here.
#[derive(Debug, Clone, Copy)]
enum Sha {
    S256,
    S384,
    S512,
}

impl Sha {
    fn sum(self, message: &[u8]) -> Vec<u8> {
        match self {
            Sha::S256 => Sha256::digest(message).to_vec(),
            Sha::S384 => Sha384::digest(message).to_vec(),
            Sha::S512 => Sha512::digest(message).to_vec(),
        }
    }

    /// The hash of so many bits.
    fn of(bits: u32) -> Option<Sha> {
        match bits {
            256 => Some(Sha::S256),
            384 => Some(Sha::S384),
            512 => Some(Sha::S512),
            _ => None,
        }
    }
}

/// Whether `signature`, both numbers one after the other, is P-256's over SHA-256.
pub fn ecdsa_p256(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let made = (VerifyingKey::from_sec1_bytes(point), Signature::from_slice(signature));
    matches!(made, (Ok(key), Ok(it)) if key.verify_prehash(&Sha256::digest(message), &it).is_ok())
}

/// Whether `signature` is RSA's in the older padding over SHA-2 of so many bits.
pub fn rsa_pkcs1(key: (&[u8], &[u8]), bits: u32, message: &[u8], signature: &[u8]) -> bool {
    let made = (public_key(key), Sha::of(bits));
    matches!(made, (Some(key), Some(sha)) if is_pkcs1(&key, sha, message, signature))
}

/// Whether `signature` is RSA's in the newer padding, with a salt as long as the hash.
pub fn rsa_pss(key: (&[u8], &[u8]), bits: u32, message: &[u8], signature: &[u8]) -> bool {
    let made = (public_key(key), Sha::of(bits));
    matches!(made, (Some(key), Some(sha)) if is_pss(&key, sha, message, signature))
}

fn public_key((n, e): (&[u8], &[u8])) -> Option<RsaPublicKey> {
    let number = rsa::BigUint::from_bytes_be;
    sized(RsaPublicKey::new_with_max_size(number(n), number(e), MOST_BITS).ok()?)
}

const LEAST_BITS: usize = 2048;
const MOST_BITS: usize = 8192;

fn sized(key: RsaPublicKey) -> Option<RsaPublicKey> {
    (LEAST_BITS..=MOST_BITS).contains(&key.n().bits()).then_some(key)
}

fn is_pkcs1(key: &RsaPublicKey, sha: Sha, message: &[u8], signature: &[u8]) -> bool {
    let scheme = match sha {
        Sha::S256 => Pkcs1v15Sign::new::<Sha256>(),
        Sha::S384 => Pkcs1v15Sign::new::<Sha384>(),
        Sha::S512 => Pkcs1v15Sign::new::<Sha512>(),
    };
    key.verify(scheme, &sha.sum(message), signature).is_ok()
}

fn is_pss(key: &RsaPublicKey, sha: Sha, message: &[u8], signature: &[u8]) -> bool {
    let scheme = match sha {
        Sha::S256 => Pss::new::<Sha256>(),
        Sha::S384 => Pss::new::<Sha384>(),
        Sha::S512 => Pss::new::<Sha512>(),
    };
    key.verify(scheme, &sha.sum(message), signature).is_ok()
}

/// A way to sign, as certificates name it.
#[derive(Debug)]
struct Algorithm {
    kind: Kind,
    sha: Sha,
    signature: AlgorithmIdentifier,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Ecdsa,
    Pkcs1,
    Pss,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(&self, key: &[u8], message: &[u8], mark: &[u8]) -> Result<(), InvalidSignature> {
        let rsa = || RsaPublicKey::from_pkcs1_der(key).ok().and_then(sized).ok_or(InvalidSignature);
        let is_good = match self.kind {
            Kind::Ecdsa => {
                let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
                let mark = Signature::from_der(mark).map_err(|_| InvalidSignature)?;
                key.verify_prehash(&self.sha.sum(message), &mark).is_ok()
            }
            Kind::Pkcs1 => is_pkcs1(&rsa()?, self.sha, message, mark),
            Kind::Pss => is_pss(&rsa()?, self.sha, message, mark),
        };
        if is_good { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self.kind {
            Kind::Ecdsa => alg_id::ECDSA_P256,
            Kind::Pkcs1 | Kind::Pss => alg_id::RSA_ENCRYPTION,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

const fn algorithm(kind: Kind, sha: Sha, signature: AlgorithmIdentifier) -> Algorithm {
    Algorithm { kind, sha, signature }
}

static ECDSA_256: Algorithm = algorithm(Kind::Ecdsa, Sha::S256, alg_id::ECDSA_SHA256);
static ECDSA_384: Algorithm = algorithm(Kind::Ecdsa, Sha::S384, alg_id::ECDSA_SHA384);
static PKCS1_256: Algorithm = algorithm(Kind::Pkcs1, Sha::S256, alg_id::RSA_PKCS1_SHA256);
static PKCS1_384: Algorithm = algorithm(Kind::Pkcs1, Sha::S384, alg_id::RSA_PKCS1_SHA384);
static PKCS1_512: Algorithm = algorithm(Kind::Pkcs1, Sha::S512, alg_id::RSA_PKCS1_SHA512);
static PSS_256: Algorithm = algorithm(Kind::Pss, Sha::S256, alg_id::RSA_PSS_SHA256);
static PSS_384: Algorithm = algorithm(Kind::Pss, Sha::S384, alg_id::RSA_PSS_SHA384);
static PSS_512: Algorithm = algorithm(Kind::Pss, Sha::S512, alg_id::RSA_PSS_SHA512);

/// All that certificates and handshakes may be signed with.
pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&ECDSA_256, &ECDSA_384, &PSS_256, &PSS_384, &PSS_512, &PKCS1_256, &PKCS1_384, &PKCS1_512],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[&ECDSA_256]),
        (SignatureScheme::RSA_PSS_SHA512, &[&PSS_512]),
        (SignatureScheme::RSA_PSS_SHA384, &[&PSS_384]),
        (SignatureScheme::RSA_PSS_SHA256, &[&PSS_256]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[&PKCS1_512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[&PKCS1_384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[&PKCS1_256]),
    ],
};
