//! Whether a token's signature is good, in a build without `ring`.
//!
//! Differs from Envoy: no ES384 and no EdDSA; such a token's verification fails.
//! Source: RFC 7518 §3.

use crate::tls::seeded::{ecdsa_p256, rsa_pkcs1, rsa_pss};
use hmac::{Mac, SimpleHmac};
use sha2::{Sha256, Sha384, Sha512};

/// `n` and `e` are the key's modulus and exponent.
pub fn rsa(alg: &str, n: &[u8], e: &[u8], signed: &[u8], mark: &[u8]) -> bool {
    let bits = alg.get(2..).and_then(|it| it.parse().ok()).unwrap_or(0);
    match alg.get(..2) {
        Some("RS") => rsa_pkcs1((n, e), bits, signed, mark),
        Some("PS") => rsa_pss((n, e), bits, signed, mark),
        _ => false,
    }
}

/// `point` is the key on `curve`, without compression.
pub fn ec(alg: &str, curve: &str, point: &[u8], signed: &[u8], mark: &[u8]) -> bool {
    alg == "ES256" && curve == "P-256" && ecdsa_p256(point, signed, mark)
}

pub fn ed25519(_: &[u8], _: &[u8], _: &[u8]) -> bool {
    false
}

/// A secret that both sides know.
pub fn secret(alg: &str, secret: &[u8], signed: &[u8], mark: &[u8]) -> bool {
    match alg {
        "HS256" => SimpleHmac::<Sha256>::new_from_slice(secret)
            .is_ok_and(|it| it.chain_update(signed).verify_slice(mark).is_ok()),
        "HS384" => SimpleHmac::<Sha384>::new_from_slice(secret)
            .is_ok_and(|it| it.chain_update(signed).verify_slice(mark).is_ok()),
        "HS512" => SimpleHmac::<Sha512>::new_from_slice(secret)
            .is_ok_and(|it| it.chain_update(signed).verify_slice(mark).is_ok()),
        _ => false,
    }
}
