//! Whose cryptography TLS is made of.

use rustls::crypto::CryptoProvider;

/// A provider that this build has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cryptography {
    /// Fast; draws from the machine's own chance.
    #[cfg(feature = "tls-ring")]
    Ring,
    /// The same seed gives the same bytes on the wire.
    #[cfg(feature = "tls-seeded")]
    Seeded,
}

impl Cryptography {
    /// The one whose bytes can be had again, if this build has it.
    #[cfg(feature = "tls-seeded")]
    pub const BEST_REPEATED: Cryptography = Cryptography::Seeded;
    #[cfg(not(feature = "tls-seeded"))]
    pub const BEST_REPEATED: Cryptography = Cryptography::Ring;

    /// The fastest that this build has.
    #[cfg(feature = "tls-ring")]
    pub const FASTEST: Cryptography = Cryptography::Ring;
    #[cfg(not(feature = "tls-ring"))]
    pub const FASTEST: Cryptography = Cryptography::Seeded;

    pub(super) fn provider(self) -> CryptoProvider {
        match self {
            #[cfg(feature = "tls-ring")]
            Cryptography::Ring => rustls::crypto::ring::default_provider(),
            #[cfg(feature = "tls-seeded")]
            Cryptography::Seeded => super::seeded::provider(),
        }
    }
}

#[cfg(not(any(feature = "tls-ring", feature = "tls-seeded")))]
compile_error!("the feature tls needs a provider: tls-ring or tls-seeded");
