"""Mounts of the binary under test, and what its background process takes."""

import contextlib
import os
import pathlib
import resource
import subprocess
import tempfile
import time

BINARY = os.environ.get("CKPTFS_BIN", "")


def _alive(pid):
    """Whether a process still runs; one that init has not collected yet does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def spent():
    """Processor seconds of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Mount:
    """One mount of `source`; `seconds` is how long `ckptfs mount` took to return, `cpu` what it and its daemon used."""

    def __init__(self, source):
        self.source = str(source)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ckptfs-bench-"))
        self.pid = None
        self.seconds = None
        self.cpu = None

    def command(self):
        return [BINARY, "mount", self.source, str(self.dir)]

    def up(self):
        before = spent()
        start = time.perf_counter()
        subprocess.run(self.command(), check=True)
        self.seconds = time.perf_counter() - start
        self.cpu = spent() - before + self.used()
        return self

    def down(self):
        """Unmounts and waits until the process is gone, so that it does not disturb what is measured next."""
        pid = self.daemon()
        start = time.perf_counter()
        subprocess.run([BINARY, "umount", str(self.dir)], check=True)
        seconds = time.perf_counter() - start
        while _alive(pid):
            time.sleep(0.005)
        return seconds

    def daemon(self):
        """The process that serves this mount."""
        if self.pid is None:
            for entry in os.listdir("/proc"):
                if entry.isdigit() and self._serves(entry):
                    self.pid = int(entry)
        if self.pid is None:
            raise SystemExit(f"no process serves {self.dir}")
        return self.pid

    def _serves(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            return False
        return _alive(pid) and os.fsencode(BINARY) == words[0] and os.fsencode(self.dir) in words

    def used(self):
        """Processor seconds of the daemon so far, in steps of 10 ms."""
        with open(f"/proc/{self.daemon()}/stat") as file:
            ticks = file.read().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Resident bytes: all, anonymous, and pages of mapped files, which are the page cache's own."""
        wanted = {"VmRSS": "all", "RssAnon": "anon", "RssFile": "file", "VmHWM": "peak"}
        found = {}
        with open(f"/proc/{self.daemon()}/status") as file:
            for line in file:
                key, _, rest = line.partition(":")
                if key in wanted:
                    found[wanted[key]] = int(rest.split()[0]) << 10
        return found


@contextlib.contextmanager
def mounted(source):
    mount = Mount(source)
    try:
        yield mount.up()
    finally:
        if os.path.ismount(mount.dir):
            mount.down()
        with contextlib.suppress(OSError):
            mount.dir.rmdir()
