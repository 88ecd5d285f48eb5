#!/usr/bin/env python3
"""Measure ckptfs against its budgets and its peers. Run by scripts/bench, which builds and installs what this needs.

Each row alternates between ckptfs and its peer, after one run of both that does not count, and shows medians. Every
result is compared with what it must be; a wrong one ends the run with status 1.
"""

import argparse
import json
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def arguments(rows):
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default=",".join(rows), metavar="NAME,...", help=f"only these of: {', '.join(rows)}")
    parser.add_argument("--small", action="store_true", help="tiny sizes and one run: shows that it works, no figures")
    parser.add_argument("--runs", type=int, metavar="N", help="runs that count [default: 5, with --small 1]")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all figures here too")
    parser.add_argument(
        "--dir",
        type=pathlib.Path,
        default=ROOT / "target" / "bench",
        metavar="DIR",
        help="where the data is made and kept, about 2.5 GiB [default: target/bench]",
    )
    args = parser.parse_args()
    args.names = args.rows.split(",")
    unknown = [name for name in args.names if name not in rows]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)} (there are {', '.join(rows)})")
    return args


# The rows, without what they import: help is asked for before anything is installed.
ROWS = ["row", "load", "resident", "mount-tensors", "mount-graph", "flat", "nested", "ops"]


def main():
    args = arguments(ROWS)
    from benchmarks import data, lab, reading, report, trees

    groups = reading.GROUPS | trees.GROUPS
    place = lab.Lab(data.Data(args.dir.resolve(), args.small), args.runs or (1 if args.small else 5))
    machine = report.machine()
    print(", ".join(f"{key} {value}" for key, value in machine.items()), file=sys.stderr)
    rows = []
    for name in args.names:
        start = time.perf_counter()
        try:
            for row in groups[name](place):
                if args.small:
                    row.least = row.most = None
                rows.append(row)
                print("  ".join(row.cells()), file=sys.stderr, flush=True)
        except lab.Wrong as error:
            raise SystemExit(f"{name}: {error}") from error
        print(f"({name}: {time.perf_counter() - start:.0f} s)", file=sys.stderr, flush=True)
    print(report.table(rows))
    print(f"\n{place.runs} runs a row; data in {place.data.home}, {place.data.disk() / (1 << 30):.1f} GiB")
    if args.small:
        print("small sizes: these figures say nothing about the budgets")
    if args.json:
        found = {"machine": machine, "runs": place.runs, "small": args.small, "rows": [row.json() for row in rows]}
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
