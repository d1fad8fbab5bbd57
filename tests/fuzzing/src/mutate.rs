//! Making inputs of others: bytes, the tokens of a text, or noise.

use fastrand::Rng;

/// Longer inputs show nothing that shorter ones do not, and cost more.
const MOST_BYTES: usize = 1 << 18;

/// Numbers that are at an edge of something.
const EDGES: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, u64::MAX >> 1, u64::MAX];

/// Changes a few bytes, or puts in a piece of another input.
pub(crate) fn bytes(rng: &mut Rng, seeds: &[Vec<u8>], which: usize) -> Vec<u8> {
    let mut input = seeds[which].clone();
    for _ in 0..1 << rng.u32(0..5) {
        let at = rng.usize(0..=input.len());
        let most = 1 << rng.u32(0..10);
        let some = rng.usize(0..=(input.len() - at).min(most));
        match rng.u8(0..8) {
            0 | 1 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.u8(0..8)),
            2 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.u8(..)),
            3 => {
                let edge = EDGES[rng.usize(0..EDGES.len())].to_le_bytes();
                input
                    .iter_mut()
                    .skip(at)
                    .take(1 << rng.u32(0..4))
                    .zip(edge)
                    .for_each(|(byte, new)| *byte = new);
            }
            4 => drop(input.drain(at..at + some)),
            5 => {
                let piece = input[at..at + some].to_vec();
                splice(rng, &mut input, &piece);
            }
            6 => {
                let other = &seeds[rng.usize(0..seeds.len())];
                let from = rng.usize(0..=other.len());
                let piece = &other[from..from + rng.usize(0..=(other.len() - from).min(4096))];
                splice(rng, &mut input, piece);
            }
            _ => input.truncate(at.max(1)),
        }
    }
    input.truncate(MOST_BYTES);
    input
}

fn splice(rng: &mut Rng, input: &mut Vec<u8>, piece: &[u8]) {
    let at = rng.usize(0..=input.len());
    input.splice(at..at, piece.iter().copied());
}

/// Changes the tokens of a text behind its first byte, which says what kind of text it is. At times changes bytes.
pub(crate) fn text(rng: &mut Rng, seeds: &[Vec<u8>], which: usize) -> Vec<u8> {
    let (kind, text) = seeds[which].split_at(seeds[which].len().min(1));
    if rng.u8(0..8) == 0 {
        return bytes(rng, seeds, which);
    }
    // Tokens of the same kind of text fit more often.
    let other = loop {
        let other = &seeds[rng.usize(0..seeds.len())];
        if other.starts_with(kind) || rng.u8(0..8) == 0 {
            break tokens(other);
        }
    };
    let mut input = kind.to_vec();
    input.extend(changed(rng, text, &other));
    input.truncate(MOST_BYTES);
    input
}

/// Changes the tokens of a text, and takes in no others.
pub(crate) fn tokens_of(rng: &mut Rng, text: &[u8]) -> Vec<u8> {
    let own = tokens(text);
    changed(rng, text, &own)
}

/// Moves, doubles and nests the tokens of a text, and takes in others.
fn changed(rng: &mut Rng, text: &[u8], other: &[&[u8]]) -> Vec<u8> {
    let mut tokens = tokens(text);
    for _ in 0..1 << rng.u32(0..5) {
        let at = rng.usize(0..=tokens.len());
        let most = 1 << rng.u32(0..6);
        let some = rng.usize(0..=(tokens.len() - at).min(most));
        match rng.u8(0..16) {
            0..2 => drop(tokens.drain(at..at + some)),
            2..5 if at < tokens.len() => {
                let with = rng.usize(0..tokens.len());
                tokens.swap(at, with);
            }
            5..7 if !other.is_empty() => {
                let from = rng.usize(0..other.len());
                let piece = &other[from..(from + 1 + rng.usize(0..16)).min(other.len())];
                tokens.splice(at..at, piece.iter().copied());
            }
            7..12 if !other.is_empty() && at < tokens.len() => tokens[at] = other[rng.usize(0..other.len())],
            // Nesting is what parsers that call themselves fear.
            12 if at < tokens.len() => {
                let again = vec![tokens[at]; 1 << rng.u32(0..13)];
                tokens.splice(at..at, again);
            }
            13 | 14 => {
                let piece = tokens[at..at + some].to_vec();
                let into = rng.usize(0..=tokens.len());
                tokens.splice(into..into, piece);
            }
            _ => tokens.insert(at, ODD[rng.usize(0..ODD.len())]),
        }
    }
    tokens.concat()
}

/// What texts seldom have.
const ODD: [&[u8]; 24] = [
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    "\u{2028}".as_bytes(),
    "\u{202e}".as_bytes(),
    b"\\u{110000}",
    b"99999999999999999999",
    b"1e999999",
    b"-0x8000000000000000",
    b"*/",
    b"/*",
    b"`${",
    b"(((((((((",
    b"[[[[[[[[[",
    b"{{{{{{{{{",
    b"<T,>",
    b"@while true {",
    b"#{",
    b"@include a(",
    b"\r",
    b"'''",
    b"\"\"\"",
    b"= = ",
];

/// The words, numbers, spaces and single signs of a text.
fn tokens(text: &[u8]) -> Vec<&[u8]> {
    let class = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' | 0x80.. => 0,
        b' ' | b'\n' | b'\t' => 1,
        _ => 2,
    };
    text.chunk_by(|a, b| class(*a) == class(*b) && class(*a) != 2).collect()
}

/// Bytes that follow no seed.
pub(crate) fn noise(rng: &mut Rng, _: &[Vec<u8>], _: usize) -> Vec<u8> {
    let mut input = vec![0; rng.usize(16..1 << 14)];
    rng.fill(&mut input);
    input
}
