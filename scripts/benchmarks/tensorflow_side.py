"""What runs under TensorFlow: making the large checkpoint, and doing what ckptfs is measured against.

    tensorflow_side.py make PREFIX NPY ROWS COLUMNS      a checkpoint of one large tensor, and the same tensor as .npy
    tensorflow_side.py row PREFIX NAME ROW               the bytes of one row, to stdout
    tensorflow_side.py serve                             the same in a running interpreter: a line of JSON in, one out
"""

import json
import sys
import time

NAME = "embedding/kernel"


def make(prefix, npy, rows, columns):
    import numpy as np
    import tensorflow as tf

    values = np.random.default_rng(7).standard_normal((int(rows), int(columns)), dtype=np.float32)
    np.save(npy, values)
    step = np.int64(1000)
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=[NAME, "global_step"], shape_and_slices=["", ""], tensors=[values, step]
    )


def one_row(prefix, name, row):
    import tensorflow as tf

    return tf.train.load_checkpoint(prefix).get_tensor(name)[int(row)].tobytes()


def serve():
    import tensorflow as tf  # noqa: F401, so that no run pays for it

    for line in sys.stdin:
        asked = json.loads(line)
        start = time.perf_counter()
        row = one_row(asked["prefix"], asked["name"], asked["row"])
        print(json.dumps({"seconds": time.perf_counter() - start, "row": row.hex()}), flush=True)


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "make":
        make(*rest)
    elif command == "row":
        sys.stdout.buffer.write(one_row(*rest))
    else:
        serve()
