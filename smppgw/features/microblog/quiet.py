"""When a phone is to be left alone.

Owns: quiet times by the clock on somebody's wall, and silence somebody asked for. Pure.
Refuses to know: what waits until their end (`delivery`).
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from smppgw.features.microblog.users import User

MINUTES = 60


def quiet_until(user: User, now: int) -> int:
    """When a quiet time or silence of a user ends; 0 when there is none now.

    Milliseconds since 1970. A quiet time that begins when it ends is none.
    """
    return max(_night_until(user, now), user.hushed_until if user.hushed_until > now else 0)


def _night_until(user: User, now: int) -> int:
    begin, end = _time(user.quiet_from), _time(user.quiet_to)
    if begin == end:
        return 0
    here = datetime.fromtimestamp(now / 1000, zone(user.zone))
    clock = here.time().replace(tzinfo=None)
    within = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not within:
        return 0
    day = here.date() + timedelta(days=1 if clock >= end else 0)
    over = datetime.combine(day, end, here.tzinfo)
    return int(over.astimezone(UTC).timestamp() * 1000)


def night_end(user: User, now: int) -> int:
    """When the next quiet time of a user ends."""
    here = datetime.fromtimestamp(now / 1000, zone(user.zone))
    end = _time(user.quiet_to)
    day = here.date() + timedelta(days=0 if here.time().replace(tzinfo=None) < end else 1)
    return int(datetime.combine(day, end, here.tzinfo).astimezone(UTC).timestamp() * 1000)


def zone(name: str) -> ZoneInfo:
    """A time zone by its name; UTC for one that does not exist."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _time(minutes: int) -> time:
    return time(minutes // MINUTES % 24, minutes % MINUTES)


def said(moment: int, name: str) -> str:
    """A moment (milliseconds since 1970) on somebody's wall: `31/12 23:59`."""
    return datetime.fromtimestamp(moment / 1000, zone(name)).strftime("%d/%m %H:%M")
