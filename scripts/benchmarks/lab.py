"""What the rows share: the data, helpers that stay running, alternating runs."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


class Wrong(Exception):
    """A result that is not what it must be: no time counts then."""


def same(what, found, wanted):
    if found != wanted:
        show = [value if not isinstance(value, bytes | str) or len(value) < 80 else value[:80] for value in (found, wanted)]
        raise Wrong(f"{what}: {show[0]!r}, not {show[1]!r}")


class Helper:
    """A Python that stays running: a line of JSON in, one out."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question, default=str) + "\n")
        line = self.process.stdout.readline()
        if not line:
            raise Wrong(f"the helper ended with {self.process.wait()}")
        return json.loads(line)


@contextlib.contextmanager
def helper(command, env=None):
    running = Helper(command, env)
    try:
        yield running
    finally:
        running.process.stdin.close()
        running.process.wait()


class Lab:
    def __init__(self, data, runs):
        self.data, self.runs = data, runs

    def numpy(self, *args):
        return [sys.executable, str(HERE / "numpy_side.py"), *map(str, args)]

    def say(self, text):
        print(text, file=sys.stderr, flush=True)


def timed(command, **options):
    """Runs a command from start to end: (seconds, what it printed)."""
    start = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, **options)
    return time.perf_counter() - start, done.stdout


def count_lines(command, scratch):
    """Runs a command whose output goes to a file: (seconds, lines)."""
    with open(scratch, "wb") as out:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=out, env=os.environ | {"LC_ALL": "C"})
        seconds = time.perf_counter() - start
    lines = 0
    with open(scratch, "rb") as file:
        while part := file.read(1 << 20):
            lines += part.count(b"\n")
    os.remove(scratch)
    return seconds, lines
