//! Guests that call everything the host offers, with whatever arguments noise has in store (ATTACKS G24): handles they have
//! and have not, pointers into memory full of plausible structures, and numbers at the edge.

use arbitrary::{Result, Unstructured};
use wasm_encoder::{Instruction, ValType};

use super::components;
use super::module::{Shape, Type, encoded, shape_of};
use crate::{panics, support};

/// How much of the memory is filled, in words of four bytes. Behind them are zeroes, and then the texts.
const WORDS: i32 = 600;
/// Where the texts begin.
const TEXTS: i32 = 4096;
/// What paths, media types and messages may be made of.
const TEXT: [[u8; 8]; TEXT_COUNT as usize] = [
    *b"a.ts\0\0\0\0",
    *b"b/c.js\0\0",
    *b"text/css",
    *b"../../x\0",
    *b"/etc/pwd",
    *b"A.TS\xe2\x80\xae\0",
    *b"CON.a\0\0\0",
    *b"a\xcc\x81/e\0\0\0",
    *b"dep\0\0\0\0\0",
    *b"gone\0\0\0\0",
    *b"\x1b[2J\0\0\0\0",
    *b"\xf0\x9f\x92\xa9m\xff\xfe\0",
];
const TEXT_COUNT: u8 = 12;

/// The first byte says which world; the rest is noise.
pub(crate) fn take(input: &[u8]) {
    let Some((kind, noise)) = input.split_first() else { return };
    let world = if kind % 2 == 0 { "compiler" } else { "modular-compiler" };
    let shape = shape_of(world);
    let mut noise = Unstructured::new(noise);
    let mut data = vec![0; TEXTS as usize];
    for place in data.chunks_exact_mut(4).take(WORDS as usize) {
        place.copy_from_slice(&filling(&mut noise).unwrap_or(0).to_le_bytes());
    }
    data.extend(TEXT.as_flattened());
    let module = encoded(shape, &data, |ty, name| match name {
        "cabi_realloc" => realloc(&mut noise),
        _ if name.starts_with("cabi_post") || name == "_initialize" => Vec::new(),
        _ => calls(shape, ty, &mut noise).unwrap_or_default(),
    });
    if let Some(component) = panics::apart(|| support::encoded(module, world).ok()) {
        components::take(&component);
    }
}

/// What memory is filled with: such that what is read as a record is one now and then.
fn filling(noise: &mut Unstructured<'_>) -> Result<i32> {
    Ok(match noise.int_in_range(0..=15)? {
        0..=7 => noise.int_in_range(0..=1)?,
        8..=10 => length(noise)?,
        11..=14 => place(noise)?,
        _ => word(noise)?,
    })
}

/// A place in memory, aligned.
fn place(noise: &mut Unstructured<'_>) -> Result<i32> {
    Ok(if noise.ratio(2, 3)? {
        TEXTS + 8 * i32::from(noise.int_in_range(0..=TEXT_COUNT)?)
    } else {
        8 * noise.int_in_range(0..=WORDS)?
    })
}

/// A length that is not too long.
fn length(noise: &mut Unstructured<'_>) -> Result<i32> {
    Ok(*noise.choose(&[0, 1, 2, 3, 4, 4, 6, 8, 8, 16, 40])?)
}

/// A number that may be a handle, a length, a place in memory, or anything.
fn word(noise: &mut Unstructured<'_>) -> Result<i32> {
    Ok(match noise.int_in_range(0..=7)? {
        0..=2 => noise.int_in_range(0..=5)?,
        3 => noise.int_in_range(0..=200)?,
        4 | 5 => noise.int_in_range(0..=4 * WORDS)?,
        6 => *noise.choose(&[-1, i32::MIN, i32::MAX, 0x1_0000, 0x1_ffff, 0x2_0000, 0xd800])?,
        _ => noise.arbitrary()?,
    })
}

