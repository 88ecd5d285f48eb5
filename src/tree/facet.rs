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
    /// ops/ and functions/*/ops/.
    Ops,
    /// by-type/.
    ByType,
    /// collections/.
    Collections,
    /// savers/.
    Savers,
    /// signatures/.
    Signatures,
    /// functions/.
    Functions,
    /// objects/.
    Objects,
    /// by-name/.
    ByName,
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

    /// A scope of ops that is no op itself; item: its first position, sub: its depth.
    OpScope = Ops,
    /// An op; item: which.
    Op = Ops,
    /// `@type`.
    OpType = Ops,
    /// `@node.pbtxt`.
    OpNode = Ops,
    /// `@device`.
    OpDevice = Ops,
    /// `@attrs`.
    Attrs = Ops,
    /// An attribute; sub: which.
    Attr = Ops,
    /// `@inputs.txt`.
    InputsText = Ops,
    /// `@inputs`.
    Inputs = Ops,
    /// A data input; sub: which.
    Input = Ops,
    /// `@control_inputs`.
    ControlInputs = Ops,
    /// A control input; sub: which of the control inputs.
    ControlInput = Ops,
    /// `@outputs`.
    Outputs = Ops,
    /// An output; sub: which.
    Output = Ops,
    /// `dtype` of an output.
    OutputDtype = Ops,
    /// `shape` of an output.
    OutputShape = Ops,
    /// `@op` of an output.
    OutputOp = Ops,
    /// `@consumers`.
    Consumers = Ops,
    /// A consumer; sub: which, data consumers first.
    Consumer = Ops,
    /// `@function`.
    Calls = Ops,
    /// A function that the op calls; sub: which.
    Call = Ops,
    /// `@value.npy` of a Const.
    ConstValue = Ops,
    /// `@value.npy` of a variable: a link.
    VariableValue = Ops,
    /// `name:k`, looked up and never listed; item: the op, sub: the output.
    TensorName = Ops,

    /// by-type/.
    ByTypeDir = ByType,
    /// An op type; item: which.
    OpTypeDir = ByType,
    /// A link to an op; item: the op.
    OpOfType = ByType,

    /// collections/.
    CollectionsDir = Collections,
    /// A collection; item: which.
    Collection = Collections,
    /// An item; sub: which.
    CollectionItem = Collections,
    /// An item as text; sub: which.
    CollectionText = Collections,
    /// `@items`.
    CollectionItems = Collections,
    /// `@kind`.
    CollectionKind = Collections,

    /// savers/.
    SaversDir = Savers,
    /// A saver; item: which.
    Saver = Savers,
    /// `var_list.tsv`.
    VarList = Savers,
    /// `saver_def.pbtxt`.
    SaverDef = Savers,

    /// signatures/.
    SignaturesDir = Signatures,
    /// A signature; item: which.
    Signature = Signatures,
    /// A file of a signature; sub: which.
    SignatureFile = Signatures,

    /// functions/.
    FunctionsDir = Functions,
    /// A function; item: which.
    Function = Functions,
    /// A file of a function; sub: which.
    FunctionFile = Functions,

    /// An object; item: which. The first is objects/.
    Object = Objects,
    /// A link to an object from where it does not stand; item: whose child, sub: which.
    ObjectLink = Objects,
    /// A link to a variable's tensor; likewise.
    ObjectVariable = Objects,
    /// `@attributes`.
    ObjectAttributes = Objects,
    /// A link to a tensor that an object saves; sub: which.
    ObjectAttribute = Objects,
    /// `@slots`.
    ObjectSlots = Objects,
    /// Slots of one name; sub: the first.
    ObjectSlot = Objects,
    /// A link to the tensor of a slot; sub: which.
    ObjectSlotVariable = Objects,
    /// `@config.json`.
    ObjectConfig = Objects,

    /// A scope of by-name/; item: its first position, sub: its depth.
    NameScope = ByName,
    /// A link to a tensor; item: which.
    NameLink = ByName,
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
