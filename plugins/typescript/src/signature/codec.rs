//! Signatures as bytes.
//!
//! Bytes from a dependency may be anything; those that are not a signature read as none.

use std::collections::BTreeMap;

use prefab_sdk::wire::{self, Writer};

use super::{FileExports, Signature};

/// The version of the format. Signatures of another version are not read.
const VERSION: u8 = 1;

impl Signature {
    /// Writes the signature. The same signature gives the same bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        writer.pairs(self.entries.iter().map(|(name, path)| (name, path)));
        writer.number(self.files.len());
        for (path, exports) in &self.files {
            writer.text(path);
            match exports {
                FileExports::Unknown => writer.byte(0),
                FileExports::Known { names, stars } => {
                    writer.byte(1);
                    writer.texts(names.iter());
                    writer.texts(stars.iter());
                }
            }
        }
        writer.finish()
    }

    /// Reads a signature; none when the bytes are not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        wire::read(VERSION, bytes, |reader| {
            let entries = reader.pairs()?;
            let mut files = BTreeMap::new();
            for _ in 0..reader.number()? {
                let path = reader.text()?.to_owned();
                let exports = match reader.byte()? {
                    0 => FileExports::Unknown,
                    1 => FileExports::Known { names: reader.texts()?, stars: reader.texts()? },
                    _ => return None,
                };
                files.insert(path, exports);
            }
            Some(Self { entries, files })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    fn signatures() -> impl Strategy<Value = Signature> {
        let exports = prop_oneof![
            Just(FileExports::Unknown),
            (btree_set(".{0,9}", 0..5), vec(".{0,9}", 0..3))
                .prop_map(|(names, stars)| FileExports::Known { names, stars }),
        ];
        (vec((".{0,9}", ".{0,9}"), 0..4), btree_map(".{0,200}", exports, 0..5))
            .prop_map(|(entries, files)| Signature { entries, files })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(signature in signatures()) {
            prop_assert_eq!(Signature::decode(&signature.encode()), Some(signature));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..200)) {
            let _ = Signature::decode(&bytes);
            let versioned: Vec<u8> = std::iter::once(VERSION).chain(bytes).collect();
            let _ = Signature::decode(&versioned);
        }

        #[test]
        fn a_signature_that_was_cut_or_changed_does_no_harm(
            signature in signatures(), place in any::<prop::sample::Index>(), byte in any::<u8>()
        ) {
            let mut bytes = signature.encode();
            let place = place.index(bytes.len());
            prop_assert_eq!(Signature::decode(&bytes[..place]), None);
            bytes[place] = byte;
            let _ = Signature::decode(&bytes);
        }
    }
}
