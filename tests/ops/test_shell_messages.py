"""Messages, receipts and MOs in the shell: found, explained, masked, made up, as they happen."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from relay_kit import carrier
from seeing_kit import MASKED, PHONE, Seeing

from smppgw.core.command import CommandError, Role
from smppgw.core.ids import format_id
from smppgw.core.store import search
from smppgw.core.store.engine import Engine
from smppgw.ops.shell.commands import inbound, messages
from smppgw.ops.shell.commands.times import moment_of
from smppgw.ops.shell.completion import common, complete
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

NOW = 1_790_000_000.0
"""2026-09-21 14:13:20 UTC."""


@pytest.fixture
def seeing(tmp_path: Path) -> Seeing:
    return Seeing(tmp_path)


def submit(seeing: Seeing, destination: str = PHONE, **fields: object) -> str:
    """A message that is accepted; its id."""
    bound = seeing.world.relay.accounts["agg1"].binds
    esme = getattr(seeing, "esme", None) or seeing.world.esme("agg1")
    seeing.esme = esme  # type: ignore[attr-defined]
    assert bound
    sequence = esme.submit(destination, **fields)
    seeing.world.settle()
    return esme.id_of(sequence)


# ---------------------------------------------------------------------- explain message


def test_the_life_of_a_message(seeing: Seeing) -> None:
    id = submit(seeing, registered_delivery=1)
    seeing.world.settle(3)
    said = seeing.say(f"explain message {id}")
    assert said[0] == f"message {id}: DELIVERED"
    assert said[1] == f"  from 12345 to {MASKED}, class transactional, carrier fr-a"
    assert "forwarded  receipt to agg1#1" in said[-2]
    assert seeing.json(f"explain message {id}")["state"] == "DELIVERED"


def test_a_message_that_is_not_there(seeing: Seeing) -> None:
    (status,) = seeing.say("explain message 1234")
    assert status.startswith("ERR refused no message has the id '1234'")


def test_numbers_are_shown_to_who_may_and_asks(seeing: Seeing) -> None:
    id = submit(seeing)
    lines = (f"explain message {id}", "find", "show unrouted", "trace bind fr-a#1")
    seeing.as_role(Role.VIEW)
    for line in lines[:3]:
        assert PHONE not in "\n".join(seeing.say(line, 200))
        assert PHONE not in str(seeing.json(line))
    for line in lines:
        (status,) = seeing.say(f"{line} reveal")
        assert status == "ERR denied reveal: only for the role operate"
    seeing.as_role(Role.OPERATE)
    for line in lines[:2]:
        assert PHONE in "\n".join(seeing.say(f"{line} reveal", 200))
        assert PHONE not in "\n".join(seeing.say(line, 200))


def test_ids_are_offered(seeing: Seeing) -> None:
    id = submit(seeing)
    assert f"  {id}" in [line.rstrip() for line in seeing.say("explain message ?")]


def test_ids_are_offered_from_memory_and_from_rows(seeing: Seeing) -> None:
    """Those that begin as typed, a few of them, and their common beginning is that of all."""
    registry = seeing.shell.registry
    ids = [submit(seeing) for _ in range(3)]
    seeing.world.settle(3600)
    ids += [submit(seeing) for _ in range(40)]
    assert not set(ids[:3]) & {format_id(one) for one in seeing.world.engine.live}
    for command in ("explain message ", "find id "):
        _, begun, choices = complete(command, registry, Role.VIEW)
        assert choices == [*reversed(ids[-19:]), ids[0]]
        assert begun == common(ids)
        assert complete(f"{command}{begun}", registry, Role.VIEW)[2] == choices
        old = common(ids[:3])
        assert complete(f"{command}{old}", registry, Role.VIEW)[2] == ids[2::-1]
        assert complete(f"{command}{ids[0]}", registry, Role.VIEW)[1:] == (f"{ids[0]} ", ids[:1])
        for nothing in ("9", "x", ids[0] + "0", "00001"):
            assert complete(f"{command}{nothing}", registry, Role.VIEW)[1:] == ("", [])


# ---------------------------------------------------------------------- find


def found(seeing: Seeing, what: str) -> list[str]:
    return [one["id"] for one in seeing.json(f"find {what}".rstrip())]


def test_finding_by_what_a_message_is(seeing: Seeing) -> None:
    first = submit(seeing, registered_delivery=1)
    other = submit(seeing, "4611111", source_addr="SHOP", source_addr_ton=5)
    seeing.world.settle(3)
    waits = submit(seeing, "491700000000")
    assert found(seeing, "") == [waits, other, first]
    assert found(seeing, f"to {PHONE}") == [first]
    assert found(seeing, f"to +{PHONE}") == [first]
    assert found(seeing, f"to 00{PHONE}") == [first]
    assert found(seeing, "to 336*") == [first]
    assert found(seeing, "to +336*") == [first]
    assert found(seeing, "from shop") == [other]
    assert found(seeing, "state delivered") == [first]
    assert found(seeing, "state failed") == [other]
    assert found(seeing, "state pending") == [waits]
    assert found(seeing, "carrier dead") == [waits]
    assert found(seeing, "account away") == []
    assert found(seeing, f"id {first}") == [first]
    assert found(seeing, f"id {first[:4]}") == [waits, other, first]
    remote = seeing.world.message(first).remote_id
    assert found(seeing, f"remote {remote}") == [first]
    assert found(seeing, "since 2s") == [waits]
    assert found(seeing, "until 2s") == [other, first]
    assert found(seeing, "since 2026-09-21T14:13:20 until 2026-09-21T14:13:21") == [other, first]
    assert found(seeing, "since 14:13:23") == [waits]
    assert found(seeing, f"until {other}") == [first]


def test_rows_of_before_a_restart_are_found(seeing: Seeing) -> None:
    id = submit(seeing, registered_delivery=1)
    seeing.world.settle(5)
    seeing.world.engine.flush()
    assert not any(one.dirty for one in seeing.world.engine.live.values())
    assert found(seeing, f"to {PHONE}") == [id]


def test_pages_of_a_search(seeing: Seeing) -> None:
    sent = [submit(seeing, f"336{number:08d}") for number in range(7)]
    said = seeing.say("find limit 3")
    assert said[-2] == f"looked at 7 messages, there are more: until {sent[4]}"
    assert found(seeing, f"limit 3 until {sent[4]}") == sent[3:0:-1]
    assert seeing.say(f"find until {sent[2]}")[-2] == "looked at 2 messages"


def test_a_search_that_did_not_come_to_the_end_says_so(
    seeing: Seeing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        submit(seeing, f"336{number:08d}")
    seeing.world.settle(5)
    seeing.world.engine.flush()
    monkeypatch.setattr(search, "NEAR", 3)
    monkeypatch.setattr(search.near, "__defaults__", (iter(range(9)).__next__, 0.0))
    monkeypatch.setattr(search, "CHUNK", 3)
    monkeypatch.setattr(search.Search.finish, "__defaults__", (3.0, 3))
    said = seeing.say("find from nobody", 200)
    assert said[0] == "no such message"
    assert said[1].startswith(
        "looked at 6 messages, back to 2026-09-21 14:13:20; older ones: until"
    )
    assert seeing.say(f"find from nobody {said[1].rpartition(': ')[2]}")[1].startswith(
        "looked at 6"
    )


def test_what_is_older_is_for_a_thread(seeing: Seeing, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [submit(seeing, f"336{number:08d}") for number in range(12)]
    seeing.world.settle(5)
    seeing.world.engine.flush()
    begun: list[int] = []

    class Watched(search.Search):
        def __init__(self, engine: Engine, wanted: search.Wanted) -> None:
            begun.append(wanted.last)
            super().__init__(engine, wanted)

    monkeypatch.setattr(messages, "Search", Watched)
    assert found(seeing, "limit 12") == sent[::-1]
    assert begun == [], "what came a moment ago is told at once"
    monkeypatch.setattr(search, "NEAR", 3)
    monkeypatch.setattr(search.near, "__defaults__", (iter(range(9)).__next__, 0.0))
    assert found(seeing, "limit 12") == sent[::-1]
    assert begun == [int(sent[-3], 16) - 1]
    assert found(seeing, "limit 2") == [sent[-1], sent[-2]]
    assert len(begun) == 1


def test_parts_are_found_at_their_carrier(seeing: Seeing) -> None:
    payload = ((int(wire.Tag.message_payload), b"a" * 300),)
    id = submit(seeing, text=b"", tlvs=payload)
    assert found(seeing, "") == [id]
    rows = seeing.json("find carrier fr-a")
    assert [one["part_of"] for one in rows] == [id, id]
    assert seeing.say(f"explain message {rows[0]['id']}")[0].endswith("ACCEPTED")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("find limit 0", "ERR usage limit has to be 1 or more"),
        ("find since tomorrow", "ERR usage 'tomorrow' is no time; write 10m"),
        ("find since 1h until 2h", "ERR usage nothing can be between these times"),
        ("find id xyz", "ERR refused 'xyz' does not begin any id; remote takes"),
        ("find state delivred", "ERR unknown state: there is no 'delivred'; did you mean 'delive"),
        ("find carrier fr-c", "ERR unknown carrier: there is no 'fr-c'; did you mean 'fr-"),
    ],
)
def test_a_search_that_makes_no_sense(seeing: Seeing, line: str, status: str) -> None:
    (said,) = seeing.say(line)
    assert said.startswith(status)


def test_a_search_has_at_most_so_many(seeing: Seeing) -> None:
    for number in range(60):
        submit(seeing, f"336{number:08d}")
    assert len(found(seeing, "")) == 50
    assert len(found(seeing, "limit 99999")) == 60


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30s", NOW - 30),
        ("10m", NOW - 600),
        ("2min", NOW - 120),
        ("3d", NOW - 3 * 86400),
        ("14:13", NOW - 20),
        ("14:14", NOW + 40 - 86400),
        ("0:00:01", NOW - (14 * 3600 + 13 * 60 + 19)),
        ("2026-09-21", NOW - (14 * 3600 + 13 * 60 + 20)),
        ("2026-09-21T14:13:20", NOW),
        ("2026-09-21T14:13:20Z", NOW),
        ("2026-09-21T16:13:20+02:00", NOW),
    ],
)
def test_moments(text: str, moment: float) -> None:
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "x", "25:00", "2026-13-01", "10", "10y", "20260921", "1:2:3"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(CommandError):
        moment_of(text, NOW)


# ---------------------------------------------------------------------- simulate mo


def test_an_mo_that_is_made_up_goes_its_way(seeing: Seeing) -> None:
    esme = seeing.world.esme("agg1")
    said = seeing.say(f'simulate mo {PHONE} 38100 "Où ?"')
    assert said == [
        f"from       {MASKED}",
        "to         38100",
        "came from  carrier fr-a",
        "kept       on disk",
        "goes to    account agg1, which is bound",
        "OK",
    ]
    (mo,) = esme.delivered
    assert (mo.source_addr, mo.destination_addr) == (PHONE, "38100")
    assert mo.short_message == b"O\x06 ?"  # ù in GSM 7-bit
    assert seeing.world.relay.inbox.received == 1


def test_a_long_one_comes_in_parts_and_waits(seeing: Seeing) -> None:
    found = seeing.json(f'simulate mo {PHONE} 38663 "{"a" * 200}" carrier fr-b')
    assert (found["parts"], found["account"], found["receiving"]) == (2, "away", False)
    assert seeing.world.relay.accounts["away"].spooled == 1
    esme = seeing.world.esme("away")
    (mo,) = esme.delivered
    assert mo.short_message == b"a" * 200


def test_one_that_nobody_owns_is_kept(seeing: Seeing) -> None:
    found = seeing.json(f'simulate mo {PHONE} 38999 "Secret words"')
    assert (found["carrier"], found["unrouted"]) == ("fr-b", "the number has no owner")
    found = seeing.json(f'simulate mo {PHONE} 99 "Secret words" carrier fr-a')
    assert found["unrouted"] == "no such number"
    rows = seeing.json("show unrouted")
    assert [(one["source"], one["destination"], one["reason"]) for one in rows] == [
        (MASKED, "99", "no such number"),
        (MASKED, "38999", "the number has no owner"),
    ]
    assert "Secret" not in str(rows)
    assert "Secret" not in "\n".join(seeing.say("show unrouted", 200))
    (row,) = seeing.json("show unrouted reveal carrier fr-a")
    assert (row["source"], row["text"]) == (PHONE, "Secret words")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"simulate mo {PHONE} 99 hello", "ERR usage say which carrier it comes from"),
        (f"simulate mo {'1' * 21} 38100 hello", "ERR usage an address has at most 20"),
        (f"simulate mo {PHONE} 38100 {'é' * 4000}", "ERR refused 27 parts are needed; at most 20"),
        (f"simulate mo {PHONE} 38100", "ERR usage text is missing"),
    ],
)
def test_what_cannot_be_made_up(seeing: Seeing, line: str, status: str) -> None:
    assert seeing.say(line)[-1].startswith(status)
    assert seeing.world.relay.inbox.received == 0


def test_only_who_may_act_makes_up_messages(seeing: Seeing) -> None:
    seeing.as_role(Role.VIEW)
    (status,) = seeing.say(f"simulate mo {PHONE} 38100 hello")
    assert status == "ERR denied simulate mo: only for the role operate"


def test_a_disk_that_refuses_is_told(seeing: Seeing) -> None:
    seeing.world.store.trouble = "disk full"
    (status,) = seeing.say(f"simulate mo {PHONE} 38100 hello")
    assert status.startswith("ERR unavailable it could not be stored")


# ---------------------------------------------------------------------- orphans


def test_receipts_without_a_message(tmp_path: Path) -> None:
    seeing = Seeing(tmp_path, behaviours={"fr-a": Behaviour(message_id="hex")})
    relay = seeing.world.relay
    for id in ("ABC1", "ABC2"):
        text = f"id:{id} sub:001 dlvrd:000 done date:2609211413 stat:UNDELIV err:021 text:"
        pdu = wire.DeliverSm(esm_class=4, short_message=text.encode(), sequence_number=1)
        one = relay.carriers["fr-a"]
        one.inbound(one.links[0], pdu)
    seeing.world.settle()
    rows = seeing.json("show orphans")
    assert [(one["remote_id"], one["state"], one["error"]) for one in rows] == [
        ("ABC2", "UNDELIVERABLE", "021"),
        ("ABC1", "UNDELIVERABLE", "021"),
    ]
    assert [one["remote_id"] for one in seeing.json("show orphans id abc1")] == ["ABC1"]
    assert seeing.json("show orphans id abc1 carrier fr-b") == []
    assert seeing.json("show orphans carrier fr-b") == []
    assert seeing.say("show orphans")[-2] == "since the start: 2 without a message, 0 matched"


def test_a_receipt_on_another_name_of_its_carrier_says_so(tmp_path: Path) -> None:
    """One carrier is declared twice: as two, of which one sends and the other gets receipts."""
    seeing = Seeing(tmp_path, behaviours={"fr-a": Behaviour(message_id="hex", receipts="never")})
    relay = seeing.world.relay
    sent = submit(seeing, registered_delivery=1)
    remote_id = seeing.world.message(sent).remote_id

    def orphan(id: str) -> None:
        text = f"id:{id} sub:001 dlvrd:001 done date:2609211413 stat:DELIVRD err:000 text:"
        pdu = wire.DeliverSm(esm_class=4, short_message=text.encode(), sequence_number=1)
        relay.carriers["fr-b"].inbound(relay.carriers["fr-b"].links[0], pdu)
        seeing.world.settle()

    orphan("ABC1")
    assert "declare one" not in "\n".join(seeing.say("show orphans", 200))
    orphan(remote_id)
    said = "\n".join(seeing.say("show orphans", 300))
    assert (
        "carrier fr-a sent messages of these, and their receipts came to fr-b: with one host and"
        " system_id they are one carrier; declare one, with more `binds` or with `bind`"
        " transmitter+receiver"
    ) in said
    assert [one["sent_by"] for one in seeing.json("show orphans")] == ["fr-a", None]
    seeing.world.settle(3600)  # not in memory any more
    relay.carriers["fr-a"].awaiting.clear()
    assert [one["sent_by"] for one in seeing.json("show orphans")] == ["fr-a", None]
    settings = relay.carriers["fr-b"].settings
    relay.carriers["fr-b"].settings = evolve(settings, system_id="another")
    assert [one["sent_by"] for one in seeing.json("show orphans")] == [None, None]


def test_tables_of_a_million_rows_are_not_walked(seeing: Seeing) -> None:
    def plan(sql: str, *values: object) -> str:
        rows = seeing.world.engine.select(f"EXPLAIN QUERY PLAN {sql}", values)
        return "\n".join(row[3] for row in rows)

    # Newest first by the ids, and no sorting: what is looked at is what LIMIT says.
    for sql in (inbound.LAST_ORPHANS, inbound.LAST_UNROUTED):
        assert "TEMP B-TREE" not in plan(sql, 5, "fr-a", 5)
    assert "USING INDEX orphan_key (carrier=? AND remote_key=?)" in plan(
        inbound.ORPHANS_OF_ID, "fr-a", "1", 5
    )
    assert "USING INDEX message_answered (carrier=? AND remote_key=?)" in plan(
        inbound.SENT_THERE, "fr-a", "1"
    ).replace("COVERING ", "")


# ---------------------------------------------------------------------- texts


def test_encode(seeing: Seeing) -> None:
    said = seeing.say('encode "Votre code : 1234" class flash carrier fr-a')
    assert said[:4] == [
        "alphabet    gsm7",
        "characters  17",
        "units       17 septets",
        "parts       1",
    ]
    assert "0xF0" in said[6]
    (replaced,) = seeing.json('encode "a ç b" smart')["replacements"]
    assert (replaced["character"], replaced["position"]) == ("ç", 3)
    (status,) = seeing.say("encode hello class falsh")
    assert status.startswith("ERR unknown class: there is no 'falsh'; did you mean 'flash'?")


def test_a_text_that_a_carrier_cannot_take(tmp_path: Path) -> None:
    seeing = Seeing(
        tmp_path, carriers=(carrier("fr-a", alphabets=("gsm7",)),), routes=(), numbers=()
    )
    (status,) = seeing.say("encode 你好 carrier fr-a")
    assert status.startswith("ERR refused 你 at 1 is in no alphabet that the carrier takes: gsm7")


def test_dlr_test(seeing: Seeing) -> None:
    rows = seeing.json('dlr test "id:07EE stat:UNDELIV err:021"')
    assert {one["field"]: one.get("value") for one in rows}["state"] == "UNDELIV"
    (status,) = seeing.say("dlr test hello")
    assert status == "ERR refused not a receipt: id: and stat: are missing"


# ---------------------------------------------------------------------- as it happens


def test_tail_shows_what_is_wanted_until_its_time(seeing: Seeing) -> None:
    outcomes: list[str] = []
    seeing.shell.clock = seeing.world.clock
    running = seeing.shell.begin("tail account agg1 to 336*".replace("*", ""))
    running.result.addCallback(lambda outcome: outcomes.append(outcome.status))
    submit(seeing)
    submit(seeing, "491700000000")
    text = "\n".join(seeing.shell.screen.lines)
    assert MASKED in text
    assert "+4917" not in text
    running.abort()
    assert outcomes == ["ERR aborted the command was aborted"]
    assert seeing.world.store.onlookers.looking == ()


def test_a_trace_shows_pdus_without_texts(seeing: Seeing) -> None:
    seeing.shell.begin("trace bind fr-a#1 for 30s")
    submit(seeing, text=b"Secret words")
    text = "\n".join(seeing.shell.screen.lines)
    assert "submit_sm" in text
    assert "Secret" not in text
    assert PHONE not in text
    assert seeing.shell.running is not None
    seeing.shell.clock.advance(31)
    assert not seeing.world.relay.carriers["fr-a"].links[0].taps


@pytest.mark.parametrize("line", ["tail for 0s", "trace bind fr-a#1 for 0"])
def test_no_time_at_all(seeing: Seeing, line: str) -> None:
    (status,) = seeing.say(line)
    assert status == "ERR usage for has to be longer than that"


def test_a_wrong_filter(seeing: Seeing) -> None:
    (status,) = seeing.say("tail state delivred")
    assert status.startswith("ERR unknown state: there is no 'delivred'")
