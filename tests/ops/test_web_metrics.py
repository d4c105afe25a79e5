"""The metrics: form, meaning and labels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from relay_kit import World, account, carrier
from twisted.internet.task import Clock
from web_kit import SUFFIXES, Browser, families

from smppgw.core import measures
from smppgw.core.settings import RouteSettings
from smppgw.ops.web.lag import PERIOD, Lag


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


def value(world: World, name: str, **labels: str) -> float:
    """One sample."""
    for family in families(world).values():
        for sample in family.samples:
            if sample.name == name and labels == sample.labels:
                return sample.value
    raise AssertionError(f"{name}{labels} is not there")


def test_names_types_and_help_keep_to_the_rules(world: World) -> None:
    for name, family in families(world).items():
        assert re.fullmatch(r"(smppgw|process)_[a-z_]+[a-z]", name)
        assert family.documentation.endswith("."), name
        assert family.type in SUFFIXES, name
        if re.search("_(age|lag)", name) or family.type == "histogram":
            assert name.endswith("_seconds"), name
        for sample in family.samples:
            assert sample.name.removeprefix(name) in SUFFIXES[family.type]
            assert sample.value >= 0


def test_no_two_samples_are_the_same(world: World) -> None:
    for family in families(world).values():
        seen = [(sample.name, *sorted(sample.labels.items())) for sample in family.samples]
        assert len(seen) == len(set(seen)), family.name


def test_histograms_add_up(world: World) -> None:
    esme = world.esme()
    for _ in range(3):
        esme.submit(registered_delivery=1)
    world.settle(1)
    family = families(world)["smppgw_carrier_answer_seconds"]
    buckets = [one for one in family.samples if one.name.endswith("_bucket")]
    assert [float(one.labels["le"]) for one in buckets][:3] == [0.005, 0.01, 0.025]
    assert buckets[-1].labels["le"] == "+Inf"
    counts = [one.value for one in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == value(world, "smppgw_carrier_answer_seconds_count", carrier="a") == 3


def test_what_happened_is_counted(world: World) -> None:
    esme = world.esme()
    for _ in range(2):
        esme.submit(registered_delivery=1)
    world.settle(1)
    assert value(world, "smppgw_messages_accepted_total", account="esme") == 2
    assert value(world, "smppgw_messages_sent_total", carrier="a") == 2
    assert value(world, "smppgw_messages_ended_total", carrier="a", state="delivered") == 2
    assert value(world, "smppgw_receipts_matched_total") == 2
    assert value(world, "smppgw_binds", account="esme") == 1
    assert value(world, "smppgw_message_queue_seconds_count", **{"class": "transactional"}) == 2


def test_what_waits_is_shown_with_its_age(world: World) -> None:
    world.relay.carriers["a"].hold()
    esme = world.esme()
    esme.submit()
    world.settle(30)
    labels = {"carrier": "a", "class": "transactional"}
    assert value(world, "smppgw_queue_messages", **labels) == 1
    assert value(world, "smppgw_queue_oldest_age_seconds", **labels) == pytest.approx(30, abs=1)
    assert value(world, "smppgw_carrier_usable", carrier="a") == 0
    assert value(world, "smppgw_links_up", carrier="a") == 1
    assert value(world, "smppgw_account_queued_messages", account="esme") == 1


def test_a_counter_does_not_fall_when_a_commit_fails(world: World) -> None:
    browser = Browser(world)
    world.relay.inbox.partial = 3
    browser.metrics.text()
    world.relay.inbox.partial = 2
    assert b"smppgw_mos_partial_total 3.0\n" in browser.metrics.text()


def test_early_receipts_leave_the_orphans_where_they_are(world: World) -> None:
    world.relay.receipts.orphans, world.relay.receipts.early = -1, 1  # parked before a restart
    assert value(world, "smppgw_receipts_orphan_total") == 0


HOSTILE = 'x"} 1\nsmppgw_fake{y="\\'


def test_labels_of_hostile_names_are_escaped(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        carriers=(carrier(HOSTILE),),
        accounts=(account('é\\n"'),),
        routes=(RouteSettings(carriers=((HOSTILE,),)),),
    )
    found = families(world)
    assert "smppgw_fake" not in found
    assert [one.labels for one in found["smppgw_links_up"].samples] == [{"carrier": HOSTILE}]
    assert [one.labels for one in found["smppgw_binds"].samples] == [{"account": 'é\\n"'}]


def test_label_values_have_a_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "MOST_CARRIERS", 2)
    monkeypatch.setattr(measures, "MOST_ACCOUNTS", 2)
    monkeypatch.setattr("smppgw.ops.web.metrics.MOST_CARRIERS", 2)
    monkeypatch.setattr("smppgw.ops.web.metrics.MOST_ACCOUNTS", 2)
    names = ("(other)", "b", "c", "d")  # one is called like the rest
    world = World(
        tmp_path / "var",
        carriers=tuple(carrier(name, 2790 + place) for place, name in enumerate(names)),
        accounts=tuple(account(name) for name in names),
    )
    for family in families(world).values():
        seen = [(sample.name, *sorted(sample.labels.items())) for sample in family.samples]
        assert len(seen) == len(set(seen)), family.name
        for label in ("carrier", "account"):
            assert {one.labels.get(label) for one in family.samples} <= {None, "(other)", "b"}
    assert value(world, "smppgw_links_up", carrier="(other)") == 3
    assert value(world, "smppgw_carrier_usable", carrier="(other)") == 1
    world.relay.carriers["d"].hold()
    assert value(world, "smppgw_carrier_usable", carrier="(other)") == 0


def test_nothing_private_is_shown(world: World) -> None:
    esme = world.esme()
    esme.submit("33612345678", b"hello there", source_addr="38100", registered_delivery=1)
    world.relay.carriers["a"].hold()
    esme.submit("33612345679", b"hello there", source_addr="38100")
    world.settle(1)
    text = Browser(world).metrics.text().decode()
    for private in ("336123", "hello", "38100", "pw"):
        assert private not in text


def test_the_lag_is_what_a_call_is_late() -> None:
    clock = Clock()
    lag = Lag(clock)
    lag.start()
    clock.advance(PERIOD)
    clock.advance(PERIOD + 0.2)
    assert sum(lag.seconds.counts) == 2
    assert lag.seconds.total == pytest.approx(0.2)
    lag.stop()
    assert clock.getDelayedCalls() == []
