import os
import shutil
import subprocess
import sys

import pytest

from config.stack.folders import ROOT
from tests.config.stack.test_programs import script

PYTHON = os.path.realpath(sys.executable)
TOOLS = ("sh", "tr", "sed", "printf", "cat")


@pytest.fixture
def machine(tmp_path):
    """A machine with the small tools of a shell and no Python on PATH."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    script(tmp_path / "bin" / "id", "echo somebody-without-a-home")
    return tmp_path


def find(machine, **environment):
    """Run the script on that machine."""
    variables = {
        "PATH": str(machine / "bin"),
        "HOME": str(machine / "home"),
        "PYENV_ROOT": str(machine / "none"),
        **environment,
    }
    return subprocess.run(
        ["/bin/sh", "deploy/find_python.sh"], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )


def wrapper(path):
    """A Python at that place, so that the answer tells that it was run."""
    return script(path, f'exec "{PYTHON}" "$@"')


def test_shim_that_does_not_run_is_passed_over(machine):
    script(machine / "bin" / "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    wrapper(machine / "bin" / "python3.12")
    done = find(machine)
    assert (done.returncode, os.path.realpath(done.stdout.strip())) == (0, PYTHON)


def test_pyenv_is_found_by_its_shims_on_path(machine):
    (machine / "pyenv" / "shims").mkdir(parents=True)
    wrapper(machine / "pyenv" / "versions" / "3.12.9" / "bin" / "python")
    done = find(machine, PATH=f"{machine}/pyenv/shims:{machine}/bin")
    assert (done.returncode, os.path.realpath(done.stdout.strip())) == (0, PYTHON)


def test_path_with_a_space_is_no_obstacle(machine):
    wrapper(machine / "my home" / ".pyenv" / "versions" / "3.12.9" / "bin" / "python")
    done = find(machine, HOME=str(machine / "my home"))
    assert (done.returncode, os.path.realpath(done.stdout.strip())) == (0, PYTHON)


def test_named_python_that_is_too_old_is_an_error(machine):
    old = script(machine / "old", 'case "$*" in *ensurepip*) exit 1;; esac; echo old')
    done = find(machine, PYTHON=str(old))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"PYTHON is set to {old}, which is not a Python 3.12" in done.stderr


def test_advice_when_there_is_none(machine):
    script(machine / "bin" / "python3", "exit 127")
    done = find(machine)
    if done.returncode == 0:
        pytest.skip("this machine has a Python in one of the fixed places")
    assert "Tenure needs Python 3.12" in done.stderr
    assert "make PYTHON=/path/to/python3.13" in done.stderr
