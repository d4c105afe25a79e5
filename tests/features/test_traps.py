"""The eighteen traps for whoever builds this, one test each; all but the third at the wire."""

# ruff: noqa: RUF001
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from microblog_kit import BOB, CLAIRE, LONG, MARIE, NEW, PAUL, SHORT
from mo_kit import parts_of, said, said_together
from relay_peers import mo
from service_kit import CAMPAIGN, OTHER_LIST, READER, Service, body

from smppgw.core.consent import STOPPED_STATUS, ConsentState
from smppgw.core.phrases import LANGUAGES, LONGEST
from smppgw.core.words import WORDS
from smppgw.features.keywords.texts import PHRASES as KEYWORDS
from smppgw.features.microblog.texts import PHRASES as MICROBLOG
from smppgw.features.microblog.verbs import FORMS
from smppgw.sms import gsm7
from smppgw.sms.choose import Style

STOP_LIST = (
    "Durand : désinscription prise en compte, vous ne recevrez plus de messages."
    " COMMENCER pour revenir."
)
STOP_BLOG = (
    "Gazouille : ce mobile est délié, il n'aura plus aucun SMS. Votre compte @paul est conservé."
    " COMMENCER pour revenir."
)
FUZZY = (
    "Durand : vous recevez encore nos messages. Pour ne plus en recevoir, répondez le seul mot"
    " STOP."
)
SEPARATELY = {"registered_delivery": 1, "source_addr": CAMPAIGN}
INVALID = "Ce pseudo n'est pas valide. Utilisez 1 à 15 lettres, chiffres ou _, sans espace."


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def reads(service: Service, reader: str, author: str) -> None:
    """Have somebody get the posts of somebody else by SMS."""
    service.text(reader, f"ON {author}")
    service.news(reader)


def together(service: Service, phone: str) -> list[str]:
    """What a phone makes of all that it got."""
    return said_together(service.submits(phone))


def test_trap_1_normalising_is_for_matching_and_not_for_posts(service: Service) -> None:
    """NFKC turns an ellipsis into three dots and a ligature into two letters: only in a copy."""
    reads(service, MARIE, "paul")
    written = "Attends… la ﬁn, ½ Ⅳ ① ﬀ"
    assert service.text(PAUL, written) == []
    assert service.posts == [written]
    assert service.news(MARIE) == [f"@paul: {written}"]
    service.text(PAUL, f"D marie {written}")
    assert service.news(MARIE) == [f"D @paul: {written}"]
    # The same characters do count where words are compared.
    assert service.to_list(READER, "ﬁn") == [STOP_LIST]
    assert service.text(PAUL, "Ｓｔｏｐ…") == [STOP_BLOG]


def test_trap_2_the_commercial_at_is_a_zero_octet(service: Service) -> None:
    """7.10 row 13: `a@b` is 61 00 62, three characters, on the way in and on the way out."""
    reads(service, MARIE, "paul")
    assert service.text(PAUL, bytes.fromhex("610062")) == []
    assert service.posts == ["a@b"]
    (submit,) = service.submits(MARIE)[-1:]
    assert submit.short_message == b"\x00paul: a\x00b"
    assert submit.data_coding == 0
    service.text(PAUL, bytes.fromhex("00") + b"marie salut \x00")
    assert service.posts[-1] == "@marie salut @"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("table", [KEYWORDS, MICROBLOG], ids=["keywords", "microblog"])
def test_trap_3_no_text_of_ours_leaves_gsm(table: Any, language: str) -> None:
    """No-break spaces, typographic quotes, `ê` and `œ` would make a text of ours UCS-2.

    Rendered, every place at its longest: within one SMS of 160 septets.
    """
    for key in table.keys:
        written = table.template(key, language)
        assert not set(written) & set("\u00a0\u202f’‘“”«»…–—êôîûâëïçœÀÈÊ"), key
        places = {name: "W" * LONGEST[name] for name in table.places(key, language)}
        rendered = table.say(key, language, **places)
        assert gsm7.unencodable(rendered) == (), key
        assert gsm7.septets(rendered) <= 160, key


def test_trap_4_braces_cost_two_and_are_nothing_to_templates(service: Service) -> None:
    """What is measured is the rendered text: characters of the extension are two septets each."""
    reads(service, MARIE, "paul")
    words = "{user} {text} {0} [a] ~ ^ \\ | €"
    service.text(PAUL, words)
    assert service.news(MARIE) == [f"@paul: {words}"]
    # `@paul: ` are 7 septets; 76 euros fit, 77 do not, and neither count is that of the post alone.
    for count, parts in ((76, 1), (77, 2)):
        before = len(service.submits(MARIE))
        service.text(PAUL, "€" * count, data_coding=0)
        found = service.submits(MARIE)[before:]
        assert len(found) == parts
        assert sum(len(body(one)) for one in found) == 7 + 2 * count
    assert service.shell("set keywords 36180 organisation '{tel} {x}'")[-1] == "OK"
    (stopped,) = service.to_list(READER, "STOP")
    assert stopped.startswith("{tel} {x} : désinscription")


