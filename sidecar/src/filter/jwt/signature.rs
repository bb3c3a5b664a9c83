//! Whether a token's signature is good, by the algorithm that the token names.
//!
//! Source: RFC 7518 §3.

use ring::{hmac, signature};

/// `n` and `e` are the key's modulus and exponent.
pub fn rsa(alg: &str, n: &[u8], e: &[u8], signed: &[u8], mark: &[u8]) -> bool {
    let algorithm = match alg {
        "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
        "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
        "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return false,
    };
    signature::RsaPublicKeyComponents { n, e }.verify(algorithm, signed, mark).is_ok()
}

/// `point` is the key on `curve`, without compression.
pub fn ec(alg: &str, curve: &str, point: &[u8], signed: &[u8], mark: &[u8]) -> bool {
    let algorithm = match (alg, curve) {
        ("ES256", "P-256") => &signature::ECDSA_P256_SHA256_FIXED,
        ("ES384", "P-384") => &signature::ECDSA_P384_SHA384_FIXED,
        _ => return false,
    };
    signature::UnparsedPublicKey::new(algorithm, point).verify(signed, mark).is_ok()
}

pub fn ed25519(point: &[u8], signed: &[u8], mark: &[u8]) -> bool {
    signature::UnparsedPublicKey::new(&signature::ED25519, point).verify(signed, mark).is_ok()
}

/// A secret that both sides know.
pub fn secret(alg: &str, secret: &[u8], signed: &[u8], mark: &[u8]) -> bool {
    let algorithm = match alg {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return false,
    };
    hmac::verify(&hmac::Key::new(algorithm, secret), signed, mark).is_ok()
}
