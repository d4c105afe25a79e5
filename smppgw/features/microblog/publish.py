"""From a text to a post: its length, how many a day, and whether its author has to confirm it.

Owns: these checks, and the post that waits for `OK code`.
Refuses to know: who gets a post (`fanout`), and which texts are posts (`grammar`).
"""

from __future__ import annotations

import re
from hmac import compare_digest
from secrets import randbelow

from smppgw.core.words import folded
from smppgw.features.microblog.dialogs import CONFIRM, Dialog, Dialogs
from smppgw.features.microblog.events import Events
from smppgw.features.microblog.guard import Guard
from smppgw.features.microblog.numbers import ALWAYS, FIRST, SPLIT
from smppgw.features.microblog.posts import LONGEST_POST, Posts
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import User

MINUTE = 60_000
MOST_PIECES = 9
"""Posts that one text is split into."""
CONFIRM_WITHIN = 10 * MINUTE
_OK = re.compile(r"(?:OK|GO|Y|YES|OUI)\s+(\d{4})\W*")


class Publisher:
    """Publishes; everything in a piece of work."""

    def __init__(self, posts: Posts, dialogs: Dialogs, guard: Guard, events: Events) -> None:
        self._posts = posts
        self._dialogs = dialogs
        self._guard = guard
        self._events = events

    def publish(self, talk: Talk, user: User, text: str, repeats: int = 0) -> bool:
        """Publish a text (or hand on the post `repeats`), or ask first; whether it is public."""
        if not text and not repeats:
            return False
        if len(text) > LONGEST_POST and not (talk.number.long == SPLIT and split(text)):
            self._guard.notice(talk, "tweet.too_long", len=len(text), max=LONGEST_POST)
            return False
        if user.confirms:
            self._ask(talk, user, text, repeats)
            return False
        return self._add(talk, user, text, repeats)

    def _add(self, talk: Talk, user: User, text: str, repeats: int) -> bool:
        told = talk.number.posted
        for piece in split(text) if len(text) > LONGEST_POST else (text,):
            if self._guard.enough_posts(talk):
                return False
            self._posts.add(user, piece, talk.mo.id, repeats)
        if not repeats and (told == ALWAYS or (told == FIRST and not user.posts)):
            talk.answer("tweet.posted", n=user.followers)
        return True

    def _ask(self, talk: Talk, user: User, text: str, repeats: int) -> None:
        """Somebody could forge the sender: its phone has to send a code back."""
        code = f"{randbelow(10_000):04}"
        asked = talk.answer("confirm.post", code4=code, mins=CONFIRM_WITHIN // MINUTE)
        if not asked:
            self._events.note(user.id, "confirm.impossible", talk.mo.origin)
            return
        data = {"text": text, "repeats": repeats, "code": code}
        self._dialogs.put(
            Dialog(talk.mo.source, CONFIRM, talk.language, 1, data, talk.now + CONFIRM_WITHIN)
        )

    def confirmed(self, talk: Talk, user: User) -> bool:
        """Whether a text is the answer to such a question, right or wrong; it is handled then."""
        found = _OK.fullmatch(folded(talk.text))
        if found is None or not user.confirms:
            return False
        dialog = self._dialogs.of(talk.mo.source)
        if dialog is not None:  # one try: with more, the code could be guessed
            self._dialogs.end(talk.mo.source)
        if dialog is None or dialog.kind != CONFIRM:
            talk.answer("link.bad_code")
        elif not compare_digest(dialog.data["code"], found[1]):
            self._events.note(user.id, "confirm.wrong", talk.mo.origin)
            talk.answer("link.bad_code")
        elif dialog.data["repeats"] and self._posts.repeated(user.id, dialog.data["repeats"]):
            talk.answer("rt.dup")
        else:
            self._add(talk, user, dialog.data["text"], dialog.data["repeats"])
        return True


def split(text: str) -> list[str]:
    """A long text as posts that end in 1/2 and so on, cut between words; [] for too long a one."""
    room = LONGEST_POST - len(f" {MOST_PIECES}/{MOST_PIECES}")
    pieces: list[str] = []
    rest = text
    while rest and len(pieces) < MOST_PIECES:
        blank = max(rest.rfind(" ", 0, room + 1), rest.rfind("\n", 0, room + 1))
        end = len(rest) if len(rest) <= room else blank if blank > room // 2 else room
        pieces.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [] if rest else [f"{one} {n}/{len(pieces)}" for n, one in enumerate(pieces, 1)]
