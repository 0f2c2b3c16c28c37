import os
import stat

import pytest

from config.stack import folders
from config.stack.errors import StackError
from config.stack.folders import data_folder, own, private, socket_folder


def test_data_folder_is_var_in_the_checkout_unless_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_DATA", "")
    assert data_folder() == folders.ROOT / "var"
    monkeypatch.setenv("TENURE_DATA", str(tmp_path))
    assert data_folder() == tmp_path


def test_data_folder_is_absolute_when_named_relatively(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENURE_DATA", "here")
    assert data_folder() == tmp_path / "here"


def test_private_closes_an_open_folder(tmp_path):
    tmp_path.chmod(0o755)
    assert stat.S_IMODE(private(tmp_path).stat().st_mode) == 0o700


def test_private_says_what_to_do_where_a_file_is_in_the_way(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="Set TENURE_DATA"):
        private(tmp_path / "file" / "below")


def test_socket_folder_stays_where_it_is_when_short(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(folders, "LONGEST_SOCKET_FOLDER", 500)
    folder = tmp_path_factory.mktemp("short") / "socket"
    assert socket_folder(folder) == folder


@pytest.mark.parametrize("name", ["with space", "x" * 120, "naïve"])
def test_socket_folder_moves_when_long_or_odd(tmp_path, monkeypatch, name):
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    monkeypatch.setattr(folders, "LONGEST_SOCKET_FOLDER", 110)
    found = socket_folder(tmp_path / name)
    assert len(str(found)) < 60
    assert found == socket_folder(tmp_path / name)
    assert found != socket_folder(tmp_path / name / "other")
    assert not found.exists()


def test_own_closes_a_folder_of_ours(tmp_path):
    (tmp_path / "ours").mkdir(mode=0o755)
    assert stat.S_IMODE(own(tmp_path / "ours").stat().st_mode) == 0o700


def test_own_refuses_a_link_that_somebody_laid(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StackError, match="belongs to somebody else"):
        own(tmp_path / "link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_own_refuses_a_folder_of_another_user(tmp_path):
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(StackError, match="belongs to somebody else"):
        own(tmp_path / "theirs")
