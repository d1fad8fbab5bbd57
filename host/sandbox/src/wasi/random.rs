//! Random bytes that follow from a compilation's key: hash maps of a guest have the same order in every run.

use wasmtime::Result;
use wasmtime_wasi::p2::bindings::sync::random::{insecure, insecure_seed, random};

use crate::end::Stop;
use crate::guest::Guest;

/// The most bytes that one call gives (ATTACKS G15).
const MAX_AT_ONCE: u64 = 1 << 20;

/// Three streams of bytes, independent of each other.
pub(crate) struct Random {
    secure: blake3::OutputReader,
    insecure: blake3::OutputReader,
    seed: (u64, u64),
}

impl Random {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let stream = |name: &[u8]| blake3::Hasher::new_keyed(seed).update(name).finalize_xof();
        let mut hash_seed = stream(b"insecure seed");
        let seed = (number(&mut hash_seed), number(&mut hash_seed));
        Self { secure: stream(b"random"), insecure: stream(b"insecure"), seed }
    }
}

fn number(stream: &mut blake3::OutputReader) -> u64 {
    let mut bytes = [0; 8];
    stream.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

fn bytes(stream: &mut blake3::OutputReader, count: u64) -> Result<Vec<u8>> {
    let count =
        usize::try_from(count).ok().filter(|count| *count as u64 <= MAX_AT_ONCE).ok_or_else(|| {
            Stop::Violation(format!("it asked for {count} random bytes at once; {MAX_AT_ONCE} is the most"))
        })?;
    let mut bytes = vec![0; count];
    stream.fill(&mut bytes);
    Ok(bytes)
}

impl random::Host for Guest {
    fn get_random_bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        bytes(&mut self.random.secure, count)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(number(&mut self.random.secure))
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        bytes(&mut self.random.insecure, count)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(number(&mut self.random.insecure))
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok(self.random.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_bytes_and_each_stream_its_own() {
        let draw = |seed: u8| {
            let mut random = Random::new(&[seed; 32]);
            (bytes(&mut random.secure, 32).unwrap(), bytes(&mut random.insecure, 32).unwrap(), random.seed)
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let (secure, insecure, seed) = draw(1);
        assert_ne!(secure, insecure);
        assert_ne!(seed.0.to_le_bytes(), secure[..8]);
    }

    #[test]
    fn a_huge_request_is_refused_before_memory_is_taken() {
        let mut random = Random::new(&[0; 32]);
        assert!(bytes(&mut random.secure, 1 << 40).is_err());
        assert_eq!(bytes(&mut random.secure, MAX_AT_ONCE).unwrap().len() as u64, MAX_AT_ONCE);
    }
}
