//! Records: values that are kept as one column, in postcard, sealed with a checksum.
//!
//! SQLite notices a damaged page only where its structure suffers. The seal finds a flipped bit in what it covers.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Fault;

const SEAL: usize = 8;

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Fault> {
    let mut record = postcard::to_allocvec(value).map_err(|error| Fault::record("encoding", error))?;
    let seal = seal(&record);
    record.extend_from_slice(&seal);
    Ok(record)
}

pub(crate) fn decode<T: DeserializeOwned>(what: &str, record: &[u8]) -> Result<T, Fault> {
    let Some((body, end)) = record.split_last_chunk::<SEAL>() else {
        return Err(Fault::record(what, "cut off"));
    };
    if seal(body) != *end {
        return Err(Fault::record(what, "wrong checksum"));
    }
    postcard::from_bytes(body).map_err(|error| Fault::record(what, error))
}

fn seal(body: &[u8]) -> [u8; SEAL] {
    let mut seal = [0; SEAL];
    seal.copy_from_slice(&blake3::hash(body).as_bytes()[..SEAL]);
    seal
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_flipped_bit_is_found(text in "\\PC{0,40}", at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut record = encode(&text).unwrap();
            prop_assert_eq!(decode::<String>("text", &record).unwrap(), text);
            let at = at.index(record.len());
            record[at] ^= 1_u8 << bit;
            prop_assert!(decode::<String>("text", &record).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode::<Vec<String>>("any", &bytes);
        }
    }
}