/// Up to sixty calls, with what they leave dropped, and a result. One that the host does not stand traps, and nothing comes
/// behind it; so most of them are such that it may.
fn calls<'a>(shape: &Shape, ty: &Type, noise: &mut Unstructured<'_>) -> Result<Vec<Instruction<'a>>> {
    let mut body = Vec::new();
    let is_here = |handle: &u32| ty.params.len() > *handle as usize;
    let numbered: Vec<_> = (0..).zip(&shape.imports).collect();
    for _ in 0..noise.int_in_range(1..=60)? {
        let (at, (_, name, import)) = noise.choose(&numbered)?;
        // No noise left is tame.
        let wild = !noise.ratio(39, 40)?;
        let handle = handle_of(name).filter(is_here);
        let tame = match name.as_str() {
            "exit" => false,
            _ if name.starts_with("[resource-drop]") => false,
            _ => handle.is_some() || !name.starts_with("[method]"),
        };
        if tame || wild {
            call(&mut body, *at, import, handle, wild, noise)?;
        }
    }
    // What it was lent, given back: the host insists.
    for (at, (_, name, import)) in numbered {
        let handle = handle_of(name).filter(is_here);
        if handle.is_some() && name.starts_with("[resource-drop]") && noise.ratio(19, 20)? {
            call(&mut body, at, import, handle, false, noise)?;
        }
    }
    for result in &ty.results {
        body.push(match result {
            // Zeroes, which is a success without anything, or any place.
            ValType::I32 if noise.ratio(1, 2)? => Instruction::I32Const(4 * WORDS),
            ValType::I32 if noise.ratio(3, 4)? => Instruction::I32Const(place(noise)?),
            _ => number(*result, noise)?,
        });
    }
    Ok(body)
}

/// Which parameter of a guest's function is the handle that this import works with.
fn handle_of(import: &str) -> Option<u32> {
    let (_, name) = import.split_once(']')?;
    match name.split('.').next()? {
        "module" => Some(0),
        "output" => Some(1),
        _ => None,
    }
}

fn call(
    body: &mut Vec<Instruction<'_>>,
    at: u32,
    import: &Type,
    handle: Option<u32>,
    wild: bool,
    noise: &mut Unstructured<'_>,
) -> Result<()> {
    let mut params = import.params.iter();
    if let Some(handle) = handle.filter(|_| !wild) {
        params.next();
        body.push(Instruction::LocalGet(handle));
    }
    // Lists and texts are a place and a length each; where the result goes is a place.
    for (position, param) in params.enumerate() {
        body.push(match param {
            ValType::I32 if !wild && position % 2 == 0 => Instruction::I32Const(place(noise)?),
            ValType::I32 if !wild => Instruction::I32Const(length(noise)?),
            ValType::I64 if !wild => Instruction::I64Const(length(noise)?.into()),
            _ => number(*param, noise)?,
        });
    }
    body.push(Instruction::Call(at));
    body.extend(import.results.iter().map(|_| Instruction::Drop));
    Ok(())
}

fn number<'a>(ty: ValType, noise: &mut Unstructured<'_>) -> Result<Instruction<'a>> {
    Ok(match ty {
        ValType::I64 => Instruction::I64Const(*noise.choose(&[0, 1, -1, i64::MIN, i64::MAX, 1 << 40])?),
        ValType::F32 => Instruction::F32Const(f32::from_bits(noise.arbitrary()?).into()),
        ValType::F64 => Instruction::F64Const(f64::from_bits(noise.arbitrary()?).into()),
        _ => Instruction::I32Const(word(noise)?),
    })
}

/// Hands out memory in turn, and now and then what is none.
fn realloc<'a>(noise: &mut Unstructured<'_>) -> Vec<Instruction<'a>> {
    if !noise.ratio(15, 16).unwrap_or(true) {
        return vec![Instruction::I32Const(word(noise).unwrap_or(0))];
    }
    vec![
        Instruction::GlobalGet(0),
        Instruction::GlobalGet(0),
        Instruction::LocalGet(3),
        Instruction::I32Add,
        Instruction::I32Const(7),
        Instruction::I32Add,
        Instruction::I32Const(!7),
        Instruction::I32And,
        Instruction::GlobalSet(0),
    ]
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![vec![0; 64], (0..=255).cycle().take(2000).collect(), (0..=255).rev().cycle().take(2000).collect()]
}
