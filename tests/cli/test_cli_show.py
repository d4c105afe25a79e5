"""What `status` and `message` say to people, in situations that are hard to bring about."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest

from smppgw.cli.output import WIDTH
from smppgw.core.receipt_ids import IdForms
from smppgw.core.status import status_text
from smppgw.ops.life_text import life_text
from smppgw.ops.status_text import status_text as shown_status

LINK = {
    "carrier": "fr-a",
    "link": "fr-a#1",
    "kind": "transceiver",
    "state": "bound",
    "reason": "",
    "host": "smsc.example.net",
    "port": 2775,
    "in_flight": 3,
    "window": 10,
    "since": "2026-01-31T12:00:00.000Z",
    "next_attempt": None,
}
CARRIER = {
    "carrier": "fr-a",
    "enabled": True,
    "usable": True,
    "held": False,
    "paused_until": None,
    "pause_reason": "",
    "last_refusal": "",
    "in_flight": 3,
    "window": 10,
    "waiting": 0,
    "receipt_ids": "as in submit_sm_resp (learned from 25 receipts: exact 25, trimmed 0)",
}
LINE = {
    "name": "agg1",
    "accepted": 10,
    "delivered": 4,
    "undeliverable": 1,
    "expired": 0,
    "cancelled": 0,
    "rejected": 2,
    "unknown": 0,
    "moved": 0,
    "pending": 3,
    "counted": 3,
    "balanced": True,
}
STATUS: dict[str, Any] = {
    "version": "0.1.0",
    "process": 42,
    "time": "2026-01-31T12:30:00.000Z",
    "uptime_s": 7300.0,
    "links": [LINK],
    "carriers": [CARRIER],
    "accounts": [],
    "binds": [],
    "binds_left_out": 0,
    "rates": {
        "accepted": {"1": 1234.5, "10": 99.0, "60": 0.0},
        "sent": {"1": 1.0, "10": 2.0, "60": 3.0},
    },
    "queues": [],
    "ledger": {
        "balanced": True,
        "not_counted": "",
        "accounts": [LINE],
        "carriers": [{**LINE, "name": "fr-a"}],
    },
    "receipts": {"matched": 1234, "early": 2, "orphans": 3, "duplicates": 4},
    "inbox": {"received": 5, "unrouted": 6, "partial": 7, "assembling": 8},
    "store": {"trouble": "", "behind": 7, "commits": 8, "log": 1024, "file": 2048},
    "memory": {"rss": 64 * 1024**2},
}
LONG = "0x58 throttled; " * 20


def shown(**changes: Any) -> str:
    found = deepcopy(STATUS)
    found.update(changes)
    lines = shown_status(found, WIDTH)
    assert all(len(line) <= WIDTH for line in lines), max(lines, key=len)
    return "\n".join(lines)


def test_the_head_says_who_speaks() -> None:
    assert shown().startswith(
        "smppgw 0.1.0, process 42, up 2 h, 2026-01-31 12:30:00 UTC, memory 64.0 MiB\n"
    )


def test_a_link_that_is_bound() -> None:
    assert (
        "fr-a#1  transceiver  bound  smsc.example.net:2775    3/10  2026-01-31 12:00:00\n"
        in shown()
    )


def test_a_link_that_waits_says_until_when_and_why() -> None:
    link = {
        **LINK,
        "state": "waiting",
        "since": None,
        "reason": "no route to host",
        "next_attempt": "2026-01-31T12:30:07.000Z",
    }
    assert "\n  fr-a#1: again 12:30:07: no route to host\n" in shown(links=[link])


def test_a_long_reason_is_whole() -> None:
    text = shown(links=[{**LINK, "state": "refused", "reason": LONG}])
    assert "…" not in text
    assert " ".join(text.split()).count("0x58 throttled;") == 20


def test_a_link_of_a_disabled_carrier_has_been_nowhere() -> None:
    link = {**LINK, "state": "disabled", "host": "", "port": 0, "since": None}
    assert "fr-a#1  transceiver  disabled  -" in shown(links=[link])


def test_binds_have_a_table_when_there_are_any() -> None:
    assert "BIND" not in shown()
    assert "\nno binds\n" in shown()
    bind = {
        "bind": "agg1#1",
        "kind": "receiver",
        "peer": "[::1]:5",
        "since": "2026-01-31T12:00:00.000Z",
        "unanswered": 1,
        "window": 50,
        "deliveries": 2,
        "delivery_window": 40,
        "received": 3,
    }
    assert re.search(r"agg1#1 +receiver +\S+ +1/50 +2/40 +3 ", shown(binds=[bind]))


def test_a_carrier_that_is_paused_held_or_refusing() -> None:
    until = "2026-01-31T12:31:00.000Z"
    paused = {**CARRIER, "paused_until": until, "pause_reason": LONG}
    assert "carrier fr-a: paused until 12:31:00: 0x58 throttled" in shown(carriers=[paused])
    held = {**CARRIER, "held": True, "waiting": 12345}
    assert "carrier fr-a: held by an operator, 12,345 wait" in shown(carriers=[held])
    refusing = {**CARRIER, "last_refusal": LONG}
    assert "refusal      fr-a: 0x58 throttled" in shown(carriers=[refusing])
    assert "carrier fr-a" not in shown()


def test_what_is_wrong_comes_first() -> None:
    assert "problems" not in shown()
    text = shown(
        carriers=[{**CARRIER, "held": True, "waiting": 5}],
        store={**STATUS["store"], "trouble": "disk full"},
        ledger={**STATUS["ledger"], "balanced": False},
    )
    assert text.splitlines()[1:7] == [
        "",
        "problems",
        "  store: disk full; new messages are refused",
        "  carrier fr-a: held by an operator, 5 wait",
        "  ledger: pending and counted differ",
        "",
    ]


def test_queues_with_the_age_of_their_oldest() -> None:
    queue = {"carrier": "fr-a", "class": "bulk", "depth": 1_000_000, "oldest_s": 7300.0}
    assert "fr-a   bulk   1000000     2 h" in shown(queues=[queue])
    assert "QUEUE" not in shown()


def test_binds_that_were_left_out_are_counted() -> None:
    assert "and 1,234 more" in shown(binds_left_out=1234)


def test_the_ledger_in_its_three_states() -> None:
    assert "the ledger balances" in shown()
    ledger = {**STATUS["ledger"], "balanced": False}
    assert "THE LEDGER DOES NOT BALANCE" in shown(ledger=ledger)
    ledger = {**STATUS["ledger"], "balanced": None, "not_counted": "it took too long"}
    assert "not proved: it took too long" in shown(ledger=ledger)


def test_a_line_of_the_ledger() -> None:
    assert (
        "ACCOUNT  ACCEPTED  DELIVRD  UNDELIV  REJECTD  PENDING\n"
        "agg1           10        4        1        2        3\n"
    ) in shown()
    assert "COUNTED" not in shown()
    assert 'said no more than "accepted"' not in shown()
    unknown = {**STATUS["ledger"], "accounts": [{**LINE, "unknown": 1}]}
    assert 'said no more than "accepted"' in shown(ledger=unknown)
    none = {**STATUS["ledger"], "accounts": [], "carriers": []}
    assert "ACCOUNT" not in shown(ledger=none)


def test_what_was_counted_is_shown_where_it_differs() -> None:
    line = {**LINE, "counted": 4, "balanced": False}
    ledger = {**STATUS["ledger"], "balanced": False, "accounts": [line]}
    text = shown(ledger=ledger)
    assert "1        2        3        4\n" in text
    assert text.count("COUNTED") == 2


def test_names_give_way_to_figures() -> None:
    big = {key: 9_999_999 if isinstance(value, int) else value for key, value in LINE.items()}
    line = {**big, "name": "an-account-name", "balanced": False}
    text = shown(ledger={**STATUS["ledger"], "accounts": [line], "carriers": [line]})
    assert text.count("9999999") == 9 + 10


def test_trouble_of_the_store_stands_out() -> None:
    store = {**STATUS["store"], "trouble": "disk full"}
    assert "store: disk full; new messages are refused" in shown(store=store)


def test_the_form_of_ids_without_its_statistics() -> None:
    ids = "receipt ids  fr-a: "
    assert f"{ids}as in submit_sm_resp (learned from 25 receipts)" in shown().splitlines()
    forms = IdForms()
    forms.learned("exact")
    unknown = {**CARRIER, "receipt_ids": forms.describe().removeprefix("receipt ids: ")}
    assert f"{ids}not learned yet (1 of 20 receipts)" in shown(carriers=[unknown]).splitlines()


def test_memory_that_the_system_does_not_tell() -> None:
    assert "memory unknown" in shown(memory={"rss": None})


# ---------------------------------------------------------------------- message

LIFE: dict[str, Any] = {
    "id": "0a" * 8,
    "submit_multi": None,
    "source": "",
    "destination": "+3361234****",
    "class": "codes",
    "state": "WAITING",
    "accepted": {
        "at": "2026-01-31T12:00:00.000Z",
        "account": "agg1",
        "bind": "agg1#1",
        "sequence_number": 7,
        "expires": "2026-02-02T12:00:00.000Z",
        "due": None,
        "registered_delivery": 0,
    },
    "attempts": 1,
    "last_refusal": None,
    "routed": {"carrier": "", "tried": []},
    "sent": None,
    "answered": None,
    "receipt": None,
    "ended": None,
    "forwarded": None,
    "waits_for": None,
    "trail": [],
    "part_of": None,
    "parts": [],
    "joined_in": None,
    "joined_from": [],
}


def told(**changes: Any) -> list[str]:
    lines = life_text({**LIFE, **changes}, WIDTH)
    assert all(len(line) <= WIDTH for line in lines)
    return lines


def test_a_message_nothing_has_happened_to() -> None:
    assert told() == [
        "message 0a0a0a0a0a0a0a0a: WAITING",
        "  from (no sender) to +3361234****, class codes, carrier (none yet)",
        "  2026-01-31 12:00:00.000  accepted   from agg1#1 sequence 7; receipt not asked for",
    ]


def test_steps_are_told_in_the_order_of_time() -> None:
    lines = told(
        trail=[
            {"at": "2026-01-31T12:00:03.000Z", "event": "third"},
            {"at": "2026-01-31T12:00:01.000Z", "event": "first"},
        ],
        sent={
            "at": "2026-01-31T12:00:02.000Z",
            "link": "fr-a#1",
            "sequence_number": 9,
            "attempts": 2,
            "possible_duplicate": True,
        },
    )
    assert "first" in lines[3]
    assert lines[4].endswith("sent       on fr-a#1 sequence 9, attempt 2; possible duplicate")
    assert "third" in lines[5]


def test_a_report_without_a_time_stays_behind_what_came_before() -> None:
    answered = {"at": "2026-01-31T12:00:02.000Z", "status": "ok", "remote_id": "77"}
    receipt = {"at": None, "state": "ENROUTE", "err": ""}
    lines = told(answered=answered, receipt=receipt)
    assert lines[-2].endswith("answered   ok; message_id 77")
    assert lines[-1].split() == ["receipt", "ENROUTE"]


def test_an_end_that_is_no_receipt() -> None:
    ended = {"at": "2026-01-31T12:00:02.000Z", "state": "EXPIRED", "why": "validity_period ended"}
    assert told(state="EXPIRED", ended=ended)[-1].endswith(
        "ended      EXPIRED: validity_period ended"
    )


def test_an_end_by_receipt_is_told_once() -> None:
    at = "2026-01-31T12:00:02.000Z"
    lines = told(
        state="DELIVERED",
        receipt={"at": at, "state": "DELIVERED", "err": "000"},
        ended={"at": at, "state": "DELIVERED", "why": "by the receipt of the carrier"},
    )
    assert lines[-1].endswith("receipt    DELIVERED err 000")
    assert not any("ended" in line for line in lines)


def test_where_it_was_before_and_what_it_is_part_of() -> None:
    routed = {"carrier": "c", "tried": ["a", "b"]}
    lines = told(routed=routed, submit_multi="0b" * 8)
    assert lines[0] == "message 0a0a0a0a0a0a0a0a, of submit_multi 0b0b0b0b0b0b0b0b: WAITING"
    assert lines[1].endswith("carrier c (before: a, b)")


def test_what_a_status_means_is_said_once() -> None:
    words = status_text(0x58)
    lines = told(
        attempts=3,
        answered={"at": "2026-01-31T12:00:02.000Z", "status": words, "remote_id": ""},
        last_refusal=words,
        waits_for=f"its turn at a: paused until 2026-01-31 12:00:09.000 ({words})",
    )
    text = " ".join(" ".join(lines).split())
    assert text.count(words) == 1
    assert "3 attempts, last refusal ESME_RTHROTTLED (0x58) waits for its turn" in text
    assert text.endswith("(ESME_RTHROTTLED (0x58))")


@pytest.mark.parametrize(("attempts", "says"), [(0, False), (1, False), (2, True)])
def test_attempts_are_told_when_there_were_several(attempts: int, says: bool) -> None:
    assert (f"  {attempts} attempts" in told(attempts=attempts)) is says


@pytest.mark.parametrize("field", ["trail", "waits_for"])
def test_long_reasons_are_folded(field: str) -> None:
    at = "2026-01-31T12:00:02.000Z"
    value: Any = [{"at": at, "event": LONG}] if field == "trail" else LONG
    lines = told(**{field: value})
    assert " ".join(" ".join(lines).split()).count("0x58 throttled;") == 20


def test_messages_from_phones() -> None:
    line = "MOs          5 received, 6 unrouted, 7 partial, 8 assembling"
    assert line in shown().splitlines()
