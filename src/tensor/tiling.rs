//! Whether the slices of a partitioned tensor make up the whole: every element once.
//!
//! The slices lie within the tensor already ([`super::Slice::within`]). They tile it if their element counts
//! sum to its own and no two overlap (format.md 1.7). Grids need not be regular: a tensor may be cut along
//! different axes in different places.

use super::Shape;
use super::slice::Block;
use crate::error::Error;
use crate::error::Result;

/// Ranges that are compared before a tiling is refused as too irregular. Only tensors that are cut along more
/// than [`MAX_CUT_AXES`] axes, and those with an overlap, are compared pair by pair.
const MAX_COMPARISONS: u64 = 10_000_000;
/// Along how many axes a tensor may be cut for its corners to be counted: two to that power a block.
const MAX_CUT_AXES: usize = 4;

/// Fails unless `blocks` cover `full` exactly once.
pub fn check(full: &Shape, blocks: &[Block]) -> Result<()> {
    let overflow = || Error::corrupt(format!("the shape {full} has more than 2^63-1 elements"));
    let want = full.elements().ok_or_else(overflow)?;
    let mut have = 0u64;
    for block in blocks {
        let elements = block.shape().elements().ok_or_else(overflow)?;
        have = have.checked_add(elements).ok_or_else(overflow)?;
    }
    let exact = corners_cancel(full, blocks);
    if exact == Some(true) && have == want {
        return Ok(());
    }
    match find_overlap(full.rank(), blocks) {
        Search::Found(a, b) => Err(Error::corrupt(format!(
            "two slices overlap: {:?}+{:?} and {:?}+{:?}",
            a.starts, a.lengths, b.starts, b.lengths
        ))),
        _ if have != want => Err(Error::corrupt(format!(
            "the {} slices hold {have} elements, the tensor {full} has {want}",
            blocks.len()
        ))),
        Search::None => Ok(()),
        Search::TooLong if exact == Some(false) => Err(Error::corrupt("some slices overlap")),
        Search::TooLong => Err(Error::unsupported(
            "too many slices lie beside each other to be checked",
        )),
    }
}

/// Whether every element is covered once, told by corners: going along one axis after the other, each block
/// adds 1 where it begins and takes it away where it ends, and if all together do that just as the whole
/// tensor does, they are the whole tensor. `None` where the cuts go along too many axes for that.
fn corners_cancel(full: &Shape, blocks: &[Block]) -> Option<bool> {
    let is_cut = |axis: &usize| {
        blocks
            .iter()
            .any(|block| block.starts.get(*axis) != Some(&0) || block.lengths.get(*axis) != full.0.get(*axis))
    };
    let axes: Vec<usize> = (0..full.rank()).filter(is_cut).collect();
    if axes.len() > MAX_CUT_AXES {
        return None;
    }
    let whole = Block {
        starts: vec![0; full.rank()],
        lengths: full.0.clone(),
    };
    let count = 1u32.wrapping_shl(u32::try_from(axes.len()).ok()?);
    let mut corners: Vec<([u64; MAX_CUT_AXES], bool)> = Vec::new();
    for (block, adds) in blocks.iter().map(|block| (block, true)).chain([(&whole, false)]) {
        for corner in 0..count {
            let mut place = [0; MAX_CUT_AXES];
            for (bit, (at, axis)) in (0u32..).zip(place.iter_mut().zip(&axes)) {
                *at = *block.starts.get(*axis)?;
                if corner.wrapping_shr(bit) & 1 == 1 {
                    *at = at.checked_add(*block.lengths.get(*axis)?)?;
                }
            }
            let ends = corner.count_ones() % 2 == 1;
            corners.push((place, adds != ends));
        }
    }
    corners.sort_unstable();
    let cancels = |group: &[([u64; MAX_CUT_AXES], bool)]| {
        let added = group.iter().filter(|(_, adds)| *adds).count();
        group.len().checked_sub(added) == Some(added)
    };
    Some(corners.chunk_by(|a, b| a.0 == b.0).all(cancels))
}

/// What a search for an overlap came to.
enum Search<'a> {
    Found(&'a Block, &'a Block),
    None,
    TooLong,
}

/// Two blocks that share an element. Sweeps along the axis with the most distinct starts, on which few
/// blocks lie beside each other.
fn find_overlap(rank: usize, blocks: &[Block]) -> Search<'_> {
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
    let mut comparisons = 0u64;
    for (i, block) in sorted.iter().enumerate() {
        for other in sorted.iter().skip(i.saturating_add(1)) {
            if start(other, axis) >= end(block, axis) {
                break;
            }
            comparisons = comparisons.saturating_add(rank as u64);
            if comparisons > MAX_COMPARISONS {
                return Search::TooLong;
            }
            if rank == 0 || block.overlaps(other) {
                return Search::Found(block, other);
            }
        }
    }
    Search::None
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
    fn corners_agree_with_pairs() {
        // All ways to choose some boxes of a small tensor, by their bits.
        let full = Shape(vec![2, 3]);
        let boxes = [
            block(&[0, 0], &[2, 3]),
            block(&[0, 0], &[1, 3]),
            block(&[1, 0], &[1, 3]),
            block(&[0, 0], &[2, 1]),
            block(&[0, 1], &[2, 2]),
            block(&[0, 1], &[1, 2]),
            block(&[1, 1], &[1, 2]),
            block(&[0, 0], &[1, 2]),
            block(&[0, 2], &[1, 1]),
            block(&[1, 0], &[0, 3]),
        ];
        for chosen in 0..1u32 << boxes.len() {
            let some: Vec<Block> = (0..boxes.len())
                .filter(|i| chosen >> i & 1 == 1)
                .map(|i| boxes[i].clone())
                .collect();
            let mut covered = [0; 6];
            for b in &some {
                for i in 0..b.shape().elements().unwrap() {
                    covered[b.place(&full, i) as usize] += 1;
                }
            }
            let tiles = covered.iter().all(|n| *n == 1);
            assert_eq!(corners_cancel(&full, &some), Some(tiles), "{chosen:#b}");
            assert_eq!(check(&full, &some).is_ok(), tiles, "{chosen:#b}");
        }
    }

    #[test]
    fn large_grids_are_quick() {
        let grid: Vec<Block> = (0..90_000).map(|i| block(&[i / 300, i % 300], &[1, 1])).collect();
        check(&Shape(vec![300, 300]), &grid).unwrap();
        let mut twice = grid.clone();
        twice[89_999] = twice[0].clone();
        assert!(check(&Shape(vec![300, 300]), &twice).is_err());
    }

    #[test]
    fn many_slices_on_the_last_axis_are_quick() {
        let n = 200_000;
        let blocks: Vec<Block> = (0..n).map(|i| block(&[0, i], &[3, 1])).collect();
        check(&Shape(vec![3, n]), &blocks).unwrap();
    }
}
