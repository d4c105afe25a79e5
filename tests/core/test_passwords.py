"""Stored passwords: made, checked, and refused when they are not ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smppgw.core import passwords
from smppgw.core.passwords import (
    PasswordFormatError,
    check_hash,
    hash_password,
    verify_password,
)

SALT = bytes(range(16))
SALT_TEXT = "AAECAwQFBgcICQoLDA0ODw"
DIGEST_TEXT = "A" * 43


def stored(
    *,
    scheme: str = "scrypt",
    n: str = "16384",
    r: str = "8",
    p: str = "1",
    salt: str = SALT_TEXT,
    digest: str = DIGEST_TEXT,
) -> str:
    return "$".join([scheme, n, r, p, salt, digest])


def test_the_form_is_scrypt_n_r_p_salt_hash() -> None:
    scheme, n, r, p, salt, digest = hash_password("secret", SALT).split("$")
    assert (scheme, n, r, p, salt) == ("scrypt", "16384", "8", "1", SALT_TEXT)
    assert len(digest) == 43
    assert "=" not in digest


def test_rfc_7914_vector_verifies() -> None:
    # RFC 7914 section 12: P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1, 64 octets.
    octets = bytes.fromhex(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    )
    digest = passwords._to_text(octets)
    line = f"scrypt$16384$8$1${passwords._to_text(b'SodiumChloride')}${digest}"
    assert verify_password(line, "pleaseletmein")
    assert not verify_password(line, "pleaseletmeout")


def test_verify_tells_right_from_wrong() -> None:
    line = hash_password("demo-secret")
    assert verify_password(line, "demo-secret")
    for wrong in ("", "demo-secre", "demo-secret ", "Demo-secret", "demo-secret\0"):
        assert not verify_password(line, wrong)


def test_same_password_gets_another_salt_each_time() -> None:
    assert hash_password("x") != hash_password("x")
    assert hash_password("x", SALT) == hash_password("x", SALT)


def test_the_password_is_not_in_the_stored_form() -> None:
    assert "secret" not in hash_password("secret")


def test_a_password_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        hash_password("demo\0")


@settings(max_examples=6, deadline=None)
@given(
    password=st.text(max_size=40).filter(lambda text: "\0" not in text),
    salt=st.binary(min_size=8, max_size=32),
)
def test_any_text_makes_the_round_trip(password: str, salt: bytes) -> None:
    line = hash_password(password, salt)
    check_hash(line)
    assert verify_password(line, password)
    assert not verify_password(line, password + "x")


def test_parameters_of_the_stored_form_are_used() -> None:
    cheap = passwords._Scrypt(2**4, 1, 2, SALT).digest("secret", 24)
    line = f"scrypt$16$1$2${SALT_TEXT}${passwords._to_text(cheap)}"
    assert verify_password(line, "secret")
    assert not verify_password(line.replace("$16$1$2$", "$32$1$2$"), "secret")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "form"),
        ("secret", "form"),
        ("scrypt$...", "form"),
        (stored() + "$", "form"),
        (stored(scheme="bcrypt"), "form"),
        (stored(n=""), "numbers"),
        (stored(n="-2"), "numbers"),
        (stored(n="\uff11\uff16"), "numbers"),
        (stored(r="8.0"), "numbers"),
        (stored(p="999999999"), "numbers"),
        (stored(n="0"), "power of two"),
        (stored(n="1"), "power of two"),
        (stored(n="16383"), "power of two"),
        (stored(r="0"), "at least 1"),
        (stored(p="0"), "at least 1"),
        (stored(p="17"), "at most 16"),
        (stored(n="67108864"), "64 MiB"),
        (stored(r="1024"), "64 MiB"),
        (stored(n="65536"), "64 MiB"),
        (stored(salt=""), "cut short"),
        (stored(salt="AAAA"), "cut short"),
        (stored(digest="AAAA"), "cut short"),
        (stored(digest="A" * 88), "too long"),
        (stored(salt="A"), "base64url"),
        (stored(salt=SALT_TEXT + "=="), "base64url"),
        (stored(salt="AAEC AwQFBgcICQoLDA0ODw"), "base64url"),
        (stored(salt="AAECAwQFBgcICQoLDA0OD+"), "base64url"),
        (stored(digest="é" * 43), "base64url"),
        (stored(digest=DIGEST_TEXT[:-1] + "B"), "base64url"),
    ],
)
def test_what_is_not_ours_is_refused_without_being_shown(line: str, reason: str) -> None:
    with pytest.raises(PasswordFormatError, match=reason) as caught:
        check_hash(line)
    assert DIGEST_TEXT not in str(caught.value)
    with pytest.raises(PasswordFormatError):
        verify_password(line, "secret")


@given(line=st.text(alphabet="scrypt$0123456789AZaz_-= é", max_size=80))
def test_no_text_raises_anything_else(line: str) -> None:
    try:
        check_hash(line)
    except PasswordFormatError:
        return
    raise AssertionError("random text was taken for a stored password")


def test_the_largest_cost_allowed_can_be_computed() -> None:
    line = stored(n=str(2**16 // 2), r="15", p="1")
    check_hash(line)
    assert not verify_password(line, "secret")


def test_checking_the_form_costs_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_args: object, **_kwargs: object) -> bytes:
        raise AssertionError("hashed")

    line = hash_password("secret")
    monkeypatch.setattr("hashlib.scrypt", forbidden)
    check_hash(line)


def test_comparison_is_the_constant_time_one(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def recorded(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    line = hash_password("secret", SALT)
    monkeypatch.setattr("hmac.compare_digest", recorded)
    assert not verify_password(line, "other")
    assert [len(octets) for octets in compared[0]] == [32, 32]
