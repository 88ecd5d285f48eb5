"""NumPy loads what is in a mount, and what it saves again are the same bytes."""

import io
import math
import os
import random
import tempfile
import unittest

import ml_dtypes
import numpy as np

import bundle
import support

# More dimensions than NumPy has.
MAX_RANK = 64
# What NumPy has no type of its own for, and loads as void: the type to view it as.
VIEWS = {
    "bfloat16": ml_dtypes.bfloat16,
    "float8_e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8_e5m2": ml_dtypes.float8_e5m2,
    "float8_e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8_e4m3b11fnuz": ml_dtypes.float8_e4m3b11fnuz,
    "float8_e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
}


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class Fixtures(unittest.TestCase):
    def check(self, tensor, array, file_bytes):
        """That `array`, loaded from a file of these bytes, is the tensor."""
        self.assertEqual(support.sha256(file_bytes), tensor["npy_sha256"])
        self.assertEqual(array.shape, tensor.shape)
        if tensor.dtype == "string":
            self.assertEqual(array.dtype.kind, "S")
            if tensor.strings is not None:
                # NumPy's fixed-width strings cannot tell NULs at the end from padding.
                want = [text.rstrip(b"\0") for text in tensor.strings]
                self.assertEqual(array.reshape(-1).tolist(), want)
        else:
            self.assertEqual(support.sha256(array.tobytes()), tensor["sha256"])
        if tensor.dtype in VIEWS:
            self.assertEqual(array.dtype.kind, "V")
            array = array.view(VIEWS[tensor.dtype])
            self.assertEqual(array.dtype.name, tensor.dtype)
            array.astype(np.float32)
        elif tensor.dtype != "string":
            self.assertEqual(array.dtype.name, tensor["np_dtype"])
        # The float8 types that ml_dtypes saves as <f1, NumPy cannot load, so here they are V1.
        if not tensor.dtype.startswith("float8"):
            self.assertEqual(saved(array), file_bytes)

    def test_mount(self):
        count = 0
        for source, tensors in support.checkpoints():
            with support.mounted(source) as point:
                for tensor in filter(lambda t: t.has_value, tensors):
                    with self.subTest(source=str(source), name=tensor.name):
                        path = os.path.join(os.fsencode(point), tensor.path)
                        count += 1
                        # Some paths are longer than the system takes at once: go down step by step.
                        opener = open_deep if len(path) >= 4096 else open
                        with opener(path, "rb") as file:
                            data = file.read()
                            self.assertEqual(len(data), tensor["npy_size"])
                            self.assertEqual(os.fstat(file.fileno()).st_size, len(data))
                            file.seek(0)
                            if len(tensor.shape) > MAX_RANK:
                                with self.assertRaises(ValueError):
                                    np.load(file)
                                continue
                            self.check(tensor, np.load(file), data)
                        if len(path) >= 4096:
                            continue
                        self.check(tensor, np.load(os.fsdecode(path)), data)
                        mapped = np.load(os.fsdecode(path), mmap_mode="r")
                        self.assertIsInstance(mapped, np.memmap)
                        self.check(tensor, mapped, data)
        self.assertGreater(count, 500)

    def test_without_fuse(self):
        for source, tensors in support.checkpoints():
            chosen = [tensor for tensor in tensors if tensor.has_value]
            for tensor, data in support.read_via_cat(source, chosen):
                with self.subTest(source=str(source), name=tensor.name):
                    self.assertEqual(support.sha256(data), tensor["npy_sha256"])
                    if len(tensor.shape) <= MAX_RANK:
                        self.check(tensor, np.load(io.BytesIO(data)), data)

    def test_a_row_of_a_matrix(self):
        with support.mounted(support.DATA / "sundaynet/results/model.ckpt-10") as point:
            kernel = np.load(f"{point}/tensors/dense/kernel.npy", mmap_mode="r")
            self.assertEqual(kernel.shape, (288, 16))
            whole = np.load(f"{point}/tensors/dense/kernel.npy")
            np.testing.assert_array_equal(kernel[17], whole[17])
            np.testing.assert_array_equal(kernel[:, 3], whole[:, 3])
            self.assertFalse(kernel.flags.writeable)

    def test_tables(self):
        """The .tsv files as csv reads them, and the manifest as json does."""
        import csv
        import json

        with support.mounted(support.DATA / "sundaynet/results/model.ckpt-10") as point:
            with open(f"{point}/tensors.tsv", newline="") as file:
                rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
            self.assertEqual(len(rows), 29)
            for row in rows:
                array = np.load(os.path.join(point, row["path"]))
                self.assertEqual(array.dtype.name, row["dtype"])
                self.assertEqual(list(array.shape), json.loads(row["shape"]))
                self.assertEqual(array.size, int(row["params"]))
            with open(f"{point}/scalars.tsv", newline="") as file:
                scalars = {row["name"]: row["value"] for row in csv.DictReader(file, delimiter="\t")}
            self.assertEqual(scalars["loss/global_step"], "10")
            with open(f"{point}/meta/manifest.json") as file:
                json.load(file)


