"""The host key: made once, kept, and never replaced by another."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from ssh_kit import new_key

from smppgw.ops.shell.host_key import FILE, HostKeyError, fingerprint, host_key


def reason(directory: Path) -> str:
    with pytest.raises(HostKeyError) as caught:
        host_key(directory)
    return str(caught.value)


def put(directory: Path, octets: bytes, mode: int = 0o600) -> Path:
    path = directory / FILE
    path.write_bytes(octets)
    path.chmod(mode)
    return path


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    made = host_key(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert host_key(tmp_path) == made
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_a_crash_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".{FILE}.new").write_bytes(b"half a k")
    assert host_key(tmp_path) == host_key(tmp_path)


def test_two_gateways_have_two(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert fingerprint(host_key(tmp_path / "a")) != fingerprint(host_key(tmp_path / "b"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_one_that_others_may_read_is_not_used(tmp_path: Path, mode: int) -> None:
    host_key(tmp_path)
    (tmp_path / FILE).chmod(mode)
    assert "open to others" in reason(tmp_path)


def test_what_is_no_key_stays_as_it_is(tmp_path: Path) -> None:
    key = new_key().toString("openssh", subtype="v1")
    for octets in (b"", b"nonsense", key[: len(key) // 2], bytes(5000), b"\xff" * 100):
        path = put(tmp_path, octets)
        assert str(path) in reason(tmp_path)
        assert path.read_bytes() == octets


def test_another_kind_of_key_is_not_used(tmp_path: Path) -> None:
    put(tmp_path, new_key("ssh-rsa").toString("openssh", subtype="v1"))
    assert "no private Ed25519 key" in reason(tmp_path)
    put(tmp_path, new_key().public().toString("openssh"))
    assert "no private Ed25519 key" in reason(tmp_path)


def test_one_with_a_passphrase_is_not_used(tmp_path: Path) -> None:
    put(tmp_path, new_key().toString("openssh", subtype="v1", passphrase=b"secret"))
    assert "passphrase" in reason(tmp_path)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE, 0o600)
    assert "is no file" in reason(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        host_key(tmp_path)


def test_openssh_reads_it(tmp_path: Path) -> None:
    made = host_key(tmp_path)
    program = shutil.which("ssh-keygen")
    if program is not None:
        done = subprocess.run(  # noqa: S603
            [program, "-lf", str(tmp_path / FILE)], capture_output=True, text=True, check=True
        )
        assert fingerprint(made) in done.stdout
