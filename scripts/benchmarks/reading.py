"""Rows about reading one large tensor."""

import os

from .data import COLUMNS, warm
from .lab import helper, same, timed
from .mounts import Mount, mounted, spent
from .report import Row


def big(lab):
    prefix, npy, name = lab.data.big()
    warm(npy, f"{prefix}.data-00000-of-00001", f"{prefix}.index")
    return prefix, npy, name


def row(lab):
    """One row of the tensor: a mount and NumPy, against TensorFlow; from process to process, and without imports."""
    prefix, _, name = big(lab)
    rows = lab.data.sizes["rows"]
    at = rows * 2 // 3
    ours, peers, cpu, peer_cpu = [], [], [], []
    for run in range(lab.runs + 1):
        mount = Mount(prefix)
        path = mount.dir / "tensors" / f"{name}.npy"
        before = spent()
        up = mount.up().seconds
        load, got = timed(lab.numpy("row", path, at))
        used = mount.used()
        down = mount.down()
        used += spent() - before
        mount.dir.rmdir()
        command, env = lab.data.tensorflow("row", prefix, name, at)
        before = spent()
        seconds, wanted = timed(command, env=env)
        same("the row", got, wanted)
        same("bytes of the row", len(got), COLUMNS * 4)
        if run:  # the first is to warm up
            ours.append(up + load + down)
            peers.append(seconds)
            cpu.append(used)
            peer_cpu.append(spent() - before)
    what = "mount + one row + umount, process to process"
    yield Row("row", what, "s", ours, peer=peers, cpu=cpu, peer_cpu=peer_cpu, least=20)

    ours, peers = [], []
    command, env = lab.data.tensorflow("serve")
    with helper(lab.numpy("serve")) as numpy, helper(command, env) as tensorflow:
        for run in range(lab.runs + 1):
            mount = Mount(prefix)
            path = mount.dir / "tensors" / f"{name}.npy"
            got = numpy.ask(do="mount_and_row", mount=mount.command(), path=path, row=at)
            mount.down()
            mount.dir.rmdir()
            wanted = tensorflow.ask(prefix=prefix, name=name, row=at)
            same("the row", got["row"], wanted["row"])
            if run:
                ours.append(got["seconds"])
                peers.append(wanted["seconds"])
    yield Row("row", "mount + one row, Python running already", "s", ours, peer=peers, least=100)


def load(lab):
    """The whole tensor by np.load and by read(2): through a fresh mount, again, and from a .npy on disk."""
    prefix, npy, name = big(lab)
    for do, what, first, again in (("load", "np.load", 0.4, 0.85), ("read", "read(2), 1 MiB", None, None)):
        speeds = {"first": [], "again": [], "disk": []}
        cpu = {"first": [], "again": [], "disk": []}
        size = os.path.getsize(npy)
        with helper(lab.numpy("serve")) as numpy:
            for run in range(lab.runs + 1):
                with mounted(prefix) as mount:
                    path = mount.dir / "tensors" / f"{name}.npy"
                    same("bytes of the file", os.path.getsize(path), size)
                    got = {}
                    for key, source in (("first", path), ("again", path), ("disk", npy)):
                        before = mount.used()
                        got[key] = numpy.ask(do=do, path=source)
                        got[key]["cpu"] += mount.used() - before
                for key, answer in got.items():
                    same(f"{what}, {key}", answer["content"], got["disk"]["content"])
                    if run:
                        speeds[key].append(size / answer["seconds"] / 1e9)
                        cpu[key].append(answer["cpu"])
        for key, least in (("first", first), ("again", again)):
            yield Row(
                "load",
                f"{what}, {key}",
                "GB/s",
                speeds[key],
                peer=speeds["disk"],
                cpu=cpu[key],
                peer_cpu=cpu["disk"],
                times_faster=False,
                least=least,
            )


def resident(lab):
    """What the process takes while the whole tensor is read."""
    prefix, npy, name = big(lab)
    grown, mapped = [], []
    with helper(lab.numpy("serve")) as numpy:
        for _ in range(lab.runs):
            with mounted(prefix) as mount:
                path = mount.dir / "tensors" / f"{name}.npy"
                with open(path, "rb") as file:  # a first read, for what each thread keeps
                    file.read(1 << 20)
                before = mount.memory()
                same("bytes read", numpy.ask(do="read", path=path)["content"], os.path.getsize(npy))
                after = mount.memory()
            grown.append((after["anon"] - before["anon"]) / (1 << 20))
            mapped.append((after["file"] - before["file"]) / (1 << 20))
    yield Row("resident", "anonymous memory grown by reading it all", "MiB", grown, most=4)
    yield Row("resident", "mapped page cache grown by it", "MiB", mapped)


GROUPS = {"row": row, "load": load, "resident": resident}
