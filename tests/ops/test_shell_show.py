"""What `show` answers: content, data, masking, bounds, and that it fits the terminal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from relay_kit import carrier
from seeing_kit import PHONE, Seeing

from smppgw.core.measures import MOST_STATUSES, OTHER_STATUS, Refused
from smppgw.core.settings import NumberSettings, RouteSettings
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

SCREENS = (
    "show links",
    "show link fr-a#1",
    "show binds",
    "show bind agg1#1",
    "show carriers",
    "show carrier fr-a",
    "show carrier dead all",
    "show accounts",
    "show account agg1 all",
    "show routes",
    "show numbers",
    "show queue",
    "show ledger",
    "show memory",
    "show memory all",
    "show errors",
    "show orphans",
    "show unrouted",
    "show versions",
    "show status",
    "route test 38100 33612345678",
    "explain slow agg1",
    "explain slow dead",
    "find",
    'encode "Où es-tu ?"',
)


@pytest.fixture
def seeing(tmp_path: Path) -> Seeing:
    return Seeing(tmp_path)


def traffic(seeing: Seeing) -> Any:
    """Messages delivered, refused, waiting and deferred."""
    esme = seeing.world.esme("agg1")
    for number in range(5):
        esme.submit(f"336{number:08d}", registered_delivery=1)
        esme.submit(f"49{number:08d}")
    esme.submit("4611111")
    esme.submit(PHONE, schedule_delivery_time="000001000000000R")
    esme.submit("", b"no destination")
    seeing.world.settle(3)
    return esme


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("line", SCREENS)
def test_a_screen_fits(seeing: Seeing, line: str, width: int) -> None:
    traffic(seeing)
    *said, status = seeing.say(line, width)
    assert status == "OK"
    assert said
    assert [one for one in said if len(one) > width] == []
    seeing.json(line)


def test_nothing_there_is_said_in_words(tmp_path: Path) -> None:
    bare = Seeing(tmp_path, carriers=(), accounts=(), routes=(), numbers=(), behaviours={})
    assert bare.say("show links") == ["no links", "OK"]
    assert bare.say("show carriers") == ["no carriers", "OK"]
    assert bare.say("show accounts") == ["no accounts", "OK"]
    assert bare.say("show binds") == ["nobody is bound", "OK"]
    assert bare.say("show routes") == ["no routes", "OK"]
    assert bare.say("show numbers") == ["no numbers", "OK"]
    assert bare.say("show queue")[0] == "nothing waits for a carrier"
    assert bare.say("show ledger")[1] == "no messages yet"
    assert "nothing was refused" in bare.say("show errors")
    assert bare.say("show orphans")[0] == "no receipt without a message"


# ---------------------------------------------------------------------- names


def test_a_wrong_name_is_answered_with_the_near_one(seeing: Seeing) -> None:
    seeing.world.esme("agg1")
    for line, near in (
        ("show link fr-a#2", "'fr-a#1'"),
        ("show carrier fra", "'fr-a'"),
        ("show account agg", "'agg1'"),
        ("show bind agg1#7", "'agg1#1'"),
        ("show queue carrier deed", "'dead'"),
    ):
        (status,) = seeing.say(line)
        assert status.startswith("ERR unknown ")
        assert status.endswith(f"did you mean {near}?")


def test_names_are_offered(seeing: Seeing) -> None:
    seeing.world.esme("agg1")
    assert "  fr-a#1" in [line.rstrip() for line in seeing.say("show link ?")]
    assert "  agg1#1" in [line.rstrip() for line in seeing.say("show bind ?")]
    assert "  away" in [line.rstrip() for line in seeing.say("show account ?")]
    assert "  fr-b" in [line.rstrip() for line in seeing.say("find carrier ?")]
    for name in ("agg1", "agg1#1", "dead", "dead#1"):
        assert f"  {name}" in [line.rstrip() for line in seeing.say("explain slow ?")]


def test_what_is_explained_has_to_be_there(seeing: Seeing) -> None:
    (status,) = seeing.say("explain slow fr-c")
    assert status.startswith("ERR unknown there is no carrier, account, link or bind 'fr-c'; did")
    (status,) = seeing.say("trace bind nobody#1")
    assert status.startswith("ERR unknown ")


# ---------------------------------------------------------------------- links and binds


def test_a_link_that_is_refused_says_why_and_when_again(tmp_path: Path) -> None:
    seeing = Seeing(
        tmp_path,
        carriers=(carrier("a"),),
        behaviours={"a": Behaviour(bind_status=0x0E)},
        routes=(),
        numbers=(),
    )
    text = " ".join(seeing.say("show links"))
    assert "a#1: again " in text
    assert "bind refused: ESME_RINVPASWD (0x0E): password is wrong" in text.replace("   ", " ")
    (record,) = seeing.json("show links")
    assert record["state"] == "refused"
    assert record["next_attempt"].endswith("Z")
    errors = seeing.json("show errors")[""]
    assert [(one["what"], one["status"], one["count"]) for one in errors] == [
        ("our bind", "ESME_RINVPASWD", 1)
    ]


def test_links_of_one_carrier(seeing: Seeing) -> None:
    assert [one["link"] for one in seeing.json("show links carrier fr-b")] == ["fr-b#1"]


def test_one_link_and_one_bind_name_their_limit(seeing: Seeing) -> None:
    traffic(seeing)
    found = seeing.json("show link dead#1")
    assert found[""]["in_flight"] == found[""]["window"] == 3
    assert found["limit"]["limit"] == "silent"
    found = seeing.json("show bind agg1#1")
    assert found[""]["account"] == "agg1"
    assert [one["about"] for one in found["limit"]] == [
        "bind agg1#1, submits",
        "bind agg1#1, deliveries",
    ]


def test_binds_of_one_account(seeing: Seeing) -> None:
    seeing.world.esme("agg1")
    seeing.world.esme("away")
    assert [one["bind"] for one in seeing.json("show binds account away")] == ["away#1"]
    assert len(seeing.json("show binds")) == 2


# ---------------------------------------------------------------------- carriers and accounts


def test_what_carriers_do(seeing: Seeing) -> None:
    traffic(seeing)
    found = {one["carrier"]: one for one in seeing.json("show carriers")}
    assert (found["fr-a"]["state"], found["fr-a"]["sent"], found["fr-a"]["bound"]) == ("up", 5, 1)
    assert (found["fr-b"]["refused"], found["fr-b"]["sent"]) == (1, 0)
    assert (found["dead"]["in_flight"], found["dead"]["waiting"]) == (3, 2)
    seeing.world.relay.carriers["fr-a"].hold()
    assert "fr-a: for a moment" in seeing.say("show carriers")
    seeing.world.simulated["fr-b"].disconnect()
    seeing.world.settle()
    found = {one["carrier"]: one for one in seeing.json("show carriers")}
    assert found["fr-b"]["state"] == "down"
    assert found["fr-b"]["why"].startswith("no link sends: fr-b#1 is ")


@pytest.mark.parametrize(
    ("line", "state"),
    [("hold account agg1 works !", "held"), ("drain account agg1 works !", "drained")],
)
def test_who_holds_an_account_is_said(seeing: Seeing, line: str, state: str) -> None:
    seeing.world.esme("agg1")
    seeing.say(line)
    assert {one["account"]: one["state"] for one in seeing.json("show accounts")}["agg1"] == state
    shown = seeing.say("show account agg1")[1]
    assert re.fullmatch(rf"state +{state}: by ops since 20\d\d-.* \(works\)", shown)


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("hold carrier fr-a works !", "held"),
        ("drain carrier fr-a works !", "drained"),
    ],
)
def test_who_holds_a_carrier_is_said(seeing: Seeing, line: str, state: str) -> None:
    seeing.say(line)
    seeing.world.settle(5)
    shown = seeing.say("show carrier fr-a")[1]
    assert re.fullmatch(rf"state +{state}: by ops since 20\d\d-.* \(works\)", shown)
    assert f"fr-a ({state}: by ops since" in " ".join(seeing.say("route test 38100 33612345678"))


def test_a_carrier_that_has_answers_to_come_is_draining(seeing: Seeing) -> None:
    traffic(seeing)
    seeing.shell.begin("drain carrier dead !")
    seeing.world.settle(1)
    assert {one["carrier"]: one["state"] for one in seeing.json("show carriers")}[
        "dead"
    ] == "draining"


def test_settings_say_where_they_come_from(tmp_path: Path) -> None:
    seeing = Seeing(
        tmp_path,
        carriers=(carrier("fr-a", throughput=99.5), carrier("fr-b", 2791)),
        routes=(RouteSettings(prefix="", carriers=(("fr-a",),)),),
    )
    esme = seeing.world.esme("agg1")
    shown = {one["setting"]: one for one in seeing.json("show carrier fr-a all")["settings"]}
    assert (shown["throughput"]["shown"], shown["throughput"]["source"]) == (
        "99.5 messages/s",
        "set",
    )
    assert (shown["window"]["shown"], shown["window"]["source"]) == ("10", "default")
    assert (shown["response_timeout"]["shown"], shown["source_ton"]["shown"]) == (
        "60 s",
        "as the sender has it",
    )
    assert shown["interface_version"]["shown"] == "0x34"
    assert shown["receipt_id"]["source"] == "default"
    for number in range(25):
        esme.submit(f"336{number:08d}", registered_delivery=1)
    seeing.world.settle(12)
    few = {one["setting"]: one for one in seeing.json("show carrier fr-a")["settings"]}
    assert (few["receipt_id"]["value"], few["receipt_id"]["source"]) == ("exact", "learned")
    assert few["receipt_id"]["why"] == "learned from 25 receipts"
    assert "window" not in few
    assert "more settings have their defaults: all shows them" in "\n".join(
        seeing.say("show carrier fr-a")
    )


def test_a_carrier_with_little_room_shows_the_window_it_taught(tmp_path: Path) -> None:
    room = carrier("fr-a", window=30)
    routes = (RouteSettings(prefix="", carriers=(("fr-a",),)),)
    behaviours = {"fr-a": Behaviour(window=5, response_delay=1.0, receipts="never")}
    seeing = Seeing(tmp_path, carriers=(room,), routes=routes, behaviours=behaviours, numbers=())
    esme = seeing.world.esme("agg1")
    for number in range(40):
        esme.submit(f"336000000{number:02}")
    assert "learned" not in " ".join(seeing.say("show link fr-a#1"))
    seeing.world.settle(8)
    said = [line for line in seeing.say("show link fr-a#1") if "window " in line]
    window = seeing.world.relay.carriers["fr-a"].window
    assert window < 8
    words = "in use, learned: ESME_RMSGQFUL came with more unanswered"
    assert said[0].endswith(f" of {window} {words}")
    (row,) = [
        one for one in seeing.json("show carrier fr-a")["settings"] if one["setting"] == "window"
    ]
    assert (row["value"], row["source"]) == (window, "learned")
    assert row["why"] == "learned: ESME_RMSGQFUL came with more unanswered; set: 30"


def test_a_throttling_carrier_shows_the_rate_it_taught(tmp_path: Path) -> None:
    seeing = Seeing(tmp_path, behaviours={"fr-a": Behaviour(throughput=5)})
    esme = seeing.world.esme("agg1")
    for number in range(30):
        esme.submit(f"336{number:08d}")
    seeing.world.settle(3)
    found = seeing.json("show carrier fr-a")
    rate = next(one for one in found["settings"] if one["setting"] == "throughput")
    assert rate["source"] == "learned"
    assert rate["why"].startswith("learned: throttled at ")
    assert rate["why"].endswith("; set: no limit")
    assert 0 < rate["value"] < 10
    assert found[""]["throughput"] == rate["value"]


def test_passwords_are_never_shown(seeing: Seeing) -> None:
    for line in ("show carrier fr-a all", "show account agg1 all"):
        for said in (seeing.say(line, 200), [str(seeing.json(line))]):
            assert "pw" not in " ".join(said).split()
            assert "'pw'" not in " ".join(said)
        rows = {one["setting"]: one for one in seeing.json(line)["settings"]}
        assert (rows["password"]["value"], rows["password"]["shown"]) == (None, "(hidden)")


def test_what_accounts_do(seeing: Seeing) -> None:
    traffic(seeing)
    found = {one["account"]: one for one in seeing.json("show accounts")}
    assert (found["agg1"]["state"], found["away"]["state"]) == ("bound", "away")
    assert (found["agg1"]["accepted"], found["agg1"]["refused"]) == (12, 1)
    found = seeing.json("show account agg1")
    assert found[""]["numbers"] == ["38100"]
    assert [one["bind"] for one in found["binds"]] == ["agg1#1"]
    assert len(found["limit"]) == 2
    esme = seeing.world.esme("away", wire.BindTransmitter)
    assert seeing.json("show account away")[""]["state"] == "sends only"
    esme.disconnect()


# ---------------------------------------------------------------------- routes and numbers


def test_routes(seeing: Seeing) -> None:
    assert seeing.say("show routes")[:-1] == [
        "PREFIX        CARRIERS         NOW",
        "(all others)  fr-b             fr-b",
        "336           fr-a, then fr-b  fr-a",
        "49            dead             dead",
    ]
    seeing.world.relay.carriers["dead"].hold()
    (row,) = seeing.json("show routes 4")
    assert (row["prefix"], row["goes_to"], row["now"]) == ("49", None, "held for dead")


def test_many_routes_are_cut(tmp_path: Path) -> None:
    routes = tuple(RouteSettings(prefix=f"{n}", carriers=(("fr-a",),)) for n in range(100, 900))
    seeing = Seeing(tmp_path, routes=routes)
    *_, note, _ = said = seeing.say("show routes")
    assert note == "of 800 routes; a prefix shows others"
    assert len(said) == 503
    assert len(seeing.json("show routes 5")) == 100


def test_a_route_test_says_how_and_why(seeing: Seeing) -> None:
    assert seeing.say("route test 38100 +33612345678") == [
        "to       +33612345678, as 33612345678",
        "route    prefix 336; the longest match of 3 routes",
        "group 1  fr-a (up)",
        "group 2  fr-b (up)",
        "goes to  fr-a",
        "OK",
    ]
    seeing.world.relay.carriers["fr-a"].hold()
    found = seeing.json("route test 38100 33612345678")
    assert found["goes_to"] == "fr-b"
    assert found["groups"][0][0]["words"] == "fr-a (held: for a moment)"
    seeing.world.relay.carriers["fr-b"].hold()
    assert seeing.say("route test 38100 33612345678")[-2] == (
        "held for  fr-a: no carrier of the route is usable"
    )


def test_a_route_test_tells_whose_turn_it_is_and_takes_none(tmp_path: Path) -> None:
    seeing = Seeing(tmp_path, routes=(RouteSettings(prefix="1", carriers=(("fr-a", "fr-b"),)),))
    for _ in range(3):
        assert seeing.say("route test x 1")[2] == (
            "group 1  fr-a (up), fr-b (up); they share the load, next is fr-a"
        )


def test_a_route_test_of_what_would_be_refused(seeing: Seeing, tmp_path: Path) -> None:
    assert "ESME_RINVDSTADR" in seeing.json("route test 38100 ''")["refused"]
    assert "ESME_RINVSRCADR" in seeing.json(f"route test {'1' * 21} 33612345678")["refused"]
    none = Seeing(tmp_path / "none", routes=(RouteSettings(prefix="33", carriers=(("fr-a",),)),))
    said = none.say("route test 38100 44")
    assert said[1] == "route    none of 1 fits, and none is for the rest"
    assert said[2].startswith("refused  the sender gets ESME_RINVDSTADR (0x0B)")


def test_numbers_and_who_gets_what_comes_there(seeing: Seeing) -> None:
    seeing.world.esme("agg1")
    found = {one["address"]: one for one in seeing.json("show numbers")}
    assert (found["38100"]["state"], found["38663"]["state"]) == ("bound", "away")
    assert found["38999"]["state"] == "no owner: unrouted"
    assert [one["address"] for one in seeing.json("show numbers 386")] == ["38663"]


def test_a_number_that_a_feature_answers_needs_no_owner(tmp_path: Path) -> None:
    seeing = Seeing(tmp_path, numbers=(NumberSettings(address="40404", profile="microblog"),))
    assert seeing.json("show numbers")[0]["state"] == "no owner"
    heading, number, _ = seeing.say("show numbers")
    assert heading.split()[2] == "PROFILE"
    assert number.split() == ["40404", "(any)", "microblog", "-", "no", "owner", "0"]


def test_a_number_of_an_account_that_is_not_there(tmp_path: Path) -> None:
    seeing = Seeing(tmp_path, numbers=(NumberSettings(address="1", account="gone"),))
    assert seeing.json("show numbers")[0]["state"] == "no such account: unrouted"


# ---------------------------------------------------------------------- queue, ledger, memory


def test_the_queue_by_class(seeing: Seeing) -> None:
    traffic(seeing)
    (row,) = seeing.json("show queue")
    assert (row["carrier"], row["class"], row["waiting"], row["state"]) == (
        "dead",
        "transactional",
        2,
        "up",
    )
    assert row["oldest_s"] == 3.0
    *_, note, _ = seeing.say("show queue", 200)
    assert note.startswith("6 of 10,000,000 (max_queue) queued in all")
    assert seeing.json("show queue carrier fr-a") == []
    seeing.world.relay.carriers["dead"].hold()
    assert seeing.say("show queue")[1].endswith("held   for a moment")


def test_the_ledger_is_proved(seeing: Seeing) -> None:
    traffic(seeing)
    found = seeing.json("show ledger")
    (line,) = found["accounts"]
    assert (line["accepted"], line["delivered"], line["rejected"], line["pending"]) == (12, 5, 1, 6)
    assert line["balanced"]
    said = seeing.say("show ledger")
    assert said[-2].startswith("the ledger balances")
    assert "EXPIRED" not in said[1]
    seeing.world.relay.ledger._lines["account", "agg1"][0] += 1
    said = seeing.say("show ledger")
    assert "THE LEDGER DOES NOT BALANCE: pending and counted differ" in said
    assert "COUNTED" in said[1]


def test_memory_by_table(seeing: Seeing) -> None:
    traffic(seeing)
    found = {(one["whose"], one["what"]): one for one in seeing.json("show memory all")}
    assert found["carrier dead", "unanswered"]["held"] == 3
    assert found["carrier dead", "unanswered"]["percent"] == 100.0
    assert found["carrier dead", "head of the queue"]["held"] == 2
    assert found["carrier dead", "head of the queue"]["bound"] == 20_000
    assert found["gateway", "messages"]["held"] == len(seeing.world.engine.live)
    unbounded = {what for (_, what), one in found.items() if not one["bound"]}
    assert unbounded == {"messages", "unanswered"} - (
        {"unanswered"} if all(one.window for one in seeing.world.relay.carriers.values()) else set()
    )
    few = seeing.json("show memory")
    assert 0 < len(few) < len(found)
    assert all(one["held"] for one in few)
    assert {one["whose"] for one in seeing.json("show memory dead")} == {"carrier dead"}
    assert "resident in all" in seeing.say("show memory")[-2]


# ---------------------------------------------------------------------- errors


def test_errors_are_counted_with_advice(seeing: Seeing) -> None:
    traffic(seeing)
    rows = seeing.json("show errors")[""]
    assert {(one["who"], one["what"], one["status"], one["count"]) for one in rows} == {
        ("carrier fr-b", "our submit_sm", "ESME_RINVDSTADR", 1),
        ("account agg1", "its requests", "ESME_RINVDSTADR", 1),
    }
    said = " ".join(seeing.say("show errors"))
    assert "ESME_RINVDSTADR (0x0B): destination address is invalid; look at the number" in said
    assert [one["name"] for one in seeing.json("show errors carrier fr-b")[""]] == ["fr-b"]


def test_refused_deliveries_and_binds_are_errors_too(seeing: Seeing) -> None:
    esme = seeing.world.esme("agg1")
    esme.answer = 0x65
    seeing.say('simulate mo 33612345678 38100 "x"')
    seeing.world.settle(1)
    seeing.world.esme("stranger")
    found = seeing.json("show errors")
    assert [(one["what"], one["status"]) for one in found[""]] == [
        ("our deliver_sm", "ESME_RX_P_APPN")
    ]
    (refused,) = found["binds refused"]
    assert (refused["name"], refused["reason"]) == ("ESME_RINVSYSID", "unknown")


def test_statuses_are_bounded() -> None:
    refused = Refused()
    for status in range(1, 1000):
        refused.count(status, float(status))
    assert len(refused.statuses) == MOST_STATUSES + 1
    assert refused.statuses[OTHER_STATUS] == (999 - MOST_STATUSES, 999.0)
    refused.count(1, 2000.0)
    assert refused.statuses[1] == (2, 2000.0)


def test_versions(seeing: Seeing) -> None:
    found = seeing.json("show versions")
    assert set(found) >= {"smppgw", "python", "twisted", "sqlite", "schema", "started"}
    assert seeing.say("show versions")[0].startswith(f"smppgw   {found['smppgw']}, tables of")
