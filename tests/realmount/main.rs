//! Real mounts of real checkpoints by the real program: values, listings, tools, users, life cycle.

mod lab;
#[path = "../support/mounting/mod.rs"]
mod mounting;
#[path = "../support/mod.rs"]
mod support;

mod damage;
mod graph;
mod lifecycle;
mod readers;
mod tools;
mod users;
mod values;

use std::path::Path;

use mounting::harness;

fn main() {
    let modules = [
        values::TESTS,
        graph::TESTS,
        tools::TESTS,
        readers::TESTS,
        damage::TESTS,
        lifecycle::TESTS,
        users::TESTS,
    ];
    let program = Path::new(env!("CARGO_BIN_EXE_ckptfs"));
    harness::main(program, modules.into_iter().flatten().copied());
}
