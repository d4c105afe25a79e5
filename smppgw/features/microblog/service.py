"""The microblog at work: from a text of a phone to whoever answers it.

Owns: the order of the rules, and the timers of what happens later.
Refuses to know: what single commands do (`actions`, `signup`), and who gets posts (`fanout`).
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core import command as shell
from smppgw.core.plugin import Host, Mo, State
from smppgw.core.words import Meaning
from smppgw.features.microblog.actions import Actions
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.claims import Claims
from smppgw.features.microblog.codes import CodeRefused
from smppgw.features.microblog.commands import commands
from smppgw.features.microblog.erasure import Erasure
from smppgw.features.microblog.fanout import Fanout
from smppgw.features.microblog.grammar import Command, NearStop, Post, hear, read
from smppgw.features.microblog.numbers import OWN, POST_ONLY, PROFILE
from smppgw.features.microblog.quiet import zones
from smppgw.features.microblog.schema import MIGRATIONS
from smppgw.features.microblog.signup import Signup
from smppgw.features.microblog.tails import Tail
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import User, UserState
from smppgw.features.microblog.verbs import Verb

ASKING = (Meaning.HELP, Meaning.CONTACT)
HELP_EVERY = 30_000
"""Milliseconds between two answers to one of these."""
DAY = 24 * 3_600_000
"""The same for what somebody without an account says, and for a number out of service."""
DUE_AT_ONCE = 100
"""Of what waited for its time, in one piece of work."""
LOOK = 30.0
"""Seconds between two looks at what is due."""

log = Logger()


class Microblog:
    """The feature; see `plugin.Feature`."""

    name = "microblog"
    migrations = MIGRATIONS

    def __init__(self, host: Host) -> None:
        self._host = host
        self.blog = Blog(host)
        self.signup = Signup(self.blog)
        self.actions = Actions(self.blog)
        self.fanout = Fanout(host, self.blog.users, self.blog.posts, self.blog.delivery)
        self.erasure = Erasure(self.blog)
        self.claims = Claims(self.blog)
        """For a web page on which somebody claims an account by its phone."""
        self.blog.posts.begin = self.fanout.begin
        self._call: IDelayedCall | None = None

    def commands(self) -> list[shell.Command]:
        """See `plugin.Feature`."""
        return [*commands(self.blog, self.erasure), *self.claims.commands()]

    def start(self) -> None:
        """See `plugin.Feature`."""
        self.blog.reach.start()
        self._host.in_thread(zones).addErrback(_unread)
        self.fanout.start()
        self.erasure.start()
        self._look()

    def stop(self) -> None:
        """See `plugin.Feature`."""
        self.fanout.stop()
        self.erasure.stop()
        if self._call is not None and self._call.active():
            self._call.cancel()

    def ended(self, message: int, state: State, error: str) -> None:
        """See `plugin.Feature`."""
        self.blog.reach.ended(message, state)

    # ------------------------------------------------------------------ for other programs

    def send_login(self, username: str) -> Deferred[int]:
        """Send a login code to a member: the id of the text; fails with CodeRefused."""

        def work() -> int:
            user = self.blog.users.by_name(username)
            if user is None:
                raise CodeRefused(f"there is no user @{username.removeprefix('@')}")
            return self.blog.codes.send(user)

        return self._host.transact(work)

    def check_login(self, username: str, code: str) -> Deferred[bool]:
        """Whether a member was sent this code; it is used up by that."""

        def work() -> bool:
            user = self.blog.users.by_name(username)
            return user is not None and self.blog.codes.check(user, code)

        return self._host.transact(work)

    # ------------------------------------------------------------------ what is due

    def _look(self) -> None:
        """Send what is due, and look again when the next is."""
        now = self._host.now()
        blog = self.blog
        times = (blog.delivery.next_due(), blog.tails.next_due(), blog.reach.next_due())
        due = min((one for one in times if one is not None), default=None)
        if due is not None and due <= now:
            self._call = None
            self._host.transact(self._send_due).addCallbacks(self._sent_due, self._not_sent)
        else:
            self._call = self._host.clock.callLater(LOOK, self._look)
            if due is not None:
                self._look_at(due)

    def _look_at(self, due: int) -> None:
        """Look no later than at this time (milliseconds since 1970)."""
        seconds = max(0.0, (due - self._host.now()) / 1000)
        call = self._call
        if call is None or not call.active():
            return
        if call.getTime() - self._host.clock.seconds() > seconds:
            call.reset(seconds)

    def _send_due(self) -> None:
        now = self._host.now()
        self.blog.tails.due(now, DUE_AT_ONCE)
        self.blog.delivery.due(now, DUE_AT_ONCE)
        self.blog.reach.due(now, DUE_AT_ONCE)

    def _sent_due(self, result: None) -> None:
        self._call = self._host.clock.callLater(0, self._look)

    def _not_sent(self, failure: Failure) -> None:
        log.failure("microblog: what is due; it is tried again", failure)
        self._call = self._host.clock.callLater(LOOK, self._look)

    # ------------------------------------------------------------------ messages

    def take(self, mo: Mo) -> bool:
        """See `plugin.Feature`."""
        if mo.number.profile != PROFILE:
            return False
        if self.blog.guard.is_machine(mo):
            self._host.note("not from a phone: an answer could begin a loop")
            return True
        number = self.blog.numbers.get(mo.number.address)
        user = self._whose(mo.source)
        language = user.language if user is not None else number.languages[0]
        talk = Talk(mo, number, user, language, self.blog.delivery, mo.text)
        heard = None if mo.missing else hear(mo.text, number.languages)
        if heard is not None:
            talk.language, talk.word = heard.language or language, heard.word
            self._host.note(f"class O: {heard.word}")
        if heard is not None and heard.meaning is Meaning.STOP:
            self.signup.stop(talk)
        elif number.suspended:
            self._out_of_service(talk)
        elif heard is not None and heard.meaning in ASKING:
            self._asked(talk, heard.meaning)
        elif self.blog.guard.too_many(talk):
            self._host.note("too many texts")
        elif mo.missing:
            self._incomplete(talk)
        elif heard is not None:
            self.signup.start(talk)
        elif user is None or user.username is None:
            self._stranger(talk)
        elif user.state == UserState.ACTIVE:
            self._member(talk, user)
        return True

    def again(self, mo: Mo) -> bool:
        """See `plugin.Again`: STOP of a phone that came back in the meantime."""
        if mo.number.profile != PROFILE or mo.missing:
            return False
        number = self.blog.numbers.get(mo.number.address)
        heard = hear(mo.text, number.languages)
        stop = heard is not None and heard.meaning is Meaning.STOP
        return stop and not self.blog.consents.stopped(mo.source, number.address)

    def sorry(self, mo: Mo) -> None:
        """See `plugin.Sorry`: nothing was published; STOP and HELP count when they come again."""
        if mo.number.profile == PROFILE and not self.blog.guard.is_machine(mo):
            number = self.blog.numbers.get(mo.number.address)
            user = self.blog.users.by_phone(mo.source)
            language = user.language if user is not None else number.languages[0]
            talk = Talk(mo, number, user, language, self.blog.delivery, mo.text)
            self.blog.guard.notice(talk, "error")

    def _whose(self, phone: str) -> User | None:
        """Whose phone it is that wrote: it can be reached, whatever was thought before."""
        user = self.blog.users.by_phone(phone)
        if user is not None and user.state == UserState.INVALID:
            return self.blog.reach.revive(user)
        return user

    def _asked(self, talk: Talk, meaning: Meaning) -> None:
        """HELP and CONTACT are answered to everybody, each once in a while."""
        if not self.blog.guard.first_in(talk.mo.source, meaning.value, HELP_EVERY):
            return
        if meaning is Meaning.HELP:
            self.actions.help(talk, "")
        else:
            talk.answer("contact", exempt=True, org=talk.number.service)

    def _out_of_service(self, talk: Talk) -> None:
        """A number that is suspended says so, and nothing else."""
        if self.blog.guard.first_in(talk.mo.source, "suspended", DAY):
            talk.say(talk.number.suspended)

    def _incomplete(self, talk: Talk) -> None:
        """Parts did not come: nothing is sent or published, whatever the rest says."""
        if talk.user is None or talk.user.username is None:
            self._greet(talk)
            return
        self.blog.events.note(talk.user.id, "msg.incomplete", talk.mo.origin)
        if not talk.mo.first_missing:
            found = self._read(talk)
            if isinstance(found, Command) and found.verb is Verb.DM and found.name:
                self.blog.guard.notice(talk, "dm.incomplete", user=found.name)
                return
        self.blog.guard.notice(talk, "msg.incomplete")

    def _read(self, talk: Talk) -> Command | Post | NearStop:
        prefix = "" if talk.user is None else talk.user.prefix
        return read(talk.text, talk.number.languages, self.blog.users.exists, prefix)

    # ------------------------------------------------------------------ without an account

    def _stranger(self, talk: Talk) -> None:
        """A text of a phone without an account: a dialog, a code, a name to follow."""
        dialog = self.blog.dialogs.of(talk.mo.source)
        self._host.note(f"no account, {'no dialog' if dialog is None else dialog.kind}")
        if dialog is not None and self.signup.go_on(talk, dialog):
            return
        found = self._read(talk)
        verb = found.verb if isinstance(found, Command) else None
        if self.blog.linking.by_code(talk, go=verb is Verb.GO):
            return
        if isinstance(found, Command) and verb is Verb.FOLLOW:
            talk.language = found.language or talk.language
            self.actions.subscribe(talk, found)
        elif verb is Verb.SIGNUP:
            self.signup.start(talk)
        elif isinstance(found, Command) and verb is Verb.HELP:
            self.actions.help(talk, found.name)
        else:
            self._greet(talk)

    def _greet(self, talk: Talk) -> None:
        """Somebody who has no account is told how to get one, once a day, unless it said STOP."""
        phone = talk.mo.source
        if self.blog.consents.stopped(phone, talk.number.address):
            return
        if self.blog.guard.first_in(phone, "stranger", DAY):
            self.actions.help(talk, "")

    # ------------------------------------------------------------------ members

    def _member(self, talk: Talk, user: User) -> None:
        if self.blog.guard.needs_pin(talk, user):
            self._host.withhold()
            if not self._is_proved(talk, user):
                self._host.note("no PIN, or a wrong one")
                return
        if talk.number.own_number == OWN and self._has_own(talk, user):
            return
        talk.user = user = self._at_home(talk, user)
        if self.blog.publisher.confirmed(talk, user):
            return
        match self._read(talk):
            case Command() as found:
                self._command(talk, user, found)
            case NearStop():
                self._host.note("nearly STOP")
                self.blog.guard.notice(talk, "unknown.command")
            case Post(text):
                self._post(talk, user, text)

    def _has_own(self, talk: Talk, user: User) -> bool:
        """Whether a member has a number of its own carrier to write to; it is told to, then."""
        own = user.address != talk.number.address and self.blog.numbers.get(user.address).answers
        if user.address and own:
            self._host.note(f"refused: it has {user.address} to write to")
            if self.blog.guard.first_in(talk.mo.source, "own number", DAY):
                self.blog.delivery.say(user, "longcode.note")
        return bool(user.address) and own

    def _is_proved(self, talk: Talk, user: User) -> bool:
        """Whether a text begins with its user's PIN, which is taken off; if not, it is handled."""
        guard = self.blog.guard
        if not guard.is_locked(user):
            if guard.take_pin(talk, user):
                return True
            if isinstance(self._read(talk), Post) and self._is_rest(talk, talk.text):
                return False
        guard.wrong_pin(talk, user)
        return False

    def _command(self, talk: Talk, user: User, command: Command) -> None:
        self._host.note(f"class {command.klass}: {command.verb.name}")
        if talk.number.commands == POST_ONLY and command.verb is not Verb.HELP:
            self.blog.guard.notice(talk, "unknown.command")
            return
        if command.strict and self.blog.tails.begins(talk.mo):
            self.blog.tails.forbid(talk.mo)
        if command.verb is Verb.HELP:
            self.actions.help(talk, command.name)
        elif command.verb is Verb.GO:
            self.blog.linking.by_code(talk, go=True)
        elif command.verb is Verb.SIGNUP:
            self.signup.start(talk)
        else:
            self.actions.do(talk, user, command)
            if command.verb is Verb.DM:
                self._tail_waits()

    def _post(self, talk: Talk, user: User, text: str) -> None:
        if self._is_rest(talk, talk.text) or self.blog.linking.by_code(talk, go=False):
            return
        self._host.note("class P")
        self.blog.publisher.publish(talk, user, text)

    def _is_rest(self, talk: Talk, text: str) -> bool:
        """Whether a text is, or may be, the rest of a private message: it is no post then."""
        tail = self.blog.tails.meet(talk.mo, text)
        if tail is not Tail.NONE:
            self._host.note(f"may be the rest of a private message: {tail.value}")
        if tail is Tail.REFUSED:
            self.blog.guard.notice(talk, "msg.incomplete")
        self._tail_waits()
        return tail is not Tail.NONE

    def _tail_waits(self) -> None:
        if self.blog.tails.rests(self._host.now()):
            return
        due = self.blog.tails.next_due()
        if due is not None:
            self._look_at(due)

    def _at_home(self, talk: Talk, user: User) -> User:
        """A member writes to the number of its carrier: from there it is written to as well."""
        place = (talk.number.address, talk.carrier)
        if not talk.number.answers or (user.address, user.carrier) == place:
            return user
        return self.blog.users.change(user, address=place[0], carrier=place[1])


def _unread(failure: Failure) -> None:
    log.failure("microblog: the names of time zones", failure)
