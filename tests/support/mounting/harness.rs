//! Runs the tests of this program.
//!
//! Not the standard harness, for two reasons. The background process must be forked by a program with one
//! thread, so this program is also that program (`daemon.rs`), and the standard harness has threads from
//! the start. And a hanging mount hangs whoever touches it, uninterruptibly, so each test has a time
//! limit, after which all mounts are taken away.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::lab;

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What one test may take.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Clone, Copy)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
}

/// `tests![a, b]`: the functions `a` and `b` of this module.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::harness::Test] = &[$(crate::harness::Test {
            name: concat!(module_path!(), "::", stringify!($name)),
            run: $name,
        }),*];
    };
}
pub(crate) use tests;

/// `program` is what the tests mount with.
pub(crate) fn main(program: &Path, all: impl Iterator<Item = Test>) {
    let mut filters = Vec::new();
    let (mut list, mut exact) = (false, false);
    let mut threads = 4;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--list" => list = true,
            "--exact" => exact = true,
            "--test-threads" => threads = args.next().and_then(|n| n.parse().ok()).unwrap_or(threads),
            "--skip" | "--format" | "--color" => drop(args.next()),
            _ if arg.starts_with('-') => {}
            _ => filters.push(arg),
        }
    }
    let wanted = |name: &str| {
        let fits = |filter: &String| {
            if exact {
                name == filter
            } else {
                name.contains(filter)
            }
        };
        filters.is_empty() || filters.iter().any(fits)
    };
    let all: Vec<Test> = all.collect();
    let tests: VecDeque<Test> = all.iter().filter(|test| wanted(test.name)).copied().collect();
    if list {
        tests.iter().for_each(|test| println!("{}: test", test.name));
        return;
    }
    let (count, started) = (tests.len(), Instant::now());
    println!("\nrunning {count} tests");
    let mut failed = Vec::new();
    if count > 0 {
        lab::open(program);
        quieten();
        failed = run(tests, threads);
        lab::close();
    }
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    // As the standard harness sums up, for programs that read it.
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        if failed.is_empty() { "ok" } else { "FAILED" },
        count - failed.len(),
        failed.len(),
        all.len() - count,
        started.elapsed().as_secs_f32()
    );
    process::exit(if failed.is_empty() { 0 } else { 101 });
}

/// Panics of the tests are shown with the test; those of the toy are wanted.
fn quieten() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        PLACE.with_borrow_mut(|last| *last = place);
    }));
}

fn run(tests: VecDeque<Test>, threads: usize) -> Vec<&'static str> {
    let count = tests.len();
    let queue = Arc::new(Mutex::new(tests));
    let (results, finished) = mpsc::channel();
    let running = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..threads {
        let (queue, results, running) = (Arc::clone(&queue), results.clone(), Arc::clone(&running));
        thread::spawn(move || {
            loop {
                let Some(test) = queue.lock().unwrap().pop_front() else {
                    return;
                };
                let started = Instant::now();
                running.lock().unwrap().push((test.name, started));
                let result = catch_unwind(AssertUnwindSafe(test.run))
                    .map_err(|payload| format!("{}: {}", PLACE.take(), message(&*payload)));
                running.lock().unwrap().retain(|(name, _)| *name != test.name);
                results.send((test.name, result, started.elapsed())).unwrap();
            }
        });
    }
    let mut failed = Vec::new();
    let mut done = 0;
    while done < count {
        match finished.recv_timeout(Duration::from_secs(1)) {
            Ok((name, result, took)) => {
                done += 1;
                match result {
                    Ok(()) => println!("test {name} ... ok"),
                    Err(why) => {
                        println!(
                            "test {name} ... FAILED\n    after {:.1} s: {why}",
                            took.as_secs_f32()
                        );
                        failed.push(name);
                    }
                }
            }
            Err(_) => {
                let running = running.lock().unwrap();
                if let Some((name, _)) = running.iter().find(|(_, since)| since.elapsed() > LIMIT) {
                    println!("test {name} ... FAILED\n    it hangs; all mounts are taken away");
                    lab::close();
                    process::exit(101);
                }
            }
        }
    }
    failed
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}