def open_deep(path, mode):
    """Opens a file whose path is longer than PATH_MAX."""
    *directories, name = path.split(b"/")[1:]
    here = os.open(b"/", os.O_RDONLY)
    for directory in directories:
        below = os.open(directory, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open(name, os.O_RDONLY, dir_fd=here)
    os.close(here)
    return os.fdopen(file, mode)


class Headers(unittest.TestCase):
    """Random shapes and dtypes: the same bytes as numpy.save writes."""

    COUNT = 2000

    def shapes(self, rng):
        rank = rng.choice([0, 1, 1, 2, 2, 3, 4, 5, 8, 16, 32, 64])
        if rng.random() < 0.1 and rank > 0:
            # Nothing in it, however long the other dimensions are.
            shape = [rng.choice([1, 7, 1000, 2**20]) for _ in range(min(rank, 3))]
            shape[rng.randrange(len(shape))] = 0
            return tuple(shape)
        shape, room = [], 512
        for _ in range(rank):
            dim = rng.choice([1, 1, 2, 3, 9, 10, 11, 99, 100, 101, 512])
            dim = dim if dim <= room else 1
            room //= dim
            shape.append(dim)
        rng.shuffle(shape)
        return tuple(shape)

    def check(self, seed, big_endian):
        rng = random.Random(seed)
        noise = np.random.default_rng(seed)
        arrays = {}
        for number in range(self.COUNT):
            name = rng.choice(sorted(bundle.DTYPES))
            if big_endian and name == "bfloat16":
                continue
            dtype = np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
            shape = self.shapes(rng)
            # Reading bools that are neither 0 nor 1 is not what is tested here.
            high = 2 if name == "bool" else 256
            raw = noise.integers(0, high, math.prod(shape) * dtype.itemsize, dtype=np.uint8)
            array = np.frombuffer(raw.tobytes(), dtype if not big_endian else dtype.newbyteorder(">"))
            arrays[f"t{number:04}"] = (array.reshape(shape), name)
        with tempfile.TemporaryDirectory() as directory:
            prefix = os.path.join(directory, "random")
            bundle.write(prefix, arrays, big_endian)
            names = sorted(arrays)
            for at in range(0, len(names), 500):
                some = names[at : at + 500]
                output = io.BytesIO(support.run("cat", prefix, *(f"tensors/{name}.npy" for name in some)))
                for name in some:
                    array = arrays[name][0]
                    want = saved(array)
                    self.assertEqual(output.read(len(want)), want, (array.dtype, array.shape))
                self.assertEqual(output.read(), b"")

    def test_little_endian(self):
        self.check(1, False)

    def test_big_endian(self):
        self.check(2, True)


if __name__ == "__main__":
    unittest.main()
