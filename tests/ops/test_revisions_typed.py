"""What is typed for a key, as TOML; every form, and that nothing but a reason escapes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.account_settings import AccountSettings, Network
from smppgw.core.operator_settings import OperatorSettings
from smppgw.core.settings import CarrierSettings, RouteSettings, StatusRule
from smppgw.ops.config.schema import keys_of, objects
from smppgw.ops.revisions.typed import place_of, raw_of

GROUPS = tuple[tuple[str, ...], ...]
RULES = dict[str, StatusRule]


@pytest.mark.parametrize(
    ("kind", "text", "raw"),
    [
        (bool, "true", True),
        (bool, "Yes", True),
        (bool, "off", False),
        (int, "20", 20),
        (int, "010", 10),
        (int, "0x34", 0x34),
        (int, "-1", -1),
        (float, "50", 50),
        (float, "0.5", 0.5),
        (float, "5m", "5m"),
        (float, "nonsense", "nonsense"),
        (str, "a b", "a b"),
        (str, "[x]", "[x]"),
        (Network, "10.0.0.0/8", "10.0.0.0/8"),
        (tuple[str, ...], "a, b,c", ["a", "b", "c"]),
        (tuple[str, ...], "", []),
        (tuple[str, ...], '["a,b", "c"]', ["a,b", "c"]),
        (GROUPS, "a,b", ["a", "b"]),
        (GROUPS, "a+b,c", [["a", "b"], "c"]),
        (GROUPS, '[["a", "b"], "c"]', [["a", "b"], "c"]),
        (dict[str, str], "0x03=gsm7, 0x04=binary", {"0x03": "gsm7", "0x04": "binary"}),
        (dict[str, str], "", {}),
        (dict[str, str], '{ 0x03 = "gsm7" }', {"0x03": "gsm7"}),
        (
            RULES,
            "0x58.action=pause,0x58.delay=5s,ESME_RMSGQFUL.action=retry,0x58.tries=3",
            {"0x58": {"action": "pause", "delay": "5s", "tries": 3},
             "ESME_RMSGQFUL": {"action": "retry"}},
        ),
        (RULES, '{0x58 = {action = "fail"}}', {"0x58": {"action": "fail"}}),
        (StatusRule, "action=fail,delay=2", {"action": "fail", "delay": 2}),
    ],
)  # fmt: skip
def test_what_is_typed(kind: Any, text: str, raw: Any) -> None:
    found = raw_of(kind, text)
    assert found == raw
    assert type(found) is type(raw)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (bool, "maybe", '"maybe" is neither true nor false'),
        (int, "many", '"many" is not a whole number'),
        (int, "1.5", '"1.5" is not a whole number'),
        (tuple[str, ...], "[a, b]", '"[a, b]" is not valid TOML'),
        (dict[str, str], "{x", '"{x" is not valid TOML'),
        (dict[str, str], "gsm7", '"gsm7" is no k=v'),
        (RULES, "0x58=fail", '"0x58" is no ENTRY.KEY'),
        (RULES, "0x58.acton=fail", 'unknown key "acton", did you mean "action"?'),
        (StatusRule, "tries=x", '"x" is not a whole number'),
    ],
)
def test_what_cannot_be_meant(kind: Any, text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        raw_of(kind, text)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("cls", "dotted", "path"),
    [
        (AccountSettings, "window", ("window",)),
        (AccountSettings, "data_codings.0x03", ("data_codings", "0x03")),
        (CarrierSettings, "statuses.0x58", ("statuses", "0x58")),
        (CarrierSettings, "statuses.0x58.delay", ("statuses", "0x58", "delay")),
        (RouteSettings, "carriers", ("carriers",)),
    ],
)
def test_where_a_key_stands(cls: type, dotted: str, path: tuple[str, ...]) -> None:
    assert place_of(cls, dotted)[0] == path


def test_the_type_is_that_of_what_stands_there() -> None:
    assert place_of(CarrierSettings, "statuses.0x58.delay")[1] is float
    assert place_of(CarrierSettings, "statuses.0x58")[1] is StatusRule
    assert place_of(AccountSettings, "data_codings.0x03")[1] is str


@pytest.mark.parametrize(
    ("cls", "dotted", "reason"),
    [
        (AccountSettings, "windw", 'unknown key "windw", did you mean "window"?'),
        (AccountSettings, "", 'unknown key ""'),
        (AccountSettings, "window.x", '"window" has no keys of its own'),
        (AccountSettings, "data_codings.", '"data_codings." ends too early'),
        (AccountSettings, "data_codings.0x03.x", '"data_codings.0x03" has no keys of its own'),
        (CarrierSettings, "statuses.0x58.dely", 'unknown key "dely", did you mean "delay"?'),
    ],
)
def test_keys_that_are_none(cls: type, dotted: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        place_of(cls, dotted)
    assert str(caught.value) == reason


KINDS = [key.kind for cls in (*objects().values(), StatusRule) for key in keys_of(cls).values()]


@given(st.sampled_from(KINDS), st.text() | st.text("[]{}=,.+0x\"'a", max_size=30))
def test_only_a_reason_escapes(kind: Any, text: str) -> None:
    try:
        raw_of(kind, text)
    except ValueError as error:
        assert str(error)  # noqa: PT017


@given(
    st.sampled_from([AccountSettings, CarrierSettings, OperatorSettings]),
    st.text() | st.text(".statuses0x", max_size=20),
)
def test_only_a_reason_escapes_from_keys(cls: type, dotted: str) -> None:
    try:
        place_of(cls, dotted)
    except ValueError as error:
        assert str(error)  # noqa: PT017
