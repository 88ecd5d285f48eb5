//! What is wrong with a V1 checkpoint, in words for info.txt.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::open::Inner;
use super::tensor::Tensor;
use crate::error::Error;
use crate::error::Result;
use crate::tensor::TensorId;
use crate::tensor::dtype::Layout;
use crate::tensor::set::Problem;

/// How many tensors a problem names before it only counts.
const NAMED: usize = 3;

impl Inner {
    /// What keeps tensors from being read, as far as the lists of tensors tell.
    pub(super) fn problems(self: &Arc<Self>) -> Vec<Problem> {
        let lost = self.shards.iter().filter_map(|shard| shard.table.as_ref().err());
        let mut problems: Vec<Problem> = lost
            .map(|error| Problem {
                error: error.clone().context("the tensors of this shard are missing"),
                tensors: 0,
                examples: Vec::new(),
            })
            .collect();
        let mut by_text: BTreeMap<String, usize> = BTreeMap::new();
        for (id, tensor) in (0u32..).map(TensorId).zip(&self.tensors) {
            let Err(error) = check(tensor) else {
                continue;
            };
            let error = self.placed(error);
            let place = *by_text.entry(error.to_string()).or_insert(problems.len());
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
}

fn check(tensor: &Tensor) -> Result<()> {
    tensor.blocks()?;
    match tensor.dtype.layout() {
        Layout::Fixed(_) | Layout::Strings => Ok(()),
        Layout::Narrow { .. } | Layout::Variants | Layout::None => Err(Error::unsupported(format!(
            "a V1 checkpoint holds no readable data of type {}",
            tensor.dtype
        ))),
    }
}
