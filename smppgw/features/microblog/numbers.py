"""The numbers of the microblog: how each speaks, and what may go which way.

Owns: their settings. Refuses to know: carriers and routes (the number itself is in `[[numbers]]`).
"""

from __future__ import annotations

from attrs import asdict, fields, frozen

from smppgw.core.plugin import Host

PROFILE = "microblog"
BOTH_WAYS, IN_ONLY = "both", "in"
PIN_OFF, PIN_OPTIONAL, PIN_REQUIRED = "off", "optional", "required"
CHOOSE, ASSIGN = "choose", "assign"


@frozen(kw_only=True)
class Number:
    """How one number speaks.

    `direction` is both, or in (a long code that phones can only send to); `pin` is off, optional or
    required (where a sender can be forged); `signup` is choose (a username) or assign; `weekly` is
    the most texts a phone gets in a week, 0 for no limit; `suspended`, when not "", is all that
    anybody is answered.
    """

    address: str
    service: str = "smppgw"
    telephone: str = ""
    languages: tuple[str, ...] = ("en", "fr")
    direction: str = BOTH_WAYS
    pin: str = PIN_OFF
    signup: str = CHOOSE
    weekly: int = 0
    country: str = ""
    suspended: str = ""

    @property
    def answers(self) -> bool:
        """Phones can be written to from it."""
        return self.direction == BOTH_WAYS


COLUMNS = tuple(one.name for one in fields(Number))


class Numbers:
    """The settings of all numbers."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def get(self, address: str) -> Number:
        """How a number speaks; as it would without settings when it has none."""
        rows = self._host.query(
            f"SELECT {', '.join(COLUMNS)} FROM microblog_number WHERE address = ?",  # noqa: S608
            (address,),
        )
        if not rows:
            return Number(address=address)
        found = dict(zip(COLUMNS, rows[0], strict=True))
        found["languages"] = tuple(found["languages"].split())
        return Number(**found)

    def put(self, number: Number) -> None:
        """Write how a number speaks, in a piece of work."""
        values = {**asdict(number), "languages": " ".join(number.languages)}
        marks = ", ".join("?" * len(COLUMNS))
        self._host.change(
            f"INSERT OR REPLACE INTO microblog_number ({', '.join(COLUMNS)}) VALUES ({marks})",  # noqa: S608
            tuple(values[name] for name in COLUMNS),
        )
