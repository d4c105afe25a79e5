"""The microblog at work: from a text of a phone to whoever answers it.

Owns: the order of the rules, and the timers of what happens later.
Refuses to know: what single commands do (`actions`, `signup`), and who gets posts (`fanout`).
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from smppgw.core import command as shell
from smppgw.core.plugin import Host, Mo, State
from smppgw.core.words import Meaning
from smppgw.features.microblog.actions import Actions
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.fanout import Fanout
from smppgw.features.microblog.grammar import Command, NearStop, Post, hear, read
from smppgw.features.microblog.guard import Guard
from smppgw.features.microblog.numbers import PROFILE, Numbers
from smppgw.features.microblog.posts import Posts
from smppgw.features.microblog.schema import MIGRATIONS
from smppgw.features.microblog.signup import Signup
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import Users, UserState
from smppgw.features.microblog.verbs import Verb

HELP_EVERY = 30_000
"""Milliseconds between two answers to HELP."""
STRANGER_EVERY = 24 * 3_600_000
"""The same for what somebody without an account says."""
DUE_AT_ONCE = 100
"""Of what waited for a quiet time to end, in one piece of work."""
LOOK = 30.0
"""Seconds between two looks at what is due."""

log = Logger()


class Microblog:
    """The feature; see `plugin.Feature`."""

    name = "microblog"
    migrations = MIGRATIONS

    def __init__(self, host: Host) -> None:
        self._host = host
        self.users = Users(host)
        self.posts = Posts(host, self.users)
        self.numbers = Numbers(host)
        self.delivery = Delivery(host, self.users, self.posts, self.numbers)
        self.signup = Signup(host, self.users, self.delivery)
        self.guard = Guard(host)
        self.actions = Actions(host, self.users, self.posts, self.delivery)
        self.fanout = Fanout(host, self.users, self.posts, self.delivery)
        self._call: IDelayedCall | None = None

    def commands(self) -> list[shell.Command]:
        """See `plugin.Feature`."""
        return []

    def start(self) -> None:
        """See `plugin.Feature`."""
        self.fanout.start()
        self._look()

    def stop(self) -> None:
        """See `plugin.Feature`."""
        self.fanout.stop()
        if self._call is not None and self._call.active():
            self._call.cancel()

    def ended(self, message: int, state: State, error: str) -> None:
        """See `plugin.Feature`."""

    # ------------------------------------------------------------------ what is due

    def _look(self) -> None:
        self._call = self._host.clock.callLater(LOOK, self._look)
        due = self.delivery.next_due()
        if due is not None and due <= self._host.now():
            self._host.transact(
                lambda: self.delivery.due(self._host.now(), DUE_AT_ONCE)
            ).addCallbacks(self._sent_due, lambda failure: log.failure("microblog: due", failure))

    def _sent_due(self, count: int) -> None:
        if count == DUE_AT_ONCE and self._call is not None and self._call.active():
            self._call.reset(0)

    # ------------------------------------------------------------------ messages

    def take(self, mo: Mo) -> bool:
        """See `plugin.Feature`."""
        if mo.number.profile != PROFILE:
            return False
        if self.guard.is_machine(mo):
            return True
        number = self.numbers.get(mo.number.address)
        user = self.users.by_phone(mo.source)
        language = user.language if user is not None else number.languages[0]
        talk = Talk(mo, number, user, language, self.delivery, mo.text)
        self._handle(talk)
        self.fanout.wake()
        return True

    def _handle(self, talk: Talk) -> None:
        if talk.mo.missing:
            self._incomplete(talk)
            return
        heard = hear(talk.text, talk.number.languages)
        if heard is not None:
            talk.language = heard.language or talk.language
        if heard is not None and heard.meaning is Meaning.STOP:
            self.signup.stop(talk)
        elif heard is not None and heard.meaning is Meaning.HELP:
            if self.guard.first_in(talk.mo.source, "help", HELP_EVERY):
                self.actions.help(talk, "")
        elif self.guard.too_many(talk):
            pass
        elif heard is not None:
            self.signup.start(talk)
        elif talk.user is None or talk.user.username is None:
            self._stranger(talk)
        elif talk.user.state == UserState.ACTIVE and self.guard.pin(talk, talk.user):
            self._member(talk)

    def _incomplete(self, talk: Talk) -> None:
        """Parts did not come: nothing is sent or published, whatever the rest says."""
        if not talk.mo.first_missing:
            found = read(talk.text, talk.number.languages, self.users.exists)
            if isinstance(found, Command) and found.verb is Verb.DM and found.name:
                talk.answer("dm.incomplete", user=found.name)
                return
        talk.answer("msg.incomplete")

    def _stranger(self, talk: Talk) -> None:
        """A text of a phone without an account: a dialog, a code, a name to follow."""
        dialog = self.signup.dialog(talk.mo.source)
        if dialog is not None and self.signup.go_on(talk, dialog):
            return
        found = read(talk.text, talk.number.languages, self.users.exists)
        verb = found.verb if isinstance(found, Command) else None
        if self.signup.by_code(talk, go=verb is Verb.GO):
            return
        if isinstance(found, Command) and verb is Verb.FOLLOW:
            talk.language = found.language or talk.language
            self.actions.subscribe(talk, found)
        elif verb is Verb.SIGNUP:
            self.signup.begin(talk)
        elif verb is Verb.HELP or self.guard.first_in(talk.mo.source, "stranger", STRANGER_EVERY):
            self.actions.help(talk, found.name if isinstance(found, Command) else "")

    def _member(self, talk: Talk) -> None:
        user = talk.user
        if user is None:
            return
        dialog = self.signup.dialog(talk.mo.source)
        if dialog is not None and self.signup.go_on(talk, dialog):
            return
        found = read(talk.text, talk.number.languages, self.users.exists, user.prefix)
        match found:
            case Command(verb=Verb.HELP):
                self.actions.help(talk, found.name)
            case Command(verb=Verb.GO):
                self.signup.by_code(talk, go=True)
            case Command(verb=Verb.SIGNUP):
                talk.answer("signup.already", user=user.called)
            case Command():
                self.actions.do(talk, user, found)
            case NearStop():
                talk.answer("unknown.command")
            case Post():
                if not self.signup.by_code(talk, go=False):
                    self.actions.post(talk, user, found.text)
