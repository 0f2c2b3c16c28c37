import subprocess
import sys

import pytest

from config.stack.errors import StackError
from config.stack.folders import ROOT
from config.stack.lock import RunLock, SharedUse


def test_run_lock_says_who_holds_it(tmp_path):
    first = RunLock(tmp_path)
    first.take("http://127.0.0.1:8000")
    with pytest.raises(StackError, match=r"already runs on .* \(process \d+, http://127.0.0.1:8000\)"):
        RunLock(tmp_path).take("http://127.0.0.1:9000")
    first.release()
    RunLock(tmp_path).take("http://127.0.0.1:9000")


def test_run_lock_of_a_killed_process_is_free(tmp_path):
    script = (
        "import os, signal, sys; from pathlib import Path; from config.stack.lock import RunLock;"
        "RunLock(Path(sys.argv[1])).take('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], cwd=ROOT, check=False)
    assert RunLock(tmp_path).try_take()


def test_shared_use_only_the_last_one_stops(tmp_path):
    first, second = SharedUse(tmp_path), SharedUse(tmp_path)
    for use in (first, second):
        with use.starting():
            pass
    with first.leaving() as is_last:
        assert not is_last
    with second.leaving() as is_last:
        assert is_last
