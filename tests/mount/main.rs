//! Real mounts of a small tree: what programs see, what the kernel asks, how a mount lives and ends.

mod client;
mod daemon;
mod lab;
#[path = "../support/mounting/mod.rs"]
mod mounting;
mod toy_view;

mod content;
mod counts;
mod lifecycle;
mod refusals;
mod users;

use mounting::harness;

fn main() {
    if std::env::var_os(daemon::ROLE).is_some() {
        daemon::main();
    }
    let modules = [
        content::TESTS,
        counts::TESTS,
        refusals::TESTS,
        lifecycle::TESTS,
        users::TESTS,
    ];
    let toy = std::env::current_exe().unwrap();
    harness::main(&toy, modules.into_iter().flatten().copied());
}
