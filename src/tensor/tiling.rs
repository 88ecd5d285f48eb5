//! Whether the slices of a partitioned tensor make up the whole: every element once.
//!
//! The slices lie within the tensor already ([`super::Slice::within`]). They tile it if their element counts
//! sum to its own and no two overlap (format.md 1.7). Grids need not be regular: a tensor may be cut along
//! different axes in different places.

use super::Shape;
use super::slice::Block;
use crate::error::Error;
use crate::error::Result;

/// Pairs that are compared before a tiling is refused as too irregular: a million slices along one
/// axis need a million, a hostile list of 100,000 would need five billion.
const MAX_PAIRS: u64 = 100_000_000;

/// Fails unless `blocks` cover `full` exactly once.
pub fn check(full: &Shape, blocks: &[Block]) -> Result<()> {
    let overflow = || Error::corrupt(format!("the shape {full} has more than 2^63-1 elements"));
    let want = full.elements().ok_or_else(overflow)?;
    let mut have = 0u64;
    for block in blocks {
        let elements = block.shape().elements().ok_or_else(overflow)?;
        have = have.checked_add(elements).ok_or_else(overflow)?;
    }
    if let Some((a, b)) = find_overlap(full.rank(), blocks)? {
        return Err(Error::corrupt(format!(
            "two slices overlap: {:?}+{:?} and {:?}+{:?}",
            a.starts, a.lengths, b.starts, b.lengths
        )));
    }
    if have != want {
        return Err(Error::corrupt(format!(
            "the {} slices hold {have} elements, the tensor {full} has {want}",
            blocks.len()
        )));
    }
    Ok(())
}

/// Two blocks that share an element. Sweeps along the axis with the most distinct starts, on which few
/// blocks lie beside each other.
fn find_overlap(rank: usize, blocks: &[Block]) -> Result<Option<(&Block, &Block)>> {
    let start = |block: &Block, axis: usize| block.starts.get(axis).copied().unwrap_or(0);
    let end = |block: &Block, axis: usize| {
        start(block, axis).saturating_add(block.lengths.get(axis).copied().unwrap_or(1))
    };
    let axis = (0..rank)
        .max_by_key(|axis| {
            let mut starts: Vec<u64> = blocks.iter().map(|b| start(b, *axis)).collect();
            starts.sort_unstable();
            starts.dedup();
            starts.len()
        })
        .unwrap_or(0);
    let mut sorted: Vec<&Block> = blocks.iter().collect();
    sorted.sort_by_key(|b| start(b, axis));
    let mut pairs = 0u64;
    for (i, block) in sorted.iter().enumerate() {
        for other in sorted.iter().skip(i.saturating_add(1)) {
            if start(other, axis) >= end(block, axis) {
                break;
            }
            pairs = pairs.saturating_add(1);
            if pairs > MAX_PAIRS {
                return Err(Error::unsupported(
                    "too many slices lie beside each other to be checked",
                ));
            }
            if rank == 0 || block.overlaps(other) {
                return Ok(Some((block, other)));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(starts: &[u64], lengths: &[u64]) -> Block {
        Block {
            starts: starts.to_vec(),
            lengths: lengths.to_vec(),
        }
    }

    #[test]
    fn grids_and_irregular_tilings() {
        let full = Shape(vec![4, 4]);
        check(&full, &[block(&[0, 0], &[4, 4])]).unwrap();
        check(&full, &[block(&[2, 0], &[2, 4]), block(&[0, 0], &[2, 4])]).unwrap();
        // A pinwheel around the middle: no straight cut.
        let pinwheel = [
            block(&[0, 0], &[1, 3]),
            block(&[0, 3], &[3, 1]),
            block(&[3, 1], &[1, 3]),
            block(&[1, 0], &[3, 1]),
            block(&[1, 1], &[2, 2]),
        ];
        check(&full, &pinwheel).unwrap();
        check(&Shape(vec![0, 3]), &[block(&[0, 0], &[0, 3])]).unwrap();
        check(&Shape(vec![]), &[block(&[], &[])]).unwrap();
    }

    #[test]
    fn gaps_and_overlaps() {
        let full = Shape(vec![4, 4]);
        assert!(check(&full, &[]).is_err());
        assert!(check(&full, &[block(&[0, 0], &[3, 4])]).is_err());
        // As many elements as the whole, but one row twice.
        let twice = [block(&[0, 0], &[3, 4]), block(&[2, 0], &[1, 4])];
        assert!(check(&full, &twice).unwrap_err().to_string().contains("overlap"));
        assert!(check(&Shape(vec![]), &[block(&[], &[]), block(&[], &[])]).is_err());
    }

    #[test]
    fn many_slices_on_the_last_axis_are_quick() {
        let n = 200_000;
        let blocks: Vec<Block> = (0..n).map(|i| block(&[0, i], &[3, 1])).collect();
        check(&Shape(vec![3, n]), &blocks).unwrap();
    }
}
