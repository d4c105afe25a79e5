"""The true cause is named at each persona of the simulated carrier that is slow in its way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from explain_kit import desk_of, why
from persona_kit import Stage

from smppgw.ops.desk import Desk
from smppgw.ops.explain import Explanation, Limit
from smppgw.simulator.personas import PERSONAS


def explained(stage: Stage, seconds: int, each: int = 20) -> list[Explanation]:
    """Why the carrier is slow, asked each half second once it had twelve to show itself."""
    desk, found = desk_of(stage.world), []
    for second in range(seconds):
        stage.send(each)
        stage.world.settle(0.4)
        found += asked(desk, second)
        stage.world.settle(0.5)
        found += asked(desk, second)
    return found


def asked(desk: Desk, second: int) -> list[Explanation]:
    return [why(desk)] if second >= 12 else []


def limits(found: list[Explanation]) -> set[Limit]:
    return {one.limit for one in found}


@pytest.mark.parametrize("window", [2, 10, 50])
def test_slow(tmp_path: Path, window: int) -> None:
    found = explained(Stage(tmp_path, "slow", window=window, in_order=False), 30, 30)
    assert limits(found) == {Limit.ANSWERS}
    last = found[-1]
    assert window / 3.2 < last.maximum < window / 2
    assert last.rates[60] == pytest.approx(last.maximum, rel=0.25)
    assert "Ask the carrier why it is slow" in last.advice


def test_throttling(tmp_path: Path) -> None:
    found = explained(Stage(tmp_path, "throttling", in_order=False), 40)
    assert limits(found) == {Limit.THROTTLING}, "paused or not"
    last = found[-1]
    assert 5 < last.maximum < 15, "it takes ten a second"
    assert "ESME_RTHROTTLED" in last.because
    assert "`throughput`" in last.advice


def test_capped(tmp_path: Path) -> None:
    found = explained(Stage(tmp_path, "capped", window=50, in_order=False), 60, 30)
    assert limits(found) == {Limit.FULL}
    last = found[-1]
    assert "ESME_RMSGQFUL" in last.because
    assert "`window` (now 50) is not what limits it" in last.advice
    assert last.window in range(8, 13)
    assert last.maximum == pytest.approx(20.0, rel=0.25)
    assert last.rates[60] == pytest.approx(20.0, rel=0.15)


def test_capped_without_learning(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "capped", window=50, in_order=False, adaptive=False)
    found = explained(stage, 60)
    assert limits(found) == {Limit.FULL}, "paused or not"
    assert "Lower `window` (now 50)" in found[-1].advice


def test_capped_with_the_window_that_it_allows(tmp_path: Path) -> None:
    found = explained(Stage(tmp_path, "capped", window=10, in_order=False), 30, 40)
    assert limits(found) == {Limit.WINDOW}
    assert found[-1].maximum == pytest.approx(20.0, rel=0.2)
    assert found[-1].rates[10] == pytest.approx(20.0, rel=0.2)


def test_dead(tmp_path: Path) -> None:
    found = explained(Stage(tmp_path, "dead"), 30)
    assert limits(found) == {Limit.SILENT}
    assert "No submit_sm is answered" in found[-1].because
    assert found[-1].maximum is None


def test_healthy_with_a_small_window_and_a_long_way(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "healthy", changes={"response_delay": 0.4}, window=2, in_order=False)
    found = explained(stage, 20)
    assert limits(found) == {Limit.WINDOW}
    assert "Raise `window` (now 2)" in found[-1].advice


def test_healthy_with_a_throughput(tmp_path: Path) -> None:
    found = explained(Stage(tmp_path, "healthy", throughput=5.0, in_order=False), 20)
    assert limits(found) == {Limit.THROUGHPUT}
    assert found[-1].maximum == 5.0


def test_flaky(tmp_path: Path) -> None:
    found = explained(Stage(tmp_path, "flaky", in_order=False), 30, 5)
    named = Counter(one.limit for one in found)
    assert named.most_common(1)[0][0] is Limit.RETRIES
    assert "ESME_RSYSERR" in next(one for one in found if one.limit is Limit.RETRIES).because


def test_daily_unbind(tmp_path: Path) -> None:
    changes = {"unbind_after": 13.0}
    stage = Stage(tmp_path, "daily-unbind", changes=changes, reconnect=10.0, max_reconnect=10.0)
    found = explained(stage, 16)
    assert Limit.UNBOUND in limits(found)
    assert "unbound by the peer" in next(one for one in found if one.limit is Limit.UNBOUND).because


FAST = sorted(set(PERSONAS) - {"slow", "throttling", "capped", "dead", "flaky", "daily-unbind"})


@pytest.mark.parametrize("name", FAST)
def test_no_other_persona_is_called_slow(tmp_path: Path, name: str) -> None:
    found = explained(Stage(tmp_path, name, in_order=False), 20, 5)
    assert limits(found) == {Limit.NOTHING}
