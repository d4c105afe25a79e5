"""Ids in receipts find the message whatever the carrier did to them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smppgw.core.receipt_ids import (
    CASE_FOLDED,
    DECIMAL_TO_HEX,
    EXACT,
    FORMS,
    HEX_TO_DECIMAL,
    TRIMMED,
    UNPADDED,
    IdForms,
    candidates,
    canonical,
    form_of,
)

NUMBERS = st.one_of(st.integers(0, 2**20), st.integers(0, 2**128))
TEXTS = st.text(st.characters(max_codepoint=255), max_size=20)
WRITINGS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimal padded": "{:010}".format,
    "hex": "{:x}".format,
    "HEX": "{:X}".format,
    "hex padded": "{:012x}".format,
    "HEX padded": "{:012X}".format,
}


def is_hex(writing: str) -> bool:
    return "hex" in writing.lower()


def relation(receipt: str, response: str) -> str:
    """The form of `FORMS` (with its key) that two writings of a number stand in."""
    if is_hex(receipt) == is_hex(response):
        return EXACT
    return HEX_TO_DECIMAL if is_hex(response) else DECIMAL_TO_HEX


class Index:
    """What the store does with ids: one key per message, the first candidate found wins."""

    def __init__(self, response_ids: list[str]) -> None:
        self.rows: dict[str, list[str]] = {}
        for response_id in response_ids:
            self.rows.setdefault(canonical(response_id), []).append(response_id)

    def find(self, forms: IdForms, receipt_id: str) -> str | None:
        for _, key in forms.candidates(receipt_id):
            if key in self.rows:
                ranked = [(form_of(receipt_id, row), row) for row in self.rows[key]]
                form, row = min(ranked, key=lambda pair: FORMS.index(pair[0] or ""))
                assert form is not None
                forms.learned(form)
                return row
        return None


def settled(form: str) -> IdForms:
    forms = IdForms()
    for _ in range(20):
        forms.learned(form)
    return forms


# The key


@pytest.mark.parametrize(
    ("id", "key"),
    [
        ("0123456789", "123456789"),
        ("38601FA", "38601fa"),
        ("0e999f21-5a", "e999f21-5a"),
        ("E999F21-5A", "e999f21-5a"),
        (" 12\0", "12"),
        ("12\r\n", "12"),
        ("0", "0"),
        ("0000", "0"),
        ("", ""),
        (" \0", ""),
        ("1479978899.393701000100", "1479978899.393701000100"),
        ("64567564356765435676", "64567564356765435676"),
        ("1-0007", "1-0007"),
        ("100", "100"),
    ],
)
def test_canonical(id: str, key: str) -> None:
    assert canonical(id) == key


@given(TEXTS)
@example("0 1")
@example("0 0")
def test_canonical_of_canonical_is_itself(id: str) -> None:
    assert canonical(canonical(id)) == canonical(id)


@given(TEXTS, TEXTS)
@example("0x", "x")
@example("10", "1")
@example("", "0")
def test_different_ids_have_different_keys(one: str, other: str) -> None:
    def bare(id: str) -> str:
        return "".join(c for c in id if c not in " \t\r\n\0").lower().lstrip("0")

    if canonical(one) == canonical(other):
        assert bare(one) == bare(other)
        assert bool(canonical(one)) == bool(canonical(other))


@given(
    st.from_regex(r"[1-9A-Za-z][0-9A-Za-z.-]{0,30}", fullmatch=True),
    st.integers(0, 5),
    st.sampled_from(["", " ", "\0", "\0\0", "\r\n"]),
)
def test_zeros_case_and_blanks_do_not_change_the_key(id: str, zeros: int, blanks: str) -> None:
    for writing in (id, id.upper(), id.lower()):
        assert canonical(blanks + "0" * zeros + writing + blanks) == canonical(id)


# Candidates


def test_candidates_in_order() -> None:
    assert list(candidates("0059113978")) == [
        (EXACT, "59113978"),
        (HEX_TO_DECIMAL, "38601fa"),
        (DECIMAL_TO_HEX, str(0x59113978)),
    ]
    assert list(candidates("38601FA")) == [(EXACT, "38601fa"), (DECIMAL_TO_HEX, "59113978")]


@pytest.mark.parametrize(
    "id", ["74e02ee1-4e2f-4a6e-a78b-4b247d756a22", "rdwjwxns18krxr9936ey96ymcw", "1-0007", "1_0"]
)
def test_ids_that_are_no_numbers_have_one_candidate(id: str) -> None:
    assert list(candidates(id)) == [(EXACT, canonical(id))]


@pytest.mark.parametrize("id", ["", "\0", "  "])
def test_no_id_has_no_candidate(id: str) -> None:
    assert list(candidates(id)) == []
    assert list(settled(HEX_TO_DECIMAL).candidates(id)) == []
    assert list(IdForms("exact").candidates(id)) == []


@pytest.mark.parametrize("id", ["7", "007", "0"])
def test_a_key_comes_once(id: str) -> None:
    assert list(candidates(id)) == [(EXACT, canonical(id))]


def test_digits_of_other_scripts_and_endless_ids_are_no_numbers() -> None:
    for id in ("²³¹", "٣٤", "9" * 65, "f" * 6000):
        assert len(list(candidates(id))) == 1


@given(st.one_of(TEXTS, st.text("0123456789abcdefABCDEF \0", max_size=70)))
def test_every_candidate_is_a_canonical_key_and_comes_once(id: str) -> None:
    for forms in (IdForms(), *map(settled, FORMS)):
        keys = [key for _, key in forms.candidates(id)]
        assert keys == [canonical(key) for key in keys]
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("text_id", "tlv_id"),
    [
        ("0059113978", "38601fa"),
        ("0000436949", "6aad5"),
        ("1891273321", "70BA8A69"),
        ("0416342074", "18d0e03a"),
        ("0489708364", "1d305b4c"),
    ],
)
def test_pairs_from_captures(text_id: str, tlv_id: str) -> None:
    assert Index([tlv_id]).find(IdForms(), text_id) == tlv_id
    assert form_of(text_id, tlv_id) == HEX_TO_DECIMAL
    assert Index([text_id]).find(IdForms(), tlv_id) == text_id
    assert form_of(tlv_id, text_id) == DECIMAL_TO_HEX


# Which form it was


@pytest.mark.parametrize(
    ("receipt", "response", "form"),
    [
        ("12", "12", EXACT),
        ("12\0", "12", TRIMMED),
        ("12", " 12", TRIMMED),
        ("ab", "AB\0", CASE_FOLDED),
        ("0AB", "ab", UNPADDED),
        ("E999f21-5", "0e999F21-5", UNPADDED),
        ("0000000026", "1A", HEX_TO_DECIMAL),
        ("1a", "026", DECIMAL_TO_HEX),
        ("12", "13", None),
        ("x", "y", None),
        ("", "0", None),
    ],
)
def test_form_of(receipt: str, response: str, form: str | None) -> None:
    assert form_of(receipt, response) == form


def test_ids_that_differ_by_case_only_are_told_apart() -> None:
    index = Index(["aB3x", "Ab3x", "AB3X"])
    for id in ("Ab3x", "AB3X", "aB3x"):
        assert index.find(IdForms(), id) == id


# Finding messages


@given(st.sampled_from([*WRITINGS]), st.sampled_from([*WRITINGS]), NUMBERS)
def test_any_writing_finds_the_message(response: str, receipt: str, number: int) -> None:
    sent = WRITINGS[response](number)
    forms = IdForms()
    assert Index([sent]).find(forms, WRITINGS[receipt](number)) == sent
    assert sum(forms.counts.values()) == 1


@pytest.mark.parametrize("response", WRITINGS)
@pytest.mark.parametrize("receipt", WRITINGS)
def test_learning_converges_and_then_dense_ids_are_safe(response: str, receipt: str) -> None:
    draw = random.Random(7)
    numbers = [draw.randrange(10**9, 10**10) for _ in range(40)]
    forms = IdForms()
    index = Index([WRITINGS[response](number) for number in numbers])
    for number in numbers:
        assert index.find(forms, WRITINGS[receipt](number)) == WRITINGS[response](number)
    assert forms.form == relation(receipt, response)
    dense = range(2000)
    index = Index([WRITINGS[response](number) for number in dense])
    for number in dense:
        assert index.find(forms, WRITINGS[receipt](number)) == WRITINGS[response](number)


@given(st.sampled_from([*WRITINGS]), st.sampled_from([*WRITINGS]), st.sets(NUMBERS, min_size=1))
def test_pinned_form_finds_every_message(response: str, receipt: str, numbers: set[int]) -> None:
    forms = IdForms(relation(receipt, response))
    index = Index([WRITINGS[response](number) for number in numbers])
    for number in numbers:
        assert index.find(forms, WRITINGS[receipt](number)) == WRITINGS[response](number)


def test_other_base_counts_only_when_the_same_id_found_nothing() -> None:
    index = Index(["16", "10", "22"])
    assert index.find(IdForms(), "16") == "16"
    assert Index(["10", "22"]).find(IdForms(), "16") == "10"


# Learning


@pytest.mark.parametrize("form", [HEX_TO_DECIMAL, DECIMAL_TO_HEX])
def test_learned_form_comes_first_after_enough_matches(form: str) -> None:
    forms = IdForms()
    for _ in range(19):
        forms.learned(form)
    assert (forms.form, next(forms.candidates("12345678"))) == (None, (EXACT, "12345678"))
    forms.learned(form)
    assert forms.form == form
    names = [name for name, _ in forms.candidates("12345678")]
    assert names[0] == form
    assert sorted(names) == sorted([EXACT, HEX_TO_DECIMAL, DECIMAL_TO_HEX])


@pytest.mark.parametrize("form", [EXACT, TRIMMED, CASE_FOLDED, UNPADDED])
def test_forms_with_one_key_are_learned_together(form: str) -> None:
    forms = settled(form)
    assert (forms.form, forms.counts[form]) == (EXACT, 20)


def test_mixture_is_never_settled() -> None:
    forms = IdForms()
    for _ in range(100):
        forms.learned(EXACT)
        forms.learned(HEX_TO_DECIMAL)
    assert forms.form is None


@pytest.mark.parametrize("stray", [0, 1, 5])
def test_a_carrier_that_changes_is_learned_again(stray: int) -> None:
    forms = settled(EXACT)
    for _ in range(stray):
        forms.learned(DECIMAL_TO_HEX)
    assert forms.form == EXACT
    for _ in range(3):
        forms.learned(EXACT)
    for _ in range(19):
        forms.learned(DECIMAL_TO_HEX)
    assert forms.form == EXACT
    forms.learned(DECIMAL_TO_HEX)
    assert forms.form == DECIMAL_TO_HEX


def test_short_id_that_overtakes_its_response_reaches_no_other_message() -> None:
    index = Index(["10", "22"])
    assert index.find(settled(EXACT), "16") is None
    assert index.find(settled(HEX_TO_DECIMAL), "22") is None
    assert index.find(settled(DECIMAL_TO_HEX), "10") is None


def test_long_id_in_another_form_is_still_found_after_learning() -> None:
    assert Index(["6aad5"]).find(settled(EXACT), "0000436949") == "6aad5"
    assert Index(["0000436949"]).find(settled(HEX_TO_DECIMAL), "0000436949") == "0000436949"


def test_id_that_cannot_be_in_the_learned_form_is_looked_up_as_it_is() -> None:
    for forms in (settled(HEX_TO_DECIMAL), IdForms(HEX_TO_DECIMAL)):
        assert Index(["1A"]).find(forms, "1a") == "1A"
    for forms in (settled(DECIMAL_TO_HEX), IdForms(DECIMAL_TO_HEX)):
        assert Index(["k-1"]).find(forms, "K-1") == "k-1"


# Settings and operators


@pytest.mark.parametrize("setting", [EXACT, HEX_TO_DECIMAL, DECIMAL_TO_HEX])
def test_pinned_form_is_the_only_one(setting: str) -> None:
    forms = IdForms(setting)
    for other in (EXACT, HEX_TO_DECIMAL, DECIMAL_TO_HEX):
        for _ in range(40):
            forms.learned(other)
    assert forms.form == setting
    assert [form for form, _ in forms.candidates("1234567890")] == [setting]


def test_pinned_keys() -> None:
    assert list(IdForms("exact").candidates("0026")) == [(EXACT, "26")]
    assert list(IdForms("hex-to-decimal").candidates("0026")) == [(HEX_TO_DECIMAL, "1a")]
    assert list(IdForms("decimal-to-hex").candidates("0026")) == [(DECIMAL_TO_HEX, "38")]


@pytest.mark.parametrize("setting", ["", "hex", "trimmed", "AUTO"])
def test_unknown_setting(setting: str) -> None:
    with pytest.raises(ValueError, match="setting"):
        IdForms(setting)


def test_description_while_undecided() -> None:
    forms = IdForms()
    forms.learned(TRIMMED)
    assert forms.describe() == (
        "receipt ids: not learned yet (1 of 20 receipts; exact 0, trimmed 1, case-folded 0,"
        " unpadded 0, hex-to-decimal 0, decimal-to-hex 0)"
    )


def test_description_when_learned() -> None:
    forms = IdForms()
    for _ in range(1204):
        forms.learned(DECIMAL_TO_HEX)
    assert forms.describe() == (
        "receipt ids: hex of the decimal in submit_sm_resp (learned from 1,204 receipts: exact 0,"
        " trimmed 0, case-folded 0, unpadded 0, hex-to-decimal 0, decimal-to-hex 1,204)"
    )


@pytest.mark.parametrize(
    ("setting", "meaning"),
    [
        (EXACT, "as in submit_sm_resp"),
        (HEX_TO_DECIMAL, "decimal of the hex in submit_sm_resp"),
        (DECIMAL_TO_HEX, "hex of the decimal in submit_sm_resp"),
    ],
)
def test_description_when_pinned(setting: str, meaning: str) -> None:
    assert IdForms(setting).describe().startswith(f"receipt ids: {meaning} (set; 0 receipts: ")
