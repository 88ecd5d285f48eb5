//! Bundles (format.md 1.5 to 1.8).

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use super::payload::Elements;
use super::put_bytes;
use super::put_number;
use super::put_varint;
use super::slices;
use super::slices::Spec;
use super::table;

/// The fields of a BundleEntryProto. Numbers are written as they are, however little sense they make.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub dtype: u64,
    pub shape: Vec<u64>,
    pub shard: u64,
    pub offset: u64,
    pub size: u64,
    pub crc: u32,
    pub slices: Vec<Spec>,
}

impl Entry {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, 1, self.dtype);
        put_bytes(&mut out, 2, &shape(&self.shape));
        put_number(&mut out, 3, self.shard);
        put_number(&mut out, 4, self.offset);
        put_number(&mut out, 5, self.size);
        if self.crc != 0 {
            out.push(6 << 3 | 5);
            out.extend_from_slice(&self.crc.to_le_bytes());
        }
        for spec in &self.slices {
            put_bytes(&mut out, 7, &slice(spec));
        }
        out
    }
}

fn shape(dims: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    for dim in dims {
        let mut inner = Vec::new();
        // TensorFlow leaves a dimension of 0 out, as proto3 does.
        put_number(&mut inner, 1, *dim);
        put_bytes(&mut out, 2, &inner);
    }
    out
}

/// A TensorSliceProto.
pub fn slice(spec: &Spec) -> Vec<u8> {
    let mut out = Vec::new();
    for (start, length) in spec {
        let mut extent = Vec::new();
        put_number(&mut extent, 1, *start);
        if let Some(length) = length {
            // In a oneof, so written even where it is 0.
            extent.push(2 << 3);
            put_varint(&mut extent, *length);
        }
        put_bytes(&mut out, 1, &extent);
    }
    out
}

/// A tensor to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    pub dtype: u32,
    pub shape: Vec<u64>,
    pub elements: Elements,
}

impl Tensor {
    /// One of fixed-width elements, stored as they are told.
    pub fn fixed(dtype: u32, shape: &[u64], bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            dtype,
            shape: shape.to_vec(),
            elements: Elements::Fixed(bytes.into()),
        }
    }

    pub fn floats(shape: &[u64], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self::fixed(1, shape, bytes)
    }

    pub fn strings(shape: &[u64], strings: &[&[u8]]) -> Self {
        Self {
            dtype: 7,
            shape: shape.to_vec(),
            elements: Elements::Strings(strings.iter().map(|s| s.to_vec()).collect()),
        }
    }

    /// The part that `spec` means.
    pub fn part(&self, spec: &Spec) -> Self {
        let ranges: Vec<(u64, u64)> = spec
            .iter()
            .zip(&self.shape)
            .map(|((start, length), dim)| (*start, length.unwrap_or(*dim)))
            .collect();
        let shape: Vec<u64> = ranges.iter().map(|(_, length)| *length).collect();
        let mut places = vec![0u64];
        for ((start, length), dim) in ranges.iter().zip(&self.shape) {
            places = places
                .iter()
                .flat_map(|place| (*start..start + length).map(move |i| place * dim + i))
                .collect();
        }
        let places: Vec<usize> = places.iter().map(|p| *p as usize).collect();
        let count: u64 = self.shape.iter().product();
        let width = match &self.elements {
            Elements::Fixed(bytes) => bytes.len() as u64 / count.max(1),
            _ => 0,
        };
        Self {
            dtype: self.dtype,
            shape,
            elements: self.elements.pick(&places, width as usize),
        }
    }
}

/// A bundle in the making.
#[derive(Debug)]
pub struct Bundle {
    pub big: bool,
    pub producer: u64,
    pub min_consumer: u64,
    pub bad_consumers: Vec<u64>,
    /// Zeros after each tensor up to a multiple of this.
    pub alignment: usize,
    pub options: table::Options,
    /// What the header says, where that is not the number of shards.
    pub claimed_shards: Option<u64>,
    /// The index without its header.
    pub records: BTreeMap<Vec<u8>, Vec<u8>>,
    pub shards: Vec<Vec<u8>>,
}

