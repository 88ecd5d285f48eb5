"""Writes V2 checkpoints without TensorFlow: one data file, and an index of one block."""

import struct

MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
# The numbers that TensorFlow gives dtypes.
DTYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "complex64": 8, "int64": 9, "bool": 10,
    "bfloat16": 14, "uint16": 17, "complex128": 18, "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def _number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def _message(field, body):
    return varint(field << 3 | 2) + varint(len(body)) + body


def _entry(array, dtype, offset, data):
    dims = b"".join(_message(2, _number(1, dim)) for dim in array.shape)
    crc = varint(6 << 3 | 5) + struct.pack("<I", masked_crc(data))
    return _number(1, DTYPES[dtype]) + _message(2, dims) + _number(4, offset) + _number(5, len(data)) + crc


def _block(records):
    body = b"".join(bytes([0]) + varint(len(k)) + varint(len(v)) + k + v for k, v in records)
    # A restart at each record would be allowed too; readers go through from the first.
    body += struct.pack("<II", 0, 1)
    return body + b"\0" + struct.pack("<I", masked_crc(body + b"\0")), len(body)


def write(prefix, arrays, big_endian=False):
    """Writes {name: (array, dtype name)}; the bytes of the arrays as they are in memory."""
    header = _number(1, 1) + _number(2, int(big_endian)) + _message(3, _number(1, 1))
    records, offset = [(b"", header)], 0
    with open(f"{prefix}.data-00000-of-00001", "wb") as file:
        for name in sorted(arrays):
            array, dtype = arrays[name]
            data = array.tobytes()
            file.write(data)
            records.append((name.encode(), _entry(array, dtype, offset, data)))
            offset += len(data)
    block, size = _block(records)
    meta, meta_size = _block([])
    index, index_size = _block([(records[-1][0], varint(0) + varint(size))])
    footer = varint(len(block)) + varint(meta_size) + varint(len(block) + len(meta)) + varint(index_size)
    with open(f"{prefix}.index", "wb") as file:
        file.write(block + meta + index + footer.ljust(40, b"\0") + MAGIC)
