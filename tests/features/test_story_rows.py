"""Rows of the stories that have no test of their own elsewhere, and the vectors at the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from microblog_kit import CLAIRE, MARIE, NEW, PAUL, SHORT
from mo_kit import parts_of, piece
from relay_peers import mo
from service_kit import Service

from smppgw.core.consent import ConsentState
from smppgw.sms.choose import Style

OTHER = "33639980011"
DAY = 86_400
PARIS = ZoneInfo("Europe/Paris")
INCOMPLETE = (
    "Une partie de votre message n'est pas arrivée. Rien n'a été envoyé ni publié. Renvoyez-le."
)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def until(service: Service, hour: int, minute: int) -> None:
    """Let time pass until the clocks of Paris show this."""
    clock = service.world.clock
    now = datetime.fromtimestamp(clock.seconds(), UTC).astimezone(PARIS)
    wanted = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    seconds = (wanted - now).total_seconds() % DAY
    service.world.settle(seconds, step=30.0)


# ---------------------------------------------------------------- 7.2, 7.3


def test_7_2_row_6_an_old_name_is_held_for_thirty_days(service: Service) -> None:
    assert service.text(PAUL, "SET PSEUDO paulo") == ["Enregistré : paulo."]
    invalid = "Ce pseudo n'est pas valide. Utilisez 1 à 15 lettres, chiffres ou _, sans espace."
    service.text(NEW, "COMMENCER")
    service.text(NEW, "Paul Autre")
    assert service.text(NEW, "Paul") == [invalid]
    assert service.text(PAUL, "SET PSEUDO Paul") == ["Enregistré : Paul."]
    service.text(PAUL, "SET USERNAME paulo")
    service.later(30 * DAY + 60)
    service.text(OTHER, "COMMENCER")
    service.text(OTHER, "Paul Autre")
    assert service.text(OTHER, "paul")[0].startswith("Compte créé : @paul.")


def test_7_2_row_7_a_cancelled_sign_up_is_on_record(service: Service) -> None:
    service.text(OTHER, "COMMENCER")
    service.text(OTHER, "Stop.")
    trail = service.world.engine.select(
        "SELECT event, text, octets, word FROM consent_proof WHERE phone = ? ORDER BY id", (OTHER,)
    )
    assert trail == [
        ("start", "COMMENCER", b"COMMENCER".hex(), "COMMENCER"),
        ("stop", "Stop.", b"Stop.".hex(), "STOP"),
    ]
    standing = service.world.relay.consent.standing(OTHER, SHORT)
    assert standing is not None
    assert standing.state is ConsentState.STOPPED
    assert service.blog.users.by_phone(OTHER) is None


def test_7_3_rows_11_and_12_a_night(service: Service) -> None:
    service.text(MARIE, "ON paul")
    for hour, minute in ((23, 10), (23, 20), (23, 40)):
        until(service, hour, minute)
        service.text(PAUL, f"a {hour}h{minute}")
    until(service, 23, 50)
    service.news(MARIE)
    assert service.shell("login send @marie")[-1] == "OK"
    (code,) = service.news(MARIE)
    assert code.startswith("Code de connexion Gazouille :")
    until(service, 2, 0)
    assert service.text(PAUL, "D marie urgent") == ["Message envoyé à @marie."]
    until(service, 6, 59)
    assert service.news(MARIE) == []
    before = len(service.submits(MARIE))
    until(service, 7, 1)
    assert service.news(MARIE) == [
        "D @paul: urgent",
        "Nouveaux tweets pendant la pause : 3. LIRE pour les derniers, LIRE pseudo pour une"
        " personne.",
    ]
    assert {one.source_addr for one in service.submits(MARIE)[before:]} == {SHORT}
    assert service.text(MARIE, "LIRE paul") == ["@paul: a 23h40"]


# ---------------------------------------------------------------- 7.4

STYLES = [Style.UDH8, Style.UDH16, Style.SAR]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("first", [0, 1])
def test_7_4_a_part_that_comes_after_its_time_is_not_published(
    service: Service, first: int, style: Style
) -> None:
    """Rows 4 and 5, and then the other part comes after all."""
    pieces = parts_of("D marie " + "x" * 192, 0xA7, style, PAUL, destination=SHORT)
    service.come(pieces[first])
    service.later(310)
    service.come(pieces[1 - first])
    service.later(310)
    assert service.posts == []
    assert service.news(MARIE) == []
    assert all("Rien n'a été envoyé ni publié" in one for one in service.news(PAUL))
    trail = service.events("paul")
    assert trail
    assert set(trail) == {"msg.incomplete"}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("lost", [0, 1, 2])
@pytest.mark.parametrize("word", ["D", "mp", "SET", "bloquer", "REPORT"])
def test_7_4_three_parts_with_one_lost_publish_nothing(
    service: Service, word: str, lost: int, style: Style
) -> None:
    text = f"{word} marie " + "x" * 153 + "y" * 153 + "z" * 60
    pieces = parts_of(text, 9, style, PAUL, destination=SHORT)
    assert len(pieces) == 3
    service.come(*reversed([one for place, one in enumerate(pieces) if place != lost]))
    service.later(310)
    assert service.posts == []
    assert service.received(MARIE) == []
    (told,) = service.news(PAUL)
    assert "Rien n'a été envoyé ni publié" in told


def test_7_4_row_6_pieces_without_a_header_of_two_phones_are_kept_apart(service: Service) -> None:
    """What follows is the rest of a message of the same phone only."""
    service.say(PAUL, "D marie " + 152 * "x")
    assert service.text(CLAIRE, "bonjour") == []
    assert service.posts == ["bonjour"]
    assert service.text(PAUL, "la suite") == ["Message envoyé à @marie."]
    assert service.posts == ["bonjour"]


def test_7_4_row_7b_after_half_a_minute_the_rest_is_a_post(service: Service) -> None:
    service.text(PAUL, "D marie " + 152 * "x", seconds=31)
    assert service.text(PAUL, "le reste") == []
    assert service.posts == ["le reste"]


def test_7_4_with_a_prefix_a_private_message_without_it_is_no_post(service: Service) -> None:
    """1.2: a word of class S first is never published, whatever else somebody has set."""
    assert service.text(PAUL, "SET PREFIX .") == ["Enregistré : PREFIX."]
    assert service.text(PAUL, ".D marie coucou") == ["Message envoyé à @marie."]
    assert service.text(PAUL, "stats") == []
    assert service.posts == ["stats"]
    for words in ("D marie secret", "mp marie secret", "DM: secret", "SET BIO rien", "Block marie"):
        (answer,) = service.text(PAUL, words)
        assert " : " in answer or answer.startswith("SET")
    service.text(PAUL, "D marie " + 152 * "x")
    assert service.text(PAUL, "le reste") == [INCOMPLETE]
    assert service.posts == ["stats"]
    assert service.user("paul").bio == "Boulanger"
    assert service.news(MARIE) == ["D @paul: coucou"]
    # STOP and help need no prefix, ever.
    assert service.text(PAUL, "STOP")[0].startswith("Gazouille : ce mobile est délié")


def test_7_4_octets_that_are_cut_within_a_character(service: Service) -> None:
    """A header that says 1 of 2, and 153 septets that end with half an escape pair."""
    head, tail = b"D marie " + b"x" * 144 + b"\x1b", b"e et la suite"
    service.come(
        piece(tail, 2, 2, 5, destination=SHORT, source_addr=PAUL),
        piece(head, 1, 2, 5, destination=SHORT, source_addr=PAUL),
    )
    service.world.settle(3)
    assert service.news(PAUL) == ["Message envoyé à @marie."]
    ((text,),) = service.world.engine.select("SELECT text FROM microblog_message")
    assert text == "x" * 144 + "€ et la suite"
    assert service.posts == []


# ---------------------------------------------------------------- 1.2 at the wire

POSTS = [
    *("help me bro", "off foo bar", "stop foo", "follow", "follow paul bar", "get well soon"),
    *("get soon", "Stop the war", "Fin de journée", "End of story", "Qui vivra verra"),
    *("J'arrête, stop", "Aide-moi", "M le maire arrive", "@marie salut", "Start small"),
]
COMMANDS = [
    ("HeLP", "Gazouille : un SMS = un tweet."),
    ("?", "Gazouille : un SMS = un tweet."),
    ("Aide !", "Gazouille : un SMS = un tweet."),
    ("off", "SMS désactivés."),
    ("off marie", "SMS désactivés pour @marie."),
    ("follow marie", "Vous suivez déjà @marie."),
    ("suivre marie", "Vous suivez déjà @marie."),
    ("d marie", "D pseudo texte"),
    ("d marie bar", "Message envoyé à @marie."),
    ("lose        marie", "Enregistré : marie."),
    ("whois marie", "@marie : Marie"),
    ("STOP svp", "Message non compris."),
    ("stoppp", "Message non compris."),
    ("Stpo", "Message non compris."),
    ("Stop !", "Gazouille : ce mobile est délié"),
    ("Re: STOP", "Gazouille : ce mobile est délié"),
    ("« Arrêt »", "Gazouille : ce mobile est délié"),
    ("\u200bSTOP", "Gazouille : ce mobile est délié"),
    (bytes.fromhex("00410052005200ca0054"), "Gazouille : ce mobile est délié"),
    ("unsubscribe", "Gazouille: this phone is unlinked"),
]


@pytest.mark.parametrize("words", POSTS)
def test_vectors_that_are_posts(service: Service, words: str) -> None:
    """1.2: neither a command nor a STOP, published as it was written, and not answered."""
    assert service.text(PAUL, words) == []
    assert service.posts == [words]


@pytest.mark.parametrize(("words", "answer"), COMMANDS, ids=[repr(one) for one, _ in COMMANDS])
def test_vectors_that_are_commands(service: Service, words: str | bytes, answer: str) -> None:
    fields: dict[str, Any] = {"data_coding": 8} if isinstance(words, bytes) else {}
    answers = service.text(PAUL, words, **fields)
    assert [one[: len(answer)] for one in answers] == [answer]
    assert service.posts == []


def test_a_repeat_within_the_minute_is_no_second_command(service: Service) -> None:
    """7.1 row 6 for what is answered: an SMSC that sends again gets an answer, the phone none."""
    assert len(service.text(PAUL, "STATS")) == 1
    assert service.come(mo(b"STATS", SHORT, source_addr=PAUL)) == [0]
    service.world.settle(3)
    assert len(service.received(PAUL)) == 1
