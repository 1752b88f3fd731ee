//! Fingerprints: numbers that tell lists and groups apart, the same on every machine and in every release. (The standard
//! library hashes a network address, and an array of integers of several bytes, as the processor stores it. Nodes with
//! such ids need processors of one byte order in a group.)

use core::hash::{Hash, Hasher};

use crate::types::Life;

/// What a fingerprint is of. The numbers never change, as nodes of different releases compare them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The life of a group that was started with a list.
    Bootstrapped = 1,
    /// The life of a group that forms itself.
    Forming = 2,
    /// The life of survivors that were made a group of their own.
    Survivors = 3,
    /// A life that an operator tells apart from another one.
    Nonce = 4,
    /// The list with which a blank node was started.
    List = 5,
    /// The life of a group that blank nodes found.
    Founded = 6,
    /// The life of a group that release 0.1 has started.
    #[cfg(feature = "store")]
    Upgraded = 7,
}

/// Hashes what a fingerprint is of, with FNV-1a over the little-endian bytes.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// A fingerprint of nothing yet, of this kind. Fingerprints of different kinds differ, whatever they are of.
    pub(crate) fn of_kind(kind: Kind) -> Self {
        Fingerprint(0xcbf2_9ce4_8422_2325).with(&(kind as u64))
    }

    /// The fingerprint of what came so far, and of `part`.
    pub(crate) fn with(mut self, part: &impl Hash) -> Self {
        part.hash(&mut self);
        self
    }

    /// The fingerprint of what came so far, and of these parts, each by itself and in order.
    pub(crate) fn with_all(self, parts: &[impl Hash]) -> Self {
        parts.iter().fold(self.with(&parts.len()), Self::with)
    }

    /// The number, which is never 0. Each bit of it depends on every bit of the parts (the last step of SplitMix64).
    pub(crate) fn number(&self) -> u64 {
        let mut mixed = self.0;
        mixed ^= mixed >> 32;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).max(1)
    }

    /// The number, as a life.
    pub(crate) fn life(&self) -> Life {
        Life(self.number())
    }
}

/// Numbers are hashed as little-endian bytes, and lengths as 64 bits, whatever the processor.
impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.number()
    }

    fn write(&mut self, bytes: &[u8]) {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.0 = bytes.iter().fold(self.0, step);
    }

    fn write_u16(&mut self, number: u16) {
        self.write(&number.to_le_bytes());
    }

    fn write_u32(&mut self, number: u32) {
        self.write(&number.to_le_bytes());
    }

    fn write_u64(&mut self, number: u64) {
        self.write(&number.to_le_bytes());
    }

    fn write_u128(&mut self, number: u128) {
        self.write(&number.to_le_bytes());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_i16(&mut self, number: i16) {
        self.write(&number.to_le_bytes());
    }

    fn write_i32(&mut self, number: i32) {
        self.write(&number.to_le_bytes());
    }

    fn write_i64(&mut self, number: i64) {
        self.write(&number.to_le_bytes());
    }

    fn write_i128(&mut self, number: i128) {
        self.write(&number.to_le_bytes());
    }

    fn write_isize(&mut self, number: isize) {
        self.write_i64(number as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, Kind};

    /// Nodes of different releases and processors compare these numbers, so they never change.
    #[test]
    fn fingerprints_are_the_same_everywhere_and_for_ever() {
        let of = Fingerprint::of_kind(Kind::Bootstrapped);
        let numbers = [
            of.clone().with_all(&[1_u64, 2, 3]).number(),
            of.clone().with(&[7_u8; 16]).number(),
            of.clone().with(&(-1_i32, "pod-0", true)).number(),
            Fingerprint::of_kind(Kind::Forming).with_all(&[1_u64, 2, 3]).number(),
        ];
        assert_eq!(
            numbers,
            [0xc8ad_7211_94f3_d9d2, 0xdb61_b48e_3ab7_cd89, 0xf8b8_7d6c_eea6_af77, 0x2b61_31a0_889b_6620]
        );
        let address = core::net::SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 7_100));
        let little_endian = of.with(&address).number() == 0x4ee5_fd4e_676b_8245;
        assert_eq!(little_endian, cfg!(target_endian = "little"));
    }
}
