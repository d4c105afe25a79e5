"""The life of a message, at each of its stations."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from relay_kit import World, account, carrier

from smppgw.core.command import CommandError
from smppgw.core.settings import StatusRule
from smppgw.core.store.engine import Engine
from smppgw.ops.desk import Desk
from smppgw.ops.life import life, message
from smppgw.ops.life_text import life_text
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

PHONE = "33612345678"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


def desk(world: World) -> Desk:
    unused: Any = None
    return Desk(world.relay, unused, unused)


def seen(world: World, id: str, **more: Any) -> dict[str, Any]:
    """What the command says, and that JSON can say it."""
    found = message(desk(world), {"id": id, **more})
    assert json.loads(json.dumps(found)) == found
    return found


def submitted(world: World, text: bytes = b"a secret text", **fields: Any) -> str:
    fields.setdefault("registered_delivery", 1)
    esme = world.esme()
    sequence = esme.submit(PHONE, text, **fields)
    world.settle(1)
    id: str = esme.id_of(sequence)
    return id


def test_a_message_from_its_submit_to_its_receipt(world: World) -> None:
    id = submitted(world)
    found = seen(world, id)
    assert found["id"] == id
    assert found["submit_multi"] is None
    assert found["state"] == "DELIVERED"
    assert found["class"] == "transactional"
    accepted = found["accepted"]
    assert (accepted["account"], accepted["bind"]) == ("esme", "esme#1")
    assert accepted["sequence_number"] == 2
    assert found["routed"] == {"carrier": "a", "tried": []}
    sent = found["sent"]
    assert (sent["link"], sent["sequence_number"], sent["attempts"]) == ("a#1", 2, 1)
    assert (found["attempts"], found["last_refusal"]) == (1, None)
    assert sent["possible_duplicate"] is False
    assert found["answered"]["status"] == "ESME_ROK (0x00): no error"
    assert found["answered"]["remote_id"]
    assert (found["receipt"]["state"], found["receipt"]["err"]) == ("DELIVERED", "000")
    assert found["ended"]["why"] == "by the receipt of the carrier"
    assert found["forwarded"]["to"] == "esme#1 sequence 1"
    assert found["waits_for"] is None
    moments = [accepted, sent, found["answered"], found["receipt"], found["forwarded"]]
    times = [one["at"] for one in moments]
    assert times == sorted(times)
    assert times[0].startswith("2026-09-2")


def test_the_text_appears_nowhere_and_numbers_only_when_asked(world: World) -> None:
    id = submitted(world, source_addr="33699999999", source_addr_ton=1)
    hidden = json.dumps(seen(world, id))
    assert "secret text" not in hidden
    assert "5678" not in hidden.replace(id, "")
    assert seen(world, id)["destination"] == "+3361234****"
    assert seen(world, id)["source"] == "+3369999****"
    shown = seen(world, id, reveal=True)
    assert (shown["source"], shown["destination"]) == ("33699999999", PHONE)
    assert "secret text" not in json.dumps(shown)


@pytest.mark.parametrize("reveal", ["true", 1, None, "yes"])
def test_only_true_reveals(world: World, reveal: Any) -> None:
    assert "*" in seen(world, submitted(world), reveal=reveal)["destination"]


@pytest.mark.parametrize("id", ["", "zz", "1", "f" * 21, "0" * 16, "é", "1; DROP TABLE message"])
def test_an_unknown_id_is_an_error_of_one_line(world: World, id: str) -> None:
    with pytest.raises(CommandError, match="no message has the id") as raised:
        seen(world, id)
    assert "\n" not in str(raised.value)


def test_ids_are_found_however_they_are_written(world: World) -> None:
    id = submitted(world)
    assert seen(world, id.upper().lstrip("0"))["id"] == id


def test_a_receipt_that_was_not_asked_for_is_not_waited_for(world: World) -> None:
    found = seen(world, submitted(world, registered_delivery=0))
    assert found["state"] == "ACCEPTED"
    assert found["receipt"] is None
    assert found["ended"]["why"] == "accepted by the carrier; no receipt was asked for"
    assert found["waits_for"] is None


def test_what_waits_for_its_receipt_says_so(world: World) -> None:
    found = seen(world, submitted(world, b"{receipt=never}x"))
    assert found["state"] == "SENT"
    assert found["ended"] is None
    assert found["waits_for"] == "the receipt of a"


def test_a_failed_delivery_has_the_error_of_its_receipt(world: World) -> None:
    found = seen(world, submitted(world, b"{receipt=UNDELIV,err=021}x"))
    assert (found["receipt"]["state"], found["receipt"]["err"]) == ("UNDELIVERABLE", "021")


def test_a_refusal_of_the_carrier_in_words(world: World) -> None:
    found = seen(world, submitted(world, b"{status=0x0b}x"))
    assert found["state"] == "REJECTED"
    assert found["receipt"] is None
    assert "ESME_RINVDSTADR" in found["answered"]["status"]
    assert found["ended"]["why"] == "refused by the carrier: ESME_RINVDSTADR (0x0B)"
    assert found["last_refusal"] == found["answered"]["status"]


def test_a_throttled_queue_says_until_when(world: World) -> None:
    found = seen(world, submitted(world, b"{status=0x58}x"))
    assert found["state"] == "WAITING"
    assert re.search(r"paused until 2026-[0-9-]+ [0-9:]+\.[0-9]{3} \(", found["waits_for"])
    assert found["attempts"] == 2
    assert "ESME_RTHROTTLED" in found["last_refusal"]
    assert "ESME_RTHROTTLED" in found["waits_for"]


def test_an_intermediate_report_has_no_end(world: World, tmp_path: Path) -> None:
    world = World(tmp_path / "other", behaviours={"a": Behaviour(receipt_progress=("ACCEPTD",))})
    esme = world.esme()
    sequence = esme.submit(PHONE, b"{after=60}x", registered_delivery=1)
    world.settle(70)
    found = seen(world, esme.id_of(sequence))
    assert found["state"] == "SENT"
    assert found["receipt"] == {"at": None, "state": "ACCEPTED", "err": ""}


def test_retries_leave_a_trail(tmp_path: Path) -> None:
    rule = StatusRule(action="retry", delay=5.0, tries=3)
    world = World(tmp_path / "var", carriers=(carrier("a", statuses={"0x08": rule}),))
    id = submitted(world, b"{status=0x08,times=1}x")
    (one,) = seen(world, id)["trail"]
    assert "ESME_RSYSERR" in one["event"]
    assert "again in 5 s" in one["event"]
    world.settle(10)
    found = seen(world, id)
    assert found["sent"]["attempts"] == 2
    assert found["state"] == "DELIVERED"


def test_a_reroute_names_the_carrier_before(tmp_path: Path) -> None:
    rule = StatusRule(action="reroute")
    carriers = (carrier("a", statuses={"0x08": rule}), carrier("b", port=2791))
    world = World(tmp_path / "var", carriers=carriers)
    destinations = [seen(world, submitted(world, b"{status=0x08}x"))["routed"] for _ in range(2)]
    assert {"carrier": "b", "tried": ["a"]} in destinations


def test_a_scheduled_message_waits_for_its_time(world: World) -> None:
    found = seen(world, submitted(world, schedule_delivery_time="000001000000000R"))
    assert found["state"] == "DEFERRED"
    assert found["accepted"]["due"] is not None
    due = found["accepted"]["due"].replace("T", " ").removesuffix("Z")
    assert found["waits_for"] == f"its time, {due}"


def test_a_carrier_that_cannot_be_reached_and_why(world: World) -> None:
    world.network.unlisten("127.0.0.1:2790")
    world.network.cut()
    world.settle(1)
    waits = seen(world, submitted(world))["waits_for"]
    assert waits.startswith("its turn at a: no link sends; a#1 is waiting (cannot connect")
    assert "next attempt 2026" in waits


def test_a_carrier_that_is_held_or_disabled_or_gone(world: World, tmp_path: Path) -> None:
    world.relay.standing.decide("carrier", "a", "hold", "ops", "works")
    id = submitted(world)
    waits = seen(world, id)["waits_for"]
    assert waits == "its turn at a: it is held by ops since 2026-09-21 14:13:20 (works)"
    del world.relay.carriers["a"]
    assert "not configured any more" in seen(world, id)["waits_for"]
    world = World(tmp_path / "other", carriers=(carrier("a", enabled=False),))
    assert seen(world, submitted(world))["waits_for"] == "its turn at a: it is disabled"


def test_a_full_window(tmp_path: Path) -> None:
    world = World(tmp_path / "var", carriers=(carrier("a", window=1),))
    esme = world.esme()
    first = esme.submit(PHONE, b"{answer=never}x")
    second = esme.submit("33600000000", b"x")
    world.settle(1)
    assert seen(world, esme.id_of(first))["waits_for"] == "the answer of a on a#1"
    waits = seen(world, esme.id_of(second))["waits_for"]
    assert waits == "its turn at a: 1 wait there, window 1 of 1 in use"


def test_what_may_have_been_sent_twice_says_so(world: World) -> None:
    id = submitted(world, b"{answer=disconnect,times=1}x")
    world.settle(10)
    found = seen(world, id)
    assert found["sent"]["possible_duplicate"] is True
    assert "possible duplicate" in found["trail"][0]["event"]


def test_a_receipt_that_its_account_does_not_take(world: World) -> None:
    esme = world.esme(kind=wire.BindTransmitter)
    sequence = esme.submit(PHONE, registered_delivery=1)
    world.settle(1)
    id = esme.id_of(sequence)
    assert seen(world, id)["waits_for"] == (
        "account esme to take the receipt: it has no bind that receives"
    )
    receiver = world.esme(kind=wire.BindReceiver)
    world.settle(1)
    assert seen(world, id)["waits_for"] is None
    receiver.answer = 0x64
    sequence = esme.submit(PHONE, registered_delivery=1)
    world.settle(1)
    assert "it refused one, again at 2026" in seen(world, esme.id_of(sequence))["waits_for"]
    receiver.answer = None
    world.settle(6)
    waits = seen(world, esme.id_of(sequence))["waits_for"]
    assert waits.endswith("1 wait for it or are unanswered")


def test_a_receipt_for_failures_only_is_not_waited_for_after_success(world: World) -> None:
    assert seen(world, submitted(world, registered_delivery=2))["waits_for"] is None


def test_an_account_that_is_gone(world: World) -> None:
    esme = world.esme(kind=wire.BindTransmitter)
    sequence = esme.submit(PHONE, registered_delivery=1)
    world.settle(1)
    del world.relay.accounts["esme"]
    assert "not configured any more" in seen(world, esme.id_of(sequence))["waits_for"]


def test_the_messages_of_a_submit_multi_name_their_common_id(world: World) -> None:
    esme = world.esme()
    destinations = (wire.DestAddress(1, 1, PHONE), wire.DestAddress(1, 1, "33600000000"))
    sequence = esme.request(
        wire.SubmitMulti(dest_address=destinations, short_message=b"x", source_addr="1")
    )
    world.settle(1)
    first = esme.responses[sequence].message_id
    world.engine.flush()
    ((second,),) = world.engine.select("SELECT id FROM message WHERE multi != 0")
    assert seen(world, first)["submit_multi"] is None
    assert seen(world, f"{second:016x}")["submit_multi"] == first


def test_a_store_alone_tells_all_but_the_reasons(world: World) -> None:
    world.relay.carriers["a"].hold()
    esme = world.esme()
    sequence = esme.submit(PHONE)
    world.settle(1)
    id = esme.id_of(sequence)
    world.store.stop()
    engine = Engine(world.directory)
    found = life(engine, id)
    engine.close()
    assert found["waits_for"] == "its turn at a: the gateway does not run"
    assert found["destination"] == "+3361234****"


def test_accounts_have_their_own_class(tmp_path: Path) -> None:
    world = World(tmp_path / "var", accounts=(account("esme", priority="bulk"),))
    assert seen(world, submitted(world))["class"] == "bulk"


def test_a_long_text_shows_what_became_of_each_part(world: World) -> None:
    text = b"one".ljust(153, b".") + b"{receipt=UNDELIV,err=021}".ljust(153, b".") + b"three"
    id = submitted(world, b"", tlvs=((int(wire.Tag.message_payload), text),))
    world.settle(5)
    found = seen(world, id)
    assert (found["state"], found["sent"], found["answered"]) == ("UNDELIVERABLE", None, None)
    assert found["ended"]["why"] == "part 2 of 3 decided"
    assert [one["part"] for one in found["parts"]] == [1, 2, 3]
    assert [one["state"] for one in found["parts"]] == ["DELIVERED", "UNDELIVERABLE", "DELIVERED"]
    assert all(one["answered"]["remote_id"] for one in found["parts"])
    assert found["parts"][1]["receipt"]["err"] == "021"
    part = seen(world, found["parts"][1]["id"])
    assert part["part_of"] == id
    assert part["waits_for"] is None
    told = "\n".join(life_text(found, 100))
    for line in ("part 1: DELIVERED", "part 2: UNDELIVERABLE err 021", "part 2 of 3 decided"):
        assert line in told
    assert told.splitlines()[1].endswith("class transactional, in 3 parts, carrier a")
    assert f"part of {id}" in "\n".join(life_text(part, 100))


def test_a_long_text_under_way_says_how_many_parts_are_missing(world: World) -> None:
    text = b"one".ljust(153, b".") + b"{answer=never}"
    id = submitted(world, b"", tlvs=((int(wire.Tag.message_payload), text),))
    world.settle(5)
    found = seen(world, id)
    assert found["waits_for"] == "1 of its 2 parts"
    assert "part 2: waits for the answer of a on a#1" in "\n".join(life_text(found, 100))


def test_parts_that_an_esme_cut_name_each_other_when_joined(tmp_path: Path) -> None:
    sar = carrier("a", concatenation="sar")
    world = World(tmp_path / "var", (sar,), accounts=(account("esme"),))
    esme = world.esme()

    def part(number: int) -> str:
        octets = bytes((5, 0, 3, 7, 2, number)) + b"text" * 30
        sequence = esme.submit(PHONE, octets, esm_class=0x40, registered_delivery=1)
        world.settle()
        return esme.id_of(sequence)

    first = part(1)
    found = seen(world, first)
    assert (found["state"], found["waits_for"]) == ("GATHERING", "the other parts of its text")
    world.relay.carriers["a"].hold()
    last = part(2)
    assert seen(world, first)["waits_for"] == f"message {last}, which takes its text along"
    world.relay.carriers["a"].release()
    world.settle(5)

    one, leader = seen(world, first), seen(world, last)
    assert (one["joined_in"], one["joined_from"]) == (last, [])
    assert (leader["joined_in"], leader["joined_from"]) == (None, [first])
    assert (one["state"], one["receipt"]) == ("DELIVERED", None)
    told = life_text(one, 100)
    assert told[1].endswith(f"joined with other parts in {last}")
    why = f"DELIVERED: joined in message {last}"
    assert any(line.endswith(why) for line in told)
    assert f"  joined from {first}" in life_text(leader, 100)
