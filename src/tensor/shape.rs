//! The shape of a stored tensor: known, non-negative dimensions.

use std::fmt;

/// How many dimensions TensorFlow allows (format.md 8).
pub const MAX_RANK: usize = 254;

/// Dimensions, outermost first; none for a scalar.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(pub Vec<u64>);

impl Shape {
    /// How many elements there are: 1 for a scalar, 0 where any dimension is 0. `None` where the number
    /// passes 2^63-1; dimensions beside a zero count too, as TensorFlow multiplies them.
    pub fn elements(&self) -> Option<u64> {
        let mut product = 1u64;
        for dim in &self.0 {
            i64::try_from(*dim).ok()?;
            product = product.checked_mul(*dim)?;
            i64::try_from(product).ok()?;
        }
        Some(product)
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Shape {
    /// `[784,128]`; `[]` for a scalar.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, dim) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{dim}")?;
        }
        f.write_str("]")
    }
}

impl FromIterator<u64> for Shape {
    fn from_iter<I: IntoIterator<Item = u64>>(dims: I) -> Self {
        Self(dims.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_counts() {
        assert_eq!(Shape(vec![]).elements(), Some(1));
        assert_eq!(Shape(vec![2, 3]).elements(), Some(6));
        assert_eq!(Shape(vec![0, 1 << 62]).elements(), Some(0));
        assert_eq!(Shape(vec![1 << 32, 1 << 31]).elements(), None);
        assert_eq!(Shape(vec![1 << 62, 4, 0]).elements(), None);
        assert_eq!(Shape(vec![1 << 63]).elements(), None);
    }

    #[test]
    fn prints_like_the_tables() {
        assert_eq!(Shape(vec![784, 128]).to_string(), "[784,128]");
        assert_eq!(Shape(vec![]).to_string(), "[]");
    }
}
