"""A private message can never become public: parts in any order, lost parts, old handsets."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from microblog_kit import CLAIRE, MARIE, PAUL, SHORT, Place
from mo_kit import parts_of, said_together
from relay_peers import mo

from smppgw.features.microblog.users import Follow
from smppgw.sms import gsm7
from smppgw.sms.choose import Style

LONG_ONE = "D marie " + 192 * "x"
"""200 septets."""
FULL = "D marie " + 152 * "x"
"""160 septets: as much as one SMS holds."""
SENT = "Message envoyé à @marie."
INCOMPLETE = (
    "Une partie de votre message n'est pas arrivée. Rien n'a été envoyé ni publié. Renvoyez-le."
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    paul = made.member("paul", PAUL)
    marie = made.member("marie", MARIE)
    made.member("claire_d", CLAIRE)
    made.follows(paul, marie)
    made.follows(marie, paul)
    return made


def parts(words: str = LONG_ONE, reference: int = 0xA7, phone: str = PAUL) -> list:
    return parts_of(words, reference, source=phone, destination=SHORT)


def together(place: Place, phone: str = MARIE) -> list[str]:
    """What a phone makes of the parts that it got."""
    taken = place.world.simulated["a"].received
    return said_together([one.pdu for one in taken if one.destination == phone])


def test_parts_in_the_wrong_order_are_one_message(place: Place) -> None:
    """7.4 rows 1 and 2."""
    one, two = parts()
    assert (one.short_message[:6], two.short_message[:6]) == (
        bytes.fromhex("050003a70201"),
        bytes.fromhex("050003a70202"),
    )
    assert place.come(two) == [0]
    place.later(40)
    assert place.news(PAUL, MARIE) == []
    place.come(one)
    place.later(3)
    assert together(place) == ["D @paul: " + 192 * "x"]
    taken = [one.pdu for one in place.world.simulated["a"].received if one.destination == MARIE]
    assert [one.esm_class for one in taken] == [0x40, 0x40]
    assert place.news(PAUL) == [SENT]
    assert place.posts == []


def test_a_part_that_comes_twice_changes_nothing(place: Place) -> None:
    """7.4 row 3."""
    one, two = parts()
    place.come(one, one, two)
    place.later(3)
    assert together(place) == ["D @paul: " + 192 * "x"]
    assert place.news(PAUL) == [SENT]


def test_a_lost_end_is_told(place: Place) -> None:
    """7.4 row 4."""
    place.come(parts()[0])
    place.later(310)
    assert place.news(PAUL, MARIE) == [
        "Une partie du message à @marie n'est pas arrivée. Rien n'a été envoyé ni publié."
        " Renvoyez-le."
    ]
    assert place.posts == []
    assert place.events("paul") == ["msg.incomplete"]


def test_a_lost_beginning_is_told_and_nothing_is_published(place: Place) -> None:
    """7.4 row 5."""
    place.come(parts()[1])
    place.later(310)
    assert place.news(PAUL, MARIE) == [INCOMPLETE]
    assert place.posts == []


def test_a_split_without_a_header_is_joined(place: Place) -> None:
    """7.4 row 6."""
    assert place.text(PAUL, FULL) == []
    assert place.news(MARIE) == []
    assert place.text(PAUL, 40 * "y") == [SENT]
    assert together(place) == ["D @paul: " + 152 * "x" + 40 * "y"]
    assert place.posts == []
    assert place.text(PAUL, "et un tweet") == []
    assert place.posts == ["et un tweet"]


def test_three_pieces_without_a_header_are_joined(place: Place) -> None:
    place.text(PAUL, FULL)
    assert place.text(PAUL, 160 * "y", seconds=8) == []
    assert place.text(PAUL, 30 * "z") == [SENT]
    assert together(place) == ["D @paul: " + 152 * "x" + 160 * "y" + 30 * "z"]


def test_blanks_at_the_cut_are_kept(place: Place) -> None:
    place.text(PAUL, FULL[:-1] + " ")
    place.text(PAUL, "monde")
    assert together(place)[0].endswith("xx monde")


def test_what_waits_goes_alone_after_ten_seconds(place: Place) -> None:
    assert place.text(PAUL, FULL, seconds=9) == []
    assert place.received(MARIE) == []
    place.later(2)
    assert together(place) == ["D @paul: " + 152 * "x"]
    assert place.news(PAUL) == [SENT]


def test_what_comes_soon_after_is_refused(place: Place) -> None:
    """7.4 row 7."""
    place.text(PAUL, FULL, seconds=12)
    assert place.text(PAUL, 40 * "y") == [INCOMPLETE]
    assert together(place) == ["D @paul: " + 152 * "x"]
    assert place.posts == []


@pytest.mark.parametrize("head", ["D nobody ", "D claire_d ", "SET BIO ", "D "])
def test_the_rest_of_what_was_refused_is_refused_too(place: Place, head: str) -> None:
    place.text(PAUL, head + (160 - len(head)) * "x")
    assert place.text(PAUL, 40 * "y") == [INCOMPLETE]
    assert place.posts == []


def test_what_comes_later_is_a_post(place: Place) -> None:
    """7.4 row 7b."""
    place.text(PAUL, FULL, seconds=31)
    assert place.text(PAUL, 40 * "y") == []
    assert place.posts == [40 * "y"]


def test_commands_have_their_way_while_a_message_waits(place: Place) -> None:
    place.text(PAUL, FULL)
    assert place.text(PAUL, "STATS")[0].startswith("@paul : abonnés")
    assert place.text(PAUL, "y") == [SENT]
    assert place.posts == []


def test_another_private_message_sends_the_one_that_waits_first(place: Place) -> None:
    place.text(PAUL, FULL)
    assert place.text(PAUL, "D marie et encore") == [SENT, SENT]
    assert together(place) == ["D @paul: " + 152 * "x", "D @paul: et encore"]


def test_one_that_waits_outlives_a_crash(place: Place) -> None:
    place.text(PAUL, FULL)
    place.world.crash()
    place.later(12)
    assert together(place) == ["D @paul: " + 152 * "x"]
    assert place.news(PAUL) == [SENT]


def test_ucs2_fills_an_sms_sooner(place: Place) -> None:
    place.text(PAUL, "D marie " + 62 * "ж")
    assert place.text(PAUL, "конец") == [SENT]
    assert together(place) == ["D @paul: " + 62 * "ж" + "конец"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("d marie", "D pseudo texte : message privé, jamais public. La personne doit vous suivre."),
        ("DM inconnu salut", "Non envoyé : aucun utilisateur @inconnu. Rien n'a été publié."),
        (
            "mp claire_d salut",
            "Non envoyé : @claire_d ne vous suit pas. Rien n'a été publié.",
        ),
    ],
)
def test_what_cannot_be_sent_is_told_and_not_published(
    place: Place, words: str, answer: str
) -> None:
    """7.4 rows 8 to 10."""
    assert place.text(PAUL, words) == [answer]
    assert place.posts == []


def test_a_message_can_be_too_long(place: Place) -> None:
    """7.4 row 11."""
    place.come(*parts("D marie " + 1200 * "x"))
    place.later(3)
    assert place.news(PAUL) == [
        "Non envoyé : 1200 caractères, la limite est 1000. Rien n'a été publié."
    ]
    assert together(place) == []


def test_a_block_between_writing_and_reading_counts(place: Place) -> None:
    place.text(PAUL, FULL)
    place.text(MARIE, "BLOQUER paul")
    place.later(12)
    assert together(place) == ["@paul est bloqué."]


PEOPLE = 500
MESSAGES = 10_000
WORDS = ("D", "d", "DM", "dm", "MP", "mp", "D:", "Dm,", "(d)", "SET", "Accept", "unblock")


def test_ten_thousand_messages_that_nobody_may_read_and_nobody_does(tmp_path: Path) -> None:
    """Shuffled, split with a header or without, repeated, lost, late: no octet is published.

    The invariant of 7.4: posts whose octets came from a message that begins with a word of class S.
    """
    place, random = Place(tmp_path), Random(7)
    people = [place.member(f"u{n}", f"336390{n:05}") for n in range(PEOPLE)]
    edges = [Follow(people[0].id, one.id, False, False, 1) for one in people[1:]]
    edges += [Follow(one.id, people[0].id, False, False, 1) for one in people[1:]]

    def follow() -> None:
        for edge in edges:
            place.blog.users.put_follow(edge)

    place.work(follow)
    sent, public = 0, 0
    while sent < MESSAGES:
        pdus, tails, late = [], [], []
        for one in random.sample(people[11:], 250):
            if random.random() < 0.1:
                head, tail = _split(random, one.phone or "")
                pdus.append(head)
                tails.append(tail)
            else:
                found, lost = _message(random, one.phone or "", sent)
                pdus += found
                late += lost
            sent += 1
        # Public ones between them, or the test would pass with nothing published at all.
        pdus += [mo(b"bonjour", SHORT, source_addr=f"336390{n:05}") for n in range(1, 11)]
        public += 10
        random.shuffle(pdus)
        _send(place, pdus)
        place.world.settle(4, step=1)
        _send(place, tails)
        place.world.settle(60, step=10)
        place.world.settle(320, step=80)
        _send(place, late)
        place.world.settle(320, step=80)
    posts = place.posts
    assert [one for one in posts if "Q" in one.upper()] == []
    assert len(posts) > public // 2
    counts = place.world.engine.select("SELECT count(*) FROM microblog_message")
    assert counts[0][0] > MESSAGES // 4


def _send(place: Place, pdus: list) -> None:
    for one in pdus:
        place.world.simulated["a"].send_mo(
            one.source_addr, SHORT, one.short_message, esm_class=one.esm_class, tlvs=one.tlvs
        )
    for _ in range(150):
        place.world.clock.advance(0)


def _split(random: Random, phone: str) -> tuple:
    """A private message as an old phone cuts it: no header, and the rest right behind."""
    words = f"{random.choice(WORDS[:6])} u0 " + "".join(random.choice("qQ") for _ in range(220))
    head, tail = gsm7.encode(words[:160]), gsm7.encode(words[160:])
    return tuple(mo(one, SHORT, source_addr=phone) for one in (head, tail))


def _message(random: Random, phone: str, number: int) -> tuple[list, list]:
    """The deliver_sm of a text for one person, made of letters that no post has.

    And those of its parts that come only after their time, or never.
    """
    body = "".join(random.choice("qQ ") for _ in range(random.choice((5, 40, 145, 180, 400))))
    words = f"{random.choice(WORDS)} u0 q{body}q"
    if random.random() < 0.1:  # without what it takes
        words = f"{random.choice(WORDS)} qQ{number}"
    style = random.choice((Style.UDH8, Style.UDH16, Style.SAR))
    found = parts_of(words, number % 256, style, phone, destination=SHORT)
    late = []
    if random.random() < 0.2:
        found.append(random.choice(found))
    if len(found) > 1 and random.random() < 0.2:
        lost = random.choice(found)
        found.remove(lost)
        late = [lost] * random.randrange(2)
    return found, late
