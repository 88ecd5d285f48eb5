//! `-o` options, as mount(8) writes them.
//!
//! Words are separated by commas (`\,` is a comma and `\\` a backslash within one), later ones win, and
//! the option may be given many times. Words that belong to fstab and not to a file system are taken and
//! ignored, so that a line of fstab works; words that would promise what a read-only mount cannot give are
//! noted or refused; a word nobody knows is an error that names the nearest one.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::thread;

use crate::error::Error;
use crate::error::Result;

/// How to mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOptions {
    /// Let other users in, with the permission bits checked by the kernel.
    pub allow_other: bool,
    /// Owner of everything, in place of the owner of the source files.
    pub uid: Option<u32>,
    /// Group of everything.
    pub gid: Option<u32>,
    /// Permission bits that nothing has.
    pub umask: Option<u16>,
    /// Answer extended attributes.
    pub xattr: bool,
    /// What `mount` and `df` show as the source.
    pub fsname: Option<OsString>,
    /// Threads that serve requests.
    pub threads: Option<usize>,
    /// Requests the kernel may have under way by itself (readahead).
    pub max_background: u16,
    /// Readahead of the mount in KiB; unless given, it is raised to 1024 where that is permitted.
    pub read_ahead_kb: Option<u32>,
    /// What to tell the user about the options: "rw: mounted read-only".
    pub notes: Vec<String>,
}

impl Default for MountOptions {
    fn default() -> Self {
        Self {
            allow_other: false,
            uid: None,
            gid: None,
            umask: None,
            xattr: false,
            fsname: None,
            threads: None,
            max_background: 64,
            read_ahead_kb: None,
            notes: Vec::new(),
        }
    }
}

/// Options with a meaning here, for the message about an unknown one.
const KNOWN: [&str; 10] = [
    "allow_other",
    "uid=",
    "gid=",
    "umask=",
    "xattr",
    "fsname=",
    "threads=",
    "max_background=",
    "read_ahead_kb=",
    "ro",
];

/// Words of fstab and of mount(8) that need nothing done: they are for the tools that read fstab, or
/// they are so anyway (a mount is always nodev, nosuid, noexec and noatime).
const IGNORED: [&str; 31] = [
    "auto",
    "noauto",
    "user",
    "users",
    "nouser",
    "owner",
    "noowner",
    "group",
    "nogroup",
    "nofail",
    "fail",
    "_netdev",
    "defaults",
    "nodev",
    "nosuid",
    "noexec",
    "async",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "lazytime",
    "nolazytime",
    "silent",
    "nomand",
    "noiversion",
    "default_permissions",
];

/// What a read-only mount of data does not do; said once and otherwise ignored.
const NOTED: [(&str, &str); 10] = [
    ("rw", "mounted read-only all the same"),
    ("dev", "device files stay off"),
    ("suid", "set-user-ID stays off"),
    ("exec", "programs cannot be run from the mount"),
    ("sync", "nothing is ever written"),
    ("dirsync", "nothing is ever written"),
    ("mand", "there are no locks to mandate"),
    ("iversion", "files never change"),
    ("loud", "messages are as always"),
    ("auto_unmount", "a killed mount is removed by `ckptfs umount DIR`"),
];

impl MountOptions {
    /// Adds the words of one `-o`.
    pub fn parse(&mut self, text: &OsStr) -> Result<()> {
        for word in split(text.as_bytes()) {
            self.word(&word)?;
        }
        Ok(())
    }

    /// Threads that serve requests: more than four gain nothing, and each costs a strictly serial client
    /// some latency (18 against 33 microseconds a 4 KiB read with 1 and 2 threads).
    pub fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(|| {
            let cpus = thread::available_parallelism().map_or(1, usize::from);
            cpus.min(4)
        })
    }

    fn word(&mut self, word: &[u8]) -> Result<()> {
        let (name, value) = match word.iter().position(|b| *b == b'=') {
            Some(at) => (
                word.get(..at).unwrap_or_default(),
                word.get(at.saturating_add(1)..),
            ),
            None => (word, None),
        };
        let name = String::from_utf8_lossy(name).into_owned();
        match (name.as_str(), value) {
            ("", None) | ("ro", None) => {}
            ("allow_other", None) => self.allow_other = true,
            ("xattr", None) => self.xattr = true,
            ("uid", Some(v)) => self.uid = Some(number(&name, v, 10, 0, u32::MAX.saturating_sub(1))?),
            ("gid", Some(v)) => self.gid = Some(number(&name, v, 10, 0, u32::MAX.saturating_sub(1))?),
            ("umask", Some(v)) => self.umask = Some(number(&name, v, 8, 0, 0o777)?),
            ("fsname", Some(v)) if !v.is_empty() => self.fsname = Some(OsString::from_vec(v.to_vec())),
            ("threads", Some(v)) => self.threads = Some(number(&name, v, 10, 1, 64)?),
            ("max_background", Some(v)) => self.max_background = number(&name, v, 10, 1, u16::MAX)?,
            ("read_ahead_kb", Some(v)) => self.read_ahead_kb = Some(number(&name, v, 10, 0, 1 << 20)?),
            ("comment" | "user", _) => {}
            (word, _) if word.starts_with("x-") || word.starts_with("X-") => {}
            (word, None) if IGNORED.contains(&word) => {}
            (word, given) => return self.rest(word, given.is_some()),
        }
        Ok(())
    }

    /// A word that is noted, refused, misused or unknown.
    fn rest(&mut self, word: &str, has_value: bool) -> Result<()> {
        if let (Some((_, why)), false) = (NOTED.iter().find(|(noted, _)| *noted == word), has_value) {
            self.notes.push(format!("-o {word}: {why}"));
            return Ok(());
        }
        if matches!(word, "allow_root" | "remount" | "bind" | "rbind" | "move") {
            return Err(
                Error::usage(format!("-o {word} is not supported")).hint(match word {
                    "allow_root" => "use -o allow_other with -o umask=077 and -o uid=",
                    _ => "unmount with `ckptfs umount DIR` and mount again",
                }),
            );
        }
        let error = if has_value && KNOWN.contains(&word) {
            Error::usage(format!("-o {word} takes no value"))
        } else if KNOWN.contains(&format!("{word}=").as_str()) {
            Error::usage(format!("-o {word}= needs a value"))
        } else {
            let error = Error::usage(format!("unknown option -o {word}"));
            match nearest(word) {
                Some(known) => error.hint(format!("did you mean {known}?")),
                None => error,
            }
        };
        Err(error.hint(format!("options: {}", KNOWN.join(", "))))
    }
}

