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
REFUSE, SPLIT = "refuse", "split"
ALL, POST_ONLY = "all", "post_only"
ANY, OWN = "any", "own"
NEVER, FIRST, ALWAYS = "never", "first", "always"
MOST_KNOWN = 1_000
"""Numbers whose settings memory holds."""
COUNTRIES = {
    "AT": ("43", "Europe/Vienna"),
    "BE": ("32", "Europe/Brussels"),
    "CA": ("1", "America/Toronto"),
    "CH": ("41", "Europe/Zurich"),
    "CM": ("237", "Africa/Douala"),
    "DE": ("49", "Europe/Berlin"),
    "ES": ("34", "Europe/Madrid"),
    "FJ": ("679", "Pacific/Fiji"),
    "FR": ("33", "Europe/Paris"),
    "GB": ("44", "Europe/London"),
    "IE": ("353", "Europe/Dublin"),
    "IN": ("91", "Asia/Kolkata"),
    "IT": ("39", "Europe/Rome"),
    "LU": ("352", "Europe/Luxembourg"),
    "NL": ("31", "Europe/Amsterdam"),
    "PT": ("351", "Europe/Lisbon"),
    "SE": ("46", "Europe/Stockholm"),
    "US": ("1", "America/New_York"),
}
"""ISO code -> what its numbers begin with, and the time zone of most of its people: a country may
have several, and members say theirs by SET ZONE."""


@frozen(kw_only=True)
class Number:
    """How one number speaks.

    `direction` is both, or in (a long code that phones can only send to); `pin` is off, optional or
    required (where a sender can be forged); `signup` is choose (a username) or assign; `weekly` is
    the most texts a phone gets in a week, 0 for no limit; `suspended`, when not "", is all that
    anybody is answered. `long`: a text of more than 140 characters is refused, or split into posts
    that say 1/2; `commands` are all, or post_only (commands are not carried out); `own_number`:
    members may write from any phone, or only who has no number of its own carrier to write to
    (own); `posted`: whether members are told that a post is public (never, the first, always).
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
    long: str = REFUSE
    commands: str = ALL
    own_number: str = ANY
    posted: str = NEVER

    @property
    def answers(self) -> bool:
        """Phones can be written to from it."""
        return self.direction == BOTH_WAYS

    @property
    def zone(self) -> str:
        """The time zone of its country, UTC without one."""
        return COUNTRIES.get(self.country.upper(), ("", "UTC"))[1]

    @property
    def prefix(self) -> str:
        """What the numbers of its country begin with, "" when that is not known."""
        return COUNTRIES.get(self.country.upper(), ("", ""))[0]


def zone_of(phone: str, number: Number) -> str:
    """The time zone of a phone by its country, else that of the number it writes to."""
    if number.prefix and phone.startswith(number.prefix):
        return number.zone
    found = (zone for prefix, zone in COUNTRIES.values() if phone.startswith(prefix))
    return next(found, number.zone)


COLUMNS = tuple(one.name for one in fields(Number))


class Numbers:
    """The settings of all numbers."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._known: dict[str, Number] = {}

    def get(self, address: str) -> Number:
        """How a number speaks; as it would without settings when it has none."""
        found = self._known.get(address)
        if found is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            found = self._known[address] = self._read(address)
        return found

    def _read(self, address: str) -> Number:
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
        """Write how a number speaks, in a piece of work; `forget` when that is over."""
        values = {**asdict(number), "languages": " ".join(number.languages)}
        marks = ", ".join("?" * len(COLUMNS))
        self._host.change(
            f"INSERT OR REPLACE INTO microblog_number ({', '.join(COLUMNS)}) VALUES ({marks})",  # noqa: S608
            tuple(values[name] for name in COLUMNS),
        )
        self.forget()

    def forget(self) -> None:
        """Read again what memory holds: a piece of work that wrote may have failed."""
        self._known.clear()
