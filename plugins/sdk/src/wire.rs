//! A compact form for signatures, safe to read when the bytes may be anything.
//!
//! Numbers are LEB128 of at most four bytes, texts have their length in front. Reading never takes more memory than a
//! small multiple of what it was given: each thing read uses up at least one byte.

/// The most bytes that [`read`] looks at, far more than any signature of a sane module has.
pub const LARGEST: usize = 16 * 1024 * 1024;

/// Reads one thing that takes up all of the bytes and begins with the byte of its version. None for anything else, and for
/// more than [`LARGEST`] bytes.
pub fn read<T>(version: u8, bytes: &[u8], thing: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Option<T> {
    if bytes.len() > LARGEST {
        return None;
    }
    let mut reader = Reader(bytes);
    if reader.byte()? != version {
        return None;
    }
    let thing = thing(&mut reader)?;
    reader.0.is_empty().then_some(thing)
}

/// Writes numbers and texts.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Starts with a byte that names the version of the format.
    pub fn new(version: u8) -> Self {
        Self(vec![version])
    }

    /// Appends a byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Appends a number. Above 2^28 - 1 it is written as that.
    pub fn number(&mut self, number: usize) {
        let mut number = number.min((1 << 28) - 1);
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    /// Appends a text.
    pub fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Appends the number of some texts, and the texts.
    pub fn texts<'t>(&mut self, texts: impl ExactSizeIterator<Item = &'t String>) {
        self.number(texts.len());
        texts.for_each(|text| self.text(text));
    }

    /// Appends the number of some pairs of texts, and the pairs.
    pub fn pairs<'t>(&mut self, pairs: impl ExactSizeIterator<Item = (&'t String, &'t String)>) {
        self.number(pairs.len());
        for (one, other) in pairs {
            self.text(one);
            self.text(other);
        }
    }

    /// The bytes written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what [`Writer`] wrote; [`read`] hands it out. Every method gives none when the bytes do not hold what is asked for.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Takes a byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Takes a number.
    pub fn number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// Takes a text.
    pub fn text(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    /// Takes as many texts as their number in front says.
    pub fn texts<C: FromIterator<String>>(&mut self) -> Option<C> {
        let count = self.number()?;
        (0..count).map(|_| self.text().map(str::to_owned)).collect()
    }

    /// Takes as many pairs of texts as their number in front says.
    pub fn pairs<C: FromIterator<(String, String)>>(&mut self) -> Option<C> {
        let count = self.number()?;
        (0..count).map(|_| Some((self.text()?.to_owned(), self.text()?.to_owned()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            number in 0_usize..1 << 28,
            texts in prop::collection::vec(".{0,200}", 0..5),
            pairs in prop::collection::vec((".{0,20}", ".{0,20}"), 0..5),
        ) {
            let mut writer = Writer::new(7);
            writer.number(number);
            writer.texts(texts.iter());
            writer.pairs(pairs.iter().map(|(one, other)| (one, other)));
            let bytes = writer.finish();
            let was_read = read(7, &bytes, |reader| Some((reader.number()?, reader.texts()?, reader.pairs()?)));
            prop_assert_eq!(was_read, Some((number, texts, pairs)));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut reader = Reader(&bytes);
            let _ = reader.texts::<Vec<_>>();
            let _ = reader.pairs::<Vec<_>>();
            let _ = reader.number();
            let _ = reader.text();
        }
    }

    #[test]
    fn another_version_is_not_read() {
        assert!(read(1, &Writer::new(2).finish(), |_| Some(())).is_none());
    }

    #[test]
    fn nothing_may_follow_and_nothing_may_be_too_large() {
        assert!(read(1, &[1], |_| Some(())).is_some());
        assert!(read(1, &[1, 0], |_| Some(())).is_none());
        assert!(read(1, &vec![1; LARGEST + 1], |_| Some(())).is_none());
    }
}