@pytest.mark.parametrize(
    "forms",
    [
        ("06 39 98 00 30", "+33639980030", "0033639980030", "06.39.98.00.30", "33639980030"),
        ("0033639980030", "0639980030", "+33 6 39 98 00 30"),
    ],
)
def test_trap_5_numbers_are_made_one_before_they_are_compared(
    service: Service, forms: tuple[str, ...]
) -> None:
    """`06...`, `+336...` and `00336...` are one phone: for an invitation, a repeat and a STOP."""
    for phone, form in zip([MARIE, PAUL, CLAIRE, MARIE, PAUL], forms, strict=False):
        (answer,) = service.text(phone, f"INVITER {form}")
        assert answer.startswith("Invitation envoyée")
    invited = [one.destination_addr for one in service.submits() if "vous invite" in said(one)]
    assert invited == ["33639980030"]
    for source in (PAUL, f"+{PAUL}", f"00{PAUL}"):
        service.say(source, "une fois")
    assert service.posts == ["une fois"]
    service.to_list(f"+{READER}", "STOP")
    esme = service.world.esme("agg1")
    for destination in (READER, f"+{READER}", f"00{READER}"):
        sent = esme.submit(destination=destination, **SEPARATELY)
        service.world.settle(0.2)
        assert esme.status(sent) == STOPPED_STATUS


@pytest.mark.parametrize("style", [Style.UDH8, Style.UDH16, Style.SAR])
def test_trap_6_stop_in_parts_or_with_a_signature(service: Service, style: Style) -> None:
    """Words of class O are looked for after the parts are joined, never in one of them."""
    for number, phone in ((SHORT, PAUL), (CAMPAIGN, READER)):
        whole = "STOP" + " " * 170 + "."
        one, two = parts_of(whole, style=style, source=phone, destination=number)
        service.come(one)
        service.world.settle(3)
        assert service.received(phone) == []
        service.come(two)
        service.world.settle(3)
        (answer,) = service.received(phone)
        assert answer == (STOP_BLOG if number == SHORT else STOP_LIST)
    other = "33639980021"
    assert service.to_list(other, "STOP\nJean Petit") == [FUZZY]
    standing = service.world.relay.consent.standing(other, CAMPAIGN)
    assert standing is None or standing.state is not ConsentState.STOPPED
    assert service.text(MARIE, "STOP\nmerci")[0].startswith("Message non compris.")
    assert service.posts == []


@pytest.mark.parametrize("number", [SHORT, CAMPAIGN])
@pytest.mark.parametrize("words", [b"HELP", b"STOP", b"Bonjour", b"START"])
@pytest.mark.parametrize(
    "fields",
    [
        {"source_addr": "Durand", "source_addr_ton": 5},
        {"source_addr": "81818", "source_addr_ton": 3},
        {"source_addr": SHORT},
        {"source_addr": LONG, "source_addr_ton": 1},
        {"source_addr": CAMPAIGN},
    ],
)
def test_trap_7_nothing_answers_a_machine(
    service: Service, number: str, words: bytes, fields: dict[str, Any]
) -> None:
    """An alphanumeric source, a short code, a number of ours: an answer could be answered."""
    assert service.come(mo(words, number, **fields)) == [0]
    service.world.settle(3)
    assert service.submits() == []
    assert service.posts == []
    assert service.world.engine.select("SELECT * FROM consent_proof") == []


def test_trap_8_stop_is_of_a_phone_and_a_number(service: Service) -> None:
    """Who leaves one list keeps the other and the microblog; STOP to everything is told so."""
    reads(service, MARIE, "paul")
    esme = service.world.esme("agg1")

    def passes(source: str) -> bool:
        sent = esme.submit(destination=MARIE, **{**SEPARATELY, "source_addr": source})
        service.world.settle(0.3)
        return esme.status(sent) == 0

    assert service.to_list(MARIE, "STOP") == [STOP_LIST]
    service.text(PAUL, "toujours là")
    assert service.news(MARIE)[-1] == "@paul: toujours là"
    assert (passes(CAMPAIGN), passes(OTHER_LIST)) == (False, True)
    service.to_list(MARIE, "COMMENCER")
    service.text(MARIE, "STOP")
    assert (passes(CAMPAIGN), passes(SHORT)) == (True, False)
    assert service.shell(f"add stop {MARIE} *")[-1] == "OK"
    assert (passes(CAMPAIGN), passes(OTHER_LIST), passes(SHORT)) == (False, False, False)


