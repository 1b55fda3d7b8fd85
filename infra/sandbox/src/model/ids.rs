//! Ids in WeCom's shapes, from a seed.

use rand::distr::Alphanumeric;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// The one source of chance of a sandbox.
#[derive(Debug)]
pub(crate) struct Ids(StdRng);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Letters and digits behind a prefix such as `wm`.
    pub(crate) fn word(&mut self, prefix: &str, length: usize) -> String {
        let letters = (&mut self.0).sample_iter(Alphanumeric).take(length);
        prefix.chars().chain(letters.map(char::from)).collect()
    }

    /// 32 hexadecimal digits, the shape of a `config_id`.
    pub(crate) fn hex(&mut self) -> String {
        format!("{:032x}", self.0.random::<u128>())
    }

    /// Decimal digits, the shape of a nonce.
    pub(crate) fn nonce(&mut self) -> String {
        self.0
            .random_range(1_000_000_000_u64..10_000_000_000)
            .to_string()
    }

    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        self.0.random()
    }

    /// One of `choices`, which WeCom also picks by rules of its own.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        if choices.is_empty() {
            return None;
        }
        choices.get(self.0.random_range(0..choices.len()))
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        items.shuffle(&mut self.0);
    }
}
