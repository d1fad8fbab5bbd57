//! A little of the fuzzing with every `cargo test`: some inputs for each body, from a seed that is always the same; and each body in a
//! process of its own, so that what ends a process is found too.
//!
//! With `PREFAB_FUZZ_SECONDS=N`, N seconds for each body instead; with `PREFAB_FUZZ_SEED=N`, other inputs. docs/fuzzing.md has more.

use std::env;
use std::process::Command;

fn a_little_of(body: &str, inputs: u32) {
    let seed = env::var("PREFAB_FUZZ_SEED").unwrap_or_else(|_| "1".to_owned());
    let mut command = Command::new(env!("CARGO_BIN_EXE_prefab-fuzz"));
    command.args([body, "--seed", &seed, "--folder", env!("CARGO_TARGET_TMPDIR")]);
    match env::var("PREFAB_FUZZ_SECONDS") {
        Ok(seconds) => command.args(["--seconds", &seconds]),
        Err(_) => command.args(["--inputs", &inputs.to_string()]),
    };
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{body} with seed {seed}: {}; the input is in {}/fuzz-{body}-{seed}\n{told}\n{}",
        output.status,
        env!("CARGO_TARGET_TMPDIR"),
        String::from_utf8_lossy(&output.stderr)
    );
    print!("{told}");
}

#[test]
fn no_manifest_makes_the_host_panic() {
    a_little_of("manifest", 3000);
}

#[test]
fn no_bundle_makes_the_host_panic_or_leaves_its_folder() {
    a_little_of("bundle", 2000);
}

#[test]
fn no_component_makes_the_host_panic() {
    a_little_of("component", 300);
}

#[test]
fn no_module_in_the_shape_of_a_compiler_makes_the_host_panic() {
    a_little_of("shape", 100);
}

#[test]
fn no_call_of_the_host_makes_it_panic() {
    a_little_of("calls", 100);
}

#[test]
fn no_worker_makes_the_host_panic_or_gets_beyond_the_caps() {
    a_little_of("worker", 2000);
}

#[test]
fn no_packed_release_or_signature_makes_the_host_panic_or_passes_for_another() {
    a_little_of("release", 2000);
}

#[test]
fn no_source_makes_the_host_panic_and_each_ends_the_same_way_twice() {
    a_little_of("source", 1000);
}
