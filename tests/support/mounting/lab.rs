//! Directories, mounts and processes for one test, taken away again whatever happens.
#![allow(dead_code, unsafe_code)]

use std::ffi::CString;
use std::ffi::OsStr;
use std::fs;
use std::fs::Permissions;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// An ordinary user; nothing needs to be in /etc/passwd.
pub(crate) const USER: u32 = 65_534;

const DEVICE: &str = "/dev/fuse";

/// What an external command may take.
const LIMIT: Duration = Duration::from_secs(60);

static PLACE: OnceLock<Place> = OnceLock::new();
static NEXT: AtomicUsize = AtomicUsize::new(0);

struct Place {
    /// What all directories of this run are in.
    root: PathBuf,
    /// The program under test.
    program: PathBuf,
}

fn place() -> &'static Place {
    PLACE.get().unwrap()
}

/// Before the first test: a place for it and a copy of the program under test, which all users may run.
pub(crate) fn open(program: &Path) {
    assert!(
        Path::new(DEVICE).exists(),
        "{DEVICE} is missing: these tests mount. `modprobe fuse`, or start the container with --device {DEVICE} \
         --cap-add SYS_ADMIN"
    );
    if is_root() {
        // Distributions ship 0666; containers often have 0600, which keeps users out.
        fs::set_permissions(DEVICE, Permissions::from_mode(0o666)).unwrap();
    }
    let root = std::env::temp_dir().join(format!("ckptfs-tests-{}", std::process::id()));
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, Permissions::from_mode(0o755)).unwrap();
    let root = fs::canonicalize(root).unwrap();
    // The build directory may be closed to other users.
    let copy = root.join("program");
    fs::copy(program, &copy).unwrap();
    let place = Place { root, program: copy };
    assert!(PLACE.set(place).is_ok(), "opened twice");
}

/// After the last test, or when one hangs.
pub(crate) fn close() {
    let Some(Place { root, .. }) = PLACE.get() else {
        return;
    };
    for point in mounts_below(root) {
        println!("left behind: {}", point.display());
        detach(&point);
    }
    for pid in programs_below(root) {
        println!("left behind: process {pid}");
        kill(pid, libc::SIGKILL);
    }
    fs::remove_dir_all(root).ok();
}

pub(crate) fn is_root() -> bool {
    // SAFETY: takes no argument and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

fn mounts_below(root: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| PathBuf::from(point.replace("\\040", " ")))
        .filter(|point| point.starts_with(root))
        .collect()
}

fn detach(point: &Path) {
    let path = CString::new(point.as_os_str().as_bytes()).unwrap();
    // SAFETY: the path is NUL-terminated and outlives the call.
    let done = unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
    if done != 0 {
        Command::new("fusermount3")
            .args(["-u", "-z"])
            .arg(point)
            .output()
            .ok();
    }
}

/// A directory for one test. Dropping it takes away what is mounted below and ends its daemons.
pub(crate) struct Lab {
    pub(crate) dir: PathBuf,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = place().root.join(number.to_string());
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        // Daemons of different users write to it.
        fs::write(dir.join("log"), "").unwrap();
        fs::set_permissions(dir.join("log"), Permissions::from_mode(0o666)).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// An empty directory `mnt`.
    pub(crate) fn point(&self) -> PathBuf {
        let point = self.path("mnt");
        fs::create_dir(&point).unwrap();
        fs::set_permissions(&point, Permissions::from_mode(0o777)).unwrap();
        point
    }

    /// Where the program under test is.
    pub(crate) fn program_path(&self) -> &'static Path {
        &place().program
    }

    /// The program under test, with arguments.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&place().program);
        command.args(args).current_dir(&self.dir);
        command.env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The daemons that serve mounts of this test.
    pub(crate) fn daemons(&self) -> Vec<i32> {
        programs_below(&self.dir)
    }

    /// Waits until no daemon of this test is left.
    pub(crate) fn no_daemons(&self) {
        eventually("the daemon ends", || self.daemons().is_empty());
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for point in mounts_below(&self.dir) {
            detach(&point);
        }
        for pid in self.daemons() {
            kill(pid, libc::SIGKILL);
        }
        fs::remove_dir_all(&self.dir).ok();
    }
}

/// Processes of the program under test that were given a path below `dir`.
fn programs_below(dir: &Path) -> Vec<i32> {
    let program = &place().program;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mut args = line
            .split(|b| *b == 0)
            .map(|arg| Path::new(OsStr::from_bytes(arg)));
        if args.next() == Some(program) && args.any(|arg| arg.starts_with(dir)) && !is_zombie(pid) {
            found.push(pid);
        }
    }
    found
}

fn is_zombie(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

pub(crate) fn kill(pid: i32, signal: i32) {
    // SAFETY: takes numbers only; the process is one that a test started.
    unsafe { libc::kill(pid, signal) };
}

/// Makes `command` run as an ordinary user.
pub(crate) fn as_user(command: &mut Command) -> &mut Command {
    if is_root() {
        command.uid(USER).gid(USER);
    }
    command
}

/// Runs it, with a time limit; gives what it said.
pub(crate) fn finish(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    wait_for(child, &format!("{command:?}"))
}

pub(crate) fn wait_for(mut child: Child, what: &str) -> Output {
    let reader = |pipe: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut pipe) = pipe {
                pipe.read_to_end(&mut text).ok();
            }
            text
        })
    };
    let stdout = reader(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = reader(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().ok();
            panic!("{what} did not end");
        }
        thread::sleep(Duration::from_millis(3));
    };
    Output {
        status,
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

/// Runs it; it must succeed. Gives its output.
pub(crate) fn ok(command: &mut Command) -> String {
    let output = finish(command);
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs it; it must fail. Gives its exit code and its message.
pub(crate) fn fails(command: &mut Command) -> (i32, String) {
    let output = finish(command);
    assert!(!output.status.success(), "{command:?} must fail");
    (output.status.code().unwrap_or(-1), said(&output))
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `sh -c script`, with the directory as $1.
pub(crate) fn sh(script: &str, dir: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(dir);
    command
}

/// Waits until it holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The line of /proc/self/mountinfo for `point`.
pub(crate) fn mount_line(point: &Path) -> Option<String> {
    let point = point
        .to_str()
        .unwrap()
        .replace('\\', "\\134")
        .replace(' ', "\\040");
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    text.lines()
        .rfind(|line| line.split(' ').nth(4) == Some(&point))
        .map(str::to_owned)
}
