//! What is wrong with a bundle, in words for info.txt.

use std::collections::BTreeMap;

use super::open::Bundle;
use super::shards::shard_path;
use crate::error::Error;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tensor::dtype::Layout;
use crate::tensor::set::Problem;

/// How many tensors a problem names before it only counts.
const NAMED: usize = 3;

impl Bundle {
    /// Everything that keeps a tensor from being read, as far as index and file lengths tell; tensors are
    /// not read. Takes a walk over all entries.
    pub(super) fn all_problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        for error in &self.bad_blocks {
            problems.push(Problem {
                error: error.clone().context("tensors of this block are missing"),
                tensors: 0,
                examples: Vec::new(),
            });
        }
        if let Some(total) = self.shards.renamed_total {
            problems.push(Problem {
                error: Error::corrupt(format!(
                    "the index says {} shards, the files say {total}; the files are used",
                    self.header.num_shards
                ))
                .at(shard_path(&self.prefix, 0, total)),
                tensors: 0,
                examples: Vec::new(),
            });
        }
        // Missing and short shards gather their tensors; other problems stand alone.
        let mut by_text: BTreeMap<String, usize> = BTreeMap::new();
        for id in (0..self.len()).map(TensorId) {
            let Err(error) = self.check(id) else {
                continue;
            };
            let key = match error.path() {
                Some(path) if error.path() != Some(self.index.path()) => path.display().to_string(),
                _ => error.to_string(),
            };
            let place = *by_text.entry(key).or_insert(problems.len());
            match problems.get_mut(place) {
                Some(problem) => {
                    problem.tensors = problem.tensors.saturating_add(1);
                    if problem.examples.len() < NAMED {
                        problem.examples.push(id);
                    }
                }
                None => problems.push(Problem {
                    error,
                    tensors: 1,
                    examples: vec![id],
                }),
            }
        }
        problems
    }

    /// [`Bundle::payload`] without reading the lengths of strings and variants, unless they are sliced.
    fn check(&self, id: TensorId) -> Result<(), Error> {
        let entry = self.entries.entry(self.entries.row(id));
        let counted = matches!(entry.dtype.layout(), Layout::Strings | Layout::Variants);
        let readable = entry.shape.elements().is_some_and(|count| count <= entry.size);
        if !counted || !entry.slices.is_empty() || entry.size == 0 || !readable {
            return self.payload_of(id).map(drop);
        }
        self.extent(&entry).map(drop).map_err(|e| e.at(self.index.path()))
    }
}
