"""How a phone becomes somebody: sign-up in a dialog, STOP, and coming back.

Owns: the questions of the sign-up and their answers; what STOP and START do to an account.
Refuses to know: commands of members (`actions`), codes (`linking`), and who a text is for.
"""

from __future__ import annotations

from attrs import evolve

from smppgw.core.plugin import Priority
from smppgw.core.words import plain
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.dialogs import ASK_NAME, ASK_USERNAME, EXPIRED, Dialog
from smppgw.features.microblog.grammar import username_fault
from smppgw.features.microblog.numbers import CHOOSE, zone_of
from smppgw.features.microblog.posts import LONGEST_POST
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import User, UserState

DAY = 86_400_000
LONGEST_NAME = 20
TRIES = 3
_QUOTES = "\"'\u00ab\u00bb\u2018\u2019\u201c\u201d"


class Signup:
    """New and returning phones; everything in a piece of work."""

    def __init__(self, blog: Blog) -> None:
        self._host = blog.host
        self._users = blog.users
        self._dialogs = blog.dialogs
        self._linking = blog.linking
        self._consents = blog.consents
        self._events = blog.events
        self._guard = blog.guard
        self._delivery = blog.delivery

    # ------------------------------------------------------------------ the dialog

    def begin(self, talk: Talk) -> None:
        """START, or the like, from a phone without an account.

        A number that cannot answer begins no dialog.
        """
        if not talk.number.answers:
            return
        self._dialogs.put(
            Dialog(talk.mo.source, ASK_NAME, talk.language, TRIES, {}, talk.now + DAY)
        )
        self._consents.start(talk)
        talk.answer("signup.ask_name", exempt=True)

    def go_on(self, talk: Talk, dialog: Dialog) -> bool:
        """A text within a dialog; whether it was one of its answers."""
        talk.language = dialog.language
        if dialog.kind == EXPIRED:
            talk.answer("signup.expired")
        elif dialog.kind == ASK_NAME:
            self._name(talk, dialog)
        elif dialog.kind == ASK_USERNAME:
            self._username(talk, dialog)
        else:
            return False
        return True

    def _name(self, talk: Talk, dialog: Dialog) -> None:
        name = _said(talk.text)[:LONGEST_NAME].strip()
        if not name:
            talk.answer("signup.ask_name")
            return
        if talk.number.signup == CHOOSE:
            self._dialogs.put(evolve(dialog, kind=ASK_USERNAME, data={"name": name}))
            talk.answer("signup.choose_username", name=name)
            return
        self._done(talk, name, self._users.generated(name), "signup.done")

    def _username(self, talk: Talk, dialog: Dialog) -> None:
        wanted = _said(talk.text).removeprefix("@")
        name = dialog.data["name"]
        if username_fault(wanted) or self._users.is_reserved(wanted):
            talk.answer("signup.invalid")
        elif self._users.is_free(wanted):
            self._done(talk, name, wanted, "signup.done")
        elif dialog.tries > 1:
            self._dialogs.put(evolve(dialog, tries=dialog.tries - 1))
            talk.answer("signup.taken", user=wanted, freq=dialog.tries - 1)
        else:
            self._done(talk, name, self._users.generated(name), "signup.assigned")

    def _done(self, talk: Talk, name: str, username: str, key: str) -> None:
        self._dialogs.end(talk.mo.source)
        before = self._users.by_phone(talk.mo.source)
        user = User(
            id=self._host.next_id() if before is None else before.id,
            username=username,
            folded=username.casefold(),
            phone=talk.mo.source,
            address=talk.number.address,
            carrier=talk.carrier,
            created=talk.now,
            name=name,
            language=talk.language,
            zone=zone_of(talk.mo.source, talk.number),
            followers=before.followers if before else 0,
            following=before.following if before else 0,
        )
        self._users.put(user)
        self._events.note(user.id, "signup", talk.mo.origin)
        talk.answer(key, user=username, max=LONGEST_POST)

    # ------------------------------------------------------------------ STOP and START

    def stop(self, talk: Talk) -> None:
        """STOP: nothing more goes to the phone; an account stays, a half-done sign-up does not."""
        dialog = self._dialogs.of(talk.mo.source)
        user = talk.user
        key = "stop.nolink"
        if dialog is not None and dialog.signs_up:
            key = "signup.cancelled"
        elif user is not None and user.username:
            key = "stop.microblog"
        silent = self._consents.stopped(talk.mo.source, talk.number.address)
        self._dialogs.end(talk.mo.source)
        if user is not None:
            self._unlink(talk, user)
        reply = 0
        if not silent:
            called = user.called if user is not None else ""
            reply = talk.answer(key, Priority.CODES, exempt=True, user=called)
        self._consents.stop(talk, reply)

    def _unlink(self, talk: Talk, user: User) -> None:
        if user.username is None:
            self._users.remove_subscriber(user)
            return
        state = user.state if user.state == UserState.SUSPENDED else UserState.STOPPED
        left = {"phone": None, "last_phone": talk.mo.source, "gone_at": talk.now}
        self._users.change(user, state=state, login=False, **left)
        self._events.note(user.id, "stop", talk.mo.origin)

    def _resume(self, talk: Talk, user: User) -> None:
        """START of a member: what it turned off is on again; else it is told who it is."""
        hushed = user.hushed_until > talk.now
        if user.posts_on and user.messages_on and not hushed:
            self._guard.notice(talk, "signup.already", user=user.called)
            return
        user = self._users.change(user, posts_on=True, messages_on=True, hushed_until=0)
        if hushed:
            self._delivery.release(user, talk.now)
        talk.answer("on.all")

    def start(self, talk: Talk) -> None:
        """START: sign up, or come back."""
        user = talk.user or self._users.by_last_phone(talk.mo.source)
        if user is not None and user.state == UserState.SUSPENDED:
            return
        if user is None or not user.username:
            self.begin(talk)
        elif user.phone is not None:
            self._resume(talk, user)
        else:
            answers = talk.number.answers
            address = talk.number.address if answers else user.address
            carrier = talk.carrier if answers else user.carrier
            talk.user = self._linking.link(user, talk.mo.source, address, carrier)
            self._consents.start(talk)
            talk.answer("on.all", exempt=True)


def _said(text: str) -> str:
    """The answer to a question of ours: a line without `Re:` and quotes; a signature is another."""
    lines = (plain(line).strip(_QUOTES).strip() for line in text.splitlines())
    return next(filter(None, lines), "")
