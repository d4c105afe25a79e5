"""Why a carrier is slow: each gate that can be shut is named, with what it allows."""

from __future__ import annotations

from pathlib import Path

import pytest
from carrier_kit import Traffic, absent, links
from explain_kit import desk_of, sound, why, works
from relay_kit import World, account, carrier

from smppgw.core.command import CommandError
from smppgw.core.order import PARKED
from smppgw.core.settings import StatusRule
from smppgw.ops.desk import Desk
from smppgw.ops.explain import Limit, carrier_limits, link_limits
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

PHONE = "33600000001"


def world_of(tmp_path: Path, behaviour: Behaviour | None = None, **settings) -> World:
    settings = {"in_order": False, "response_timeout": 5.0, "reconnect": 1.0, **settings}
    return World(
        tmp_path / "var",
        (carrier("a", **settings),),
        accounts=(account("esme", window=10_000),),
        behaviours={"a": behaviour or Behaviour()},
    )


def busy(world: World, seconds: int = 12, each: int = 20, step: float = 0.25) -> Desk:
    """A desk, after some seconds with more messages than the carrier takes."""
    desk = desk_of(world)
    traffic = Traffic(world)
    for _ in range(seconds):
        for place in range(each):
            traffic.send(str(33600000001 + place))
        world.settle(1.0, step=step)
    return desk


def test_who_is_not_there_cannot_be_explained(tmp_path: Path) -> None:
    desk = desk_of(world_of(tmp_path))
    for ask in (carrier_limits, link_limits):
        with pytest.raises(CommandError, match="nobody"):
            ask(desk, "nobody")


def test_nothing_waits(tmp_path: Path) -> None:
    found = why(busy(world_of(tmp_path)))
    assert found.limit is Limit.NOTHING
    assert found.rates == {1: 20.0, 10: 20.0, 60: 20.0}
    assert found.maximum is None, "its answers take no time that could be measured"
    assert found.also == ()


