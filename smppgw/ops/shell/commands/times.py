"""Moments as operators write them: `10m` (ago), `14:30`, `2026-11-20`, `2026-11-20T14:30:05`.

Owns: how they are read, in UTC. Refuses to know: commands.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from smppgw.core.command import CommandError

_AGO = re.compile(r"(\d{1,6})(s|m|min|h|d)")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
FORMS = "10m, 2h, 3d (ago), 14:30, 2026-11-20 or 2026-11-20T14:30, in UTC"


def moment_of(text: str, now: float) -> float:
    """Unix time of a moment; a time of day is the last one that has passed.

    `now` is in seconds. Raises CommandError.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - int(ago[1]) * _UNITS[ago[2]]
    today = datetime.fromtimestamp(now, UTC)
    try:
        clock = _CLOCK.fullmatch(text)
        if clock is not None:
            hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
            found = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
            return (found if found <= today else found - timedelta(days=1)).timestamp()
        if not text[:4].isdecimal() or text[4:5] != "-":
            raise ValueError(text)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise CommandError(f"{text!r} is no time; write {FORMS}", "usage") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
