# What scripts/test and scripts/demo need, checked for and installed. To be sourced, at the root of the repository.
# shellcheck shell=bash

say() { echo "$*" >&2; }

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "this needs root, and there is no sudo: $*"
        return 1
    fi
}

need_cargo() {
    if ! command -v cargo >/dev/null && [[ -r $HOME/.cargo/env ]]; then
        source "$HOME/.cargo/env"
    fi
    if ! command -v cargo >/dev/null; then
        say "cargo is missing: install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer, as https://rustup.rs says"
        return 1
    fi
}

# need_packages PROGRAM=PACKAGE...: installs the packages of the programs that are missing.
need_packages() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    ((${#missing[@]} > 0)) || return 0
    if ! command -v apt-get >/dev/null; then
        say "please install: ${missing[*]}"
        return 1
    fi
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2
}

# Distributions have 0666; containers often have 0600, which keeps ordinary users from mounting.
open_fuse() {
    if [[ ! -e /dev/fuse ]] && ((EUID == 0)); then
        modprobe fuse 2>/dev/null || true
    fi
    if [[ -e /dev/fuse ]] && ((EUID == 0)); then
        chmod 0666 /dev/fuse || true
    fi
}

# Whether mounting can work at all.
can_mount() { [[ -r /dev/fuse && -w /dev/fuse ]]; }

# make_venv DIR REQUIREMENTS [PYTHON_MINOR]: a virtual environment with these packages, made once.
make_venv() {
    local dir=$1 requirements=$2 minor=${3-11} python candidate
    if [[ -x $dir/bin/python ]] && cmp -s "$requirements" "$dir/installed.txt"; then
        return 0
    fi
    local fits="import sys, venv, ensurepip; sys.exit(sys.version_info < (3, $minor))"
    for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c "$fits" 2>/dev/null; then
            python=$candidate
            break
        fi
    done
    if [[ -z ${python-} ]]; then
        need_packages no-such-program=python3-venv
        python=/usr/bin/python3
        if ! "$python" -c "$fits"; then
            say "Python 3.$minor or newer with its venv module is needed"
            return 1
        fi
    fi
    say "installing $(grep -vc '^#' "$requirements") Python packages into $dir"
    "$python" -m venv --clear "$dir"
    "$dir/bin/pip" install --quiet --disable-pip-version-check --no-input --requirement "$requirements"
    cp "$requirements" "$dir/installed.txt"
}

# Sets PYTHON to one that has what the tests load our output with.
test_python() {
    make_venv .venv-test scripts/requirements-test.txt
    PYTHON=$PWD/.venv-test/bin/python
    export PYTHON
}
