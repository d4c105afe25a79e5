"""Delivery receipts: reading every dialect peers send, writing the one of the specification.

Owns: the text of a receipt (SMPP 3.4 Appendix B and what peers make of it), the words of `stat`,
which message_state may follow which, and the octets of network_error_code.
Refuses to know: PDUs (esm_class and TLVs are the caller's; a TLV goes before the text), and which
message an id belongs to. A text that reads like a receipt is no proof: any phone can type one.
Source: SMPP 3.4 Appendix B, 5.2.28 (message_state), 5.3.2.31 (network_error_code).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from types import MappingProxyType

from attrs import define, field

SCHEDULED = 0
ENROUTE = 1
DELIVERED = 2
EXPIRED = 3
DELETED = 4
UNDELIVERABLE = 5
ACCEPTED = 6
UNKNOWN = 7
REJECTED = 8
SKIPPED = 9

STATE_WORDS: Mapping[int, str] = MappingProxyType(
    {
        SCHEDULED: "SCHEDLD",
        ENROUTE: "ENROUTE",
        DELIVERED: "DELIVRD",
        EXPIRED: "EXPIRED",
        DELETED: "DELETED",
        UNDELIVERABLE: "UNDELIV",
        ACCEPTED: "ACCEPTD",
        UNKNOWN: "UNKNOWN",
        REJECTED: "REJECTD",
        SKIPPED: "SKIPPED",
    }
)
"""The seven letters of `stat` for each message_state."""

_STATES = {
    **{word: state for state, word in STATE_WORDS.items()},
    "0": DELIVERED,
    "ACCEPTED": ACCEPTED,
    "ACKED": ENROUTE,
    "BUFFERD": ENROUTE,
    "BUFFERED": ENROUTE,
    "BUFFRED": ENROUTE,
    "DELIVERED": DELIVERED,
    "DND_REJECTED": REJECTED,
    "FAILED": UNDELIVERABLE,
    "REJECTED": REJECTED,
    "SCHEDULED": SCHEDULED,
    "UNDELIVERABLE": UNDELIVERABLE,
}

_DEFINITE = 4
_RANKS = {
    SCHEDULED: 0,
    ENROUTE: 1,
    ACCEPTED: 2,
    UNKNOWN: 3,
    DELIVERED: _DEFINITE,
    EXPIRED: _DEFINITE,
    DELETED: _DEFINITE,
    UNDELIVERABLE: _DEFINITE,
    REJECTED: _DEFINITE,
    SKIPPED: _DEFINITE,
}

_REGULAR = re.compile(
    r"id:([\w.-]+) (?:sub:(\w+) dlvrd:(\w+) )?submit date:(\d+) done date:(\d+)"
    r" stat:(\w+) err:(\w*) [tT]ext:(.*)\Z",
    re.ASCII | re.DOTALL,
)
_KEY = re.compile(
    r"(?<![0-9A-Za-z])(id|sub|dlvrd|submit ?date|done ?date|stat|err|text):",
    re.ASCII | re.IGNORECASE,
)
_BLANKS = " \t\r\n\0"
_SEPARATORS = _BLANKS + ";,|"


@define
class Receipt:
    """What a receipt says; None where it says nothing.

    `state` is a message_state (UNKNOWN for a word or number nobody knows, None without `stat`);
    `stat`, `sub`, `dlvrd` and `err` are as written, for `err` means what the carrier decides and
    the counters are often wrong. Dates are in the carrier's own zone, hence naive, unless the
    carrier wrote one (SMPP time): then they are aware.
    """

    id: str | None = None
    state: int | None = None
    stat: str | None = None
    sub: str | None = None
    dlvrd: str | None = None
    submit_date: datetime | None = None
    done_date: datetime | None = None
    err: str | None = None
    text: str | None = field(default=None, repr=False)


def parse(text: str | bytes) -> Receipt:
    """Read a receipt, whatever its dialect.

    Octets are read as Latin-1. Keys may come in any order and case, after any prefix; the first
    occurrence wins. Never raises: what cannot be read is None.
    Source: Appendix B; the deviations are those of peers in the field.
    """
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    text = text.rstrip("\0")
    regular = _REGULAR.match(text)
    if regular is None:
        return _receipt(_scan(text))
    id, sub, dlvrd, submitted, done, stat, err, rest = regular.groups()
    state = _STATES.get(stat)
    if state is None:
        state = _state(stat)
    return Receipt(id, state, stat, sub, dlvrd, _date(submitted), _date(done), err, rest)


def looks_like_receipt(text: str | bytes) -> bool:
    """Whether a text without receipt bit or TLV reads like a receipt: an id, and a state.

    A state nobody knows counts only next to a counter or an error code.
    """
    receipt = parse(text)
    if not receipt.id or not receipt.stat:
        return False
    known = receipt.stat.upper() in _STATES
    return known or receipt.sub is not None or receipt.err is not None


def is_final(state: int) -> bool:
    """Whether nothing more need come after this message_state.

    ACCEPTED and UNKNOWN are final by the standard, although `supersedes` lets better news replace
    them. A number outside 0..9 is not final, for nobody knows what it says.
    """
    return _RANKS.get(state, -1) >= _RANKS[ACCEPTED]


def supersedes(new: int, old: int) -> bool:
    """Whether a receipt with message_state `new` changes a message that is in `old`.

    Only upwards: SCHEDULED, ENROUTE, ACCEPTED, UNKNOWN, then the definite ends. The first definite
    end stays, so a late or repeated receipt, in whatever order, changes nothing. ACCEPTED is low
    because many carriers send it first and DELIVERED later.
    """
    return _RANKS.get(new, -1) > _RANKS.get(old, -1)


def format_receipt(
    id: str,
    state: int,
    submitted: float,
    done: float,
    err: str = "000",
    *,
    text: str | bytes = b"",
    sub: int = 1,
    dlvrd: int | None = None,
) -> bytes:
    """Write a receipt exactly as Appendix B has it.

    `submitted` and `done` are epoch seconds, written in UTC to the minute. `dlvrd` is by default
    `sub` for DELIVERED and 0 for any other state. `err` gets three characters: a shorter code is
    padded with zeros, a number beyond 999 is written 999, a word ("null") 000. `text` comes
    already cut to length (Appendix B: 20 characters); a `str` is written in ASCII with "?" for the
    rest, for data_coding 0 means something else to each peer: who knows the alphabet gives octets.
    """
    if dlvrd is None:
        dlvrd = sub if state == DELIVERED else 0
    if len(err) != 3:
        err = error_code(err)
    if isinstance(text, str):
        text = text.encode("ascii", "replace")
    middle = _between(state, submitted // 60, done // 60, err, sub, dlvrd)
    return b"id:%b%b%b" % (id.encode("latin-1", "replace"), middle, text)


@lru_cache(maxsize=512)
def _between(state: int, submitted: float, done: float, err: str, sub: int, dlvrd: int) -> bytes:
    """What stands between id and text, which many receipts have in common; times in minutes."""
    between = (
        f" sub:{sub:03} dlvrd:{dlvrd:03}"
        f" submit date:{_minute(submitted)} done date:{_minute(done)}"
        f" stat:{STATE_WORDS.get(state, 'UNKNOWN')} err:{err} text:"
    )
    return between.encode("latin-1", "replace")


def error_code(err: str) -> str:
    """`err` as receipts have it, three characters (see `format_receipt`)."""
    if len(err) < 3:
        return err.zfill(3)
    if len(err) == 3:
        return err
    if not (err.isascii() and err.isdigit()):
        return "000"
    significant = err.lstrip("0").zfill(3)
    return significant if len(significant) == 3 else "999"


def network_error_code(octets: bytes) -> tuple[int, int]:
    """Read a network_error_code TLV as (network type, code).

    By the specification one octet and two octets, big-endian. Some peers write decimal digits
    instead; for those, and for a value too short to hold a type, the type is 0, which no network
    has. Never raises. Source: 5.3.2.31.
    """
    digits = octets.rstrip(b"\0")
    if len(digits) <= 5 and digits.isdigit():
        return 0, int(digits)
    if len(octets) < 3:
        return 0, int.from_bytes(octets, "big")
    return octets[0], int.from_bytes(octets[1:3], "big")


def _scan(text: str) -> dict[str, str]:
    """The raw value of each key, the first occurrence of each, in a text of any shape."""
    values: dict[str, str] = {}
    keys = list(_KEY.finditer(text))
    for position, key in enumerate(keys):
        name = key[1].lower().replace(" ", "")
        end = keys[position + 1].start() if position + 1 < len(keys) else len(text)
        value = text[key.end() : end]
        if name == "text" and _is_last(values, value):
            values.setdefault("text", text[key.end() :])
            break
        if name == "text":
            value = value.strip(_BLANKS)
        else:
            value = (value.split(None, 1) or ("",))[0].strip(_SEPARATORS)
        values.setdefault(name, value)
    return values


def _is_last(values: dict[str, str], value: str) -> bool:
    """Whether `text:` closes the receipt, so that keys after it are the words of the message.

    It does not when nothing that matters came before it, or when it is empty and keys are missing.
    """
    if "id" in values and "stat" in values:
        return True
    return bool(value.strip(_BLANKS)) and ("id" in values or "stat" in values)


def _receipt(values: dict[str, str]) -> Receipt:
    stat = values.get("stat")
    return Receipt(
        id=values.get("id") or None,
        state=None if stat is None else _state(stat),
        stat=stat,
        sub=values.get("sub"),
        dlvrd=values.get("dlvrd"),
        submit_date=_date(values.get("submitdate", "")),
        done_date=_date(values.get("donedate", "")),
        err=values.get("err"),
        text=values.get("text"),
    )


def _state(stat: str) -> int:
    return _STATES.get(stat.upper(), UNKNOWN)


@lru_cache(maxsize=512)
def _date(raw: str) -> datetime | None:
    """Read YYMMDDhhmm, YYMMDDhhmmss, YYYYMMDDhhmm, YYYYMMDDhhmmss or an absolute SMPP time.

    Twelve digits are YYMMDDhhmmss unless only YYYYMMDDhhmm gives a date (`201506201641`). A
    two-digit year is of this century.
    """
    if len(raw) == 16 and raw[15] in "+-":
        return _smpp_time(raw)
    if not (raw.isascii() and raw.isdigit()):
        return None
    if len(raw) in {10, 12}:
        found = _timestamp("20" + raw)
        if found is not None:
            return found
    if len(raw) in {12, 14}:
        return _timestamp(raw)
    return None


def _smpp_time(raw: str) -> datetime | None:
    """Read YYMMDDhhmmsstnnp with p = + or -: tenths of seconds, quarter hours from UTC."""
    digits = raw[:15]
    if not (digits.isascii() and digits.isdigit()) or int(digits[13:]) > 48:
        return None
    found = _timestamp("20" + digits[:12])
    if found is None:
        return None
    offset = timedelta(minutes=15 * int(raw[15] + digits[13:]))
    return found.replace(microsecond=int(digits[12]) * 100_000, tzinfo=timezone(offset))


def _timestamp(digits: str) -> datetime | None:
    """The time YYYYMMDDhhmm or YYYYMMDDhhmmss, None when there is no such time."""
    try:
        return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}")
    except ValueError:
        return None


@lru_cache(maxsize=512)
def _minute(minute: float) -> str:
    """YYMMDDhhmm in UTC of a time in whole minutes since the epoch."""
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%y%m%d%H%M")
