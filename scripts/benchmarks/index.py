"""Writes an .index of any number of tensors, without TensorFlow: a LevelDB table of uncompressed blocks."""

import struct

import crc32c

MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
BLOCK = 256 << 10  # where TensorFlow's writer cuts
RESTART = 16  # entries between two whole keys


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def masked_crc(data):
    crc = crc32c.crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class _Block:
    def __init__(self, restart):
        self.restart = restart
        self.entries = bytearray()
        self.offsets = []
        self.count = 0
        self.last = b""

    def add(self, key, value):
        shared = 0
        if self.count % self.restart == 0:
            self.offsets.append(len(self.entries))
        else:
            most = min(len(key), len(self.last))
            while shared < most and key[shared] == self.last[shared]:
                shared += 1
        fresh = key[shared:]
        self.entries += varint(shared) + varint(len(fresh)) + varint(len(value)) + fresh + value
        self.last = key
        self.count += 1

    def write(self, file):
        """Writes the block and its trailer; returns its handle."""
        offsets = self.offsets or [0]
        body = bytes(self.entries) + struct.pack(f"<{len(offsets) + 1}I", *offsets, len(offsets))
        at = file.tell()
        file.write(body + b"\0" + struct.pack("<I", masked_crc(body + b"\0")))
        return varint(at) + varint(len(body))


def write_table(path, records):
    """Writes a table of (key, value), which must come in order."""
    with open(path, "wb") as file:
        index = _Block(1)
        block = _Block(RESTART)
        for key, value in records:
            block.add(key, value)
            if len(block.entries) >= BLOCK:
                index.add(block.last, block.write(file))
                block = _Block(RESTART)
        if block.count:
            index.add(block.last, block.write(file))
        meta = _Block(RESTART).write(file)
        file.write((meta + index.write(file)).ljust(40, b"\0") + MAGIC)


def write_checkpoint(prefix, names):
    """A checkpoint of float32 zeros of shape [8, 8]; the shard is sparse. Returns how many bytes the names are."""
    size = 8 * 8 * 4
    dim = field(2, b"\x08\x08")
    crc = b"\x35" + struct.pack("<I", masked_crc(bytes(size)))
    tail = b"\x28" + varint(size) + crc

    def records():
        yield b"", b"\x08\x01\x1a\x02\x08\x01"  # one shard, producer 1
        for at, name in enumerate(names):
            offset = b"\x20" + varint(at * size) if at else b""
            yield name, b"\x08\x01" + field(2, dim + dim) + offset + tail

    assert all(a < b for a, b in zip(names, names[1:])), "names out of order"
    write_table(f"{prefix}.index", records())
    with open(f"{prefix}.data-00000-of-00001", "wb") as shard:
        shard.truncate(len(names) * size)
    return sum(map(len, names))


MODULES = ("attention", "attention_output", "cross_attention", "feed_forward", "feed_forward_gate") + tuple(
    f"expert_{i}" for i in range(20)
)
LEAVES = ("bias", "bias/Adam", "bias/Adam_1", "kernel", "kernel/Adam", "kernel/Adam_1", "norm/beta", "norm/gamma")


def nested_names(count):
    """`block_12/layer_7/attention/kernel`: 200 tensors a layer, 10 layers a block."""
    a_layer = len(MODULES) * len(LEAVES)
    layers = -(-count // a_layer)
    names = [
        f"block_{layer // 10}/layer_{layer % 10}/{module}/{leaf}".encode()
        for layer in range(layers)
        for module in MODULES
        for leaf in LEAVES
    ]
    return sorted(names[:count])


def flat_names(count):
    """All in one directory."""
    return [f"embedding_bucket_{i:07}".encode() for i in range(count)]
