//! The outputs of common op types, for graphs that come without an op list: frozen `.pb` files.
//!
//! Each row is what the op's registration in TensorFlow declares (`REGISTER_OP(...).Output(...)`),
//! written short: outputs separated by commas; `float32` a fixed type; `T` the type in attribute T,
//! `T=float32` with its default; `N*T` as many as attribute N says; `@Tout` one for each type in a list
//! attribute; `&T` a reference; `-` no output. An attribute that newer versions of TensorFlow added has
//! its default here, which is what older files mean. Op types that are not here are settled by use
//! ([`super::outputs`]).

use std::collections::HashMap;
use std::sync::OnceLock;

use bytes::Bytes;

use super::dtype;
use super::signature::Count;
use super::signature::Dtype;
use super::signature::OpSignature;
use super::signature::OutputArg;
use crate::proto::tensorflow::AttrValue;
use crate::proto::tensorflow::attr_value::Value;

const TABLE: &[(&str, &str)] = &[
    (
        "&T",
        "ApplyAdaMax ApplyAdadelta ApplyAdagrad ApplyAdagradDA ApplyAdagradV2 ApplyAdam ApplyAddSign \
         ApplyCenteredRMSProp ApplyFtrl ApplyFtrlV2 ApplyGradientDescent ApplyMomentum ApplyPowerSign \
         ApplyProximalAdagrad ApplyProximalGradientDescent ApplyRMSProp Assign AssignAdd AssignSub \
         RefEnter RefExit RefIdentity RefNextIteration RefSelect ScatterAdd ScatterDiv ScatterMax \
         ScatterMin ScatterMul ScatterNdAdd ScatterNdSub ScatterNdUpdate ScatterSub ScatterUpdate \
         SparseApplyAdadelta SparseApplyAdagrad SparseApplyAdagradV2 SparseApplyFtrl SparseApplyMomentum \
         SparseApplyProximalAdagrad SparseApplyRMSProp StridedSliceAssign",
    ),
    ("&T, &T", "RefSwitch"),
    ("&T, int32", "RefMerge"),
    ("&dtype", "TemporaryVariable Variable VariableV2"),
    (
        "&string",
        "FIFOQueue FixedLengthRecordReader HashTable IdentityReader MutableDenseHashTable \
         MutableHashTable PaddingFIFOQueue RandomShuffleQueue Stack TFRecordReader TensorArray \
         TextLineReader WholeFileReader",
    ),
    (
        "-",
        "Abort Assert AssignAddVariableOp AssignSubVariableOp AssignVariableOp ControlTrigger \
         DeleteSessionTensor DestroyResourceOp DisableCopyOnRead FlushSummaryWriter InitializeTable \
         InitializeTableFromTextFile InitializeTableFromTextFileV2 InitializeTableV2 LookupTableImport \
         LookupTableImportV2 LookupTableInsert LookupTableInsertV2 LookupTableRemoveV2 MakeIterator \
         MergeV2Checkpoints NoOp PrintV2 QueueClose QueueCloseV2 QueueEnqueue QueueEnqueueMany \
         QueueEnqueueManyV2 QueueEnqueueV2 ResourceApplyAdaMax ResourceApplyAdadelta \
         ResourceApplyAdagrad ResourceApplyAdagradV2 ResourceApplyAdam ResourceApplyAddSign \
         ResourceApplyCenteredRMSProp ResourceApplyFtrl ResourceApplyFtrlV2 ResourceApplyGradientDescent \
         ResourceApplyKerasMomentum ResourceApplyMomentum ResourceApplyPowerSign \
         ResourceApplyProximalAdagrad ResourceApplyProximalGradientDescent ResourceApplyRMSProp \
         ResourceScatterAdd ResourceScatterDiv ResourceScatterMax ResourceScatterMin ResourceScatterMul \
         ResourceScatterNdAdd ResourceScatterNdSub ResourceScatterNdUpdate ResourceScatterSub \
         ResourceScatterUpdate ResourceSparseApplyAdagrad ResourceSparseApplyAdagradV2 \
         ResourceSparseApplyFtrl ResourceSparseApplyKerasMomentum ResourceSparseApplyMomentum \
         ResourceSparseApplyRMSProp ResourceStridedSliceAssign Save SaveSlices SaveV2 StackCloseV2 \
         TensorArrayClose TensorArrayCloseV2 TensorArrayCloseV3 WriteFile WriteGraphSummary \
         WriteHistogramSummary WriteImageSummary WriteScalarSummary WriteSummary _Retval _Send",
    ),
    ("@OUT_TYPE", "DecodeCSV"),
    ("@OutT", "TRTEngineOp"),
    ("@T", "IdentityN StatelessWhile While"),
    (
        "@Tout",
        "Case EagerPyFunc If PartitionedCall PyFunc PyFuncStateless RemoteCall StatefulPartitionedCall \
         StatelessCase StatelessIf SymbolicGradient TPUPartitionedCall XlaLaunch",
    ),
    (
        "@component_types",
        "QueueDequeue QueueDequeueMany QueueDequeueManyV2 QueueDequeueUpTo QueueDequeueUpToV2 \
         QueueDequeueV2",
    ),
    ("@dtypes", "InfeedDequeueTuple MapUnstage RestoreV2 Unstage"),
    (
        "@output_types",
        "DatasetToSingleElement IteratorGetNext IteratorGetNextSync ReduceDataset",
    ),
    ("DstT", "Cast"),
    ("N*int32", "ConcatOffset"),
    ("N*out_type=int32", "ShapeN"),
    (
        "Nsparse*int64, @sparse_types, Nsparse*int64, @Tdense",
        "ParseExample",
    ),
    ("OUTPUT_RAGGED_RANK*Tsplits=int64, Tvalues", "RaggedGather"),
    (
        "T",
        "Abs AccumulateNV2 Acos Acosh Add AddN AddV2 AdjustContrastv2 AdjustHue AdjustSaturation Asin \
         Asinh Atan Atan2 Atanh AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad BatchMatMul BatchMatMulV2 \
         BatchMatrixBandPart BatchMatrixDiag BatchNormWithGlobalNormalization BatchToSpace \
         BatchToSpaceND Betainc BiasAdd BiasAddGrad BiasAddV1 BitwiseAnd BitwiseOr BitwiseXor \
         BroadcastTo Ceil CheckNumerics CheckNumericsV2 Cholesky CholeskyGrad ClipByValue \
         CollectiveReduce Concat ConcatV2 Conj ConjugateTranspose Conv2D Conv2DBackpropFilter \
         Conv2DBackpropInput Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2 Cos Cosh Cross Cumprod \
         Cumsum CumulativeLogsumexp DepthToSpace DepthwiseConv2dNative \
         DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput Diag DiagPart Digamma \
         Dilation2D Div DivNoNan DynamicStitch Einsum Elu EluGrad EnsureShape Enter Erf Erfc Erfinv Exit \
         Exp ExpandDims Expm1 ExtractImagePatches ExtractVolumePatches Fill Floor FloorDiv FloorMod \
         FusedPadConv2D FusedResizeAndPadConv2D GatherTree HSVToRGB Identity Igamma Igammac InplaceAdd \
         InplaceSub InplaceUpdate Inv InvGrad Invert L2Loss LRN LRNGrad LeakyRelu LeakyReluGrad \
         LeftShift Lgamma LinSpace Log Log1p LogSoftmax MatMul MatrixBandPart MatrixDeterminant \
         MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 \
         MatrixExponential MatrixInverse MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve \
         MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve Max MaxPool3D MaxPoolGradGrad \
         MaxPoolGradV2 MaxPoolGradWithArgmax MaxPoolV2 Maximum Mean Min Minimum MirrorPad MirrorPadGrad \
         Mod Mul MulNoNan Ndtri Neg NextIteration OneHot OnesLike Pack Pad PadV2 ParallelConcat \
         ParallelDynamicStitch Polygamma Pow PreventGradient Print Prod QuantizeAndDequantize \
         QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 RGBToHSV RaggedTensorToTensor RandomGamma \
         RandomShuffle RealDiv Reciprocal ReciprocalGrad Relu Relu6 Relu6Grad ReluGrad Reshape \
         ResizeBicubicGrad ResizeBilinearGrad ResizeNearestNeighbor ResizeNearestNeighborGrad Reverse \
         ReverseSequence ReverseV2 RightShift Rint Roll Round Rsqrt RsqrtGrad ScatterNd \
         ScatterNdNonAliasingAdd SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum Select \
         SelectV2 SelfAdjointEig Selu SeluGrad Sigmoid SigmoidGrad Sign Sin Sinh Slice Snapshot Softmax \
         Softplus SoftplusGrad Softsign SoftsignGrad SpaceToBatch SpaceToBatchND SpaceToDepth \
         SparseDenseCwiseAdd SparseDenseCwiseDiv SparseDenseCwiseMul SparseReduceMax SparseReduceSum \
         SparseSegmentMean SparseSegmentMeanGrad SparseSegmentMeanWithNumSegments SparseSegmentSqrtN \
         SparseSegmentSqrtNGrad SparseSegmentSqrtNWithNumSegments SparseSegmentSum \
         SparseSegmentSumWithNumSegments SparseSoftmax SparseTensorDenseAdd SparseTensorDenseMatMul \
         SparseToDense Sqrt SqrtGrad Square SquaredDifference Squeeze StackPush StackPushV2 StopGradient \
         StridedSlice StridedSliceGrad Sub Sum Tan Tanh TanhGrad TensorScatterAdd TensorScatterMax \
         TensorScatterMin TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile TileGrad \
         Transpose TridiagonalMatMul TridiagonalSolve TruncateDiv TruncateMod UnsortedSegmentMax \
         UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum Xdivy Xlog1py Xlogy ZerosLike Zeta \
         _Arg _FusedConv2D _FusedDepthwiseConv2dNative _FusedMatMul",
    ),
    (
        "T, T",
        "LogMatrixDeterminant Qr SelfAdjointEigV2 SoftmaxCrossEntropyWithLogits SparseAddGrad \
         SparseFillEmptyRowsGrad SparseSoftmaxCrossEntropyWithLogits Switch",
    ),
    ("T, T, T", "SelfAdjointEigV3 Svd"),
    ("T, T, T, T", "CudnnRNN CudnnRNNBackprop GRUBlockCell"),
    (
        "T, T, T, T, T",
        "BatchNormWithGlobalNormalizationGrad FusedBatchNorm FusedBatchNormGrad",
    ),
    ("T, T, T, T, T, T, T", "BlockLSTM BlockLSTMV2 LSTMBlockCell"),
    ("T, T, T, T, int8", "CudnnRNNV2 CudnnRNNV3"),
    (
        "T, T, float32",
        "SampleDistortedBoundingBox SampleDistortedBoundingBoxV2",
    ),
    ("T, Targmax=int64", "MaxPoolWithArgmax"),
    (
        "T, U, U, U, U",
        "FusedBatchNormGradV2 FusedBatchNormGradV3 FusedBatchNormV2",
    ),
    ("T, U, U, U, U, U", "FusedBatchNormV3 _FusedBatchNormEx"),
    (
        "T, float32, float32",
        "QuantizeV2 QuantizedAvgPool QuantizedConcat QuantizedConcatV2 QuantizedMaxPool QuantizedReshape",
    ),
    ("T, index_type=int32", "TopKV2WithIndexType"),
    ("T, int32", "Merge TopK TopKV2"),
    ("T, out_idx=int32", "ListDiff Unique UniqueV2"),
    (
        "T, out_idx=int32, out_idx=int32",
        "UniqueWithCounts UniqueWithCountsV2",
    ),
    ("T=complex64", "FFT FFT2D FFT3D IFFT IFFT2D IFFT3D"),
    ("T=float32", "DrawBoundingBoxes MaxPool MaxPoolGrad"),
    ("T=float32, T=float32", "CTCLoss"),
    ("T=int32", "BroadcastArgs InvertPermutation"),
    ("T=int32, T=int32", "BroadcastGradientArgs"),
    ("Tcomplex=complex64", "RFFT RFFT2D RFFT3D"),
    ("Tidx=int32", "Range"),
    ("Tout", "LookupTableFind LookupTableFindV2 RandomUniformInt"),
    ("Tout=complex64", "Complex"),
    ("Tout=float32", "Angle ComplexAbs Imag Real"),
    (
        "Toutput=qint32, float32, float32",
        "QuantizedAdd QuantizedMatMul QuantizedMul",
    ),
    ("Tparams", "Gather GatherNd GatherV2"),
    ("Treal=float32", "IRFFT IRFFT2D IRFFT3D"),
    ("Tsplits=int64, T=int32", "RaggedRange"),
    ("Tsplits=int64, int32", "UnicodeDecode"),
    ("Tsplits=int64, int32, Tsplits=int64", "UnicodeDecodeWithOffsets"),
    (
        "bool",
        "All Any ApproximateEqual Equal Greater GreaterEqual InTopK InTopKV2 IsFinite IsInf IsNan \
         IsVariableInitialized Less LessEqual LogicalAnd LogicalNot LogicalOr LoopCond NotEqual \
         OptionalHasValue QueueIsClosed QueueIsClosedV2 RegexFullMatch StaticRegexFullMatch \
         VarIsInitializedOp",
    ),
    ("dt", "Restore RestoreSlice"),
    (
        "dtype",
        "Const Empty HostConst ImmutableConst ParameterizedTruncatedNormal Placeholder PlaceholderV2 \
         PlaceholderWithDefault RandomStandardNormal RandomUniform ReadVariableOp ResourceGather \
         ResourceGatherNd StatelessRandomUniformInt StatelessRandomUniformIntV2 TensorArrayGather \
         TensorArrayGatherV2 TensorArrayGatherV3 TensorArrayRead TensorArrayReadV2 TensorArrayReadV3 \
         TruncatedNormal",
    ),
    (
        "dtype=float32",
        "Dequantize StatefulStandardNormal StatefulStandardNormalV2 StatefulTruncatedNormal \
         StatefulUniform StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomUniform \
         StatelessRandomUniformV2 StatelessTruncatedNormal StatelessTruncatedNormalV2",
    ),
    ("dtype=uint8", "DecodeImage DecodePng"),
    ("elem_type", "StackPop StackPopV2"),
    (
        "element_dtype",
        "TensorListGather TensorListGetItem TensorListStack",
    ),
    ("element_dtype, int64", "TensorListConcat TensorListConcatV2"),
    (
        "float32",
        "AudioSpectrogram CropAndResize EditDistance ExtractGlimpse FakeQuantWithMinMaxArgs \
         FakeQuantWithMinMaxArgsGradient FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Mfcc \
         ResizeArea ResizeBicubic ResizeBilinear TensorArrayScatter TensorArrayScatterV2 \
         TensorArrayScatterV3 TensorArraySplitV2 TensorArraySplitV3 TensorArrayUnpack TensorArrayWrite \
         TensorArrayWriteV2 TensorArrayWriteV3",
    ),
    ("float32, float32", "RequantizationRange"),
    (
        "float32, float32, float32",
        "FakeQuantWithMinMaxVarsGradient FakeQuantWithMinMaxVarsPerChannelGradient",
    ),
    ("float32, float32, float32, int32", "CombinedNonMaxSuppression"),
    ("float32, int32", "DecodeWav"),
    (
        "int32",
        "Bucketize NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 \
         NonMaxSuppressionWithOverlaps QueueSize QueueSizeV2 Rank SetSize StageSize StringLength \
         TensorArraySize TensorArraySizeV2 TensorArraySizeV3 TensorListLength UnicodeScript",
    ),
    ("int32, T=float32, int32", "NonMaxSuppressionV5"),
    ("int32, int32", "NonMaxSuppressionV4"),
    ("int32, int64, float32", "ComputeAccidentalHits"),
    (
        "int64",
        "LookupTableSize LookupTableSizeV2 ReaderNumRecordsProduced ReaderNumRecordsProducedV2 \
         StringToHashBucket StringToHashBucketFast StringToHashBucketStrong Where",
    ),
    (
        "int64, T",
        "SparseReorder SparseSparseMaximum SparseSparseMinimum",
    ),
    ("int64, T, bool, int64", "SparseFillEmptyRows"),
    (
        "int64, T, int64",
        "DenseToDenseSetOperation DenseToSparseSetOperation SparseAdd SparseConcat SparseReduceMaxSparse \
         SparseReduceSumSparse SparseSlice SparseToSparseSetOperation",
    ),
    (
        "int64, dtype, int64",
        "DeserializeManySparse TakeManySparseFromTensorsMap",
    ),
    (
        "int64, float32, float32",
        "AllCandidateSampler FixedUnigramCandidateSampler LearnedUnigramCandidateSampler \
         LogUniformCandidateSampler ThreadUnsafeUnigramCandidateSampler UniformCandidateSampler",
    ),
    ("int64, int64", "SparseReshape"),
    ("int64, string, int64", "StringSplit StringSplitV2"),
    ("num*T", "Unpack"),
    ("num_partitions*T", "DynamicPartition"),
    (
        "num_sparse*int64, @sparse_types, num_sparse*int64, @Tdense",
        "ParseSingleExample",
    ),
    (
        "num_sparse*int64, @sparse_types, num_sparse*int64, @Tdense, @ragged_value_types, @ragged_split_types",
        "ParseExampleV2",
    ),
    ("num_split*T", "Split SplitV"),
    ("out_type", "DecodePaddedRaw DecodeRaw ParseTensor"),
    (
        "out_type, float32, float32",
        "QuantizeDownAndShrinkRange QuantizedBiasAdd Requantize",
    ),
    ("out_type=float32", "StringToNumber"),
    ("out_type=int32", "LowerBound Shape Size UpperBound VariableShape"),
    ("out_type=qint32, float32, float32", "QuantizedConv2D"),
    (
        "out_type=quint8, float32, float32",
        "QuantizedRelu QuantizedRelu6 QuantizedReluX",
    ),
    ("out_type=string", "SerializeManySparse SerializeSparse"),
    ("output_dtype=int64", "Multinomial StatelessMultinomial"),
    ("output_type=int64", "ArgMax ArgMin"),
    (
        "resource",
        "AnonymousHashTable AnonymousMutableHashTable ConditionalAccumulatorV2 FIFOQueueV2 \
         FixedLengthRecordReaderV2 HashTableV2 IdentityReaderV2 Iterator IteratorV2 \
         MutableDenseHashTableV2 MutableHashTableOfTensorsV2 MutableHashTableV2 OneShotIterator \
         PaddingFIFOQueueV2 PriorityQueueV2 RandomShuffleQueueV2 StackV2 SummaryWriter TFRecordReaderV2 \
         TextLineReaderV2 VarHandleOp WholeFileReaderV2",
    ),
    ("resource, float32", "TensorArrayGradV3 TensorArrayV3"),
    (
        "string",
        "AsString AudioSummary AudioSummaryV2 DecodeBase64 EncodeBase64 EncodeJpeg EncodePng EncodeWav \
         HistogramSummary ImageSummary IteratorToStringHandle MatchingFiles MergeSummary ReadFile \
         ReduceJoin RegexReplace ScalarSummary SerializeTensor ShardedFilename ShardedFilespec \
         StaticRegexReplace StringFormat StringJoin StringLower StringStrip StringUpper Substr \
         TensorSummary TensorSummaryV2 UnicodeEncode UnicodeTranscode",
    ),
    ("string, Tsplits=int64", "StringNGrams"),
    ("string, string", "ReaderRead ReaderReadV2"),
    ("tensor_type", "_HostRecv _Recv"),
    ("type", "Bitcast"),
    ("uint8", "DecodeAndCropJpeg DecodeBmp DecodeGif DecodeJpeg"),
    (
        "variant",
        "BatchDataset BatchDatasetV2 CacheDataset ConcatenateDataset EmptyTensorList \
         ExperimentalParallelInterleaveDataset FilterDataset FlatMapDataset InterleaveDataset \
         MapAndBatchDataset MapDataset ModelDataset OptimizeDataset OptionalFromValue OptionalNone \
         PaddedBatchDataset PaddedBatchDatasetV2 ParallelInterleaveDatasetV2 ParallelMapDataset \
         ParallelMapDatasetV2 PrefetchDataset RangeDataset RepeatDataset ShardDataset \
         ShuffleAndRepeatDataset ShuffleDataset ShuffleDatasetV2 SkipDataset TFRecordDataset TakeDataset \
         TensorDataset TensorListFromTensor TensorListPushBack TensorListReserve TensorListResize \
         TensorListSetItem TensorListSplit TensorSliceDataset TextLineDataset ZipDataset",
    ),
    ("variant, element_dtype", "TensorListPopBack"),
];

