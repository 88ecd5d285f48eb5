//! A text made of blocks, each rendered when it is read.
//!
//! ops.tsv of a million ops is 100 MB, graph_def.pbtxt ten times that: too much to hold, too much to render
//! for a listing. A text is cut into blocks that can be rendered one by one (some lines, one node); measuring
//! renders each once and keeps only where it starts. Small texts are kept whole.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;

use super::Content;
use super::Produce;
use super::past_the_end;
use crate::error::Error;
use crate::error::Result;

/// Texts up to this size are kept whole.
const KEEP: usize = 256 * 1024;

/// Makes the blocks of a text. The same block is the same bytes whenever it is made.
pub trait Blocks: Send + Sync {
    /// How many blocks there are.
    fn count(&self) -> u64;
    /// Appends block `index`.
    fn render(&self, index: u64, out: &mut Vec<u8>) -> Result<()>;
}

struct Rendered {
    blocks: Arc<dyn Blocks>,
    /// Where each block starts.
    starts: Vec<u64>,
    len: u64,
    /// The block that was rendered last: readers go forward in small steps.
    last: Mutex<Option<(u64, Bytes)>>,
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered")
            .field("blocks", &self.starts.len())
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// Measures a text by rendering each block once.
pub fn text(blocks: Arc<dyn Blocks>) -> Result<Content> {
    let mut starts = Vec::new();
    let mut len = 0u64;
    let mut whole = Some(Vec::new());
    let mut buf = Vec::new();
    for index in 0..blocks.count() {
        starts.push(len);
        buf.clear();
        blocks.render(index, &mut buf)?;
        len = len.saturating_add(buf.len() as u64);
        whole = whole.filter(|all| all.len().saturating_add(buf.len()) <= KEEP);
        if let Some(all) = &mut whole {
            all.extend_from_slice(&buf);
        }
    }
    let mut content = Content::new();
    match whole {
        Some(all) => content.push(Bytes::from(all))?,
        None => content.push(Rendered {
            blocks,
            starts,
            len,
            last: Mutex::new(None),
        })?,
    }
    Ok(content)
}

impl Rendered {
    fn block(&self, index: u64) -> Result<Bytes> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, bytes)) = last.take_if(|(i, _)| *i == index) {
            return Ok(bytes);
        }
        let mut out = Vec::new();
        self.blocks.render(index, &mut out)?;
        let bytes = Bytes::from(out);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((index, bytes.clone()));
        Ok(bytes)
    }
}

impl Produce for Rendered {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let mut done = 0usize;
        let at = self.starts.partition_point(|start| *start <= offset);
        let mut index = at.saturating_sub(1) as u64;
        while done < buf.len() {
            let start = usize::try_from(index).ok().and_then(|i| self.starts.get(i));
            let Some(start) = start else {
                return Err(past_the_end(offset));
            };
            let block = self.block(index)?;
            let skip = offset.saturating_add(done as u64).saturating_sub(*start);
            let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(block.len());
            let part = block.get(skip..).unwrap_or_default();
            let len = part.len().min(buf.len().saturating_sub(done));
            let end = done.saturating_add(len);
            match (buf.get_mut(done..end), part.get(..len)) {
                (Some(target), Some(part)) => target.copy_from_slice(part),
                _ => return Err(past_the_end(offset)),
            }
            done = end;
            index = index.saturating_add(1);
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        self.starts.len().saturating_mul(8).saturating_add(KEEP)
    }
}

/// A table of tab-separated lines: a header line, then `rows` lines, some of them a block.
pub struct Lines<F> {
    header: &'static str,
    rows: u64,
    line: F,
}

/// Lines rendered together.
const LINES_A_BLOCK: u64 = 1024;

impl<F: Fn(u64, &mut Vec<u8>) -> Result<()> + Send + Sync> Lines<F> {
    /// A table of `rows` lines under `header`; `line` appends line `n` with its newline.
    pub fn new(header: &'static str, rows: u64, line: F) -> Self {
        Self { header, rows, line }
    }
}

impl<F> fmt::Debug for Lines<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<F: Fn(u64, &mut Vec<u8>) -> Result<()> + Send + Sync> Blocks for Lines<F> {
    fn count(&self) -> u64 {
        self.rows.div_ceil(LINES_A_BLOCK).max(1)
    }

    fn render(&self, index: u64, out: &mut Vec<u8>) -> Result<()> {
        if index == 0 {
            out.extend_from_slice(self.header.as_bytes());
        }
        let first = index.saturating_mul(LINES_A_BLOCK);
        let after = first.saturating_add(LINES_A_BLOCK).min(self.rows);
        (first..after).try_for_each(|row| (self.line)(row, out))
    }
}

/// Appends a field of a tab-separated line: backslash, tab, newline and carriage return are escaped with a
/// backslash, all other bytes stand as they are.
pub fn put_field(out: &mut Vec<u8>, field: &[u8]) {
    for byte in field {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            byte => out.push(*byte),
        }
    }
}

impl fmt::Debug for dyn Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocks")
    }
}

/// A text of one block, made now.
pub fn inline(text: impl Into<Bytes>) -> Result<Content, Error> {
    let mut content = Content::new();
    content.push(text.into())?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_of_a_large_table() {
        let table = Lines::new("n\tsquare\n", 50_000, |row, out: &mut Vec<u8>| {
            out.extend_from_slice(format!("{row}\t{}\n", row * row).as_bytes());
            Ok(())
        });
        let mut want = b"n\tsquare\n".to_vec();
        for row in 0..50_000u64 {
            want.extend_from_slice(format!("{row}\t{}\n", row * row).as_bytes());
        }
        let content = text(Arc::new(table)).unwrap();
        assert_eq!(content.len(), want.len() as u64);
        for (from, len) in [
            (0, 100),
            (0, want.len()),
            (5, 70_000),
            (want.len() - 3, 3),
            (300_000, 1),
        ] {
            let mut buf = vec![0; len];
            assert_eq!(content.read(from as u64, &mut buf).unwrap(), len);
            assert_eq!(buf, &want[from..from + len]);
        }
    }

    #[test]
    fn fields_are_one_line() {
        let mut out = Vec::new();
        put_field(&mut out, b"a\tb\n\\\xff");
        assert_eq!(out, b"a\\tb\\n\\\\\xff");
    }
}
