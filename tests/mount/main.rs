//! Real mounts of a small tree: what programs see, what the kernel asks, how a mount lives and ends.

mod client;
mod daemon;
mod harness;
mod lab;
mod toy_view;

mod content;
mod counts;
mod lifecycle;
mod refusals;
mod users;

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
    harness::main(modules.into_iter().flatten().copied());
}
