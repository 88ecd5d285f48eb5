//! Writing results: tables on a terminal, tab-separated lines in a pipe.

use std::io;
use std::io::IsTerminal;
use std::io::StdoutLock;
use std::io::Write;

use crate::content::Content;
use crate::error::Error;
use crate::error::Result;

/// Buffered stdout, with the crate's errors.
#[derive(Debug)]
pub(super) struct Output {
    inner: io::BufWriter<StdoutLock<'static>>,
    terminal: bool,
}

/// How much of a file is read and written at a time.
const CHUNK: usize = 1 << 20;

impl Output {
    /// The stdout of the process.
    pub(super) fn stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self {
            inner: io::BufWriter::with_capacity(64 * 1024, stdout.lock()),
            terminal,
        }
    }

    /// Whether a person is looking.
    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.inner.write_all(bytes).map_err(failed)
    }

    /// Writes a line.
    pub(super) fn line(&mut self, line: &str) -> Result<()> {
        self.bytes(line.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes a virtual file.
    pub(super) fn content(&mut self, content: &Content) -> Result<()> {
        let mut buf = vec![0; content.available(0, CHUNK)];
        let mut offset = 0u64;
        while offset < content.len() {
            let len = content.read(offset, &mut buf)?;
            self.bytes(buf.get(..len).unwrap_or_default())?;
            offset = offset.saturating_add(len as u64);
        }
        Ok(())
    }

    /// Writes a table: aligned on a terminal, tab-separated elsewhere. `right` says which columns are
    /// numbers.
    pub(super) fn table(&mut self, header: &[&str], rows: &[Vec<String>], right: &[bool]) -> Result<()> {
        if !self.terminal {
            self.line(&header.join("\t"))?;
            return rows.iter().try_for_each(|row| self.line(&row.join("\t")));
        }
        let mut widths: Vec<usize> = header.iter().map(|h| h.len()).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let head: Vec<String> = header.iter().map(ToString::to_string).collect();
        for row in std::iter::once(&head).chain(rows) {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(&widths).zip(right) {
                let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
                if !line.is_empty() {
                    line.push_str("  ");
                }
                line.push_str(&if *right {
                    format!("{pad}{cell}")
                } else {
                    format!("{cell}{pad}")
                });
            }
            self.line(line.trim_end())?;
        }
        Ok(())
    }

    /// Writes a JSON document, indented for people.
    pub(super) fn json(&mut self, value: &serde_json::Value) -> Result<()> {
        let text = if self.terminal {
            format!("{value:#}")
        } else {
            value.to_string()
        };
        self.line(&text)
    }

    /// Writes what is buffered.
    pub(super) fn finish(mut self) -> Result<()> {
        self.inner.flush().map_err(failed)
    }
}

fn failed(e: io::Error) -> Error {
    Error::io("writing to stdout", &e)
}

/// Whether the reader of stdout went away: not an error (`| head`).
pub(super) fn is_broken_pipe(error: &Error) -> bool {
    error.os_error() == Some(libc::EPIPE)
}