def test_trap_9_who_said_stop_is_still_heard(service: Service) -> None:
    """The filter is on the way out: a message of a stopped phone comes in, and START works."""
    esme = service.world.esme("agg1")
    service.to_list(READER, "STOP")
    service.to_list(READER, "Quand passez-vous ?")
    assert [one.short_message for one in esme.delivered] == [b"Quand passez-vous ?"]
    service.later(60)
    (back,) = service.to_list(READER, "COMMENCER")
    assert back.startswith("Durand : inscription prise en compte")
    service.text(PAUL, "STOP")
    assert service.text(PAUL, "COMMENCER") == ["SMS activés. COUPER pour les désactiver."]
    service.text(PAUL, "me revoici")
    assert service.posts == ["me revoici"]


@pytest.mark.parametrize(
    ("words", "units"),
    [
        ("a" * 143 + "€" + "b" * 152, 306),
        ("ж" * 57 + "😀" + "ж" * 66, 134),
        ("a" * 142 + "[{}]" * 40, None),
    ],
)
def test_trap_10_parts_are_cut_between_characters(
    service: Service, words: str, units: int | None
) -> None:
    """No part ends with half an escape pair or half a surrogate pair: `D @paul: ` is 9 septets."""
    wide = bool(gsm7.unencodable(words))
    fields: dict[str, Any] = {"source": PAUL, "destination": SHORT}
    service.come(*parts_of(f"D marie {words}", 9, **fields))
    service.world.settle(3)
    submits = service.submits(MARIE)
    assert len(submits) == 3 if units else len(submits) > 2
    for one in submits:
        octets = body(one)
        assert one.data_coding == (8 if wide else 0)
        if wide:
            assert not octets[-2:] or not 0xD8 <= octets[-2] <= 0xDB
            octets.decode("utf-16-be")
        else:
            assert octets[-1] != 0x1B
    if units:
        assert sum(len(body(one)) for one in submits) == units * (2 if wide else 1)
    assert together(service, MARIE) == [f"D @paul: {words}"]


def test_trap_11_the_confirmation_of_stop_passes_the_guard(service: Service) -> None:
    """One text passes, and nothing after it; a second STOP has none."""
    assert service.to_list(READER, "STOP") == [STOP_LIST]
    assert service.to_list(READER, "Stop") == []
    reads(service, MARIE, "paul")
    assert service.text(PAUL, "STOP") == [STOP_BLOG]
    assert service.text(PAUL, "arret") == []
    consent = service.world.relay.consent
    assert consent.refuses(CAMPAIGN, READER)
    assert consent.refuses(SHORT, PAUL)
    sent = service.world.engine.select(
        "SELECT destination, count(*) FROM message WHERE account LIKE '@%'"
        " AND destination IN (?, ?) GROUP BY destination ORDER BY destination",
        (PAUL, READER),
    )
    assert sent == [(PAUL, 1), (READER, 1)]


def test_trap_12_a_code_does_not_wait_behind_a_campaign(service: Service) -> None:
    """A lane of its own: two hundred texts of an application wait, the code leaves first."""
    esme = service.world.esme("agg1")
    carriers = service.world.relay.carriers
    for carrier in carriers.values():
        carrier.hold()
    for number in range(200):
        esme.submit(destination=f"3361000{number:04}", source_addr=OTHER_LIST)
    service.world.settle(0.5)
    assert service.shell("login send @marie")[-1] == "OK"
    carriers["a"].release()
    service.world.settle(5)
    submits = service.submits()
    assert len(submits) == 201
    assert submits[0].destination_addr == MARIE
    assert said(submits[0]).startswith("Code de connexion Gazouille :")


def test_trap_13_a_night_of_posts_is_one_digest(service: Service) -> None:
    reads(service, MARIE, "paul")
    service.later(14.5 * 3600)  # 23:30 in Paris
    for number in range(7):
        service.text(PAUL, f"nuit {number}")
    service.later(8 * 3600)
    assert service.news(MARIE) == [
        "Nouveaux tweets pendant la pause : 7. LIRE pour les derniers, LIRE pseudo pour une"
        " personne."
    ]


SENTENCES = (
    *("Get well soon", "Get out", "Qui vivra verra", "Qui l'eût cru", "Qui dort", "Lire délivre"),
    *("On y va", "On dirait", "On mange", "W comme Wagram", "G faim", "Last night", "Leave now"),
    *("Off course", "Quitter Paris", "whois it", "Couper court", "Activer tout"),
)


