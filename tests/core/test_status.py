"""Statuses: reading them, their words, the built-in policy, an operator's rules, delays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.settings import StatusRule
from smppgw.core.status import (
    BUILT_IN,
    FAIL,
    StatusPolicy,
    delay,
    parse_status,
    status_text,
)
from smppgw.smpp.wire import CommandStatus

ALL = st.sampled_from(list(CommandStatus))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("0x58", 0x58),
        ("0X58", 0x58),
        ("0x00000058", 0x58),
        ("0x42E", 0x42E),
        ("0x42e", 0x42E),
        ("0xFFFFFFFF", 0xFFFFFFFF),
        ("0x0", 0),
        ("ESME_RTHROTTLED", 0x58),
        ("esme_rthrottled", 0x58),
        ("RTHROTTLED", 0x58),
        (" rmsgqful ", 0x14),
        ("ESME_ROK", 0),
        ("ESME_RINVTLVSTREAM", 0xC0),
        ("ESME_RINVOPTPARSTREAM", 0xC0),
        ("ESME_ROPTPARNOTALLWD", 0xC1),
        ("RINVPARLEN", 0xC2),
        ("ESME_RMISSINGOPTPARAM", 0xC3),
        ("ESME_RINVOPTPARAMVAL", 0xC4),
    ],
)
def test_a_status_is_read_by_number_or_name(text: str, status: int) -> None:
    assert parse_status(text) == status


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("58", "write 0x"),
        ("88", "write 0x"),
        ("0x", "hexadecimal"),
        ("0xZZ", "hexadecimal"),
        ("0x1_0", "hexadecimal"),
        ("0x+1", "hexadecimal"),
        ("0x100000000", "hexadecimal"),
        ("ESME_RTHROTLED", "did you mean .ESME_RTHROTTLED"),
        ("RMSGQFULL", "did you mean .ESME_RMSGQFUL"),
        ("", "not the name"),
        ("-1", "not the name"),
        ("kaputt", "not the name"),
    ],
)
def test_what_is_no_status_is_refused_with_advice(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_status(text)


@given(ALL)
def test_every_name_is_read_back(status: CommandStatus) -> None:
    assert parse_status(status.name) == status
    assert parse_status(f"0x{status:08x}") == status


@given(st.text(max_size=20))
def test_reading_raises_nothing_but_value_error(text: str) -> None:
    try:
        assert 0 <= parse_status(text) <= 0xFFFFFFFF
    except ValueError as error:
        assert repr(text) in str(error)  # noqa: PT017


@given(ALL)
def test_every_standard_status_has_words(status: CommandStatus) -> None:
    text = status_text(status)
    assert text.startswith(f"{status.name} (0x{status:02X}): ")
    assert len(text.split(": ", 1)[1]) > 5
    assert text == status_text(int(status))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0x04, "bind state"),
        (0x05, "bind limit or another session open"),
        (0x0D, "allow-list"),
        (0x0E, "password"),
        (0x0F, "system_id"),
        (0x53, "system_type"),
        (0x58, "throughput"),
        (0x101, "which kind of bind"),
    ],
)
def test_statuses_that_stop_a_bind_come_with_advice(status: int, words: str) -> None:
    assert "advice: " in status_text(status)
    assert words in status_text(status)


def test_statuses_outside_the_standard_keep_their_number() -> None:
    assert status_text(0x42E).startswith("0x42E: not in the standard")
    assert "vendor range" in status_text(0x42E)
    assert status_text(0x22).startswith("0x22: not in the standard")
    assert "vendor range" not in status_text(0x22)
    assert status_text(0xFFFFFFFF).startswith("0xFFFFFFFF: ")


@pytest.mark.parametrize(
    ("status", "first", "longest"), [(0x58, 1.0, 30.0), (0x14, 5.0, 60.0), (0x04, 1.0, 30.0)]
)
def test_what_concerns_the_link_pauses_it_without_limit(
    status: int, first: float, longest: float
) -> None:
    rule = StatusPolicy().rule(status)
    assert (rule.action, rule.tries) == ("pause", 0)
    assert (delay(rule, 1), delay(rule, 2), delay(rule, 100)) == (first, 2 * first, longest)


@pytest.mark.parametrize("status", [0x08, 0x64, 0x45, 0xFF])
def test_what_may_pass_is_tried_again_a_few_times(status: int) -> None:
    rule = StatusPolicy().rule(status)
    assert rule.action == "retry"
    assert 1 < rule.tries < 10
    assert delay(rule, 1) == 10.0


@pytest.mark.parametrize(
    "status", [0x01, 0x0A, 0x0B, 0x11, 0x15, 0x43, 0x61, 0x65, 0x66, 0xC4, 0xFE, 0x104]
)
def test_what_will_not_get_better_fails_at_once(status: int) -> None:
    assert StatusPolicy().rule(status).action == "fail"


@given(st.integers(0, 0xFFFFFFFF).filter(lambda status: status not in BUILT_IN))
def test_unknown_statuses_fail(status: int) -> None:
    assert StatusPolicy().rule(status) is FAIL


def test_the_rules_of_a_carrier_go_over_the_built_in_ones() -> None:
    mine = StatusRule(action="reroute", delay=0.0, tries=3)
    policy = StatusPolicy({"0x58": mine, "ESME_RINVDSTADR": mine, "0x42E": mine})
    assert policy.rule(0x58) is policy.rule(0x0B) is policy.rule(0x42E) is mine
    assert policy.rule(0x14) == BUILT_IN[0x14]
    assert StatusPolicy().rule(0x58) == BUILT_IN[0x58], "other carriers keep theirs"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("ESME_RTHROTLED",), "did you mean"),
        (("88",), "write 0x"),
        (("0x0",), "success"),
        (("ESME_ROK",), "success"),
        (("0x58", "ESME_RTHROTTLED"), "two rules"),
        (("0xC0", "RINVOPTPARSTREAM"), "two rules"),
    ],
)
def test_bad_rules_are_refused(keys: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StatusPolicy(dict.fromkeys(keys, FAIL))


def test_delays_double_up_to_the_longest() -> None:
    rule = StatusRule(action="retry", delay=10.0, max_delay=300.0)
    assert [delay(rule, attempt) for attempt in range(1, 8)] == [10, 20, 40, 80, 160, 300, 300]


def test_no_delay_is_no_delay_and_the_longest_is_the_longest() -> None:
    assert delay(StatusRule(action="retry", delay=0.0), 50) == 0.0
    assert delay(StatusRule(action="retry", delay=90.0, max_delay=60.0), 1) == 60.0


@given(
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.integers(-5, 10**12),
)
def test_delays_never_shrink_nor_pass_the_longest(
    first: float, longest: float, attempt: int
) -> None:
    rule = StatusRule(action="pause", delay=first, max_delay=longest)
    assert 0.0 <= delay(rule, attempt) <= delay(rule, attempt + 1) <= longest


def test_the_built_in_table_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        BUILT_IN[0x58] = FAIL  # type: ignore[index]


@given(ALL, st.integers(1, 20))
def test_every_built_in_rule_can_be_followed(status: CommandStatus, attempt: int) -> None:
    rule = StatusPolicy().rule(status)
    assert rule.action in {"pause", "retry", "fail"}
    if rule.action != "fail":
        assert delay(rule, attempt) >= 1.0, "never at once: that would be a storm"
