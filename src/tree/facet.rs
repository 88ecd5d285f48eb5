//! Every kind of file, directory and link that a checkpoint view has.

macro_rules! facets {
    ($($(#[$doc:meta])* $name:ident = $branch:ident),* $(,)?) => {
        /// A kind of node. The number of each is part of node ids.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub(super) enum Facet { $($(#[$doc])* $name),* }

        impl Facet {
            const ALL: &[Self] = &[$(Self::$name),*];

            /// The branch of the tree that makes it.
            pub(super) fn branch(self) -> BranchName {
                match self { $(Self::$name => BranchName::$branch),* }
            }
        }
    };
}

/// The parts of the tree: one file of this module each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum BranchName {
    /// The root and the texts in it.
    Top,
    /// tensors/.
    Tensors,
    /// source/.
    Source,
}

facets! {
    /// The root directory.
    Root = Top,
    /// A text at the root or in meta/; item: which.
    Text = Top,
    /// meta/.
    Meta = Top,

    /// A scope of tensors/; item: its first position, sub: its depth.
    TensorScope = Tensors,
    /// A scope of raw keys, found by lookup only; likewise.
    RawScope = Tensors,
    /// `name.npy`; item: the tensor.
    TensorNpy = Tensors,
    /// `name.strings`.
    Strings = Tensors,
    /// A string; sub: which.
    StringElement = Tensors,
    /// `name.variants`.
    Variants = Tensors,
    /// A variant; sub: which.
    VariantElement = Tensors,

    /// source/.
    SourceDir = Source,
    /// A link to a source file; item: which.
    SourceLink = Source,
}

impl Facet {
    /// All kinds, in order of their numbers.
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied()
    }

    /// The kind with that number.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
