//! The `ckptfs` program.

fn main() {}
