"""Public keys of operators: which lines are keys, and what is wrong with the others."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ssh_kit import new_key

from smppgw.ops.public_key import KINDS, LONGEST, PublicKeyError, read_public_key

KEYS = {kind: new_key(kind).public() for kind in KINDS}
LINES = {kind: key.toString("openssh").decode() for kind, key in KEYS.items()}
ED25519 = LINES["ssh-ed25519"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_every_kind(kind: str) -> None:
    assert read_public_key(LINES[kind]) == KEYS[kind].blob()


@pytest.mark.parametrize("around", ["{} name@example.net", "  {}\n", "{} two words", "{}\t"])
def test_what_stands_around_it(around: str) -> None:
    assert read_public_key(around.format(ED25519)) == KEYS["ssh-ed25519"].blob()


def reason(line: str) -> str:
    with pytest.raises(PublicKeyError) as caught:
        read_public_key(line)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "is no public key"),
        ("nonsense", "is no public key"),
        ("ssh-ed25519", "it holds no ssh-ed25519 key"),
        ("ssh-ed25519 ????", "no base64 after ssh-ed25519"),
        (ED25519[:-6], "is cut short or damaged"),
        (ED25519 + "AAAA", "is cut short or damaged"),
        (ED25519.replace("ssh-ed25519", "ssh-rsa", 1), "it holds no ssh-rsa key"),
        (f'from="10.0.0.1" {ED25519}', "has options before the key"),
        (f"restrict,pty {ED25519}", "has options before the key"),
        ("sk-ssh-ed25519@openssh.com AAAA", "security token"),
        ("ssh-dss AAAA", "DSA"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ("ssh-ed25519 " + "A" * LONGEST, f"longer than {LONGEST}"),
    ],
    ids=lambda one: one.partition(" ")[0][:20],  # the same in every process
)
def test_what_is_no_key(line: str, words: str) -> None:
    assert words in reason(line)


def test_a_short_rsa_key_is_refused() -> None:
    line = new_key("ssh-rsa", bits=1024).public().toString("openssh").decode()
    assert reason(line) == "is an RSA key of 1024 bits; 2048 is the least"


def test_a_reason_shows_nothing_of_the_line() -> None:
    for line in (ED25519[:-6], f"x {ED25519}", "hunter2", "ssh-ed25519 hunter2"):
        assert "hunter2" not in reason(line)
        assert ED25519[20:40] not in reason(line)


@given(st.text() | st.sampled_from(KINDS).flatmap(lambda kind: st.text().map(f"{kind} ".__add__)))
def test_no_text_breaks_it(text: str) -> None:
    with suppress(PublicKeyError):
        read_public_key(text)


@given(st.sampled_from(KINDS), st.data())
def test_no_octets_break_it(kind: str, data: st.DataObject) -> None:
    """A key with octets changed, cut or added is a key of the same form, or none."""
    blob = bytearray(KEYS[kind].blob())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(blob) - 1))
        blob[place] = data.draw(st.integers(0, 255))
    octets = bytes(blob[: data.draw(st.integers(0, len(blob)))]) + data.draw(st.binary(max_size=8))
    with suppress(PublicKeyError):
        assert read_public_key(f"{kind} {b64encode(octets).decode()}") == octets
