"""What the Python tests share: the program, mounts, and what a checkpoint must hold."""

import base64
import contextlib
import csv
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"
# The time that one command may take.
LIMIT = 60
csv.field_size_limit(sys.maxsize)


def program():
    if "CKPTFS" in os.environ:
        return os.environ["CKPTFS"]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(target / "debug/ckptfs")


def run(*args):
    """Runs a command of ckptfs, and gives its output."""
    done = subprocess.run([program(), *map(os.fsencode, args)], capture_output=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{args[:3]}: {done.stderr.decode()}"
    return done.stdout


@contextlib.contextmanager
def mounted(source, *options):
    """Mounts for as long as the block takes; gives the directory."""
    assert os.path.exists("/dev/fuse"), "/dev/fuse is missing: these tests mount"
    with tempfile.TemporaryDirectory(prefix="ckptfs-python-") as directory:
        point = os.path.join(directory, "mnt")
        run("mount", source, point, "--log-file", os.path.join(directory, "log"), *options)
        try:
            yield point
        finally:
            run("umount", point)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Tensor:
    """One tensor as EXPECTED has it, and the path that ckptfs gives it."""

    def __init__(self, fields, path):
        self.fields = fields
        self.path = path
        self.name = fields["name"]
        self.dtype = fields["dtype"]
        self.shape = tuple(fields["shape"])
        self.strings = None
        if "strings" in fields:
            self.strings = [base64.b64decode(text) for text in fields["strings"]]

    @property
    def has_value(self):
        return "npy_sha256" in self.fields

    def __getitem__(self, field):
        return self.fields[field]


def unescape(field):
    """The inverse of what .tsv files do to tab, newline, carriage return and backslash."""
    pairs = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
    parts = field.split(b"\\")
    out, at = [parts[0]], 1
    while at < len(parts):
        if parts[at]:
            out.append(pairs[parts[at][:1]] + parts[at][1:])
        else:  # an escaped backslash: the next part is literal
            out.append(b"\\" + (parts[at + 1] if at + 1 < len(parts) else b""))
            at += 1
        at += 1
    return b"".join(out)


def paths(table):
    """From name to path, both bytes, out of tensors.tsv."""
    rows = [line.split(b"\t") for line in table.split(b"\n")[:-1]]
    name, path = rows[0].index(b"name"), rows[0].index(b"path")
    return {unescape(row[name]): unescape(row[path]) for row in rows[1:]}


def checkpoints():
    """(source, [Tensor]) of every fixture: V2, V1 in one file, V1 in two shards."""
    for file in sorted(DATA.glob("*/EXPECTED/*.json")):
        expected = json.loads(file.read_text())
        if "tensors" not in expected:
            continue
        source = DATA / expected["prefix"]
        if not any(os.path.exists(f"{source}{suffix}") for suffix in (".index", "", "-00000-of-00002")):
            continue
        found = paths(run("cat", source, "tensors.tsv"))
        tensors = []
        for fields in expected["tensors"]:
            raw = base64.b64decode(fields["name_b64"]) if "name_b64" in fields else fields["name"].encode()
            tensors.append(Tensor(fields, found[raw]))
        yield source, tensors


def read_via_cat(source, tensors, batch=200):
    """(tensor, its .npy as ckptfs cat writes it) of each, many at a time."""
    for at in range(0, len(tensors), batch):
        some = tensors[at : at + batch]
        output = io.BytesIO(run("cat", source, *(tensor.path for tensor in some)))
        for tensor in some:
            yield tensor, output.read(tensor["npy_size"])
        assert output.read() == b""
