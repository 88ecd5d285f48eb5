//! `[0,:5]`: a part of a tensor, as NumPy's basic indexing takes it.

use crate::error::Error;
use crate::error::Result;
use crate::tensor::Shape;

/// One dimension of the tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    /// One index: the dimension vanishes.
    At(u64),
    /// `start`, how many, step (may be negative).
    Range(u64, u64, i64),
}

/// What of a tensor is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    axes: Vec<Axis>,
    strides: Vec<u64>,
}

/// Splits `name[part]` into its two.
pub(super) fn split(operand: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(inner) = operand.strip_suffix(b"]") else {
        return (operand, None);
    };
    match inner.iter().rposition(|b| *b == b'[') {
        Some(at) => {
            let (name, part) = inner.split_at_checked(at).unwrap_or((inner, b""));
            (name, part.get(1..))
        }
        None => (operand, None),
    }
}

impl Selection {
    /// Reads `0,:5,...,-1`; nothing means everything.
    pub(super) fn parse(part: Option<&[u8]>, shape: &Shape) -> Result<Self> {
        let text = match part {
            Some(part) => std::str::from_utf8(part).map_err(|_| Error::usage("an index is no text"))?,
            None => "",
        };
        let parts: Vec<&str> = match text.trim() {
            "" => Vec::new(),
            text => text.split(',').map(str::trim).collect(),
        };
        let dots = parts.iter().filter(|part| **part == "...").count();
        let given = parts.len().saturating_sub(dots);
        if dots > 1 || given > shape.rank() {
            return Err(Error::usage(format!("[{text}] does not fit the shape {shape}"))
                .hint(format!("at most {} indices", shape.rank())));
        }
        let fill = shape.rank().saturating_sub(given);
        let mut spelled: Vec<&str> = Vec::new();
        for part in &parts {
            match *part {
                "..." => spelled.extend(std::iter::repeat_n(":", fill)),
                part => spelled.push(part),
            }
        }
        spelled.resize(shape.rank(), ":");
        let axes = spelled.iter().zip(&shape.0).map(|(part, dim)| axis(part, *dim));
        let mut strides = vec![1u64; shape.rank()];
        let mut stride = 1u64;
        for (place, dim) in strides.iter_mut().zip(&shape.0).rev() {
            *place = stride;
            stride = stride.saturating_mul(*dim);
        }
        Ok(Self {
            axes: axes.collect::<Result<_>>()?,
            strides,
        })
    }

    /// The shape of the part.
    pub(super) fn shape(&self) -> Vec<u64> {
        let length = |axis: &Axis| match axis {
            Axis::At(_) => None,
            Axis::Range(_, length, _) => Some(*length),
        };
        self.axes.iter().filter_map(length).collect()
    }

    /// The place in the whole tensor of the element at `at` of the part.
    pub(super) fn flat(&self, at: &[u64]) -> u64 {
        let mut at = at.iter();
        let places = self.axes.iter().map(|axis| match axis {
            Axis::At(index) => *index,
            Axis::Range(start, _, step) => {
                let steps = i64::try_from(at.next().copied().unwrap_or(0)).unwrap_or(0);
                start.saturating_add_signed(steps.saturating_mul(*step))
            }
        });
        places.zip(&self.strides).fold(0, |sum, (place, stride)| {
            sum.saturating_add(place.saturating_mul(*stride))
        })
    }
}

/// One index or `start:stop:step`, with Python's rules for negative and missing numbers.
fn axis(part: &str, dim: u64) -> Result<Axis> {
    let number = |text: &str| -> Result<Option<i64>> {
        match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                Error::usage(format!("{text} is no index"))
                    .hint("numbers and slices as in NumPy: [0,:5], [-1], [::100]")
            }),
        }
    };
    let dim = i64::try_from(dim).unwrap_or(i64::MAX);
    let from_end = |index: i64| {
        if index < 0 {
            index.saturating_add(dim)
        } else {
            index
        }
    };
    let Some((start, rest)) = part.split_once(':') else {
        let index = number(part)?.ok_or_else(|| Error::usage("an empty index"))?;
        let place = from_end(index);
        return match u64::try_from(place) {
            Ok(place_u) if place < dim => Ok(Axis::At(place_u)),
            _ => Err(Error::usage(format!(
                "index {index} is out of range for a dimension of {dim}"
            ))),
        };
    };
    let (stop, step) = rest.split_once(':').unwrap_or((rest, ""));
    let step = number(step)?.unwrap_or(1);
    if step == 0 {
        return Err(Error::usage("a slice cannot have the step 0"));
    }
    let (low, high) = if step > 0 {
        (0, dim)
    } else {
        (-1, dim.saturating_sub(1))
    };
    let bound =
        |given: Option<i64>, missing: i64| given.map_or(missing, |index| from_end(index).clamp(low, high));
    let first = bound(number(start)?, if step > 0 { low } else { high });
    let last = bound(number(stop)?, if step > 0 { high } else { low });
    let span = if step > 0 {
        last.saturating_sub(first)
    } else {
        first.saturating_sub(last)
    };
    let length = u64::try_from(span).unwrap_or(0).div_ceil(step.unsigned_abs());
    Ok(Axis::Range(u64::try_from(first).unwrap_or(0), length, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(part: &str, shape: &[u64]) -> (Vec<u64>, Vec<u64>) {
        let selection = Selection::parse(Some(part.as_bytes()), &Shape(shape.to_vec())).unwrap();
        let shape = selection.shape();
        let mut flat = Vec::new();
        let count: u64 = shape.iter().product();
        for i in 0..count {
            let mut rest = i;
            let mut at = vec![0; shape.len()];
            for (place, dim) in at.iter_mut().zip(&shape).rev() {
                *place = rest % dim;
                rest /= dim;
            }
            flat.push(selection.flat(&at));
        }
        (shape, flat)
    }

    #[test]
    fn as_numpy() {
        assert_eq!(places("0,:2", &[2, 3]), (vec![2], vec![0, 1]));
        assert_eq!(places("-1", &[2, 3]), (vec![3], vec![3, 4, 5]));
        assert_eq!(places("::2", &[5]), (vec![3], vec![0, 2, 4]));
        assert_eq!(places("::-1", &[3]), (vec![3], vec![2, 1, 0]));
        assert_eq!(places("3:0:-2", &[5]), (vec![2], vec![3, 1]));
        assert_eq!(places("...,1", &[2, 2]), (vec![2], vec![1, 3]));
        assert_eq!(places("5:9", &[3]), (vec![0], vec![]));
        assert_eq!(places("1,1", &[2, 2]), (vec![], vec![3]));
        assert_eq!(places("", &[2]), (vec![2], vec![0, 1]));
    }

    #[test]
    fn what_does_not_fit() {
        for (part, shape) in [
            ("5", &[3u64][..]),
            ("-4", &[3]),
            ("0,0", &[3]),
            ("a", &[3]),
            ("::0", &[3]),
            ("...,...", &[3]),
        ] {
            assert!(
                Selection::parse(Some(part.as_bytes()), &Shape(shape.to_vec())).is_err(),
                "{part}"
            );
        }
    }

    #[test]
    fn names_and_parts() {
        assert_eq!(split(b"a/b[0,:5]"), (&b"a/b"[..], Some(&b"0,:5"[..])));
        assert_eq!(split(b"a/b"), (&b"a/b"[..], None));
    }
}
