"""Every persona repeats with its seed, and shows what its sentence says."""

from __future__ import annotations

from random import Random

import pytest
from simulator_kit import World, balanced, status
from twisted.internet.task import Clock

from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.consent import Consent, keyword
from smppgw.simulator.personas import LONG, PERSONAS
from smppgw.simulator.phones import FIRST, Phones, Population
from smppgw.smpp.net import SmppProtocol
from smppgw.sms import reassemble

BY_CHANCE = ("slow", "flaky", "late-receipts", "bodyless-errors", "errors-with-body")
PHONES = Population(count=3, answers=("STOP", "HELP", LONG), every=0.5)


def _play(name: str, seed: int) -> tuple[list[tuple], list[tuple], dict[str, int]]:
    """What a carrier with a few phones took, what it sent, and what became of its messages."""
    world = World(seed)
    persona = PERSONAS[name]
    world.carrier.behaviour = persona.behaviour
    phones = Phones(world.carrier, Random(seed), persona.phones or PHONES)
    phones.start()
    destinations = tuple(str(FIRST + place) for place in range(4))
    esme = world.run(30.0, count=150, rate=25.0, binds=2, window=20, destinations=destinations)
    start = world.carrier.received[0].time
    took = [
        (round(one.time - start, 3), one.text, one.command_status, one.message_id)
        for one in world.carrier.received
    ]
    sent = [(one.source_addr, one.short_message) for one in esme.inbox]
    counters = dict(world.carrier.counters)
    assert balanced(esme)
    world.end(esme)
    return took, sent, counters


@pytest.mark.parametrize("name", PERSONAS)
def test_a_persona_repeats_with_its_seed(name: str) -> None:
    first = _play(name, 7)
    assert len(first[0]) >= 40
    assert len(first[1]) > 5
    assert _play(name, 7) == first


@pytest.mark.parametrize("name", BY_CHANCE)
def test_another_seed_is_another_run(name: str) -> None:
    fates = [[fate for _, _, fate, _ in _play(name, seed)[0]] for seed in (7, 8)]
    ids = [[id for _, _, _, id in _play(name, seed)[0]] for seed in (7, 8)]
    assert ids[0] != ids[1]
    if PERSONAS[name].behaviour.error_rate:
        assert fates[0] != fates[1]


@pytest.mark.parametrize("name", PERSONAS)
def test_a_persona_has_one_sentence(name: str) -> None:
    about = PERSONAS[name].about
    assert about[0].isupper()
    assert about.endswith(".")
    assert about.count(". ") == 0


def test_fate_depends_on_the_order_and_not_on_the_time() -> None:
    def fates(rate: float) -> list[int]:
        world = World(3, error_rate=0.3, receipt_bind="any")
        esme = world.run(20.0, count=60, rate=rate, window=100)
        found = [one.command_status for one in world.carrier.received]
        world.end(esme)
        return found

    assert fates(5.0) == fates(500.0)


# ---------------------------------------------------------------------- abilities of the carrier


def test_answers_at_a_pace() -> None:
    world = World(pace=10.0)
    esme = world.run(0.0, count=30, window=30)
    world.advance(1.05)
    assert esme.report()["acknowledged"] == 10
    world.advance(2.0)
    assert esme.report()["acknowledged"] == 30
    world.end(esme)


@pytest.mark.parametrize(
    ("source", "fate"),
    [
        ("38100", 0),
        ("MyBrand", 0),
        ("My Brand 24", 0),
        ("33612345678", status("ESME_RINVSRCADR")),
        ("3810", status("ESME_RINVSRCADR")),
        ("381000", status("ESME_RINVSRCADR")),
        ("Brand!", status("ESME_RINVSRCADR")),
    ],
)
def test_who_may_send_in_france(source: str, fate: int) -> None:
    world = World()
    world.carrier.behaviour = PERSONAS["french"].behaviour
    esme = world.run(0.0, count=1, source=source)
    assert [one.command_status for one in world.carrier.received] == [fate]
    world.end(esme)


def test_an_expression_that_is_none() -> None:
    with pytest.raises(Exception, match="unterminated"):
        Behaviour(senders="[")