impl Default for Bundle {
    fn default() -> Self {
        Self {
            big: false,
            producer: 1,
            min_consumer: 0,
            bad_consumers: Vec::new(),
            alignment: 1,
            options: table::Options::default(),
            claimed_shards: None,
            records: BTreeMap::new(),
            shards: vec![Vec::new()],
        }
    }
}

impl Bundle {
    /// One with so many shards.
    pub fn with_shards(count: usize) -> Self {
        Self {
            shards: vec![Vec::new(); count],
            ..Self::default()
        }
    }

    /// Adds a whole tensor to a shard.
    pub fn add(&mut self, name: impl AsRef<[u8]>, tensor: &Tensor, shard: usize) -> &mut Self {
        let entry = self.store(tensor, shard);
        self.records.insert(name.as_ref().to_vec(), entry.encode());
        self
    }

    /// Adds a tensor in slices, each to the shard beside it.
    pub fn add_sliced(
        &mut self,
        name: impl AsRef<[u8]>,
        tensor: &Tensor,
        parts: &[(Spec, usize)],
    ) -> &mut Self {
        for (spec, shard) in parts {
            let entry = self.store(&tensor.part(spec), *shard);
            self.records
                .insert(slices::key(name.as_ref(), spec), entry.encode());
        }
        self.entry(
            name,
            &Entry {
                dtype: tensor.dtype.into(),
                shape: tensor.shape.clone(),
                slices: parts.iter().map(|(spec, _)| spec.clone()).collect(),
                ..Entry::default()
            },
        )
    }

    /// Adds an entry as it is told.
    pub fn entry(&mut self, name: impl AsRef<[u8]>, entry: &Entry) -> &mut Self {
        self.records.insert(name.as_ref().to_vec(), entry.encode());
        self
    }

    /// Stores the bytes of a tensor; gives its entry.
    pub fn store(&mut self, tensor: &Tensor, shard: usize) -> Entry {
        let (bytes, crc) = tensor.elements.store(self.big);
        let file = &mut self.shards[shard];
        let offset = file.len() as u64;
        file.extend_from_slice(&bytes);
        let padded = file.len().next_multiple_of(self.alignment);
        file.resize(padded, 0);
        Entry {
            dtype: tensor.dtype.into(),
            shape: tensor.shape.clone(),
            shard: shard as u64,
            offset,
            size: bytes.len() as u64,
            crc,
            slices: Vec::new(),
        }
    }

    /// The value of the record with the empty key.
    pub fn header(&self) -> Vec<u8> {
        let mut version = Vec::new();
        put_number(&mut version, 1, self.producer);
        put_number(&mut version, 2, self.min_consumer);
        if !self.bad_consumers.is_empty() {
            let mut packed = Vec::new();
            self.bad_consumers
                .iter()
                .for_each(|v| put_varint(&mut packed, *v));
            put_bytes(&mut version, 3, &packed);
        }
        let mut out = Vec::new();
        put_number(
            &mut out,
            1,
            self.claimed_shards.unwrap_or(self.shards.len() as u64),
        );
        put_number(&mut out, 2, self.big.into());
        if !version.is_empty() {
            put_bytes(&mut out, 3, &version);
        }
        out
    }

    /// Header and records, in order.
    pub fn all_records(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let header = (Vec::new(), self.header());
        let records = self.records.iter().map(|(k, v)| (k.clone(), v.clone()));
        std::iter::once(header).chain(records).collect()
    }

    /// The bytes of the `.index`.
    pub fn index(&self) -> Vec<u8> {
        table::table(&self.all_records(), &self.options)
    }

    /// All files: path and bytes.
    pub fn files(&self, prefix: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = vec![(suffixed(prefix, ".index"), self.index())];
        for (number, bytes) in self.shards.iter().enumerate() {
            files.push((shard_path(prefix, number, self.shards.len()), bytes.clone()));
        }
        files
    }

    /// Writes all files.
    pub fn write(&self, prefix: &Path) {
        for (path, bytes) in self.files(prefix) {
            std::fs::write(path, bytes).unwrap();
        }
    }
}

pub fn suffixed(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub fn shard_path(prefix: &Path, number: usize, total: usize) -> PathBuf {
    suffixed(prefix, &format!(".data-{number:05}-of-{total:05}"))
}
