"""Writes a .meta of any number of nodes, as bytes of the wire format: three inputs a node, two attributes."""

import os
import shutil

from .index import field, varint

# Ops of two inputs and one output that TensorFlow knows.
TYPES = [
    b"AddV2", b"Mul", b"Sub", b"RealDiv", b"Maximum", b"Minimum", b"MatMul", b"SquaredDifference", b"FloorDiv", b"Pow",
    b"ReluGrad", b"TanhGrad", b"SigmoidGrad", b"RsqrtGrad", b"SoftplusGrad", b"EluGrad", b"Xdivy", b"Xlogy", b"Atan2",
    b"Div",
]  # fmt: skip
# Which earlier nodes a node reads: two values and a control input.
STEPS = (1, 17, 400)


def node_name(at):
    """`tower_0/block_12/unit_3/bottleneck_v2/conv1/op_61234`: 100 ops a unit."""
    return (
        f"tower_{at // 200_000}/block_{at // 5000 % 40}/unit_{at // 100 % 50}/bottleneck_v2/conv{at % 5}/op_{at}".encode()
    )


def edges(nodes):
    return sum(max(nodes - step, 0) for step in STEPS)


def _attribute(key, value):
    return field(5, field(1, key) + field(2, value))


def write_meta(path, nodes):
    """Writes the graph; returns how many bytes the names are."""
    shape = b"".join(field(2, b"\x08" + varint(size)) for size in (32, 56, 56, 256))
    attributes = _attribute(b"T", b"\x30\x01") + _attribute(b"_output_shapes", field(1, field(7, shape)))
    body, names = f"{path}.body", 0
    with open(body, "wb") as file:
        for at in range(nodes):
            name = node_name(at)
            names += len(name)
            inputs = [node_name(at - step) for step in STEPS if at >= step]
            if len(inputs) == len(STEPS):
                inputs[-1] = b"^" + inputs[-1]
            node = field(1, name) + field(2, TYPES[at * 7 % len(TYPES)])
            node += b"".join(field(3, source) for source in inputs) + attributes
            file.write(field(1, node))
        file.write(field(4, b"\x08\x9b\x0c"))  # versions: producer 1563
    info = field(1, field(4, b"serve") + field(5, b"2.21.0"))
    with open(path, "wb") as out, open(body, "rb") as file:
        out.write(info + b"\x12" + varint(os.path.getsize(body)))
        shutil.copyfileobj(file, out, 1 << 20)
    os.remove(body)
    return names
