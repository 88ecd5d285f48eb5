"""What runs under NumPy alone, as a user of a mount would.

    numpy_side.py row PATH ROW      the bytes of one row by np.load(mmap_mode='r'), to stdout
    numpy_side.py serve             a line of JSON in, one out: rows, whole loads, plain reads, with their times
"""

import json
import subprocess
import sys
import time

import numpy as np


def one_row(path, row):
    return np.load(path, mmap_mode="r")[int(row)].tobytes()


def mount_and_row(asked):
    start = time.perf_counter()
    subprocess.run(asked["mount"], check=True)
    row = one_row(asked["path"], asked["row"])
    return {"seconds": time.perf_counter() - start, "row": row.hex()}


def load(asked):
    import crc32c

    used, start = time.process_time(), time.perf_counter()
    values = np.load(asked["path"])
    seconds, used = time.perf_counter() - start, time.process_time() - used
    return {"seconds": seconds, "cpu": used, "content": crc32c.crc32c(memoryview(values).cast("B"))}


def read(asked):
    """read(2) of 1 MiB at a time into the same buffer."""
    buffer = bytearray(1 << 20)
    total = 0
    used, start = time.process_time(), time.perf_counter()
    with open(asked["path"], "rb", buffering=0) as file:
        while got := file.readinto(buffer):
            total += got
    seconds, used = time.perf_counter() - start, time.process_time() - used
    return {"seconds": seconds, "cpu": used, "content": total}


def serve():
    does = {"mount_and_row": mount_and_row, "load": load, "read": read}
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(does[asked["do"]](asked)), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "row":
        sys.stdout.buffer.write(one_row(*sys.argv[2:]))
    else:
        serve()
