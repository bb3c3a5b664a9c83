//! Records: encrypted with their place in the row as the nonce, and proved whole.
//!
//! Sources: RFC 8446 §5.2 and §5.3 (TLS 1.3), RFC 5288 §3 (AES-GCM in TLS 1.2: half of the nonce stands in the record),
//! RFC 7905 §2 (ChaCha20-Poly1305 in TLS 1.2: none of it does).

use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInPlace, KeyInit};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, NONCE_LEN, Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload,
    Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError, make_tls12_aad, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};
use std::marker::PhantomData;

/// The bytes that prove a record whole.
const TAG: usize = 16;
/// The half of a nonce that is agreed on, and the half that stands in the record.
const FIXED: usize = 4;
const EXPLICIT: usize = NONCE_LEN - FIXED;
/// The most bytes in plain in a record (RFC 8446 §5.1).
const LARGEST: usize = 1 << 14;

/// What a cipher must be to serve here.
pub(super) trait Cipher:
    AeadInPlace<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static
{
}

impl<A: AeadInPlace<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static> Cipher for A {}

fn cipher<A: Cipher>(key: &AeadKey) -> A {
    A::new_from_slice(key.as_ref()).expect("rustls derives as many bytes of a key as it is told")
}

fn seal<A: Cipher>(
    cipher: &A,
    nonce: &[u8; NONCE_LEN],
    about: &[u8],
    bytes: &mut [u8],
) -> Result<[u8; TAG], Error> {
    cipher
        .encrypt_in_place_detached(nonce.into(), about, bytes)
        .map(Into::into)
        .map_err(|_| Error::EncryptError)
}

/// Decrypts `bytes`, which end in the tag; gives how many of them are plain.
fn open<A: Cipher>(
    cipher: &A,
    nonce: &[u8; NONCE_LEN],
    about: &[u8],
    bytes: &mut [u8],
) -> Result<usize, Error> {
    let length = bytes.len().checked_sub(TAG).ok_or(Error::DecryptError)?;
    let (text, tag) = bytes.split_at_mut(length);
    let tag: [u8; TAG] = <[u8; TAG]>::try_from(&*tag).map_err(|_| Error::DecryptError)?;
    cipher
        .decrypt_in_place_detached(nonce.into(), about, text, (&tag).into())
        .map_err(|_| Error::DecryptError)?;
    Ok(length)
}

/// TLS 1.3.
pub(super) struct Tls13<A>(PhantomData<fn() -> A>);

impl<A> Tls13<A> {
    pub const NEW: Tls13<A> = Tls13(PhantomData);
}

impl<A: Cipher> Tls13AeadAlgorithm for Tls13<A> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Record13 { cipher: cipher::<A>(&key), iv })
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Record13 { cipher: cipher::<A>(&key), iv })
    }

    fn key_len(&self) -> usize {
        A::key_size()
    }

    fn extract_keys(&self, _: AeadKey, _: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct Record13<A> {
    cipher: A,
    iv: Iv,
}

impl<A: Cipher> MessageEncrypter for Record13<A> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        number: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&message.typ.to_array());
        let nonce = Nonce::new(&self.iv, number).0;
        let tag = seal(&self.cipher, &nonce, &make_tls13_aad(length), payload.as_mut())?;
        payload.extend_from_slice(&tag);
        Ok(OutboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, payload))
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        length + 1 + TAG
    }
}

impl<A: Cipher> MessageDecrypter for Record13<A> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        number: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let about = make_tls13_aad(message.payload.len());
        let nonce = Nonce::new(&self.iv, number).0;
        let length = open(&self.cipher, &nonce, &about, &mut message.payload)?;
        message.payload.truncate(length);
        message.into_tls13_unpadded_message()
    }
}

fn about12(number: u64, typ: ContentType, version: ProtocolVersion, length: usize) -> [u8; 13] {
    make_tls12_aad(number, typ, version, length)
}

