"""Who looks on at commits: shown as written, told when durable, and no trouble to the store."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smppgw.core.store.batch import Batch
from smppgw.core.store.onlookers import Onlookers


class Eye:
    """Keeps what it sees; fails when told to."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.seen: list[str] = []

    def look(self, batch: Batch) -> Callable[[], None] | None:
        self.seen.append("written")
        if self.fails == "written":
            raise RuntimeError("written")
        return None if self.fails == "nothing" else self.then

    def then(self) -> None:
        self.seen.append("durable")
        if self.fails == "durable":
            raise RuntimeError("durable")


def commit(onlookers: Onlookers) -> None:
    onlookers.written(Batch())
    onlookers.durable()


def test_each_is_shown_a_batch_and_told_when_it_is_durable() -> None:
    onlookers, one, two = Onlookers(), Eye(), Eye("nothing")
    onlookers.add(one.look)
    onlookers.add(two.look)
    onlookers.written(Batch())
    assert one.seen == two.seen == ["written"]
    onlookers.durable()
    onlookers.durable()
    assert (one.seen, two.seen) == (["written", "durable"], ["written"])


def test_who_looks_away_is_told_nothing_more() -> None:
    onlookers, one = Onlookers(), Eye()
    onlookers.add(one.look)
    onlookers.written(Batch())
    onlookers.remove(one.look)
    onlookers.remove(one.look)
    onlookers.durable()
    commit(onlookers)
    assert one.seen == ["written"]
    assert (onlookers.looking, onlookers.waiting) == ((), [])


@pytest.mark.parametrize("fails", ["written", "durable"])
def test_who_fails_looks_no_longer_and_harms_nobody(fails: str, failures: list[str]) -> None:
    onlookers, failing, other = Onlookers(), Eye(fails), Eye()
    onlookers.add(failing.look)
    onlookers.add(other.look)
    commit(onlookers)
    commit(onlookers)
    assert failing.seen.count("written") == 1
    assert other.seen == ["written", "durable"] * 2
    assert len(failures) == 1
    failures.clear()


def test_who_leaves_while_shown_leaves() -> None:
    onlookers, other = Onlookers(), Eye()

    def once(batch: Batch) -> None:
        onlookers.remove(once)

    onlookers.add(once)
    onlookers.add(other.look)
    commit(onlookers)
    assert onlookers.looking == (other.look,)
    assert other.seen == ["written", "durable"]
