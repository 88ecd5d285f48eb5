#!/usr/bin/env python3
"""Write the test fixtures under tests/data with a pinned TensorFlow.

The first run makes a virtual environment (.venv-tf in the repository root, or $CKPTFS_TF_VENV) and installs
requirements-fixtures.txt into it; later runs use it as it is. Every fixture is written by a fresh process, so that the
counters TensorFlow keeps (function names, object ids, op seeds) do not depend on which fixtures are asked for: the same
TensorFlow gives the same bytes again.

    scripts/make_fixtures.py                  write all of tests/data
    scripts/make_fixtures.py --only dtypes    write one (may be repeated)
    scripts/make_fixtures.py --out /tmp/x     write elsewhere
    scripts/make_fixtures.py --list           names, and what each covers
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import venv

from fixtures import registry

SCRIPTS = pathlib.Path(__file__).resolve().parent
ROOT = SCRIPTS.parent
REQUIREMENTS = SCRIPTS / "requirements-fixtures.txt"

# One thread, no oneDNN and no GPU: sums come out in one order, on any machine.
TF_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


def environment_python():
    """The interpreter that has TensorFlow, made at first use."""
    home = pathlib.Path(os.environ.get("CKPTFS_TF_VENV") or ROOT / ".venv-tf")
    python = home / "bin" / "python"
    stamp = home / "ckptfs-requirements.txt"
    wanted = REQUIREMENTS.read_text()
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        print(f"installing TensorFlow into {home}", file=sys.stderr)
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS], check=True)
        stamp.write_text(wanted)
    return python


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="write this fixture alone (repeatable)")
    parser.add_argument("--list", action="store_true", help="list the fixtures and leave")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests" / "data", metavar="DIR")
    parser.add_argument("--write", metavar="NAME", help=argparse.SUPPRESS)
    return parser.parse_args()


def write_one(python, name, out):
    command = [python, __file__, "--write", name, "--out", out]
    done = subprocess.run(command, check=False, env=os.environ | TF_ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: failed\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main():
    args = arguments()
    args.out = args.out.resolve()
    if args.write:  # the inner process, with TensorFlow at hand
        registry.write(args.write, args.out)
        return
    known = registry.catalogue()
    if args.list:
        for name, (_, covers) in known.items():
            print(f"{name:15} {covers}")
        return
    names = args.only or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no such fixture: {', '.join(unknown)} (try --list)")
    python = environment_python()
    args.out.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for said in pool.map(lambda name: write_one(python, name, args.out), names):
            print(said, end="", flush=True)
    if not args.only:
        registry.write_readme(args.out)


if __name__ == "__main__":
    main()
