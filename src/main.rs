//! The `ckptfs` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ckptfs::cli::main()
}
