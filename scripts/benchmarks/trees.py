"""Rows about many tensors and many ops: mounting them, and walking over them."""

import os
import statistics
import time

from . import graph
from .data import warm
from .lab import count_lines, same
from .mounts import mounted, spent
from .report import Row


def _baseline(lab):
    """Resident bytes of a mount that holds next to nothing."""
    found = []
    for _ in range(3):
        with mounted(lab.data.tiny()) as mount:
            found.append(mount.memory()["all"])
    return statistics.median(found)


def mount_tensors(lab):
    """Mounting many tensors: until `ckptfs mount` returns, and what the process then takes."""
    prefix, count, name_bytes = lab.data.tensors("nested")
    warm(f"{prefix}.index")
    base = _baseline(lab)
    seconds, each, cpu = [], [], []
    for run in range(lab.runs + 1):
        with mounted(prefix) as mount:
            if run:
                seconds.append(mount.seconds)
                cpu.append(mount.cpu)
                each.append((mount.memory()["all"] - base - name_bytes) / count)
            else:
                same("inodes in df", os.statvfs(mount.dir).f_files, count)
    yield Row("mount-tensors", f"mount {count:,} tensors", "s", seconds, cpu=cpu, most=0.5)
    yield Row("mount-tensors", f"a tensor, over {name_bytes / count:.1f} of name", "bytes", each, most=64)


def mount_graph(lab):
    """Mounting a large graph; then the memory of the first path in ops/, and that of asking for consumers."""
    meta, count, name_bytes = lab.data.graph("nodes")
    warm(meta)
    base = _baseline(lab)
    at = count // 2
    name = os.fsdecode(graph.node_name(at))
    seconds, each, first, walked, edge, asking, cpu = [], [], [], [], [], [], []
    for run in range(lab.runs + 1):
        with mounted(meta) as mount:
            mounted_as = mount.memory()["all"]
            start = time.perf_counter()
            listed = os.listdir(mount.dir / "ops")
            sorted_in = time.perf_counter() - start
            same("ops/", sorted(listed), sorted({f"tower_{i}" for i in range((count - 1) // 200_000 + 1)}))
            before = mount.memory()["all"]
            start = time.perf_counter()
            found = os.listdir(mount.dir / "ops" / name / "@consumers")
            asked_in = time.perf_counter() - start
            after = mount.memory()["all"]
        wanted = [
            ("^" if step == graph.STEPS[-1] else "") + os.fsdecode(graph.node_name(at + step)).replace("/", "%2F")
            for step in graph.STEPS
        ]
        same("consumers", sorted(found), sorted(wanted))
        if run:
            seconds.append(mount.seconds)
            cpu.append(mount.cpu)
            each.append((mounted_as - base - name_bytes) / count)
            walked.append((before - base - name_bytes) / count)
            first.append(sorted_in)
            asking.append(asked_in)
            edge.append((after - before) / graph.edges(count))
    yield Row("mount-graph", f"mount a graph of {count:,} nodes", "s", seconds, cpu=cpu, most=1)
    yield Row("mount-graph", f"a node, over {name_bytes / count:.1f} of name", "bytes", each, most=48)
    yield Row("mount-graph", "a node, once ops/ was listed", "bytes", walked, most=48)
    yield Row("mount-graph", f"an edge of {graph.edges(count):,}, with consumers", "bytes", edge, most=16)
    yield Row("mount-graph", "first list of ops/", "s", first)
    yield Row("mount-graph", "first list of @consumers", "s", asking)


def _walk(lab, group, source, below, entries, command, name, budgets):
    """A command over a directory of a fresh mount, and again; as entries a second."""
    scratch = lab.data.home / "listing"
    speeds = {"first": [], "again": []}
    cpu = {"first": [], "again": []}
    for run in range(lab.runs + (lab.runs > 1)):
        with mounted(source) as mount:
            for key, found in speeds.items():
                before = spent() + mount.used()
                seconds, lines = count_lines([*command, str(mount.dir / below)], scratch)
                used = spent() + mount.used() - before
                entries = entries or lines
                same(f"lines of {name}, {key}", lines, entries)
                if run or lab.runs == 1:
                    found.append(lines / seconds)
                    cpu[key].append(used)
    for (key, found), least in zip(speeds.items(), budgets):
        yield Row(group, f"{name} over {entries:,}, {key}", "entries/s", found, cpu=cpu[key], least=least)


def flat(lab):
    """Walking over many tensors of one directory."""
    prefix, count, _ = lab.data.tensors("flat")
    warm(f"{prefix}.index")
    yield from _walk(lab, "flat", prefix, "tensors", count + 1, ["find"], "find", (100_000, 150_000))
    yield from _walk(lab, "flat", prefix, "tensors", count + 1, ["ls", "-lU"], "ls -lU", (None, None))


def nested(lab):
    """Walking over many tensors in scopes."""
    prefix, _, _ = lab.data.tensors("nested")
    warm(f"{prefix}.index")
    yield from _walk(lab, "nested", prefix, "tensors", None, ["find"], "find", (None, None))


def ops(lab):
    """Walking over all that ops/ says of a graph."""
    meta, count, _ = lab.data.graph("ops")
    warm(meta)
    scopes = {name[: i + 1] for name in map(graph.node_name, range(count)) for i, b in enumerate(name) if b == ord("/")}
    # What an op has here: itself, @type, @node.pbtxt, @attrs and two, @outputs/0 and dtype, shape and @op. Then what
    # its inputs and consumers add: @inputs.txt, the three directories, and a link an edge and a direction.
    edges = [max(count - step, 0) for step in graph.STEPS]
    control = count - graph.STEPS[-1]
    readers = count - min(graph.STEPS)
    entries = 1 + len(scopes) + 11 * count + 2 * readers + control + readers + 2 * sum(edges)
    yield from _walk(lab, "ops", meta, "ops", entries, ["find"], "find", (15_000, 150_000))


GROUPS = {"mount-tensors": mount_tensors, "mount-graph": mount_graph, "flat": flat, "nested": nested, "ops": ops}
