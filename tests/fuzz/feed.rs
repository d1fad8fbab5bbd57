//! How libFuzzer feeds a body: with inputs of its own making, and with mutations that know what the input is.

/// `fuzz_target!` and `fuzz_mutator!` for the body of this name.
macro_rules! feed {
    ($name:literal) => {
        use std::sync::LazyLock;

        use prefab_fuzzing::Body;

        static BODY: LazyLock<&Body> = LazyLock::new(|| Body::named($name).expect("there is such a body"));
        static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| (BODY.seeds)());

        libfuzzer_sys::fuzz_target!(init: prefab_fuzzing::start(), |input: &[u8]| BODY.check(input));

        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
            let mut rng = fastrand::Rng::with_seed(seed.into());
            let made = match rng.u8(0..16) {
                // Of a seed.
                0 => {
                    let which = rng.usize(0..SEEDS.len());
                    (BODY.mutate)(&mut rng, &SEEDS, which)
                }
                1..8 => {
                    let mut inputs = vec![data[..size].to_vec()];
                    inputs.extend(SEEDS.iter().cloned());
                    (BODY.mutate)(&mut rng, &inputs, 0)
                }
                _ => return libfuzzer_sys::fuzzer_mutate(data, size, most),
            };
            let size = made.len().min(most);
            data[..size].copy_from_slice(&made[..size]);
            size
        });
    };
}

pub(crate) use feed;
