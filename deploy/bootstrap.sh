#!/bin/sh
# Make .venv and install locked requirements into it: deploy/bootstrap.sh base|test|demo...
# What is installed is remembered by the lock's checksum, so a second run only compares.
set -eu
cd "$(dirname "$0")/.."
VENV=.venv

# pip's own settings (index, proxy, certificates, cache) are the machine's business and stay as they are; only a
# setting that would make it refuse to work in a virtual environment is taken back.
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONNOUSERSITE=1

checksum() { cksum <"requirements/$1.txt"; }
is_current() { [ "$(cat "$VENV/installed-$1" 2>/dev/null)" = "$(checksum "$1")" ]; }
remember() { checksum "$1" >"$VENV/installed-$1"; }

make_venv() {
    if [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -I -c 'import pip, sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        return
    fi
    python=$(sh deploy/find_python.sh)
    echo "Making $VENV with $python"
    rm -rf "$VENV"
    # A Python called by a symbolic link may not find its library from inside an environment; then call it where it lies.
    "$python" -I -m venv "$VENV" 2>/dev/null && return
    rm -rf "$VENV"
    "$("$python" -I -c 'import os, sys; print(os.path.realpath(sys.executable))')" -I -m venv "$VENV"
}

# $1 is the lock, the rest are pip's options. A lock that an installed larger one contains is not installed again.
install() {
    lock=$1
    shift
    is_current "$lock" && return
    if [ "$lock" = base ] && is_current test; then
        return
    fi
    echo "Installing requirements/$lock.txt ($(grep -c '==' "requirements/$lock.txt") packages) ..."
    "$VENV/bin/python" -I -m pip install --quiet --require-hashes --no-input "$@" -r "requirements/$lock.txt"
    remember "$lock"
}

make_venv
for lock in "$@"; do
    case $lock in
        demo)
            # Data packages: only their files are wanted. One of them is built from source, with the build tool locked too.
            install build
            install demo --no-deps --no-build-isolation
            ;;
        *) install "$lock" ;;
    esac
done
