//! Names of V1 files (format.md 3): one file `P`, or shards `P-00000-of-00002`, which a state file gives as the pattern
//! `P-?????-of-00002`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

/// More shards than any trainer writes; keeps a hostile name from making us look for files.
const MAX_SHARDS: u32 = 4096;

/// The files of one V1 checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// Their name, without the shard.
    pub prefix: PathBuf,
    /// All files there should be, in order; some shards may be missing.
    pub files: Vec<PathBuf>,
}

/// The parts of the name of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardName {
    /// What stands before the number.
    pub prefix: PathBuf,
    /// The number; `None` in a pattern.
    pub number: Option<u32>,
    /// How many shards there are.
    pub total: u32,
}

impl ShardName {
    /// The parts of `prefix-00000-of-00002` or `prefix-?????-of-00002`. The shards of a V2 bundle
    /// (`prefix.data-...`) are none.
    pub fn parse(path: &Path) -> Option<Self> {
        let text = path.as_os_str().as_bytes();
        let (rest, total) = split_last(text, b"-of-")?;
        let (prefix, number) = split_last(rest, b"-")?;
        let digits = |text: &[u8]| text.len() >= 5 && text.iter().all(u8::is_ascii_digit);
        let value = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
        let pattern = !number.is_empty() && number.iter().all(|b| *b == b'?');
        if !digits(total) || !(pattern || digits(number)) || prefix.is_empty() || prefix.ends_with(b".data") {
            return None;
        }
        let name = Self {
            prefix: PathBuf::from(OsStr::from_bytes(prefix)),
            number: if pattern { None } else { Some(value(number)?) },
            total: value(total).filter(|n| (1..=MAX_SHARDS).contains(n))?,
        };
        (name.number.is_none_or(|n| n < name.total)).then_some(name)
    }

    /// All files of the checkpoint.
    pub fn files(&self) -> Files {
        let shard = |number: u32| {
            let mut path = self.prefix.as_os_str().to_owned();
            path.push(format!("-{number:05}-of-{:05}", self.total));
            PathBuf::from(path)
        };
        Files {
            prefix: self.prefix.clone(),
            files: (0..self.total).map(shard).collect(),
        }
    }
}

fn split_last<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(separator.len()).rposition(|w| w == separator)?;
    let (before, after) = text.split_at_checked(at)?;
    Some((before, after.strip_prefix(separator)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shards() {
        let parse = |name: &str| ShardName::parse(Path::new(name));
        let name = parse("a/model.ckpt-1-00001-of-00002").unwrap();
        assert_eq!(name.prefix, Path::new("a/model.ckpt-1"));
        assert_eq!((name.number, name.total), (Some(1), 2));
        assert_eq!(
            name.files().files,
            [
                Path::new("a/model.ckpt-1-00000-of-00002"),
                Path::new("a/model.ckpt-1-00001-of-00002")
            ]
        );
        assert_eq!(parse("x-?????-of-00003").unwrap().number, None);
        for other in [
            "x.data-00000-of-00001",
            "x-00002-of-00002",
            "x-0-of-1",
            "-00000-of-00001",
            "x-00000-of-99999",
            "x",
            "x-of-00001",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