/// The signature of an op type, where the table has it.
pub(crate) fn get(op: &[u8]) -> Option<&'static OpSignature> {
    static PARSED: OnceLock<HashMap<&'static [u8], OpSignature>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| {
        let mut map = HashMap::new();
        for (outputs, ops) in TABLE {
            let signature = parse(outputs);
            for op in ops.split_ascii_whitespace() {
                map.insert(op.as_bytes(), signature.clone());
            }
        }
        map
    });
    parsed.get(op)
}

fn parse(outputs: &str) -> OpSignature {
    let mut signature = OpSignature {
        args: Vec::new(),
        defaults: Vec::new(),
    };
    for spec in outputs.split(", ").filter(|s| *s != "-") {
        let (count, spec) = match spec.split_once('*') {
            Some((n, spec)) => (Count::Number(bytes(n)), spec),
            None => (Count::One, spec),
        };
        let (spec, is_ref) = match spec.strip_prefix('&') {
            Some(spec) => (spec, true),
            None => (spec, false),
        };
        let (name, default) = match spec.split_once('=') {
            Some((name, default)) => (name, dtype::by_name(default)),
            None => (spec, None),
        };
        let (count, dtype) = match (name.strip_prefix('@'), dtype::by_name(name)) {
            (Some(list), _) => (Count::TypeList(bytes(list)), Dtype::Listed),
            (None, Some(fixed)) => (count, Dtype::Fixed(fixed)),
            (None, None) => (count, Dtype::Attr(bytes(name))),
        };
        if let Some(default) = default.and_then(|d| i32::try_from(d).ok()) {
            let value = Some(Value::Type(default));
            signature.defaults.push((bytes(name), AttrValue { value }));
        }
        signature.args.push(OutputArg {
            name: Bytes::new(),
            count,
            dtype,
            is_ref,
        });
    }
    signature
}

fn bytes(s: &str) -> Bytes {
    Bytes::copy_from_slice(s.as_bytes())
}
