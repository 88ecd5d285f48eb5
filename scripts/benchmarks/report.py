"""Rows of the result, the table and the JSON."""

import os
import platform
import statistics

UNITS = {
    "s": lambda v: f"{v:.3f} s" if v >= 0.1 else f"{v * 1e3:.1f} ms",
    "GB/s": lambda v: f"{v:.2f} GB/s",
    "entries/s": lambda v: f"{v:,.0f}/s",
    "bytes": lambda v: f"{v:.1f} B",
    "MiB": lambda v: f"{v:.1f} MiB",
}


class Row:
    """One line of the table.

    `ours` and `peer` are the values of all runs. The budget is on the ratio of the medians where there is a peer, else
    on the median; `least` or `most` says what it must be. `cpu` and `peer_cpu` are the processor seconds of all
    processes of a run: on a machine that others use too they tell more than the clock.
    """

    def __init__(
        self, group, what, unit, ours, *, peer=None, cpu=None, peer_cpu=None, times_faster=True, least=None, most=None
    ):
        self.group, self.what, self.unit, self.runs, self.peer_runs = group, what, unit, ours, peer
        self.least, self.most = least, most
        self.cpu = statistics.median(cpu) if cpu else None
        self.peer_cpu = statistics.median(peer_cpu) if peer_cpu else None
        self.load = os.getloadavg()[0]
        self.median = statistics.median(ours)
        self.peer = statistics.median(peer) if peer else None
        # Times: how often faster. Speeds: which part of the peer's.
        self.ratio = None
        if peer:
            self.ratio = self.peer / self.median if times_faster else self.median / self.peer

    @property
    def judged(self):
        return self.median if self.ratio is None else self.ratio

    @property
    def met(self):
        if self.least is not None:
            return self.judged >= self.least
        if self.most is not None:
            return self.judged <= self.most
        return None

    def _limit(self):
        if self.least is None and self.most is None:
            return "-"
        sign, limit = (">=", self.least) if self.least is not None else ("<=", self.most)
        return f"{sign} {limit:g}x" if self.ratio is not None else f"{sign} {UNITS[self.unit](limit)}"

    def cells(self):
        show = UNITS[self.unit]
        ratio = "-" if self.ratio is None else f"{self.ratio:.3g}x" if self.ratio < 100 else f"{self.ratio:.0f}x"
        return [
            self.group,
            self.what,
            show(self.median),
            show(self.peer) if self.peer_runs else "-",
            ratio,
            self._limit(),
            {True: "yes", False: "NO", None: "-"}[self.met],
            " : ".join(f"{cpu:.2f} s" for cpu in (self.cpu, self.peer_cpu) if cpu is not None) or "-",
            f"{self.load:.1f}",
        ]

    def json(self):
        return {
            "row": self.group,
            "what": self.what,
            "unit": self.unit,
            "ckptfs": self.median,
            "ckptfs_runs": self.runs,
            "peer": self.peer,
            "peer_runs": self.peer_runs,
            "ratio": self.ratio,
            "least": self.least,
            "most": self.most,
            "met": self.met,
            "cpu": self.cpu,
            "peer_cpu": self.peer_cpu,
            "load": self.load,
        }


HEAD = ["row", "what", "ckptfs", "peer", "ratio", "budget", "met", "CPU, of peer", "load"]


def table(rows):
    """A Markdown table, aligned, so that it reads as it is and goes into the docs as it is."""
    lines = [HEAD] + [row.cells() for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    shown = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown)


def machine():
    """Where it ran."""

    def first(path, key):
        with open(path) as file:
            for line in file:
                if line.startswith(key):
                    return line.partition(":")[2].strip()
        return "?"

    memory = int(first("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    return {
        "cpu": first("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "kernel": platform.release(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "root": os.geteuid() == 0,
    }
