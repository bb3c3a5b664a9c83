//! Cryptography for rustls of Rust alone, whose every random byte comes from the proxy's seed.
//!
//! The algorithms are those of the RustCrypto project; this folder fits them into rustls. Random bytes, session ids and
//! keys of a handshake are drawn from `Chance`; an ECDSA signature's nonce comes of the key and the message.
//! Always: two sessions with the same seed, time and inputs send the same bytes.
//! Differs from Envoy's BoringSSL: no P-384 and no Ed25519, and nothing is done in constant time for secrecy's sake.
//! Sources: RFC 8446, RFC 5288, RFC 7905, RFC 6979; rustls `crypto::CryptoProvider`.

mod aead;
mod digest;
mod exchange;
mod sign;
#[cfg(all(test, feature = "tls-ring"))]
mod tests;
mod verify;

pub use self::verify::{ecdsa_p256, rsa_pkcs1, rsa_pss};

use self::aead::{Explicit, Implicit, Tls13};
use self::digest::{Mac, Sum};
use super::chance::Chance;
use crate::random::Random;
use ::aes_gcm::{Aes128Gcm, Aes256Gcm};
use ::chacha20poly1305::ChaCha20Poly1305;
use rustls::crypto::cipher::{Tls12AeadAlgorithm, Tls13AeadAlgorithm};
use rustls::crypto::tls12::PrfUsingHmac;
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{CryptoProvider, GetRandomFailed, KeyExchangeAlgorithm, SecureRandom};
use rustls::{
    CipherSuite, CipherSuiteCommon, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
};
use sha2::{Sha256, Sha384};

/// The provider.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: vec![&exchange::X25519, &exchange::Secp256r1],
        signature_verification_algorithms: verify::ALGORITHMS,
        secure_random: &FromChance,
        key_provider: &sign::Keys,
    }
}

#[derive(Debug)]
struct FromChance;

impl SecureRandom for FromChance {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        if Chance::fill(bytes) { Ok(()) } else { Err(GetRandomFailed) }
    }
}

/// A generator of RustCrypto's kind, started with a number drawn from `Chance`.
struct Generator(Random);

impl Generator {
    fn new() -> Result<Generator, GetRandomFailed> {
        let mut seed = [0; 8];
        FromChance.fill(&mut seed)?;
        Ok(Generator(Random::new(u64::from_le_bytes(seed))))
    }
}

impl rsa::rand_core::RngCore for Generator {
    fn next_u32(&mut self) -> u32 {
        self.0.draw() as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0.draw()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        rsa::rand_core::impls::fill_bytes_via_next(self, bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Generator {}

/// Records after which a key of AES-GCM is worn out (RFC 8446 §5.5).
const GCM_LIMIT: u64 = 1 << 24;

static SHA256: Sum<Sha256> = Sum::new();
static SHA384: Sum<Sha384> = Sum::new();
static MAC256: Mac<Sha256> = Mac::new();
static MAC384: Mac<Sha384> = Mac::new();
static HKDF256: HkdfUsingHmac<'static> = HkdfUsingHmac(&MAC256);
static HKDF384: HkdfUsingHmac<'static> = HkdfUsingHmac(&MAC384);
static PRF256: PrfUsingHmac<'static> = PrfUsingHmac(&MAC256);
static PRF384: PrfUsingHmac<'static> = PrfUsingHmac(&MAC384);

const fn common256(suite: CipherSuite, limit: u64) -> CipherSuiteCommon {
    CipherSuiteCommon { suite, hash_provider: &SHA256, confidentiality_limit: limit }
}

const fn common384(suite: CipherSuite) -> CipherSuiteCommon {
    CipherSuiteCommon { suite, hash_provider: &SHA384, confidentiality_limit: GCM_LIMIT }
}

const fn tls13_of_256(
    suite: CipherSuite,
    limit: u64,
    aead_alg: &'static dyn Tls13AeadAlgorithm,
) -> Tls13CipherSuite {
    let common = common256(suite, limit);
    Tls13CipherSuite { common, hkdf_provider: &HKDF256, aead_alg, quic: None }
}

const fn tls12_of_256(
    suite: CipherSuite,
    limit: u64,
    sign: &'static [SignatureScheme],
    aead_alg: &'static dyn Tls12AeadAlgorithm,
) -> Tls12CipherSuite {
    let common = common256(suite, limit);
    Tls12CipherSuite { common, prf_provider: &PRF256, kx: KeyExchangeAlgorithm::ECDHE, sign, aead_alg }
}

const fn tls12_of_384(suite: CipherSuite, sign: &'static [SignatureScheme]) -> Tls12CipherSuite {
    Tls12CipherSuite {
        common: common384(suite),
        prf_provider: &PRF384,
        kx: KeyExchangeAlgorithm::ECDHE,
        sign,
        aead_alg: &Explicit::<Aes256Gcm>::NEW,
    }
}

static AES_256: Tls13CipherSuite = Tls13CipherSuite {
    common: common384(CipherSuite::TLS13_AES_256_GCM_SHA384),
    hkdf_provider: &HKDF384,
    aead_alg: &Tls13::<Aes256Gcm>::NEW,
    quic: None,
};
static AES_128: Tls13CipherSuite =
    tls13_of_256(CipherSuite::TLS13_AES_128_GCM_SHA256, GCM_LIMIT, &Tls13::<Aes128Gcm>::NEW);
static CHACHA: Tls13CipherSuite =
    tls13_of_256(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, u64::MAX, &Tls13::<ChaCha20Poly1305>::NEW);
static ECDSA_AES_256: Tls12CipherSuite =
    tls12_of_384(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, ECDSA);
static ECDSA_AES_128: Tls12CipherSuite = tls12_of_256(
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    GCM_LIMIT,
    ECDSA,
    &Explicit::<Aes128Gcm>::NEW,
);
static ECDSA_CHACHA: Tls12CipherSuite = tls12_of_256(
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    u64::MAX,
    ECDSA,
    &Implicit::<ChaCha20Poly1305>::NEW,
);
static RSA_AES_256: Tls12CipherSuite = tls12_of_384(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, RSA);
static RSA_AES_128: Tls12CipherSuite = tls12_of_256(
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    GCM_LIMIT,
    RSA,
    &Explicit::<Aes128Gcm>::NEW,
);
static RSA_CHACHA: Tls12CipherSuite = tls12_of_256(
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    u64::MAX,
    RSA,
    &Implicit::<ChaCha20Poly1305>::NEW,
);

const ECDSA: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
];

/// In the order of ring's provider, so that both choose alike.
static SUITES: [SupportedCipherSuite; 9] = [
    SupportedCipherSuite::Tls13(&AES_256),
    SupportedCipherSuite::Tls13(&AES_128),
    SupportedCipherSuite::Tls13(&CHACHA),
    SupportedCipherSuite::Tls12(&ECDSA_AES_256),
    SupportedCipherSuite::Tls12(&ECDSA_AES_128),
    SupportedCipherSuite::Tls12(&ECDSA_CHACHA),
    SupportedCipherSuite::Tls12(&RSA_AES_256),
    SupportedCipherSuite::Tls12(&RSA_AES_128),
    SupportedCipherSuite::Tls12(&RSA_CHACHA),
];
