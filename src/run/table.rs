//! What the table says of each checkpoint.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use serde::Serialize;

use super::snapshot::Facts;
use super::snapshot::Shown;
use crate::content::rendered::put_field;
use crate::source::Store;

/// One checkpoint of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its name: that of its files without their suffixes.
    pub name: String,
    /// The step: the number at the end of its name.
    pub step: Option<u64>,
    /// When it was saved: as a state file says, else when the index was written. UTC.
    pub time: String,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Whether a state file lists it.
    pub listed: bool,
    /// Whether the index and every shard that it needs are there, long enough.
    pub complete: bool,
    /// The links that lead to it.
    pub links: Vec<String>,
    /// Why it is not complete.
    pub problem: Option<String>,
    /// Its directory in the run view.
    pub path: String,
}

/// The columns of [`cells`].
pub(super) const HEADER: [&str; 9] = [
    "name", "step", "time", "bytes", "listed", "complete", "links", "problem", "path",
];

/// Rows for all checkpoints. Reads indexes that were not read before.
pub(super) fn rows(facts: &Facts, store: &dyn Store) -> Vec<Row> {
    let row = |shown: &Shown| {
        let found = &shown.slot.found;
        let problem = shown.slot.problem(store);
        let links = facts.links.iter().filter(|link| link.target == shown.dir_name);
        Row {
            name: text(&found.name),
            step: step(&found.name),
            time: time(shown),
            bytes: found.bytes(),
            listed: shown.listed,
            complete: problem.is_none(),
            links: links.map(|link| text(&link.name)).collect(),
            problem,
            path: text(&shown.dir_name),
        }
    };
    facts.checkpoints.iter().map(row).collect()
}

/// The line of a row in checkpoints.tsv.
pub(super) fn line(row: &Row) -> Vec<u8> {
    let word = |yes: bool| if yes { "yes" } else { "no" }.to_string();
    let cells = [
        row.name.clone(),
        row.step.map(|step| step.to_string()).unwrap_or_default(),
        row.time.clone(),
        row.bytes.to_string(),
        word(row.listed),
        word(row.complete),
        row.links.join(","),
        row.problem.clone().unwrap_or_default(),
        row.path.clone(),
    ];
    let mut out = Vec::new();
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            out.push(b'\t');
        }
        put_field(&mut out, cell.as_bytes());
    }
    out.push(b'\n');
    out
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn step(name: &[u8]) -> Option<u64> {
    let at = name.iter().rposition(|byte| *byte == b'-')?;
    let digits = std::str::from_utf8(name.get(at.saturating_add(1)..)?).ok()?;
    digits.parse().ok()
}

fn time(shown: &Shown) -> String {
    let written = shown.slot.found.index().map(|stat| stat.modified);
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
    let seconds = match shown.saved {
        // A float that is no time saturates.
        Some(saved) if saved > 0.0 => Some(saved as u64),
        _ => written.and_then(since),
    };
    seconds.map(utc).unwrap_or_default()
}

/// Seconds since 1970 as `2020-03-04T16:05:41Z`.
fn utc(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    // Later than the year 9999 is no time that anybody saved at.
    let seconds = seconds.min(253_402_300_799);
    let (days, rest) = (seconds.wrapping_div(DAY), seconds.wrapping_rem(DAY));
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let (mut year, mut left) = (1970u64, days);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left = left.saturating_sub(length);
        year = year.saturating_add(1);
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1u64;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left = left.saturating_sub(length);
        month = month.saturating_add(1);
    }
    let day = left.saturating_add(1);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_583_942_341), "2020-03-11T15:59:01Z");
        assert_eq!(utc(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(utc(u64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn steps() {
        assert_eq!(step(b"model.ckpt-10"), Some(10));
        assert_eq!(step(b"model.ckpt"), None);
        assert_eq!(step(b"model-best"), None);
    }
}
