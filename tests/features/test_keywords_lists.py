"""Opt-outs in from files and out as lists, the proof trail in pages, and forgetting by command."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from keywords_kit import NUMBER, PHONE, SETUP, Place
from shell_kit import Shell

from smppgw.core.consent import STOPPED_STATUS
from smppgw.core.message import State
from smppgw.features.keywords import consents, importing
from smppgw.features.keywords.importing import StopList

OTHER = "33639980021"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, *SETUP)


def listed(tmp_path: Path, octets: bytes) -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(octets)
    return path


# ---------------------------------------------------------------- in


def test_a_list_is_taken_over(place: Place, tmp_path: Path) -> None:
    path = listed(
        tmp_path,
        b"\xef\xbb\xbfphone;scope\r\n"
        b"# from the old platform\n"
        b"\n"
        b"+33 6 39 98 00 20;36180\r\n"
        b"0033639980021\t36111\n"
        b'"33639980022"\n'
        b"33639980023,list:promo",
    )
    assert place.shell(f"import stops {path} scope 36180") == [
        "4 phones stopped, 0 were already, 0 bad lines",
        "OK",
    ]
    assert place.shell("export stops")[1:-1] == [
        "33639980020  36180       stopped",
        "33639980021  36111       stopped",
        "33639980022  36180       stopped",
        "33639980023  list:promo  stopped",
    ]
    assert place.events == ["import"] * 4
    assert place.shell(f"import stops {path} scope 36180")[0] == (
        "0 phones stopped, 4 were already, 0 bad lines"
    )
    assert place.shell("test consents")[0] == "4 records, all as they were written"
    (record,) = map(json.loads, place.shell(f"export consents {PHONE}")[:-1])
    assert record["origin"] == "import by operator ops"


def test_bad_lines_are_named_and_the_others_count(place: Place, tmp_path: Path) -> None:
    path = listed(
        tmp_path,
        b"33639980020\n"
        b"0639980021\n"
        b"Durand\n"
        b"123\n" + b"9" * 300 + b"\n"
        b"\xff\xfe\n"
        b"33639980021,list:\n"
        b"33639980022\n",
    )
    assert place.shell(f"import stops {path}") == [
        "2 phones stopped, 0 were already, 6 bad lines",
        "line 2: '063998****' is no phone number: digits, with the country",
        "line 3: 'Durand' is no phone number: digits, with the country",
        "line 4: '123' has not 9 to 15 digits",
        "line 5: more than 200 characters",
        "line 6: is no UTF-8",
        "line 7: 'list:' is no list: list:NAME, a name without blanks",
        "OK",
    ]


def test_bad_lines_are_bounded(place: Place, tmp_path: Path) -> None:
    path = listed(tmp_path, b"bad\n" * 1000 + b"33639980020\n")
    lines = place.shell(f"import stops {path}")
    assert lines[0] == "1 phones stopped, 0 were already, 1,000 bad lines"
    assert len(lines) == 1 + importing.SHOWN + 1 + 1
    assert lines[-2] == "and 950 more"


def test_more_than_a_piece_and_more_than_may_be(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = b"".join(b"3363998%04d\n" % number for number in range(350))
    path = listed(tmp_path, phones)
    assert place.shell(f"import stops {path}")[0].startswith("350 phones stopped")
    monkeypatch.setattr(importing, "MOST_LINES", 200)
    assert place.shell(f"import stops {path}")[-1] == (
        "ERR failed more than 200 lines; those before are taken over"
    )


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe"])
def test_what_is_no_file(place: Place, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    (status,) = place.shell(f"import stops {path}")
    assert status.startswith("ERR failed")
    assert place.events == []
    assert place.shell(f"import stops {path}")[-1].startswith("ERR failed")  # not "busy"


def test_what_waits_for_these_phones_ends_in_its_turn(place: Place, tmp_path: Path) -> None:
    esme = place.world.esme("agg1")
    place.world.relay.carriers["a"].hold()
    fields: dict[str, Any] = {"destination": PHONE, "source_addr": NUMBER}
    waiting = esme.submit(**fields)
    place.world.settle(0.1)
    place.shell(f"import stops {listed(tmp_path, PHONE.encode())} scope 36180")
    place.world.relay.carriers["a"].release()
    place.world.settle(2)
    assert place.received() == []
    assert place.world.message(esme.id_of(waiting)).state == State.DELETED
    again = esme.submit(**fields)
    place.world.settle(0.1)
    assert esme.status(again) == STOPPED_STATUS


def test_an_import_that_a_crash_cut_off_is_done_again(place: Place, tmp_path: Path) -> None:
    path = listed(tmp_path, b"".join(b"3363998%04d\n" % number for number in range(1000)))
    desk = Shell(place.features[-1].commands())
    place.world.sync.delay = 0.01
    desk.begin(f"import stops {path}")
    while len(place.events) < 300:
        place.world.clock.advance(0.001)
    place.world.crash()
    there = len(place.events)
    assert 0 < there < 1000
    line = place.shell(f"import stops {path}")[0]
    assert line == f"{1000 - there:,} phones stopped, {there:,} were already, 0 bad lines"
    assert place.shell("test consents")[0] == "1,000 records, all as they were written"


def test_one_import_at_a_time(place: Place, tmp_path: Path) -> None:
    path = listed(tmp_path, b"33639980020\n" * 500)
    commands = place.features[-1].commands()
    Shell(commands).begin(f"import stops {path}")
    second = Shell(commands)
    assert second.say(f"import stops {path}") == ["ERR busy another import is at work"]


def test_a_file_is_read_in_pieces(tmp_path: Path) -> None:
    """What a thread holds of a file does not grow with the file."""
    path = listed(tmp_path, b"33639980020\n" * 1000 + b"x" * 1_000_000 + b"\n1\n")
    found = StopList(str(path), "*", lambda phone, scope: (phone, scope))
    sizes, bad = [], 0
    while (piece := found.next()) is not None:
        sizes.append(len(piece[0]))
        bad += len(piece[1])
    assert max(sizes) <= importing.PIECE
    assert (sum(sizes), bad) == (1001, 1)


# ---------------------------------------------------------------- out


def test_states_come_in_pages(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consents, "PAGE", 2)
    for scope in (NUMBER, "list:promo"):
        place.shell(f"add stop {PHONE} {scope}")
    place.shell(f"add stop {OTHER}")
    *rows, note, status = place.shell("export stops")[1:]
    assert rows[:2] == [
        f"{PHONE}  36180       stopped",
        f"{PHONE}  list:promo  stopped",
    ]
    assert note == f"more: export stops after {PHONE},list:promo"
    assert status == "OK"
    assert place.shell(f"export stops after {PHONE},list:promo")[1:] == [
        f"{OTHER}  *      stopped",
        "OK",
    ]
    csv = place.shell(f"export stops after {PHONE},list:promo | csv")
    assert csv[1] == f"{OTHER},*,stopped"


def test_records_come_in_pages(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consents, "PAGE", 2)
    for phone in (PHONE, OTHER, "33639980022"):
        place.shell(f"add stop {phone} 36180")
    *lines, status = place.shell("export consents")
    assert status == "OK"
    first, second, more = map(json.loads, lines)
    assert (first["phone"], second["phone"]) == (PHONE, OTHER)
    assert more == {"more": f"export consents after {second['id']}"}
    (third,) = map(json.loads, place.shell(more["more"])[:-1])
    assert third["previous"] == second["hash"]


def test_an_operator_takes_a_stop_back(place: Place) -> None:
    place.shell(f"add stop {PHONE} 36180")
    assert place.shell(f"del stop {PHONE} 36180", True) == [
        "+3363998**** gets messages from 36180 again",
        "OK",
    ]
    assert not place.world.relay.consent.refuses(NUMBER, PHONE)
    assert place.events == ["stop", "start"]
    assert place.shell(f"del stop {PHONE} 36180", True)[-1].startswith("ERR unknown")


# ---------------------------------------------------------------- forgetting


def test_a_person_is_forgotten(place: Place) -> None:
    place.text("ARRET")
    place.text("ARRET", phone=OTHER)
    assert place.shell(f"forget consents {PHONE}", True) == [
        "+3363998**** is forgotten: 1 records blanked, 1 STOP kept",
        "OK",
    ]
    assert place.shell(f"export consents {PHONE}") == ["OK"]
    assert place.shell("test consents")[0] == "3 records, all as they were written"
    rows = place.world.engine.select("SELECT phone FROM keywords_phone")
    assert rows == [(OTHER,)]
    assert place.world.relay.consent.refuses(NUMBER, PHONE)
    place.world.crash()
    assert place.shell("test consents")[0] == "3 records, all as they were written"


def test_nobody_is_forgotten_without_being_asked(place: Place) -> None:
    place.text("STOP")
    place.shell(f"forget consents {PHONE}", False)
    assert place.events == ["stop"]
    assert len(place.shell(f"export consents {PHONE}")) == 2


# ---------------------------------------------------------------- what may be a phone, a scope


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("add stop 0639980020", "ERR refused '0639980020' is no phone number"),
        ("add stop 12345678", "ERR refused '12345678' has not 9 to 15 digits"),
        ("add stop 1234567890123456", "ERR refused '1234567890123456' has not 9 to 15"),
        (f"add stop {PHONE} list:", "ERR refused 'list:' is no list"),
        (f'add stop {PHONE} "list:a b"', "ERR refused 'list:a b' is no list"),
        (f"add stop {PHONE} {'x' * 21}", "ERR refused"),
        (f"add stop +{PHONE} +36180", "+3363998**** gets nothing more from 36180"),
        (f"add stop {PHONE} Durand", "+3363998**** gets nothing more from Durand"),
    ],
)
def test_phones_and_scopes(place: Place, line: str, status: str) -> None:
    assert place.shell(line)[0].startswith(status)
