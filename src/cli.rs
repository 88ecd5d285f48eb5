//! The commands. All but `mount` and `umount` work without FUSE, on the same tree.
//!
//! Exit codes (design.md 6): 0 fine, 1 a difference or a problem found, 2 usage, 3 unreadable or corrupt
//! input, 4 could not mount. Results go to stdout, errors to stderr. A reader that closes the pipe early
//! (`ckptfs ls ... | head`) ends the command without an error.

mod args;
mod cat;
mod glob;
mod info;
mod ls;
mod mount;
mod open;
mod output;
mod print;
mod resolve;
mod tensors;
mod umount;

use std::process::ExitCode;

use clap::Parser;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use args::Cli;
use args::Command;

/// What a command that ran to its end has to say by its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Fine,
    /// Some operands failed (told on stderr already), others did not.
    Failed(ErrorKind),
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = Cli::parse_from(args::expand(std::env::args_os()));
    init_log(cli.verbose);
    match run(cli.command) {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Failed(kind)) => exit_code(kind),
        Err(e) if output::is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            report(&e);
            exit_code(e.kind())
        }
    }
}

fn run(command: Command) -> Result<Outcome> {
    match command {
        Command::Mount(args) => mount::run(args),
        Command::Umount(args) => umount::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Tensors(args) => tensors::run(&args),
        Command::Ls(args) => ls::run(&args),
        Command::Cat(args) => cat::run(&args),
        Command::Print(args) => print::run(&args),
        Command::Resolve(args) => resolve::run(&args),
    }
}

/// Writes an error to stderr: what is wrong on one line, what to do on the next.
pub(crate) fn report(error: &Error) {
    let mut text = String::new();
    if let Some(path) = error.path() {
        text.push_str(&format!("{}: ", path.display()));
    }
    if let Some(offset) = error.at_offset() {
        text.push_str(&format!("offset {offset}: "));
    }
    text.push_str(error.what());
    eprintln!("ckptfs: {text}");
    if let Some(hint) = error.hint_text() {
        eprintln!("  {hint}");
    }
}

fn exit_code(kind: ErrorKind) -> ExitCode {
    ExitCode::from(match kind {
        ErrorKind::Usage => 2,
        ErrorKind::Mount => 4,
        ErrorKind::NotFound
        | ErrorKind::NotACheckpoint
        | ErrorKind::Corrupt
        | ErrorKind::Unsupported
        | ErrorKind::Io
        | ErrorKind::Changed
        | ErrorKind::TooLarge => 3,
    })
}

/// Warnings by default, more with -v; `RUST_LOG` wins.
fn init_log(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level))
        .format(|buf, record| {
            use std::io::Write;
            writeln!(
                buf,
                "ckptfs: {}: {}",
                record.level().as_str().to_lowercase(),
                record.args()
            )
        })
        .init();
}
