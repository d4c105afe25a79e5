"""The scripts that load, compare, soak, storm and replay, in small."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from scripts_kit import script

from smppgw.smpp import wire

UNMET = 4


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Where the scripts put data; a socket of the gateway needs a short path."""
    monkeypatch.chdir(tmp_path)
    with TemporaryDirectory() as directory:
        monkeypatch.setenv("TMPDIR", directory)
        yield Path(directory)


@contextmanager
def carrier() -> Iterator[int]:
    """The port of a simulated carrier."""
    words = [sys.executable, "-m", "smppgw", "simulate", "carrier", "--json", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            yield int(json.loads(process.stdout.readline())["port"])
        finally:
            process.kill()


def test_a_load_with_a_gateway_of_its_own(place: Path) -> None:
    code, out, err = script(
        "load",
        *("--rate", "200", "--seconds", "2", "--binds", "2", "--window", "50"),
        *("--mix", "gsm=2,ucs2=1,multipart=1,flash=1,binary=1,payload=1"),
        *("--mo-rate", "20", "--require", "lost=0", "--require", "duplicates=0"),
        *("--require", "out_of_order=0", "--require", "mo.lost=0", "--require", "rejected=0"),
    )
    assert code == 0, f"{out}\n{err}"
    found = json.loads(Path("var/load.json").read_text())
    assert "</html>" in Path("var/load.html").read_text()
    assert found["messages"]["sent"] == found["messages"]["accepted"] >= 400
    assert found["receipts"]["pending"] == 0
    assert found["far_end"]["taken"] >= found["far_end"]["acknowledged"] - found["far_end"]["lost"]
    assert found["mos"]["taken"] == 40
    assert any(depth is not None for depth in found["series"]["gauges"]["queue"])
    assert all(mib > 10 for mib in found["series"]["gauges"]["gateway_mib"])
    assert list(place.iterdir()) == [], "all was well: nothing is left"


def test_a_requirement_that_is_not_met() -> None:
    code, out, _ = script("load", "--count", "50", "--json", "--require", "sent>=1000000")
    assert code == UNMET
    assert json.loads(out)["met"] is False


def test_a_storm_of_mos() -> None:
    code, out, err = script("mo_storm", "--mo-rate", "300", "--seconds", "2")
    assert code == 0, f"{out}\n{err}"
    found = json.loads(Path("var/mo_storm.json").read_text())
    mos = found["mos"]
    assert mos["sent"] == mos["taken"] == mos["acknowledged"] == 600
    assert len(mos["keywords"]) == 5
    assert "mo.out_of_order=0" in out


def test_a_soak_gives_a_verdict_on_every_figure() -> None:
    # In a moment anything may drift; what a drift is, is tested elsewhere.
    code, out, err = script("soak", "--seconds", "13", "--rate", "60", "--growth", "100000")
    assert code == 0, f"{out}\n{err}"
    for name in ("gateway memory", "gateway CPU", "gateway queue", "accepted", "latency p99"):
        line = next(one for one in out.splitlines() if f"note: {name}: " in one)
        assert any(word in line for word in ("flat", "grows", "falls", "too few"))


def test_a_comparison(tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    script("load", "--rate", "100", "--seconds", "1", "--output", str(first))
    found = json.loads(first.read_text())
    code, out, _ = script("compare", str(first), str(first))
    assert code == 0
    assert out.splitlines()[-1] == "verdict: not worse"
    found["far_end"]["lost"] = 3
    found["plan"]["rate"] = 200.0
    second.write_text(json.dumps(found))
    code, out, _ = script("compare", str(first), str(second))
    assert code == UNMET
    assert "asked for otherwise: rate: 100.0 -> 200.0" in out
    assert out.splitlines()[-1] == "verdict: worse in lost"
    code, out, _ = script("compare", str(first), str(second), "--json")
    said = json.loads(out)
    assert (code, said["ok"], said["worse"]) == (UNMET, False, ["lost"])
    code, out, _ = script("compare", str(second), str(first))
    assert code == 0


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}'])
def test_what_is_no_result_cannot_be_compared(text: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(text)
    code, out, err = script("compare", str(tmp_path / "x"), str(tmp_path / "x"))
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1


def test_a_replay_to_nobody_and_of_nothing(tmp_path: Path) -> None:
    file = tmp_path / "pdus"
    file.write_text(wire.encode(wire.EnquireLink(sequence_number=1)).hex())
    code, _, err = script("replay", str(file), "--port", "1")
    assert (code, err) == (1, "127.0.0.1:1: refused\n")
    file.write_text("# nothing\n")
    code, _, err = script("replay", str(file))
    assert (code, err) == (2, f"{file}: there is nothing to send\n")
    file.write_text("hello\n")
    code, _, err = script("replay", str(file))
    assert code == 2
    assert "line 1: " in err


def test_a_replay_shows_what_is_answered(tmp_path: Path) -> None:
    file = tmp_path / "pdus"
    pdus = [
        wire.SubmitSm(destination_addr="33600000001", short_message=b"hi", sequence_number=2),
        wire.Unbind(sequence_number=3),
    ]
    file.write_text("\n".join(wire.encode(pdu).hex() for pdu in pdus))
    with carrier() as port:
        code, out, err = script("replay", str(file), "--port", str(port), "--system-id", "me")
    assert (code, err) == (0, "")
    assert "-> bind_transceiver #2147483647 system_id='me'" in out
    assert "<- submit_sm_resp #2 ESME_ROK message_id='" in out
    assert "<- unbind_resp #3 ESME_ROK" in out