/// Cuts at commas; `\` before a comma or a backslash takes its meaning away.
fn split(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words = vec![Vec::new()];
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b',' {
            words.push(Vec::new());
            continue;
        }
        let escaped = (byte == b'\\')
            .then(|| bytes.next_if(|next| matches!(next, b',' | b'\\')))
            .flatten();
        if let Some(word) = words.last_mut() {
            word.push(escaped.unwrap_or(byte));
        }
    }
    words
}

fn number<T>(name: &str, text: &[u8], radix: u32, least: T, most: T) -> Result<T>
where
    T: TryFrom<u64> + PartialOrd + std::fmt::Display,
{
    let text = String::from_utf8_lossy(text);
    let digits = text.chars().all(|c| c.is_digit(radix));
    u64::from_str_radix(&text, radix)
        .ok()
        .filter(|_| digits)
        .and_then(|value| T::try_from(value).ok())
        .filter(|value| *value >= least && *value <= most)
        .ok_or_else(|| {
            let kind = if radix == 8 { "an octal number" } else { "a number" };
            let most = if radix == 8 {
                "777".to_owned()
            } else {
                most.to_string()
            };
            Error::usage(format!(
                "-o {name}={text}: {kind} from {least} to {most} is needed"
            ))
        })
}

/// The known option that takes the fewest changes to become, if those are few.
fn nearest(word: &str) -> Option<&'static str> {
    let others = IGNORED.iter().chain(NOTED.iter().map(|(word, _)| word));
    KNOWN
        .iter()
        .chain(others)
        .map(|known| (distance(word, known.trim_end_matches('=')), *known))
        .filter(|(changes, known)| *changes <= known.len().div_ceil(3))
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, known)| known)
}

/// Levenshtein's distance, by rows.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (pair, to) in row.windows(2).zip(&b) {
            let (Some(diagonal), Some(above)) = (pair.first(), pair.last()) else {
                continue;
            };
            let change = diagonal.saturating_add(usize::from(from != *to));
            left = change.min(left.saturating_add(1)).min(above.saturating_add(1));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MountOptions> {
        let mut options = MountOptions::default();
        options.parse(OsStr::new(text))?;
        Ok(options)
    }

    #[test]
    fn a_line_of_fstab() {
        let options = parse(
            "defaults,noauto,user,nofail,_netdev,x-systemd.automount,comment=a b,ro,allow_other,\
             uid=1000,gid=5,umask=027,xattr,threads=1,max_background=12,read_ahead_kb=128",
        )
        .unwrap();
        assert!(options.allow_other && options.xattr && options.notes.is_empty());
        assert_eq!(
            (options.uid, options.gid, options.umask),
            (Some(1000), Some(5), Some(0o027))
        );
        assert_eq!((options.thread_count(), options.max_background), (1, 12));
        assert_eq!(options.read_ahead_kb, Some(128));
    }

    #[test]
    fn commas_are_escaped_and_later_words_win() {
        let mut options = parse(r"fsname=a\,b\\c\d,uid=1").unwrap();
        options.parse(OsStr::new("uid=2,,")).unwrap();
        assert_eq!(options.fsname, Some(OsString::from(r"a,b\c\d")));
        assert_eq!(options.uid, Some(2));
    }

    #[test]
    fn rw_is_noted() {
        assert_eq!(
            parse("rw").unwrap().notes,
            ["-o rw: mounted read-only all the same"]
        );
    }

    #[test]
    fn mistakes_name_the_remedy() {
        for (text, want) in [
            ("alow_other", "did you mean allow_other?"),
            ("thread=3", "did you mean threads=?"),
            ("umask=9", "-o umask=9: an octal number from 0 to 777"),
            ("uid=+5", "-o uid=+5: a number"),
            ("uid", "-o uid= needs a value"),
            ("xattr=1", "-o xattr takes no value"),
            ("threads=0", "from 1 to 64"),
            ("fsname=", "-o fsname= needs a value"),
            ("zzzzzz", "options: allow_other"),
            ("allow_root", "not supported"),
            ("remount", "not supported"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Usage);
            assert!(error.to_string().contains(want), "{text}: {error}");
        }
    }
}
