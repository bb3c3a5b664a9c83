//! Hashes, and codes made with them (HMAC).

use hmac::{Mac as _, SimpleHmac};
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::crypto::hmac::{Hmac, Key, Tag};
use sha2::digest::core_api::BlockSizeUser;
use sha2::{Digest, Sha256, Sha384};
use std::marker::PhantomData;

/// What a hash must be to serve here.
pub(super) trait Sha: Digest + BlockSizeUser + Clone + Send + Sync + 'static {
    const NAME: HashAlgorithm;
}

impl Sha for Sha256 {
    const NAME: HashAlgorithm = HashAlgorithm::SHA256;
}

impl Sha for Sha384 {
    const NAME: HashAlgorithm = HashAlgorithm::SHA384;
}

/// A hash.
pub(super) struct Sum<D>(PhantomData<fn() -> D>);

impl<D> Sum<D> {
    pub const fn new() -> Sum<D> {
        Sum(PhantomData)
    }
}

impl<D: Sha> Hash for Sum<D> {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Running(D::new()))
    }

    fn hash(&self, bytes: &[u8]) -> Output {
        Output::new(&D::digest(bytes))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> HashAlgorithm {
        D::NAME
    }
}

struct Running<D>(D);

impl<D: Sha> Context for Running<D> {
    fn fork_finish(&self) -> Output {
        Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Running(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Output {
        Output::new(&self.0.finalize())
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// A keyed code.
pub(super) struct Mac<D>(PhantomData<fn() -> D>);

impl<D> Mac<D> {
    pub const fn new() -> Mac<D> {
        Mac(PhantomData)
    }
}

impl<D: Sha> Hmac for Mac<D> {
    fn with_key(&self, key: &[u8]) -> Box<dyn Key> {
        Box::new(Keyed(SimpleHmac::<D>::new_from_slice(key).expect("HMAC takes keys of any length")))
    }

    fn hash_output_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

struct Keyed<D: Sha>(SimpleHmac<D>);

impl<D: Sha> Key for Keyed<D> {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> Tag {
        let mut mac = self.0.clone();
        mac.update(first);
        middle.iter().for_each(|it| mac.update(it));
        mac.update(last);
        Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}
