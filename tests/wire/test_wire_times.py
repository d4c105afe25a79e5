"""Times: the vectors, calendar arithmetic, formats."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.smpp.wire.times import (
    TimeError,
    format_absolute,
    format_relative,
    parse_final_date,
    parse_time,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "times.json").read_text())["vectors"]
NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)

instants = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - the zone is added by hypothesis
    datetime(2099, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def of(*kinds: str) -> list[Any]:
    return [pytest.param(each, id=each["text"]) for each in VECTORS if each["kind"] in kinds]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.mark.parametrize("vector", of("absolute"))
def test_absolute_vectors(vector: dict[str, Any]) -> None:
    assert parse_time(vector["text"], NOW) == utc(vector["utc"])
    assert parse_final_date(vector["text"]) == utc(vector["utc"])


@pytest.mark.parametrize("vector", of("relative"))
def test_relative_vectors(vector: dict[str, Any]) -> None:
    now = utc(vector.get("now", "2026-01-31T12:00:00Z"))
    years, months, days, hours, minutes, seconds = vector["parts"]
    found = parse_time(vector["text"], now)
    if "utc" in vector:
        assert found == utc(vector["utc"])
    elif not any(vector["parts"]):
        assert found is None
    elif not years and not months:
        assert found == now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    else:
        # 7 years and 12 months after 2026-01-31 is 2034-01-31; then the days.
        assert vector["text"] == "071226124610000R"
        assert found == datetime(2034, 2, 27, 0, 46, 10, tzinfo=UTC)


@pytest.mark.parametrize("vector", of("receipt-10", "receipt-12"))
def test_short_dates(vector: dict[str, Any]) -> None:
    assert parse_final_date(vector["text"]) == utc(vector["utc"])
    with pytest.raises(TimeError):
        parse_time(vector["text"], NOW)


@pytest.mark.parametrize("vector", of("invalid"))
def test_invalid_vectors(vector: dict[str, Any]) -> None:
    with pytest.raises(TimeError):
        parse_time(vector["text"], NOW)
    with pytest.raises(TimeError):
        parse_final_date(vector["text"])


def test_the_file_holds_no_other_kind() -> None:
    kinds = {each["kind"] for each in VECTORS}
    assert kinds == {"absolute", "relative", "receipt-10", "receipt-12", "invalid"}


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ("2026-01-31T12:00:00Z", "000100000000000R", "2026-02-28T12:00:00Z"),
        ("2028-01-31T12:00:00Z", "000100000000000R", "2028-02-29T12:00:00Z"),
        ("2028-02-29T00:00:00Z", "010000000000000R", "2029-02-28T00:00:00Z"),
        ("2026-12-15T00:00:00Z", "000100000000000R", "2027-01-15T00:00:00Z"),
        ("2026-11-30T00:00:00Z", "000300000000000R", "2027-02-28T00:00:00Z"),
        ("2026-01-31T00:00:00Z", "000101000000000R", "2026-03-01T00:00:00Z"),
        ("2026-03-01T00:00:00Z", "000000250000000R", "2026-03-02T01:00:00Z"),
        ("2026-03-01T00:00:00Z", "000000000001948R", "2026-03-01T00:00:01Z"),
    ],
)
def test_relative_arithmetic(now: str, text: str, expected: str) -> None:
    assert parse_time(text, utc(now)) == utc(expected)


def test_now_may_be_in_any_zone() -> None:
    paris = timezone(timedelta(hours=2))
    now = datetime(2026, 7, 1, 1, 0, tzinfo=paris)
    found = parse_time("000000010000000R", now)
    assert found == datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
    assert found.utcoffset() == timedelta(0)


def test_nothing() -> None:
    assert parse_time("", NOW) is None
    assert parse_final_date("") is None
    assert parse_time("000000000000000R", NOW) is None
    assert parse_time("000000000000948R", NOW) is None


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "07092723342980+",
        "0709272334298000+",
        "071327233429800+",
        "070931233429800+",
        "070927236029800+",
        "070927233460800+",
        "07092723342x800+",
        "0709272334298\xb20+",
        "0709272334 9800+",
        "-70927233429800+",
        "070927233429899-",
        "00000000000000xR",
        "000000000000000r",
        "\xb2" * 15 + "R",
    ],
)
def test_faults(text: str) -> None:
    with pytest.raises(TimeError):
        parse_time(text, NOW)


def test_beyond_the_calendar() -> None:
    with pytest.raises(TimeError):
        parse_time("991299999999000R", datetime(9990, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2006102334", "2020-06-10T23:34:00Z"),
        ("200610233413", "2020-06-10T23:34:13Z"),
        # Not YYMMDDhhmmss (month 15), so YYYYMMDDhhmm.
        ("201506201641", "2015-06-20T16:41:00Z"),
        ("20200610233413", "2020-06-10T23:34:13Z"),
        ("160818163456440+", "2016-08-18T06:34:56.4Z"),
    ],
)
def test_final_dates(text: str, expected: str) -> None:
    assert parse_final_date(text) == utc(expected)


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "000001000000000R",
        "160818163456440x",
        "2020061023341",
        "20201310233413",
        "209906312460",
        "abcdefghij",
    ],
)
def test_final_date_faults(text: str) -> None:
    with pytest.raises(TimeError):
        parse_final_date(text)


def test_format_absolute() -> None:
    zone = timezone(timedelta(hours=-5))
    instant = datetime(2026, 1, 2, 22, 4, 5, 678_900, tzinfo=zone)
    assert format_absolute(instant) == "260103030405600+"


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001 - the fault under test
        datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2100, 1, 1, tzinfo=UTC),
    ],
)
def test_absolute_times_that_cannot_be_written(instant: datetime) -> None:
    with pytest.raises(TimeError):
        format_absolute(instant)


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (timedelta(minutes=10), "000000001000000R"),
        (timedelta(days=2), "000002000000000R"),
        (timedelta(days=31), "000031000000000R"),
        (timedelta(hours=23, minutes=34, seconds=29), "000000233429000R"),
        (timedelta(microseconds=1), "000000000001000R"),
    ],
)
def test_format_relative(period: timedelta, text: str) -> None:
    assert format_relative(period) == text


@pytest.mark.parametrize(
    "period", [timedelta(0), timedelta(seconds=-1), timedelta(days=31, seconds=1)]
)
def test_periods_that_cannot_be_written(period: timedelta) -> None:
    with pytest.raises(TimeError):
        format_relative(period)


@given(instants)
def test_absolute_round_trip(instant: datetime) -> None:
    tenths = instant.replace(microsecond=instant.microsecond // 100_000 * 100_000)
    text = format_absolute(instant)
    assert len(text) == 16
    assert parse_time(text, NOW) == tenths
    assert parse_final_date(text) == tenths


@given(st.integers(1, 31 * 86_400), instants)
def test_relative_round_trip(seconds: int, now: datetime) -> None:
    period = timedelta(seconds=seconds)
    assert parse_time(format_relative(period), now) == now + period


@given(instants, st.integers(0, 48), st.sampled_from("+-"))
def test_offsets(instant: datetime, quarters: int, sign: str) -> None:
    text = f"{instant:%y%m%d%H%M%S}0{quarters:02}{sign}"
    ahead = timedelta(minutes=15 * quarters) * (1 if sign == "+" else -1)
    found = parse_time(text, NOW)
    assert found is not None
    assert found + ahead == instant.replace(microsecond=0)


@given(st.text(st.sampled_from("0123456789+-R.: \xb2"), max_size=17))
def test_any_text(text: str) -> None:
    for read in (lambda: parse_time(text, NOW), lambda: parse_final_date(text)):
        try:
            found = read()
        except TimeError:
            continue
        assert found is None or found.utcoffset() == timedelta(0)
