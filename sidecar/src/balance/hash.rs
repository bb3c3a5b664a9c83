//! The hashes that place endpoints and requests on a ring: xxHash64 and MurmurHash2.
//!
//! Sources: Envoy `HashUtil::xxHash64`, `MurmurHash::murmurHash2` (libstdc++'s `std::hash`).

use twox_hash::XxHash64;

/// xxHash64 with seed nought, as Envoy hashes a header value, a cookie, an address.
pub fn xx64(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}

/// xxHash64 with a seed.
pub fn xx64_seeded(seed: u64, bytes: &[u8]) -> u64 {
    XxHash64::oneshot(seed, bytes)
}

/// MurmurHash64A with the seed of libstdc++.
pub fn murmur2(bytes: &[u8]) -> u64 {
    const MUL: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0xc70f_6907;
    let mix = |it: u64| it ^ (it >> 47);
    let word = |part: &[u8]| part.iter().rev().fold(0, |all, byte| (all << 8) | u64::from(*byte));
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(MUL);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        hash ^= mix(word(chunk).wrapping_mul(MUL)).wrapping_mul(MUL);
        hash = hash.wrapping_mul(MUL);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        hash = (hash ^ word(rest)).wrapping_mul(MUL);
    }
    hash = mix(hash).wrapping_mul(MUL);
    mix(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_envoy() {
        // test/common/common/hash_test.cc
        assert_eq!(xx64(b"foo"), 3_728_699_739_546_630_719);
        assert_eq!(xx64(b"bar"), 5_234_164_152_756_840_025);
        assert_eq!(xx64(b""), 17_241_709_254_077_376_921);
        assert_eq!(murmur2(b"foo"), 9_631_199_822_919_835_226);
        assert_eq!(murmur2(b"bar"), 11_474_628_671_133_349_555);
        assert_eq!(murmur2(b""), 6_142_509_188_972_423_790);
    }
}
