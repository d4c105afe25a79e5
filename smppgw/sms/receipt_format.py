"""Receipts as one ESME wants them: a text with names in braces, and what stands in their places.

Owns: the names, the grammar of a template and its faults, how long a receipt can become.
Refuses to know: who wants which, PDUs; the text of the specification has a quicker way,
`receipt.format_receipt`.
Source: SMPP 3.4 Appendix B, which calls its own format an example; the deviations, dates with
seconds first of all, are those that ESMEs in the field read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from attrs import define, field

from smppgw.sms.receipt import DELIVERED, STATE_WORDS, error_code

APPENDIX_B = (
    "id:{id} sub:{sub} dlvrd:{dlvrd} submit date:{submit_date} done date:{done_date}"
    " stat:{stat} err:{err} text:{text}"
)
"""What `receipt.format_receipt` writes."""
MOST_OCTETS = 254
"""Of short_message (SMPP 3.4 5.2.22)."""

_MOST = {"id": 20, "sub": 3, "dlvrd": 3, "stat": 7, "err": 3, "text": 0}
"""Octets that a value can have; those of `text` are for the account to say."""
_DATES = ("submit_date", "done_date")
_NAMES = ("id", "sub", "dlvrd", *_DATES, "stat", "err", "text")
_NEEDED = ("id", "stat")
_WIDTHS = {"10": slice(2, 12), "12": slice(2, 14), "14": slice(0, 14)}
"""Digits of a date -> which of YYYYMMDDhhmmss they are: YYMMDDhhmm, YYMMDDhhmmss or all."""
_WIDTH = "10"
_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")


class ReceiptFormatError(ValueError):
    """A text is no template; says why, in words fit for an operator."""


@define
class Template:
    """A template, compiled: `{id}` is the message_id, `{submit_date:12}` a date of 12 digits.

    The names are id, sub, dlvrd, submit_date, done_date, stat, err and text; id and stat must be
    there, each may come several times. A date has 10 digits (YYMMDDhhmm), 12 (YYMMDDhhmmss) or 14
    (YYYYMMDDhhmmss). `{{` and `}}` stand for braces; the rest is printable ASCII.

    Raises ReceiptFormatError.
    """

    source: str
    _pattern: str = field(init=False, repr=False)
    _names: tuple[str, ...] = field(init=False, repr=False)
    """What the pattern takes by name, a date as `done_date:12`."""
    _dates: tuple[tuple[str, bool, slice], ...] = field(init=False, repr=False)
    """Those of them that are dates, whether it is the done date, and its digits."""

    def __attrs_post_init__(self) -> None:
        pieces: list[str] = []
        names: list[str] = []
        for literal, name in _tokens(self.source):
            pieces.append(literal.replace("%", "%%"))
            if name is not None:
                names.append(_checked(name))
                pieces.append(f"%({names[-1]})s")
        missing = [f"{{{name}}}" for name in _NEEDED if name not in names]
        if missing:
            raise ReceiptFormatError(
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            )
        self._pattern = "".join(pieces)
        self._names = tuple(names)
        self._dates = tuple(
            (name, name.startswith("done"), _WIDTHS[name[-2:]])
            for name in sorted(set(names))
            if name.startswith(_DATES)
        )

    def longest(self, text: int) -> int:
        """Octets of the longest receipt, when `text` is at most so many."""
        most = {**_MOST, "text": text, **{name: int(name[-2:]) for name, _, _ in self._dates}}
        literals = len(self._pattern % dict.fromkeys(self._names, ""))
        return literals + sum(most[name] for name in self._names)

    def write(
        self,
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
        """Write a receipt; all arguments are as with `receipt.format_receipt`."""
        if dlvrd is None:
            dlvrd = sub if state == DELIVERED else 0
        if isinstance(text, str):
            text = text.encode("ascii", "replace")
        values = {
            "id": id,
            "sub": f"{sub:03}",
            "dlvrd": f"{dlvrd:03}",
            "stat": STATE_WORDS.get(state, "UNKNOWN"),
            "err": error_code(err),
            "text": text.decode("latin-1"),
        }
        for name, is_done, digits in self._dates:
            values[name] = _second((done if is_done else submitted) // 1)[digits]
        return (self._pattern % values).encode("latin-1", "replace")


def _tokens(source: str) -> Iterator[tuple[str, str | None]]:
    """(what stands before it, what is in the braces) of each name; the end has None."""
    literal = ""
    at = 0
    for found in _TOKEN.finditer(source):
        literal += _literal(source[at : found.start()])
        at = found.end()
        if found["name"] is not None:
            yield literal, found["name"]
            literal = ""
        elif len(found[0]) == 1:
            raise ReceiptFormatError(
                f"the {found[0]} at {found.start() + 1} is without its other half; {{{{ and }}}}"
                " stand for braces"
            )
        else:
            literal += found[0][0]
    yield literal + _literal(source[at:]), None


def _literal(text: str) -> str:
    for character in text:
        if not (character.isascii() and character.isprintable()):
            # data_coding 0 means something else to each peer; ASCII is what they have in common.
            raise ReceiptFormatError(f"{character!r} is no printable ASCII")
    return text


def _checked(inside: str) -> str:
    """The name in a pair of braces, with the width of a date."""
    name, colon, width = inside.partition(":")
    if name not in _NAMES:
        raise ReceiptFormatError(f"{{{inside}}} is none of {', '.join(_NAMES)}")
    if name not in _DATES:
        if colon:
            raise ReceiptFormatError(f"{{{inside}}} has a width, which only dates have")
        return name
    if not colon:
        width = _WIDTH
    if width not in _WIDTHS:
        raise ReceiptFormatError(f"{{{inside}}}: a date has 10, 12 or 14 digits")
    return f"{name}:{width}"


@lru_cache(maxsize=512)
def _second(second: float) -> str:
    """YYYYMMDDhhmmss in UTC of a time in whole seconds since the epoch."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%d%H%M%S")