def test_before_anything_was_measured(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    found = why(Desk(world.relay, None, None))
    assert (found.limit, found.rates, found.bounds) == (Limit.NOTHING, {}, ())


def test_a_small_window_and_a_long_way(tmp_path: Path) -> None:
    found = why(busy(world_of(tmp_path, Behaviour(response_delay=0.5), window=2)))
    assert found.limit is Limit.WINDOW
    assert found.maximum == pytest.approx(4.0)
    assert found.rates[10] == pytest.approx(4.0, abs=0.5)
    assert (found.unanswered, found.window) == (2, 2)
    assert "2 places" in found.because
    assert "500 ms" in found.because
    assert "`window` (now 2)" in found.advice


def test_slow_answers(tmp_path: Path) -> None:
    found = why(busy(world_of(tmp_path, Behaviour(response_delay=2.0))))
    assert found.limit is Limit.ANSWERS
    assert found.maximum == pytest.approx(5.0)
    assert found.rates[10] == pytest.approx(5.0, abs=0.5)
    assert "Ask the carrier" in found.advice


def test_no_answer_yet(tmp_path: Path) -> None:
    world = world_of(tmp_path, Behaviour(answer="never"), response_timeout=60.0)
    found = why(busy(world))
    assert found.limit is Limit.SILENT
    assert "no submit_sm was answered lately" in found.because
    assert found.maximum is None


def test_answers_of_the_time_before_are_no_answers_now(tmp_path: Path) -> None:
    world = world_of(tmp_path, response_timeout=100.0)
    desk = busy(world, 2)
    world.simulated["a"].behaviour = Behaviour(answer="never")
    traffic = Traffic(world)
    for _ in range(20):
        traffic.send(PHONE)
    world.settle(70, step=1.0)
    assert why(desk).limit is Limit.SILENT


def test_the_setting(tmp_path: Path) -> None:
    found = why(busy(world_of(tmp_path, throughput=5.0, adaptive=False)))
    assert found.limit is Limit.THROUGHPUT
    assert found.maximum == 5.0
    assert found.bounds[0].why == "`throughput`"
    assert found.rates[10] == pytest.approx(5.0, abs=1.0)


def test_the_lowest_bound_comes_first(tmp_path: Path) -> None:
    behaviour = Behaviour(response_delay=0.5)
    found = why(busy(world_of(tmp_path, behaviour, window=4, throughput=100.0), step=0.02))
    assert found.limit is Limit.WINDOW
    assert [round(one.rate) for one in found.bounds] == [8, 100]


@pytest.mark.parametrize(
    ("status", "limit", "afterwards"),
    [
        (0x58, Limit.THROTTLING, Limit.THROTTLING),  # the rate that it showed goes on
        (0x14, Limit.FULL, Limit.NOTHING),
        (0x04, Limit.PAUSED, Limit.NOTHING),
    ],
)
def test_pauses_are_named_by_what_caused_them_and_remembered(
    tmp_path: Path, status: int, limit: Limit, afterwards: Limit
) -> None:
    rule = {f"0x{status:X}": StatusRule(action="pause", delay=3.0, max_delay=3.0)}
    script = f"{{status=0x{status:X},times=1}}"
    world = world_of(tmp_path, statuses=rule)
    desk, traffic = desk_of(world), Traffic(world)
    seen = []
    for second in range(30):
        for _ in range(5):
            traffic.send(PHONE, script)
        world.settle(1.0)
        if second < 5:
            continue
        found = why(desk)
        seen.append(found.limit)
        assert "of the last" in found.because
        assert wire.status_name(status) in found.because
    assert set(seen) == {limit}
    world.settle(120, step=1.0)
    assert why(desk).limit is afterwards


def test_an_operator_holds_it(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.relay.carriers["a"].hold()
    found = why(busy(world, 2))
    assert found.limit is Limit.HELD
    assert found.waiting == 40


def test_it_is_disabled(tmp_path: Path) -> None:
    assert why(desk_of(world_of(tmp_path, enabled=False))).limit is Limit.DISABLED


def test_it_only_receives(tmp_path: Path) -> None:
    world = world_of(tmp_path, bind="receiver")
    found = why(desk_of(world))
    assert found.limit is Limit.UNBOUND
    assert "receive only" in found.because
    assert sound(link_limits(desk_of(world), "a#1")).limit is Limit.UNBOUND


def test_it_is_not_there(tmp_path: Path) -> None:
    world = world_of(tmp_path, reconnect=0.5, max_reconnect=20.0)
    absent(world)
    found = why(busy(world, 3))
    assert found.limit is Limit.UNBOUND
    assert "a#1 is waiting" in found.because
    assert "next attempt in" in found.because
    assert "host and port" in found.advice
    assert found.window == 0
    assert found.maximum is None


def test_it_refuses_our_password(tmp_path: Path) -> None:
    world = world_of(tmp_path, Behaviour(passwords={"gw": "another"}))
    found = why(desk_of(world))
    assert found.limit is Limit.UNBOUND
    assert "ESME_RINVPASWD" in found.because
    assert "advice" not in found.because
    assert found.advice.startswith("Look at the password")


def test_it_unbinds_and_takes_its_time(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    links(world)[0].drain()
    found = why(desk_of(world))
    assert found.limit is Limit.UNBOUND
    assert "draining" in found.because


def test_one_link_of_two(tmp_path: Path) -> None:
    world = world_of(tmp_path, Behaviour(response_delay=0.5), binds=2, window=2, reconnect=60.0)
    desk = busy(world)
    assert why(desk).window == 4
    assert why(desk).maximum == pytest.approx(8.0)
    one = sound(link_limits(desk, "a#2"))
    assert (one.about, one.limit) == ("link a#2", Limit.WINDOW)
    assert (one.window, one.maximum) == (2, pytest.approx(4.0))
    assert one.rates[10] == pytest.approx(4.0, abs=0.5)
    world.simulated["a"].binds[1].disconnect()
    world.settle()
    whole = why(desk)
    assert whole.limit is Limit.WINDOW
    assert "1 of 2 links not bound" in whole.also[0]
    (gone,) = [one for one in links(world) if one.protocol is None]
    assert sound(link_limits(desk, gone.name)).limit is Limit.UNBOUND


def test_a_link_that_was_bound_anew_keeps_its_rate(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = busy(world, 5)
    assert sound(link_limits(desk, "a#1")).rates[10] > 10
    world.simulated["a"].disconnect()
    world.settle(3)
    assert 5 < sound(link_limits(desk, "a#1")).rates[10] < 20
    world.settle(12, step=1.0)
    assert sound(link_limits(desk, "a#1")).rates[10] < 1


def test_it_is_silent(tmp_path: Path) -> None:
    world = world_of(tmp_path, Behaviour(answer="never"))
    desk = busy(world, 12)
    found = why(desk)
    assert found.limit is Limit.SILENT
    assert "one at a time" in found.because
    assert "heard" in found.because


def test_an_answer_that_did_not_come_is_a_doubt_first(tmp_path: Path) -> None:
    """A link whose peer is not heard since an answer was due takes nothing more."""
    world = world_of(tmp_path, Behaviour(response_delay=0.5), response_timeout=20.0)
    desk, traffic = desk_of(world), Traffic(world)
    for place in range(5):
        traffic.send(str(33600000001 + place))
    world.settle(0.25)
    links(world)[0]._doubt()
    found = why(desk)
    assert found.limit is Limit.SILENT
    assert "until it is heard" in found.because


def test_it_does_not_read(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    (link,) = links(world)
    link.writable(link._protocol, False)
    Traffic(world).send(PHONE)
    world.settle()
    assert why(desk).limit is Limit.UNREAD


def test_one_destination_at_a_time(tmp_path: Path) -> None:
    world = world_of(tmp_path, Behaviour(response_delay=0.5), in_order=True)
    desk, traffic = desk_of(world), Traffic(world)
    for _ in range(50):
        traffic.send(PHONE)
    world.settle(5)
    found = why(desk)
    assert found.limit is Limit.ORDER
    assert f"{found.waiting} of {found.waiting}" in found.because
    assert "`in_order`" in found.advice


def test_so_many_behind_one_destination_that_memory_does_not_hold_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PARKED > 100
    monkeypatch.setattr("smppgw.core.order.PARKED", 20)
    monkeypatch.setattr("smppgw.core.order.ASIDE", 10)
    world = world_of(tmp_path, Behaviour(response_delay=0.5), in_order=True)
    desk, traffic = desk_of(world), Traffic(world)
    for _ in range(60):
        traffic.send(PHONE)
    world.settle(2)
    assert len(world.relay.carriers["a"].queue)
    assert why(desk).limit is Limit.ORDER


def test_another_try(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk, traffic = desk_of(world), Traffic(world)
    for place in range(5):
        traffic.send(str(33600000001 + place), "{status=0x08}")
    world.settle(2)
    found = why(desk)
    assert found.limit is Limit.RETRIES
    assert "5 of 5" in found.because
    assert "ESME_RSYSERR" in found.because


# ---------------------------------------------------------------------- us, not the carrier


def test_the_disk_refuses(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.store.trouble = "No space left on device"
    found = why(desk_of(world))
    assert found.limit is Limit.DISK
    assert "No space left" in found.because


def test_the_disk_is_slow(tmp_path: Path) -> None:
    world = world_of(tmp_path, window=5)
    world.sync.delay = 0.5
    found = why(busy(world))
    assert found.limit is Limit.DISK
    assert "5 of 5 places" in found.because
    assert "one takes 500 ms" in found.because


def test_the_disk_is_slow_but_the_carrier_is_slower(tmp_path: Path) -> None:
    world = world_of(tmp_path, Behaviour(response_delay=3.0), window=5)
    world.sync.delay = 0.25
    assert why(busy(world)).limit is Limit.ANSWERS


@pytest.mark.parametrize(
    ("used", "waited", "said"), [(0.99, 0.0, "uses 99%"), (0.25, 0.7, "waits for one 70%")]
)
def test_the_processor_has_no_time_left(
    tmp_path: Path, used: float, waited: float, said: str
) -> None:
    world = world_of(tmp_path, Behaviour(response_delay=0.05), window=5)
    desk, traffic = desk_of(world), Traffic(world)
    for place in range(1_500):
        traffic.send(str(33600000001 + place))
    works(desk, used, waited)
    found = why(desk)
    assert found.limit is Limit.CPU
    assert said in found.because


def test_a_busy_process_is_no_excuse_for_a_slow_carrier(tmp_path: Path) -> None:
    world = world_of(tmp_path, Behaviour(response_delay=2.0), window=5)
    desk, traffic = desk_of(world), Traffic(world)
    for place in range(400):
        traffic.send(str(33600000001 + place))
    works(desk, 0.99)
    found = why(desk)
    assert found.limit is Limit.ANSWERS
    assert any("99%" in one for one in found.also)


def test_carriers_beyond_those_with_figures_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smppgw.core.measures.MOST_CARRIERS", 0)
    found = why(busy(world_of(tmp_path, Behaviour(response_delay=0.5), window=2), 3))
    assert (found.rates, found.bounds) == ({}, ())
    assert found.limit is Limit.SILENT or "places" in found.because
