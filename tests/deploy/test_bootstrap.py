import os
import re
import shutil
import subprocess
import sys

import pytest

from config.stack.folders import ROOT

WHEEL_FREE_LOCK = "# nothing to install\n"


@pytest.fixture
def checkout(tmp_path):
    """A checkout, with a space in its path, whose locks are empty."""
    folder = tmp_path / "a checkout"
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "requirements").mkdir()
    for lock in ("base", "test", "build", "demo"):
        (folder / "requirements" / f"{lock}.txt").write_text(WHEEL_FREE_LOCK)
    return folder


def bootstrap(checkout, *locks):
    """What the script says."""
    environment = {**os.environ, "PYTHON": os.path.realpath(sys.executable), "HOME": ""}
    done = subprocess.run(
        ["/bin/sh", f"{checkout}/deploy/bootstrap.sh", *locks],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_second_run_only_compares(checkout):
    assert "Making .venv" in bootstrap(checkout, "base")
    assert bootstrap(checkout, "base") == ""


def test_changed_lock_is_installed_again(checkout):
    bootstrap(checkout, "base")
    (checkout / "requirements" / "base.txt").write_text("# something else\n")
    assert "Installing requirements/base.txt" in bootstrap(checkout, "base")


def test_base_is_contained_in_test(checkout):
    bootstrap(checkout, "test")
    assert bootstrap(checkout, "base") == ""


def test_broken_environment_is_made_anew(checkout):
    bootstrap(checkout, "base")
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python")
    assert "Making .venv" in bootstrap(checkout, "base")


def test_locks_name_hashes_and_no_address():
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        pins = re.findall(r"^\S+==\S+.*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
        assert len(pins) == sum(line[0].isalnum() for line in text.splitlines())
