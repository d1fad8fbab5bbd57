//! The corpus: small compilers and components that mean harm, each with the end that it must come to and the cap that
//! brings it about. After each one, the same process makes native code of a good compiler and compiles with it, at the speed
//! and for the fuel it took before.
//!
//! One file a family; [`attack`] runs them. With `PREFAB_HOSTILE_TABLE=FILE` the table is written there.

#![expect(clippy::too_many_lines, reason = "a family is a list of attacks, however many")]

mod attack;
mod intake;
mod lies;
mod memory;
mod output;
mod paths;
#[path = "../../../../host/sandbox/tests/support/mod.rs"]
mod support;
mod time;

use std::process::Command;

use attack::{Attack, Health};

#[test]
fn every_attack_comes_to_its_end_and_leaves_the_process_well() {
    let families: [(&str, Vec<Attack>); 6] = [
        ("Intake", intake::attacks()),
        ("Time", time::attacks()),
        ("Memory", memory::attacks()),
        ("Output", output::attacks()),
        ("Paths", paths::attacks()),
        ("Lies", lies::attacks()),
    ];
    let number: usize = families.iter().map(|(_, attacks)| attacks.len()).sum();
    assert!(number >= 50, "{number}");

    let health = Health::now();
    let mut table = attack::heading(number);
    let mut wrong = Vec::new();
    for (family, attacks) in &families {
        table.push_str(&attack::family(family));
        for attack in attacks {
            let row = attack.run(&health);
            table.push_str(&row.line());
            wrong.extend(row.faults());
        }
    }
    println!("{table}");
    if let Some(file) = std::env::var_os("PREFAB_HOSTILE_TABLE") {
        std::fs::write(file, &table).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_attack_comes_to_the_same_end_in_a_worker_process() {
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "every_attack_comes_to_its_end_and_leaves_the_process_well", "--nocapture"])
        .env(support::WORKER, env!("CARGO_BIN_EXE_prefab-codegen"))
        .env_remove("PREFAB_HOSTILE_TABLE")
        .output()
        .unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
}