@pytest.mark.parametrize(("body", "length"), [(False, 16), (True, 17)])
def test_a_refusal_with_and_without_a_body(
    body: bool, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[bytes] = []
    read = SmppProtocol.dataReceived

    def spy(protocol: SmppProtocol, data: bytes) -> None:
        came.append(data)
        read(protocol, data)

    monkeypatch.setattr(SmppProtocol, "dataReceived", spy)
    world = World(error_rate=1.0, error_body=body)
    esme = world.run(0.1, count=1)
    assert esme.report()["refused"] == {"ESME_RSYSERR": 1}
    assert len(came[-1]) == length
    world.end(esme)


# ---------------------------------------------------------------------- keywords


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stop", "STOP"),
        (" Stop. ", "STOP"),
        ("STOP 36111", "STOP"),
        ("stop au 38100", "STOP"),
        ("arrêt", "ARRET"),
        ("Stop it", "STOP IT"),
        ("36111", "36111"),
        ("", ""),
    ],
)
def test_keywords(text: str, said: str) -> None:
    assert keyword(text) == said


def test_one_confirmation_for_each_stop() -> None:
    consent = Consent()
    stop, start = ("STOP",), ("START",)
    assert consent.allows("38100", "336")
    consent.heard("336", "38100", "Stop please", stop, start)
    assert consent.allows("38100", "336")
    for _ in range(2):
        consent.heard("336", "38100", "stop", stop, start)
        assert consent.allows("38200", "336"), "another sender"
        assert consent.allows("38100", "337"), "another phone"
        assert consent.allows("38100", "336"), "the confirmation"
        assert not consent.allows("38100", "336")
        assert len(consent) == 1
    consent.heard("336", "38100", "START", stop, start)
    assert consent.allows("38100", "336")
    assert len(consent) == 0


def test_so_many_who_said_stop_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smppgw.simulator.consent.MOST", 3)
    consent = Consent()
    for phone in "abcde":
        consent.heard(phone, "38100", "STOP", ("STOP",), ())
        assert consent.allows("38100", phone), "the confirmation"
    assert len(consent) == 3
    assert [consent.allows("38100", phone) for phone in "abcde"] == [True, True] + [False] * 3


# ---------------------------------------------------------------------- phones


def _phones(**population: object) -> tuple[World, Phones]:
    world = World()
    return world, Phones(world.carrier, Random(1), Population(**population))


def test_phones_answer_who_wrote_to_them_first() -> None:
    world, phones = _phones(count=2, answers=("HELP",), every=1.0, number="38300")
    phones.start()
    destinations = (str(FIRST), str(FIRST + 1), str(FIRST + 2))
    esme = world.run(2.5, count=3, source="38100", destinations=destinations)
    # The third is no phone of ours.
    found = [(one.source_addr, one.destination_addr) for one in esme.inbox]
    assert found == [(str(FIRST), "38100"), (str(FIRST + 1), "38100")]
    world.advance(3.0)
    assert {one.destination_addr for one in list(esme.inbox)[2:]} == {"38300"}
    assert phones.sent == 5
    world.end(esme)


def test_phones_cannot_answer_a_name_and_may_keep_silent() -> None:
    world, phones = _phones(answers=("HELP",), every=1.0, number="")
    phones.start()
    esme = world.run(5.0, count=3, source="MyBrand")
    assert not esme.inbox
    assert phones.sent == 0
    world.end(esme)


def test_phones_keep_silent_while_nobody_takes_what_they_write() -> None:
    world = World(queue=20)
    phones = Phones(world.carrier, Random(1), Population(answers=("HELP",), every=0.1))
    phones.start()
    world.advance(60.0)
    assert world.carrier.waiting == phones.sent == 20
    esme = world.run(5.0, count=0)
    assert world.carrier.waiting == 0
    assert phones.sent > 20
    world.end(esme)


def test_parts_leave_in_any_order_and_twice() -> None:
    clock = Clock()
    behaviour = Behaviour(shuffle_parts=True, repeat_parts=0.5)
    sequences = []
    carrier = SimulatedCarrier(behaviour, clock, Random(1))
    phones = Phones(carrier, Random(1), Population())
    for _ in range(20):
        phones.write("33600000001", "38100", LONG)
        found = [one.pdu for queue in carrier._queues.values() for one in queue]
        parts = [
            reassemble.read(one.esm_class, one.data_coding, one.short_message) for one in found
        ]
        sequences.append([one.concatenation.sequence for one in parts if one])
        carrier._queues.clear()
    assert all(set(one) == {1, 2, 3} for one in sequences)
    assert any(list(dict.fromkeys(one)) != [1, 2, 3] for one in sequences)
    assert {len(one) for one in sequences} == {3, 4, 5}
