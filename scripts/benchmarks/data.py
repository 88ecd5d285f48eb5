"""What is measured on: made once into a directory, and kept there."""

import json
import os
import pathlib
import subprocess
import sys
import time

from . import graph, index, tensorflow_side

HERE = pathlib.Path(__file__).resolve().parent

# Rows of 4 KiB: 1 GiB and 16 MiB.
FULL = {"rows": 262_144, "tensors": 1_000_000, "nodes": 1_000_000, "ops": 50_000}
SMALL = {"rows": 4096, "tensors": 20_000, "nodes": 20_000, "ops": 1000}
COLUMNS = 1024

# Quiet, and no GPU.
TENSORFLOW = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}


class Data:
    def __init__(self, home, small):
        self.sizes = SMALL if small else FULL
        self.home = pathlib.Path(home) / ("small" if small else "full")
        self.home.mkdir(parents=True, exist_ok=True)
        self.tf_python = os.environ.get("CKPTFS_TF_PYTHON", "")

    def _made(self, name, make):
        """The facts of a data set, which is made where that has not been finished before."""
        home = self.home / name
        facts = home / "facts.json"
        if not facts.exists():
            print(f"making {home}", file=sys.stderr)
            start = time.perf_counter()
            home.mkdir(exist_ok=True)
            found = make(home)
            facts.write_text(json.dumps(found))
            print(f"  in {time.perf_counter() - start:.1f} s", file=sys.stderr)
        return home, json.loads(facts.read_text())

    def tensorflow(self, *args):
        """The command that runs the TensorFlow side, and its environment."""
        return [self.tf_python, str(HERE / "tensorflow_side.py"), *map(str, args)], os.environ | TENSORFLOW

    def big(self):
        """One large tensor, written by TensorFlow, and the same as .npy: (prefix, .npy, tensor)."""

        def make(home):
            command, env = self.tensorflow("make", home / "model.ckpt", home / "kernel.npy", rows, COLUMNS)
            subprocess.run(command, env=env, check=True)
            return {}

        rows = self.sizes["rows"]
        home, _ = self._made("big", make)
        return home / "model.ckpt", home / "kernel.npy", tensorflow_side.NAME

    def tiny(self):
        """One small tensor: what a mount takes by itself."""

        def make(home):
            return {"name_bytes": index.write_checkpoint(home / "model.ckpt", [b"w"])}

        return self._made("tiny", make)[0] / "model.ckpt"

    def tensors(self, kind):
        """Many small tensors, `nested` or `flat`: (prefix, how many, bytes of names)."""

        def make(home):
            names = (index.nested_names if kind == "nested" else index.flat_names)(count)
            return {"name_bytes": index.write_checkpoint(home / "model.ckpt", names)}

        count = self.sizes["tensors"]
        home, facts = self._made(kind, make)
        return home / "model.ckpt", count, facts["name_bytes"]

    def graph(self, kind):
        """A graph alone, with `nodes` or `ops` many: (.meta, how many, bytes of names)."""

        def make(home):
            return {"name_bytes": graph.write_meta(home / "model.meta", count)}

        count = self.sizes[kind]
        home, facts = self._made(f"graph-{kind}", make)
        return home / "model.meta", count, facts["name_bytes"]

    def disk(self):
        """Bytes on disk of all that is here."""
        return sum(path.stat().st_blocks * 512 for path in self.home.rglob("*") if path.is_file())


def warm(*paths):
    """Reads files, so that the page cache has them."""
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            buffer = bytearray(1 << 20)
            while file.readinto(buffer):
                pass
