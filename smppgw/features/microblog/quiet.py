"""When a phone is to be left alone.

Owns: quiet times by the clock on somebody's wall, and silence somebody asked for. Pure.
Refuses to know: what waits until their end (`delivery`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from smppgw.core.words import folded

MINUTES = 60
MINUTE = 60_000
MOST_KINDS = 10_000
"""Different quiet times that are remembered at a time."""
OFF = ("OFF", "NON", "NO")
_QUIET = re.compile(
    r"([01]?\d|2[0-3])(?:[:h]([0-5]\d)?)?-([01]?\d|2[0-3])(?:[:h]([0-5]\d)?)?", re.ASCII
)


class Sleeper(Protocol):
    """Whoever has quiet times: minutes of the day on its wall, and a zone by name."""

    @property
    def quiet_from(self) -> int:
        """When it begins."""
        ...

    @property
    def quiet_to(self) -> int:
        """When it ends; the same as the beginning: never."""
        ...

    @property
    def zone(self) -> str:
        """Its time zone."""
        ...

    @property
    def hushed_until(self) -> int:
        """The end of a silence, in milliseconds since 1970."""
        ...


class Nights:
    """Quiet times, worked out once a minute for all alike: they begin and end with a minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._ends: dict[tuple[str, int, int], int] = {}

    def until(self, one: Sleeper, now: int) -> int:
        """When a quiet time or silence ends; 0 when there is none now (milliseconds since 1970)."""
        minute = now // MINUTE
        if minute != self._minute or len(self._ends) >= MOST_KINDS:
            self._minute, self._ends = minute, {}
        key = (one.zone, one.quiet_from, one.quiet_to)
        end = self._ends.get(key)
        if end is None:
            end = self._ends[key] = _night_until(one, now)
        return max(end, one.hushed_until) if one.hushed_until > now else end


def quiet_until(one: Sleeper, now: int) -> int:
    """When a quiet time or silence ends; 0 when there is none now.

    Milliseconds since 1970. A quiet time that begins when it ends is none.
    """
    return Nights().until(one, now)


def _night_until(one: Sleeper, now: int) -> int:
    begin, end = _time(one.quiet_from), _time(one.quiet_to)
    if begin == end:
        return 0
    here = datetime.fromtimestamp(now / 1000, zone(one.zone))
    clock = here.time().replace(tzinfo=None)
    within = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not within:
        return 0
    return _next(here, end, now)


def night_end(one: Sleeper, now: int) -> int:
    """When the next quiet time ends."""
    here = datetime.fromtimestamp(now / 1000, zone(one.zone))
    return _next(here, _time(one.quiet_to), now)


def _next(here: datetime, clock: time, now: int) -> int:
    """When a clock on the wall next shows a time, after now.

    Where clocks go back, an hour comes twice: its first time may be over. Where they go forward,
    a time that is left out comes as much later.
    """
    for days in range(3):
        day = here.date() + timedelta(days=days)
        for fold in (0, 1):
            then = datetime.combine(day, clock.replace(fold=fold), here.tzinfo)
            over = int(then.astimezone(UTC).timestamp() * 1000)
            if over > now:
                return over
    return now + 24 * MINUTES * MINUTE


def zone(name: str) -> ZoneInfo:
    """A time zone by its name; UTC for one that does not exist."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def quiet_named(said: str) -> tuple[int, int] | None:
    """Minutes of the day from which to which somebody wants no posts: `22-7`, `22:30-07:00`.

    Twice the same for OFF; None for what says no times.
    """
    if folded(said) in OFF:
        return 0, 0
    found = _QUIET.fullmatch(said.replace(" ", "").lower())
    if found is None:
        return None
    begin, begin_minutes, end, end_minutes = (int(one or 0) for one in found.groups())
    return begin * MINUTES + begin_minutes, end * MINUTES + end_minutes


def zone_named(said: str) -> str:
    """The time zone that somebody means by its name or by a city's; "" when there is none."""
    return zones().get(folded(said).replace(" ", "_"), "")


@lru_cache(maxsize=1)
def zones() -> dict[str, str]:
    """Every name and city, folded -> its time zone; reads files the first time."""
    names = sorted(available_timezones(), reverse=True)
    cities = {folded(one.rpartition("/")[2]): one for one in names if "/" in one}
    return cities | {folded(one): one for one in names}


def _time(minutes: int) -> time:
    return time(minutes // MINUTES % 24, minutes % MINUTES)


def said(moment: int, name: str) -> str:
    """A moment (milliseconds since 1970) on somebody's wall: `31/12 23:59`."""
    return datetime.fromtimestamp(moment / 1000, zone(name)).strftime("%d/%m %H:%M")
