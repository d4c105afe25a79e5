"""Absolute and relative times as SMPP writes them.

Owns: `YYMMDDhhmmsstnnp` in both forms, and the shorter dates query_sm_resp is seen with.
Refuses to know: the clock (now is an argument), what an absent time means to a message, the dates
inside delivery receipts.
Source: SMPP 3.4 section 7.1.1.

Absolute: local time, tenths `t`, `nn` quarter hours from UTC, `p` + when local time is ahead of
UTC and - when behind. Relative: years to seconds to add to now, `000R`. Two-digit years are 20YY.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Final

_SIZE: Final = 16
_MOST_QUARTERS: Final = 48
_LONGEST_RELATIVE: Final = timedelta(days=31)


class TimeError(ValueError):
    """A text is not an SMPP time, or a time cannot be written as one."""


def parse_time(text: str, now: datetime) -> datetime | None:
    """The instant a schedule_delivery_time or validity_period means, aware, in UTC.

    None for "" and for a relative time of nothing: both leave the choice to the message centre.
    Months and years are calendar ones, the day clamped to the end of the month. `now` is aware.
    Raises TimeError for anything but 0 or 16 characters of the format.
    """
    if not text:
        return None
    if len(text) != _SIZE or text[-1] not in "+-R":
        raise TimeError(f"{len(text)} characters, or neither +, - nor R at the end")
    if text[-1] == "R":
        return _parse_relative(text, now)
    return _parse_absolute(text)


def parse_final_date(text: str) -> datetime | None:
    """The instant of a query_sm_resp, aware, in UTC; None for "" (not final yet).

    16 characters are an absolute time. Peers also write 10 (YYMMDDhhmm), 12 (YYMMDDhhmmss, or
    YYYYMMDDhhmm when that is no date) and 14 digits (YYYYMMDDhhmmss), taken as UTC.
    Raises TimeError for anything else.
    """
    size = len(text)
    if not size:
        return None
    if size == _SIZE and text[-1] != "R":
        return _parse_absolute(text)
    if size == 10:
        return _date(_numbers("20" + text))
    if size == 14:
        return _date(_numbers(text))
    if size != 12:
        raise TimeError(f"{size} characters are no date")
    try:
        return _date(_numbers("20" + text))
    except TimeError:
        return _date(_numbers(text))


def format_absolute(instant: datetime) -> str:
    """An aware time as 16 characters in UTC, cut to tenths of a second.

    Raises TimeError for a naive time or a year outside 2000 to 2099.
    """
    if instant.tzinfo is None:
        raise TimeError("a time without a zone")
    utc = instant.astimezone(UTC)
    if not 2000 <= utc.year <= 2099:
        raise TimeError(f"year {utc.year}")
    return f"{utc:%y%m%d%H%M%S}{utc.microsecond // 100_000}00+"


def format_relative(period: timedelta) -> str:
    """A period as 16 characters of days and less, rounded up to whole seconds.

    Raises TimeError when it is not positive (all zero would mean the default) or exceeds 31 days:
    peers disagree about the length of a month, so a longer one is written as an absolute time.
    """
    if not timedelta(0) < period <= _LONGEST_RELATIVE:
        raise TimeError(f"a period of {period}")
    seconds = -(-period // timedelta(seconds=1))
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02}{hour:02}{minute:02}{second:02}000R"


def _numbers(digits: str) -> list[int]:
    # isdigit alone would take the superscripts of latin-1.
    if not (digits.isascii() and digits.isdigit()):
        raise TimeError("not digits")
    pairs = [int(digits[at : at + 2]) for at in range(4, len(digits), 2)]
    return [int(digits[:4]), *pairs]


def _date(numbers: list[int], tenth: int = 0) -> datetime:
    year, month, day, *rest = numbers
    hour, minute, second = (*rest, 0)[:3]
    try:
        return datetime(year, month, day, hour, minute, second, tenth * 100_000, UTC)
    except ValueError as fault:
        raise TimeError(str(fault)) from None


def _parse_absolute(text: str) -> datetime:
    if text[-1] not in "+-":
        raise TimeError("neither + nor - at the end")
    local = _numbers("20" + text[:12])
    tenth, quarters = divmod(_number(text[12:15]), 100)
    if quarters > _MOST_QUARTERS:
        raise TimeError(f"{quarters} quarter hours from UTC")
    offset = timedelta(minutes=15 * quarters)
    instant = _date(local, tenth)
    return instant - offset if text[-1] == "+" else instant + offset


def _number(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise TimeError("not digits")
    return int(digits)


def _parse_relative(text: str, now: datetime) -> datetime | None:
    _number(text[:15])
    years, months, days, hours, minutes, seconds = (
        int(text[at : at + 2]) for at in range(0, 12, 2)
    )
    period = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not (years or months or period):
        return None
    start = now.astimezone(UTC)
    whole_months = start.year * 12 + start.month - 1 + years * 12 + months
    year, month = divmod(whole_months, 12)
    try:
        day = min(start.day, monthrange(year, month + 1)[1])
        return start.replace(year=year, month=month + 1, day=day) + period
    except (ValueError, OverflowError) as fault:
        raise TimeError(str(fault)) from None
