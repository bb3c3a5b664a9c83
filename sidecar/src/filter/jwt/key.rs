//! The public keys of a provider, and whether one of them made a signature.
//!
//! Differs from Envoy: no ES512, and RSA keys must have 2,048 bits.
//! Sources: RFC 7517, RFC 7518 §3, §6; google/jwt_verify_lib `jwks.cc`, `verify.cc`.

use super::signature;
use super::token::{Token, base64url};
use serde_json::Value;

#[derive(Debug, Clone)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The curve, and the point without compression.
    Ec(String, Vec<u8>),
    Ed25519(Vec<u8>),
    Secret(Vec<u8>),
}

#[derive(Debug, Clone)]
struct Key {
    kid: String,
    alg: String,
    material: Material,
}

/// A JSON Web Key Set; keys that are not understood are left out.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    pub fn parse(text: &[u8]) -> Keys {
        let set: Value = serde_json::from_slice(text).unwrap_or_default();
        let keys = set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Keys(keys.iter().filter_map(key).collect())
    }

    pub fn verify(&self, token: &Token) -> Result<(), String> {
        if self.0.is_empty() {
            return Err("Jwks doesn't have any valid public key".to_owned());
        }
        let mut candidates = 0;
        for key in &self.0 {
            let differs = |ours: &str, theirs: &str| !ours.is_empty() && !theirs.is_empty() && ours != theirs;
            if differs(&key.kid, &token.kid) || (!key.alg.is_empty() && key.alg != token.alg) {
                continue;
            }
            candidates += 1;
            if key.material.signed(token) {
                return Ok(());
            }
        }
        Err(if candidates > 0 {
            "Jwt verification fails".to_owned()
        } else {
            "Jwks doesn't have key to match kid or alg from Jwt".to_owned()
        })
    }
}

fn key(json: &Value) -> Option<Key> {
    let text = |field: &str| json.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let bytes = |field: &str| base64url(&text(field)).filter(|it| !it.is_empty());
    let material = match text("kty").as_str() {
        "RSA" => {
            let plain = |it: Vec<u8>| it.into_iter().skip_while(|byte| *byte == 0).collect();
            Material::Rsa { n: plain(bytes("n")?), e: plain(bytes("e")?) }
        }
        "EC" => {
            let point = [vec![4], bytes("x")?, bytes("y")?].concat();
            Material::Ec(text("crv"), point)
        }
        "OKP" if text("crv") == "Ed25519" => Material::Ed25519(bytes("x")?),
        "oct" => Material::Secret(bytes("k")?),
        _ => return None,
    };
    Some(Key { kid: text("kid"), alg: text("alg"), material })
}

impl Material {
    fn signed(&self, token: &Token) -> bool {
        let (signed, mark) = (token.signed.as_bytes(), &token.signature[..]);
        match (self, token.alg.as_str()) {
            (Material::Rsa { n, e }, alg) => signature::rsa(alg, n, e, signed, mark),
            (Material::Ec(curve, point), alg) => signature::ec(alg, curve, point, signed, mark),
            (Material::Ed25519(point), "EdDSA") => signature::ed25519(point, signed, mark),
            (Material::Secret(secret), alg) => signature::secret(alg, secret, signed, mark),
            _ => false,
        }
    }
}