@pytest.mark.parametrize("words", SENTENCES)
def test_trap_14_sentences_that_begin_like_commands_are_posts(service: Service, words: str) -> None:
    """`Get`, `Qui`, `Lire`, `On`: a command when the user exists or an `@` is written."""
    assert service.text(PAUL, words) == []
    assert service.posts == [words]
    first = words.split(maxsplit=1)[0]
    answers = service.text(PAUL, f"{first} marie")
    assert len(answers) == 1
    assert service.text(PAUL, f"{first} @nobody") == ["Aucun utilisateur @nobody."]
    assert service.posts == [words]


EVERY_WORD = sorted(
    {word for packs in WORDS.values() for words in packs.values() for word in words} | set(FORMS)
)


def test_trap_15_no_word_of_any_language_can_be_a_username(service: Service) -> None:
    """`@off` would make `ON off` two things at once."""
    service.text(NEW, "COMMENCER")
    service.text(NEW, "Claire Durand")
    for word in ("off", "couper", "stats", "Quitter", "BAJA", "abmelden", "track"):
        assert service.text(NEW, f"@{word}") == [INVALID]
    for word in EVERY_WORD:
        assert not service.blog.users.is_free(word.lower()), word
        assert service.shell(f"add user {word.lower()}")[-1] != "OK", word
        service.text(PAUL, f"SET PSEUDO {word}", seconds=21)
        assert service.user("paul").username == "paul"


@pytest.mark.parametrize("undone", ["BLOQUER paul", "DESABONNER paul", "D sans rien"])
def test_trap_16_a_block_counts_until_delivery(service: Service, undone: str) -> None:
    """Whether its recipient follows the sender is looked at when a message is sent, too."""
    service.later(15 * 3600)  # midnight in Paris
    assert service.text(PAUL, "D marie urgent") == ["Message envoyé à @marie."]
    service.text(MARIE, undone)
    service.news(MARIE)
    service.later(8 * 3600)
    expected = ["D @paul: urgent"] if undone.startswith("D ") else []
    assert service.news(MARIE) == expected


def test_trap_17_quiet_times_are_by_each_users_own_clock(service: Service) -> None:
    """The zone is a member's own; its default is the country's when that has only one."""
    service.member("bob", BOB, "en")
    assert service.shell("set user bob zone America/New_York")[-1] == "OK"
    reads(service, BOB, "paul")
    reads(service, MARIE, "paul")
    service.later(14.5 * 3600)  # 23:30 in Paris, 17:30 in New York
    service.text(PAUL, "bonsoir")
    assert service.news(BOB, MARIE) == ["@paul: bonsoir"]
    service.later(6 * 3600)  # 05:30 and 23:30
    service.text(PAUL, "bonne nuit")
    assert service.news(BOB, MARIE) == []
    service.later(2 * 3600)  # 07:30 and 01:30
    (digest,) = service.news(BOB, MARIE)
    assert digest.startswith("Nouveaux tweets pendant la pause : 2.")
    service.later(6 * 3600)
    (digest,) = service.news(BOB)
    assert digest.startswith("New tweets while you were quiet: 1.")
    service.text(NEW, "COMMENCER")
    service.text(NEW, "Jean Petit")
    service.text(NEW, "jean")
    assert service.user("jean").zone == "Europe/Paris"


@pytest.mark.parametrize("style", [Style.UDH8, Style.UDH16, Style.SAR])
def test_trap_18_two_phones_may_use_one_reference(service: Service, style: Style) -> None:
    """Parts belong together by bind, source, destination, reference and total."""
    words = {PAUL: "p" * 192, MARIE: "m" * 192}
    name = {PAUL: "marie", MARIE: "paul"}
    pieces = {
        phone: parts_of(f"D {name[phone]} {text}", 0xA7, style, phone, destination=SHORT)
        for phone, text in words.items()
    }
    listed = parts_of("l" * 200, 0xA7, style, PAUL, destination=CAMPAIGN)
    more = parts_of("t" * 400, 0xA7, style, PAUL, destination=SHORT)
    service.come(pieces[PAUL][0], listed[0], pieces[MARIE][1], more[1])
    service.come(pieces[MARIE][0], more[0], listed[1], pieces[PAUL][1], more[2])
    service.world.settle(3)
    assert f"D @paul: {words[PAUL]}" in together(service, MARIE)
    assert f"D @marie: {words[MARIE]}" in together(service, PAUL)
    assert service.posts == []
    assert "Non publié : 400 caractères, la limite est 140. Raccourcissez et renvoyez." in (
        together(service, PAUL)
    )
