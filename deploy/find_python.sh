#!/bin/sh
# Print the path of a Python that Tenure can use. Candidates are run, not looked at: a name on PATH may be a shim that
# fails, and a Python may lack the module that makes virtual environments.
set -u
OLDEST="3.12"
TEST='import sys, ensurepip, venv; sys.exit(not (3, 12) <= sys.version_info[:2] < (3, 15))'
WHERE='import sys; print(sys.executable)'

# The name or path in $1 works: print where it really lies, and be done.
try() {
    found=$("$1" -I -c "$TEST" 2>/dev/null </dev/null && "$1" -I -c "$WHERE" 2>/dev/null </dev/null) || return 1
    [ -n "$found" ] || return 1
    printf '%s\n' "$found"
    exit 0
}

if [ -n "${PYTHON:-}" ]; then
    try "$PYTHON"
    echo "PYTHON is set to $PYTHON, which is not a Python $OLDEST to 3.14 with the modules venv and ensurepip." >&2
    exit 1
fi

for name in python3.13 python3.12 python3.14; do
    try "$name"
done

# pyenv: its folder may be named, be betrayed by its shims on PATH, or lie in the home folder (which HOME need not name).
home=$(eval "echo ~$(id -un)")
shims=$(printf '%s\n' "$PATH" | tr ':' '\n' | sed -n 's:/shims/*$::p')
IFS='
'
for folder in ${PYENV_ROOT:-} $shims "${HOME:-$home}/.pyenv" "$home/.pyenv"; do
    for version in 3.13 3.12 3.14; do
        for candidate in "$folder/versions/$version".*/bin/python; do
            try "$candidate"
        done
    done
done
unset IFS

for version in 3.13 3.12 3.14; do
    for candidate in \
        "/opt/homebrew/bin/python$version" "/usr/local/bin/python$version" "/opt/local/bin/python$version" \
        "/Library/Frameworks/Python.framework/Versions/$version/bin/python3" "/opt/python/$version/bin/python3" \
        "/usr/bin/python$version"; do
        try "$candidate"
    done
done

try python3
try python

# uv may know a Python that is not on PATH, and on most machines it can fetch one.
for uv in uv "$home/.local/bin/uv" "$home/.cargo/bin/uv"; do
    if "$uv" --version >/dev/null 2>&1; then
        candidate=$("$uv" python find ">=$OLDEST,<3.15" 2>/dev/null) && try "$candidate"
        echo "No Python $OLDEST was found; asking uv for one." >&2
        "$uv" python install 3.13 >&2 && candidate=$("$uv" python find 3.13 2>/dev/null) && try "$candidate"
    fi
done

cat >&2 <<END
Tenure needs Python $OLDEST, 3.13 or 3.14 with the modules venv and ensurepip, and none was found.
  Debian 13, Ubuntu 24.04 and newer:  sudo apt install python3 python3-venv
  Fedora:                             sudo dnf install python3.13
  macOS:                              brew install python@3.13
  anywhere:                           install uv (https://docs.astral.sh/uv/) and run make again
Or name one that lies elsewhere:      make PYTHON=/path/to/python3.13
END
exit 1
