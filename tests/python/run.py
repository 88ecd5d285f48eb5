"""Runs the Python tests, and reports as `cargo test` does: tests/python/run.py [NAME].

They use the program that cargo built, or the one that $CKPTFS names.
"""

import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent


class Report(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = self.skips = 0
        self.broken = set()

    def _line(self, test, state, why=""):
        print(f"test {name(test)} ... {state}{why}", flush=True)

    def addSuccess(self, test):
        # A test of which a part failed is reported as failed already.
        if name(test) not in self.broken:
            self.passed += 1
            self._line(test, "ok")

    def addSkip(self, test, reason):
        self.skips += 1
        self._line(test, "ignored", f", {reason}")

    def _failed(self, test, error):
        first = name(test) not in self.broken
        self.broken.add(name(test))
        text = self._exc_info_to_string(error, test)
        if first:
            self._line(test, "FAILED")
        print("    " + text.rstrip().replace("\n", "\n    "), flush=True)

    def addFailure(self, test, error):
        self._failed(test, error)

    def addError(self, test, error):
        self._failed(test, error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            print(f"    {subtest}")
            self._failed(test, error)


def name(test):
    return "python::" + test.id().replace(".", "::")


def all_tests(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from all_tests(test)
        else:
            yield test


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tests = list(all_tests(unittest.defaultTestLoader.discover(str(HERE))))
    chosen = [test for test in tests if wanted in name(test)]
    print(f"\nrunning {len(chosen)} tests")
    report = Report()
    started = time.monotonic()
    unittest.TestSuite(chosen).run(report)
    failed = len(report.broken)
    print(
        f"\ntest result: {'FAILED' if failed else 'ok'}. {report.passed} passed; {failed} failed; "
        f"{report.skips} ignored; 0 measured; {len(tests) - len(chosen)} filtered out; "
        f"finished in {time.monotonic() - started:.2f}s\n"
    )
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
