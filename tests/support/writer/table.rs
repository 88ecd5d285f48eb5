//! Tables (format.md 1.2, 1.3).

use super::crc32c;
use super::mask;
use super::put_varint;

/// How blocks are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    /// As LevelDB does: where it saves an eighth.
    Snappy,
    /// Wherever it is allowed at all.
    SnappyAlways,
}

/// How a table is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// A block ends once it has this many bytes.
    pub block_size: usize,
    /// A whole key every so many records.
    pub restart_interval: usize,
    pub compression: Compression,
}

impl Default for Options {
    /// TensorFlow's.
    fn default() -> Self {
        Self {
            block_size: 262_144,
            restart_interval: 16,
            compression: Compression::None,
        }
    }
}

/// The contents of a block: records, restart offsets, their count.
#[derive(Debug)]
pub struct BlockBuilder {
    pub bytes: Vec<u8>,
    pub restarts: Vec<u32>,
    interval: usize,
    since_restart: usize,
    last: Vec<u8>,
    records: usize,
}

impl BlockBuilder {
    pub fn new(interval: usize) -> Self {
        Self {
            bytes: Vec::new(),
            restarts: vec![0],
            interval,
            since_restart: 0,
            last: Vec::new(),
            records: 0,
        }
    }

    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        let mut shared = 0;
        if self.since_restart < self.interval {
            shared = self.last.iter().zip(key).take_while(|(a, b)| a == b).count();
        } else {
            self.restarts.push(self.bytes.len() as u32);
            self.since_restart = 0;
        }
        self.add_raw(shared as u64, &key[shared..], value);
        self.since_restart += 1;
        self.last = key.to_vec();
    }

    /// Adds a record as it is told, whatever its key would be.
    pub fn add_raw(&mut self, shared: u64, delta: &[u8], value: &[u8]) {
        put_varint(&mut self.bytes, shared);
        put_varint(&mut self.bytes, delta.len() as u64);
        put_varint(&mut self.bytes, value.len() as u64);
        self.bytes.extend_from_slice(delta);
        self.bytes.extend_from_slice(value);
        self.records += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    fn size(&self) -> usize {
        self.bytes.len() + 4 * self.restarts.len() + 4
    }

    pub fn finish(mut self) -> Vec<u8> {
        for restart in &self.restarts {
            self.bytes.extend_from_slice(&restart.to_le_bytes());
        }
        self.bytes
            .extend_from_slice(&(self.restarts.len() as u32).to_le_bytes());
        self.bytes
    }
}

/// A block with its type, as stored, and its CRC.
#[derive(Debug, Clone)]
pub struct Stored {
    pub bytes: Vec<u8>,
    pub kind: u8,
    /// Where it is wrong on purpose.
    pub crc: Option<u32>,
}

impl Stored {
    pub fn new(raw: Vec<u8>, compression: Compression) -> Self {
        let packed = match compression {
            Compression::None => None,
            _ => snap::raw::Encoder::new().compress_vec(&raw).ok(),
        };
        let small = |packed: &Vec<u8>| packed.len() < raw.len() - raw.len() / 8;
        match packed.filter(|packed| compression == Compression::SnappyAlways || small(packed)) {
            Some(bytes) => Self {
                bytes,
                kind: 1,
                crc: None,
            },
            None => Self {
                bytes: raw,
                kind: 0,
                crc: None,
            },
        }
    }
}

/// Appends a block with its trailer; gives its handle.
pub fn put_block(out: &mut Vec<u8>, block: &Stored) -> (u64, u64) {
    let handle = (out.len() as u64, block.bytes.len() as u64);
    out.extend_from_slice(&block.bytes);
    out.push(block.kind);
    let crc = block
        .crc
        .unwrap_or_else(|| mask(crc32c(&out[handle.0 as usize..])));
    out.extend_from_slice(&crc.to_le_bytes());
    handle
}

pub fn handle_bytes((offset, size): (u64, u64)) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, offset);
    put_varint(&mut out, size);
    out
}

/// Appends metaindex, index and footer for data blocks that are there already.
pub fn put_tail(out: &mut Vec<u8>, index: Vec<u8>, compression: Compression) {
    let empty = BlockBuilder::new(16).finish();
    let metaindex = put_block(out, &Stored::new(empty, Compression::None));
    let index = put_block(out, &Stored::new(index, compression));
    let mut footer = [handle_bytes(metaindex), handle_bytes(index)].concat();
    footer.resize(40, 0);
    out.extend_from_slice(&footer);
    out.extend_from_slice(&0xdb47_7524_8b80_fb57_u64.to_le_bytes());
}

/// A table of these records, which are in order.
pub fn table<K: AsRef<[u8]>, V: AsRef<[u8]>>(records: &[(K, V)], options: &Options) -> Vec<u8> {
    let mut out = Vec::new();
    let mut index = BlockBuilder::new(1);
    let mut block = BlockBuilder::new(options.restart_interval);
    let mut pending: Option<(u64, u64)> = None;
    let mut last: Vec<u8> = Vec::new();
    for (key, value) in records {
        let (key, value) = (key.as_ref(), value.as_ref());
        let large = key.len() + value.len() >= 2 * options.block_size;
        if large && !block.is_empty() {
            pending = Some(flush(&mut out, &mut block, options));
        }
        if let Some(handle) = pending.take() {
            index.add(&separator(&last, key), &handle_bytes(handle));
        }
        block.add(key, value);
        last = key.to_vec();
        if block.size() >= options.block_size {
            pending = Some(flush(&mut out, &mut block, options));
        }
    }
    if !block.is_empty() {
        pending = Some(flush(&mut out, &mut block, options));
    }
    if let Some(handle) = pending {
        index.add(&successor(&last), &handle_bytes(handle));
    }
    put_tail(&mut out, index.finish(), options.compression);
    out
}

fn flush(out: &mut Vec<u8>, block: &mut BlockBuilder, options: &Options) -> (u64, u64) {
    let full = std::mem::replace(block, BlockBuilder::new(options.restart_interval));
    put_block(out, &Stored::new(full.finish(), options.compression))
}

/// LevelDB's shortest key from `start` on and before `limit`.
fn separator(start: &[u8], limit: &[u8]) -> Vec<u8> {
    let common = start.iter().zip(limit).take_while(|(a, b)| a == b).count();
    if common < start.len().min(limit.len()) {
        let byte = start[common];
        if byte < 0xff && byte + 1 < limit[common] {
            let mut short = start[..=common].to_vec();
            short[common] = byte + 1;
            return short;
        }
    }
    start.to_vec()
}

/// LevelDB's shortest key from `key` on.
fn successor(key: &[u8]) -> Vec<u8> {
    match key.iter().position(|byte| *byte != 0xff) {
        Some(at) => {
            let mut short = key[..=at].to_vec();
            short[at] += 1;
            short
        }
        None => key.to_vec(),
    }
}
