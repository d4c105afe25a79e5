"""What members do about other people: block, report, nudge, invite, look for some.

Owns: these commands, and that none of them can be used to pester anybody.
Refuses to know: who decides about a report (`commands`).
"""

from __future__ import annotations

from smppgw.core.plugin import Priority
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.grammar import Command
from smppgw.features.microblog.quiet import quiet_until
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import User, UserState
from smppgw.features.microblog.verbs import help_key

DAY = 24 * 3_600_000
SUGGESTED = 3


class People:
    """These commands; in a piece of work."""

    def __init__(self, blog: Blog) -> None:
        self._blog = blog
        self._users = blog.users

    def block(self, talk: Talk, user: User, command: Command) -> None:
        """Somebody can neither follow nor write any more."""
        other = self._other(talk, user, command)
        if other is not None:
            self._users.block(user.id, other.id)
            talk.answer("block.ok", user=other.called)

    def unblock(self, talk: Talk, user: User, command: Command) -> None:
        """Somebody can again."""
        other = self._other(talk, user, command)
        if other is not None:
            self._users.unblock(user.id, other.id)
            talk.answer("unblock.ok", user=other.called)

    def report(self, talk: Talk, user: User, command: Command) -> None:
        """Block somebody, and have an operator look at it."""
        other = self._other(talk, user, command)
        if other is None:
            return
        self._users.block(user.id, other.id)
        last = self._blog.posts.latest(other.id, own=True)
        self._blog.reports.add(user.id, other.id, 0 if last is None else last.id)
        talk.answer("report.ok", user=other.called)

    def nudge(self, talk: Talk, user: User, command: Command) -> None:
        """Ask a follower what it is up to; once a day, and not while it is left alone."""
        other = self._other(talk, user, command)
        if other is None:
            return
        edge = self._users.follow(user.id, other.id)
        asleep = quiet_until(other, talk.now) or not other.posts_on
        allowed = edge is not None and not edge.pending and not asleep
        if not (allowed and self._blog.once(f"nudge {user.id} {other.id}", DAY)):
            talk.answer("unknown.command")
        else:
            self._blog.delivery.say(other, "nudge.deliver", user=user.called)
            talk.answer("nudge.ok", user=other.called)

    def invite(self, talk: Talk, user: User, command: Command) -> None:
        """Invite a phone: once for ever, whoever asks, and whatever became of it.

        A member is asked whether it wants to be followed. Whoever invites is answered the same in
        every case: whose phone it is remains unsaid.
        """
        wanted = "".join(command.rest.split())
        digits = international(wanted, talk.number.prefix or talk.mo.source[:2])
        if not digits:
            talk.answer("help.invite")
            return
        if self._blog.guard.enough_invitations(talk):
            return
        member = self._users.by_phone(digits) or self._users.by_last_phone(digits)
        stopped = self._blog.host.consent.refuses(talk.number.address, digits)
        if member is not None and member.username:
            self._ask(user, member)
        elif not stopped and self._blog.once(f"invite {digits}", 0):
            self._blog.delivery.tell(
                digits,
                talk.number.address,
                talk.carrier,
                "invite.deliver",
                talk.language,
                Priority.BULK,
                user=user.called,
            )
        talk.answer("invite.sent", tel=wanted)

    def _ask(self, user: User, member: User) -> None:
        there = member.phone is not None and member.state != UserState.SUSPENDED
        strange = self._users.blocks(member.id, user.id) or self._users.blocks(user.id, member.id)
        known = self._users.follow(member.id, user.id) is not None
        if there and not strange and not known and member.id != user.id:
            self._blog.ask_to_follow(user, member)

    def suggest(self, talk: Talk, user: User, command: Command) -> None:
        """Name some whom many follow."""
        names = self._users.popular(user.id, SUGGESTED)
        if names:
            talk.answer("suggest", names=", ".join(f"@{name}" for name in names))
        else:
            talk.answer("help.suggest")

    def _other(self, talk: Talk, user: User, command: Command) -> User | None:
        """Whom a command is about, not the member itself; answers when there is nobody."""
        other = self._blog.somebody(talk, command.name) if command.name else None
        if not command.name or (other is not None and other.id == user.id):
            talk.answer(help_key(command.verb))
            return None
        return other


def international(number: str, prefix: str) -> str:
    """A number as it is dialled, in digits with its country; "" for what is none.

    A national one (0...) is of the country with this prefix.
    """
    digits = number.replace(".", "").replace("-", "")
    if digits.startswith("+"):
        digits = digits[1:]
    elif digits.startswith("00"):
        digits = digits[2:]
    elif digits.startswith("0"):
        digits = prefix + digits[1:]
    plain = digits.isascii() and digits.isdecimal()
    return digits if plain and 9 <= len(digits) <= 15 else ""
