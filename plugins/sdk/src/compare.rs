//! Comparing bytes in guests: the `memcmp` that every `==` of texts and every lookup of a name comes down to.
//!
//! The one of the C library for WebAssembly looks at one byte after the other, each at the price of a loop's check of fuel and
//! deadline. This one takes sixteen at a time, and is the symbol `memcmp` of a component that is built with this crate.
//! How blocks are chosen is the same natively, where it is tested; only the comparison of a block differs.

/// The bytes of a block.
const BLOCK: usize = 16;

/// Less than, equal to or greater than zero, as the first of those bytes that differ are ordered.
///
/// # Safety
///
/// `length` bytes can be read at `one` and at `other`.
unsafe fn compare(one: *const u8, other: *const u8, length: usize) -> i32 {
    if length < BLOCK {
        // SAFETY: as the caller promises.
        return unsafe { compare_short(one, other, length) };
    }
    let mut at = 0;
    loop {
        // SAFETY: `at + BLOCK <= length`: at first since `length >= BLOCK`, then by how the next `at` is chosen.
        let differs = unsafe { first_difference(one.add(at), other.add(at)) };
        if let Some(offset) = differs {
            // SAFETY: `offset < BLOCK`, so this is within the block that was just read.
            let (one, other) = unsafe { (*one.add(at + offset), *other.add(at + offset)) };
            return i32::from(one) - i32::from(other);
        }
        if at + BLOCK == length {
            return 0;
        }
        // The last block ends where the bytes end; it may overlap with the one before, which is equal.
        at = (at + BLOCK).min(length - BLOCK);
    }
}

/// [`compare`] for less than a block.
///
/// # Safety
///
/// As of [`compare`].
#[inline]
unsafe fn compare_short(one: *const u8, other: *const u8, length: usize) -> i32 {
    macro_rules! ends {
        ($word:ty) => {{
            const SIZE: usize = size_of::<$word>();
            // Two words, from the start and up to the end, cover all bytes: `SIZE <= length < 2 * SIZE`.
            for at in [0, length - SIZE] {
                // SAFETY: `at + SIZE <= length`. Nothing is asked of the alignment.
                let (one, other) = unsafe {
                    (
                        one.add(at).cast::<$word>().read_unaligned(),
                        other.add(at).cast::<$word>().read_unaligned(),
                    )
                };
                if one != other {
                    // Read as a big-endian number, the first byte weighs most.
                    return if <$word>::from_be(one) < <$word>::from_be(other) { -1 } else { 1 };
                }
            }
            0
        }};
    }
    match length {
        8.. => ends!(u64),
        4.. => ends!(u32),
        2.. => ends!(u16),
        // SAFETY: there is one byte.
        1 => unsafe { i32::from(*one) - i32::from(*other) },
        0 => 0,
    }
}

/// The offset of the first byte that differs between two blocks.
///
/// # Safety
///
/// [`BLOCK`] bytes can be read at both.
#[inline]
#[cfg(target_feature = "simd128")]
unsafe fn first_difference(one: *const u8, other: *const u8) -> Option<usize> {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_ne, v128, v128_load};

    // SAFETY: as the caller promises; `v128_load` asks nothing of the alignment.
    let (one, other) = unsafe { (v128_load(one.cast::<v128>()), v128_load(other.cast::<v128>())) };
    let differing = i8x16_bitmask(i8x16_ne(one, other));
    (differing != 0).then(|| differing.trailing_zeros() as usize)
}

/// The offset of the first byte that differs between two blocks.
///
/// # Safety
///
/// [`BLOCK`] bytes can be read at both.
#[inline]
#[cfg(not(target_feature = "simd128"))]
unsafe fn first_difference(one: *const u8, other: *const u8) -> Option<usize> {
    // SAFETY: as the caller promises. Nothing is asked of the alignment.
    let (one, other) =
        unsafe { (one.cast::<u128>().read_unaligned(), other.cast::<u128>().read_unaligned()) };
    let differing = u128::from_le(one ^ other);
    (differing != 0).then(|| differing.trailing_zeros() as usize / 8)
}

/// The `memcmp` of C.
///
/// # Safety
///
/// `length` bytes can be read at `one` and at `other`.
#[cfg(target_family = "wasm")]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, length: usize) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { compare(one, other, length) }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn compared(one: &[u8], other: &[u8]) -> Ordering {
        assert_eq!(one.len(), other.len());
        // SAFETY: both slices have this length.
        unsafe { compare(one.as_ptr(), other.as_ptr(), one.len()) }.cmp(&0)
    }

    #[test]
    fn one_byte_that_differs_is_found_wherever_it_is_and_however_long_the_bytes_are() {
        for length in 0..100 {
            let one = vec![0x80; length];
            assert_eq!(compared(&one, &one), Ordering::Equal);
            for at in 0..length {
                for byte in [0x00, 0x7f, 0x81, 0xff] {
                    let mut other = one.clone();
                    other[at] = byte;
                    assert_eq!(compared(&one, &other), one.cmp(&other), "{length} bytes, {byte:#x} at {at}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn bytes_are_ordered_as_slices_are(
            mut pairs in prop::collection::vec((any::<u8>(), any::<u8>()), 0..100),
            equal in 0_usize..100,
            offset in 0_usize..16,
        ) {
            for (one, other) in pairs.iter_mut().take(equal) {
                *other = *one;
            }
            let (one, other): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
            // From an odd address too.
            let start = offset.min(one.len());
            prop_assert_eq!(compared(&one[start..], &other[start..]), one[start..].cmp(&other[start..]));
        }
    }
}