fn fitting(
    message: InboundOpaqueMessage<'_>,
    from: usize,
    length: usize,
) -> Result<InboundPlainMessage<'_>, Error> {
    if length > LARGEST {
        return Err(Error::PeerSentOversizedRecord);
    }
    Ok(message.into_plain_message_range(from..from + length))
}

/// TLS 1.2 with half of the nonce in each record: AES-GCM.
pub(super) struct Explicit<A>(PhantomData<fn() -> A>);

impl<A> Explicit<A> {
    pub const NEW: Explicit<A> = Explicit(PhantomData);
}

impl<A: Cipher> Tls12AeadAlgorithm for Explicit<A> {
    fn encrypter(&self, key: AeadKey, fixed: &[u8], explicit: &[u8]) -> Box<dyn MessageEncrypter> {
        let mut iv = [0; NONCE_LEN];
        iv[..FIXED].copy_from_slice(fixed);
        iv[FIXED..].copy_from_slice(explicit);
        Box::new(Writer12 { cipher: cipher::<A>(&key), iv: iv.into(), shown: EXPLICIT })
    }

    fn decrypter(&self, key: AeadKey, fixed: &[u8]) -> Box<dyn MessageDecrypter> {
        let mut half = [0; FIXED];
        half.copy_from_slice(fixed);
        Box::new(Reader12 { cipher: cipher::<A>(&key), fixed: half })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape { enc_key_len: A::key_size(), fixed_iv_len: FIXED, explicit_nonce_len: EXPLICIT }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

/// TLS 1.2 with none of the nonce in the records: ChaCha20-Poly1305.
pub(super) struct Implicit<A>(PhantomData<fn() -> A>);

impl<A> Implicit<A> {
    pub const NEW: Implicit<A> = Implicit(PhantomData);
}

impl<A: Cipher> Tls12AeadAlgorithm for Implicit<A> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Writer12 { cipher: cipher::<A>(&key), iv: Iv::copy(iv), shown: 0 })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Whole12 { cipher: cipher::<A>(&key), iv: Iv::copy(iv) })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape { enc_key_len: A::key_size(), fixed_iv_len: NONCE_LEN, explicit_nonce_len: 0 }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct Writer12<A> {
    cipher: A,
    iv: Iv,
    /// How many bytes of the nonce, its last, stand in the record.
    shown: usize,
}

impl<A: Cipher> MessageEncrypter for Writer12<A> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        number: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let plain = message.payload.len();
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(plain));
        let nonce = Nonce::new(&self.iv, number).0;
        payload.extend_from_slice(&nonce[NONCE_LEN - self.shown..]);
        payload.extend_from_chunks(&message.payload);
        let about = about12(number, message.typ, message.version, plain);
        let tag = seal(&self.cipher, &nonce, &about, &mut payload.as_mut()[self.shown..])?;
        payload.extend_from_slice(&tag);
        Ok(OutboundOpaqueMessage::new(message.typ, message.version, payload))
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        length + self.shown + TAG
    }
}

struct Reader12<A> {
    cipher: A,
    fixed: [u8; FIXED],
}

impl<A: Cipher> MessageDecrypter for Reader12<A> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        number: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let plain = message.payload.len().checked_sub(EXPLICIT + TAG).ok_or(Error::DecryptError)?;
        let mut nonce = [0; NONCE_LEN];
        nonce[..FIXED].copy_from_slice(&self.fixed);
        nonce[FIXED..].copy_from_slice(&message.payload[..EXPLICIT]);
        let about = about12(number, message.typ, message.version, plain);
        let length = open(&self.cipher, &nonce, &about, &mut message.payload[EXPLICIT..])?;
        fitting(message, EXPLICIT, length)
    }
}

struct Whole12<A> {
    cipher: A,
    iv: Iv,
}

impl<A: Cipher> MessageDecrypter for Whole12<A> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        number: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let plain = message.payload.len().checked_sub(TAG).ok_or(Error::DecryptError)?;
        let nonce = Nonce::new(&self.iv, number).0;
        let about = about12(number, message.typ, message.version, plain);
        let length = open(&self.cipher, &nonce, &about, &mut message.payload)?;
        fitting(message, 0, length)
    }
}
