//! Our own keys, and the signatures made with them.
//!
//! Always: an ECDSA signature's nonce comes of the key and the message (RFC 6979), the salt of RSA-PSS from the seed.

use super::Generator;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use rsa::{pkcs1v15, pss};
use rustls::crypto::KeyProvider;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use sha2::{Sha256, Sha384, Sha512};
use std::sync::Arc;

/// Reads private keys.
#[derive(Debug)]
pub(super) struct Keys;

impl KeyProvider for Keys {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        if let Some(key) = ecdsa(&der) {
            return Ok(Arc::new(EcdsaKey(key)));
        }
        match rsa(&der) {
            Some(key) => Ok(Arc::new(RsaKey(Arc::new(key)))),
            None => Err(Error::General(
                "private_key: neither RSA nor ECDSA on P-256: not simulated in vethlab".to_owned(),
            )),
        }
    }
}

fn ecdsa(der: &PrivateKeyDer<'_>) -> Option<p256::ecdsa::SigningKey> {
    let secret = match der {
        PrivateKeyDer::Pkcs8(it) => p256::SecretKey::from_pkcs8_der(it.secret_pkcs8_der()).ok()?,
        PrivateKeyDer::Sec1(it) => p256::SecretKey::from_sec1_der(it.secret_sec1_der()).ok()?,
        _ => return None,
    };
    Some(secret.into())
}

fn rsa(der: &PrivateKeyDer<'_>) -> Option<RsaPrivateKey> {
    match der {
        PrivateKeyDer::Pkcs8(it) => RsaPrivateKey::from_pkcs8_der(it.secret_pkcs8_der()).ok(),
        PrivateKeyDer::Pkcs1(it) => RsaPrivateKey::from_pkcs1_der(it.secret_pkcs1_der()).ok(),
        _ => None,
    }
}

#[derive(Debug, Clone)]
struct EcdsaKey(p256::ecdsa::SigningKey);

impl SigningKey for EcdsaKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SignatureScheme::ECDSA_NISTP256_SHA256)
            .then(|| -> Box<dyn Signer> { Box::new(self.clone()) })
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        let der = p256::PublicKey::from(self.0.verifying_key()).to_public_key_der().ok()?;
        Some(SubjectPublicKeyInfoDer::from(der.into_vec()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for EcdsaKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: p256::ecdsa::DerSignature =
            self.0.try_sign(message).map_err(|error| Error::General(error.to_string()))?;
        Ok(signature.as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

#[derive(Debug)]
struct RsaKey(Arc<RsaPrivateKey>);

impl SigningKey for RsaKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = *super::RSA.iter().find(|it| offered.contains(it))?;
        Some(Box::new(RsaSigner { key: self.0.clone(), scheme }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        let der = self.0.to_public_key().to_public_key_der().ok()?;
        Some(SubjectPublicKeyInfoDer::from(der.into_vec()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

#[derive(Debug)]
struct RsaSigner {
    key: Arc<RsaPrivateKey>,
    scheme: SignatureScheme,
}

impl Signer for RsaSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let (key, mut row) = ((*self.key).clone(), Generator::new()?);
        let made = match self.scheme {
            SignatureScheme::RSA_PSS_SHA512 => {
                pss::SigningKey::<Sha512>::new(key).try_sign_with_rng(&mut row, message).map(|it| it.to_vec())
            }
            SignatureScheme::RSA_PSS_SHA384 => {
                pss::SigningKey::<Sha384>::new(key).try_sign_with_rng(&mut row, message).map(|it| it.to_vec())
            }
            SignatureScheme::RSA_PSS_SHA256 => {
                pss::SigningKey::<Sha256>::new(key).try_sign_with_rng(&mut row, message).map(|it| it.to_vec())
            }
            SignatureScheme::RSA_PKCS1_SHA512 => {
                pkcs1v15::SigningKey::<Sha512>::new(key).try_sign(message).map(|it| it.to_vec())
            }
            SignatureScheme::RSA_PKCS1_SHA384 => {
                pkcs1v15::SigningKey::<Sha384>::new(key).try_sign(message).map(|it| it.to_vec())
            }
            _ => pkcs1v15::SigningKey::<Sha256>::new(key).try_sign(message).map(|it| it.to_vec()),
        };
        made.map_err(|error| Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
