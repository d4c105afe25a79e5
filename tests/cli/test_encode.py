"""`smppgw encode`: texts explained to people and as JSON."""

# ruff: noqa: RUF001
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.cli import main
from smppgw.cli.output import FAULT, OK, USAGE, WIDTH
from smppgw.core.encoding import InParts, as_record
from smppgw.ops.encode_text import encode_text
from smppgw.sms.segment import Style, segment

DURAND = (
    "Soldes jusqu’à -50% ce week-end chez Durand, 12 rue des Lilas."
    " Présentez ce SMS en caisse pour 5€ de plus."
)
CLAUSE = "\nSTOP 36180"
KEYS = ["alphabet", "characters", "units", "parts", "culprits"]
PART_KEYS = ["text", "units", "data_coding", "esm_class", "short_message"]
CARRIERS = """
[[carriers]]
name = "sar"
host = "h"
system_id = "s"
concatenation = "sar"
class_style = "subunit"
maximum_parts = 3
shift_languages = ["portuguese"]

[[carriers]]
name = "gsm"
host = "h"
system_id = "s"
alphabets = ["gsm7", "latin1"]
class_style = "0x1x"
concatenation = "udh16"
data_codings = { 0 = "binary", 0xF1 = "gsm7" }
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "carriers.toml"
    path.write_text(CARRIERS)
    return str(path)


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["encode", *arguments, "--json"]) == OK
    captured = capsys.readouterr()
    assert captured.err == ""
    record: dict[str, Any] = json.loads(captured.out)
    return record


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["encode", *arguments]) == OK
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def fault(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = FAULT if "--carrier" not in arguments or "-c" in arguments else USAGE
    assert main(["encode", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_one_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, 'Ça va "bien" @ 5€') == [
        "alphabet    gsm7",
        "characters  17",
        "units       18 septets",
        "parts       1",
        "",
        "PART  UNITS  DATA_CODING  ESM_CLASS  HEADER",
        "1/1      18  0x00         0x00       -",
        "",
        r'1/1  "Ça va \"bien\" @ 5€"',
    ]


def test_several_parts_and_a_culprit(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, DURAND, "--clause", CLAUSE) == [
        "alphabet    ucs2",
        "characters  117",
        "units       117 UTF-16 units",
        "parts       2, udh8",
        "culprits    ’ at 13 turns 1 part into 2; ' would not",
        "",
        "PART  UNITS  DATA_CODING  ESM_CLASS  HEADER",
        "1/2      67  0x08         0x40       05 00 03 00 02 01",
        "2/2      50  0x08         0x40       05 00 03 00 02 02",
        "",
        '1/2  "Soldes jusqu’à -50% ce week-end chez Durand, 12 rue des Lilas. Prés"',
        r'2/2  "entez ce SMS en caisse pour 5€ de plus.\nSTOP 36180"',
    ]


def test_smart(capsys: pytest.CaptureFixture[str]) -> None:
    said = lines(capsys, DURAND, "--clause", CLAUSE, "--smart")
    assert said[:5] == [
        "alphabet    gsm7",
        "characters  117",
        "units       118 septets",
        "parts       1",
        "replaced    ’ at 13 by '",
    ]
    record = as_json(capsys, DURAND, "--smart")
    assert list(record) == [*KEYS, "replacements"]
    assert record["replacements"] == [{"position": 13, "character": "’", "replacement": "'"}]
    assert record["parts"][0]["text"] == DURAND.replace("’", "'")
    assert as_json(capsys, "a’😀", "--smart")["replacements"] == []
    (said,) = [one for one in lines(capsys, "a\u200bb", "--smart") if one.startswith("replaced")]
    assert said == "replaced    U+200B (zero width space) at 2 by nothing"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    record = as_json(capsys, "été")
    assert record == {
        "alphabet": "gsm7",
        "characters": 3,
        "units": 3,
        "parts": [
            {
                "text": "été",
                "units": 3,
                "data_coding": 0,
                "esm_class": 0,
                "short_message": "057405",
            }
        ],
        "culprits": [],
    }
    record = as_json(capsys, "ж" * 70 + "’")
    assert list(record) == KEYS
    assert [list(part) for part in record["parts"]] == [PART_KEYS, PART_KEYS]
    assert record["parts"][1]["short_message"] == "050003000202" + "0436" * 3 + "2019"
    assert record["culprits"][1] == {
        "character": "’",
        "positions": [71],
        "alphabet": "gsm7",
        "replacement": "'",
        "parts": 2,
        "parts_without": 1,
    }


def test_json_of_tlvs(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = as_json(capsys, "a" * 161, "--style", "sar")["parts"]
    assert list(first) == [
        *PART_KEYS,
        "sar_msg_ref_num",
        "sar_total_segments",
        "sar_segment_seqnum",
    ]
    assert (second["sar_total_segments"], second["sar_segment_seqnum"]) == (2, 2)
    assert second["short_message"] == "61" * 8
    record = as_json(capsys, "a" * 161, "--style", "payload")
    assert record["messages"] == 2
    (part,) = record["parts"]
    assert (part["short_message"], part["message_payload"]) == ("", "61" * 161)


@pytest.mark.parametrize(
    ("name", "text", "data_coding"),
    [
        ("flash", "a", 0xF0),
        ("me", "a", 0xF1),
        ("sim", "a", 0xF2),
        ("te", "a", 0xF3),
        ("flash", "ж", 0x18),
        ("sim", "ж", 0x1A),
    ],
)
def test_classes(
    capsys: pytest.CaptureFixture[str], name: str, text: str, data_coding: int
) -> None:
    assert as_json(capsys, text, "--class", name)["parts"][0]["data_coding"] == data_coding


@pytest.mark.parametrize(
    ("style", "header"),
    [
        ("udh8", "05 00 03 00 03 01"),
        ("udh16", "06 08 04 00 00 03 01"),
    ],
)
def test_styles(capsys: pytest.CaptureFixture[str], style: str, header: str) -> None:
    said = lines(capsys, "a" * 307, "--style", style)
    assert said[3] == f"parts       3, {style}"
    assert said[6].split(maxsplit=4)[4] == header


def test_what_goes_into_tlvs(capsys: pytest.CaptureFixture[str]) -> None:
    said = lines(capsys, "a" * 161, "--style", "sar")
    assert said[3] == "parts       2, sar"
    assert said[6].endswith("-       sar_* 1 of 2")
    said = lines(capsys, "a" * 161, "--style", "payload")
    assert said[3] == "parts       2, which the SMSC makes of one message_payload"
    assert said[6].endswith("-       message_payload of 161 octets")


def test_carriers_differ(capsys: pytest.CaptureFixture[str], config: str) -> None:
    text = "garçon " * 23
    said = lines(capsys, text, "--carrier", "sar", "-c", config, "--class", "flash")
    assert said[0] == "alphabet    gsm7, portuguese locking shift"
    assert said[3] == "parts       2, udh8"
    assert said[7].endswith("08 00 03 00 02 01 25 01 03  dest_addr_subunit 1")
    said = lines(capsys, "x" * 161, "--carrier", "sar", "-c", config)
    assert said[3] == "parts       2, sar"
    said = lines(capsys, "x" * 161, "--carrier", "sar", "-c", config, "--style", "udh16")
    assert said[3] == "parts       2, udh16"
    record = as_json(capsys, "garçon" * 24, "--carrier", "gsm", "--config", config)
    assert record["alphabet"] == "latin1"
    assert [part["units"] for part in record["parts"]] == [133, 11]
    record = as_json(capsys, "x", "--carrier", "gsm", "-c", config)
    assert record["parts"][0]["data_coding"] == 0xF1
    record = as_json(capsys, "x", "--carrier", "gsm", "-c", config, "--class", "flash")
    assert record["parts"][0]["data_coding"] == 0x10


def test_faults(capsys: pytest.CaptureFixture[str], config: str, tmp_path: Path) -> None:
    assert fault(capsys, "x", "--carrier", "no", "-c", config) == (
        "there is no carrier 'no'; there are: sar, gsm"
    )
    assert fault(capsys, "x" * 460, "--carrier", "sar", "-c", config) == (
        "4 parts are needed, the carrier takes 3"
    )
    assert fault(capsys, "a\u200b’", "--carrier", "gsm", "-c", config) == (
        "U+200B (zero width space) at 2 is in no alphabet that the carrier takes: gsm7, latin1"
    )
    assert fault(capsys, "x" * 40_000) == "262 parts are needed, the carrier takes 255"
    assert "cannot be read" in fault(capsys, "x", "--carrier", "a", "-c", str(tmp_path / "none"))
    together = "smppgw encode: --carrier NAME and -c FILE go together"
    assert fault(capsys, "x", "--carrier", "a") == together
    assert main(["encode", "x", "-c", config]) == USAGE


@pytest.mark.parametrize(
    "arguments", [["--class", "loud"], ["--style", "udh"], ["--nothing"], ["more"]]
)
def test_a_wrong_command_line(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["encode", "text", *arguments])
    assert left.value.code == USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("smppgw")


def test_texts_that_are_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    record = as_json(capsys, "a\udcffb\ud800")
    assert record["parts"][0]["text"] == "a\ufffdb\ufffd"
    assert as_json(capsys, "\ud83d", "--clause", "\ude00")["characters"] == 1
    assert as_json(capsys, "")["parts"][0]["short_message"] == ""


def test_nothing_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encode", "a\x1b[2J\x9b1m\x07", "--smart"]) == OK
    out = capsys.readouterr().out
    assert not set(out) & {"\x1b", "\x9b", "\x07"}
    assert main(["encode", "a\x1b[2J\x9b1m\x07"]) == OK
    assert not set(capsys.readouterr().out) & {"\x1b", "\x9b", "\x07"}


@given(
    text=st.text(alphabet=st.characters(exclude_categories=()), max_size=300),
    style=st.sampled_from(Style),
)
def test_any_text_can_be_told(text: str, style: Style) -> None:
    found = segment(text, style=style)
    record = as_record(found)
    assert json.loads(json.dumps(record)) == record
    said = encode_text(InParts(found, style, ()), WIDTH)
    assert "".join(json.loads(line.split("  ", 1)[1]) for line in said[-len(found.parts) :]) == (
        found.text
    )
    assert all(len(line) <= WIDTH for line in said[: -len(found.parts)])
