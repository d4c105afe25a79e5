"""Who gets whose posts: following, requests, on and off, silence.

Owns: these commands. Refuses to know: the rows (`users`), and sending posts (`fanout`).
"""

from __future__ import annotations

from attrs import evolve

from smppgw.features.microblog import quiet
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.grammar import Command
from smppgw.features.microblog.numbers import zone_of
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import MOST_SUBSCRIPTIONS, Follow, User, UserState

HOUR = 3_600_000
MOST_HOURS = 168


class Following:
    """These commands; in a piece of work."""

    def __init__(self, blog: Blog) -> None:
        self._blog = blog
        self._users = blog.users
        self._delivery = blog.delivery

    def subscribe(self, talk: Talk, command: Command) -> None:
        """FOLLOW from a phone without an account: it gets the posts of somebody all the same."""
        followed = self._blog.somebody(talk, command.name)
        if followed is None or not talk.number.answers:
            return
        if followed.protected:
            talk.answer("user.unknown", user=followed.called)
            return
        user = talk.user or self._users.put(
            User(
                id=self._blog.host.next_id(),
                phone=talk.mo.source,
                address=talk.number.address,
                carrier=talk.carrier,
                state=UserState.SUBSCRIBER,
                created=talk.now,
                language=talk.language,
                zone=zone_of(talk.mo.source, talk.number),
            )
        )
        if len(self._users.followed_by(user.id, MOST_SUBSCRIPTIONS)) >= MOST_SUBSCRIPTIONS:
            talk.answer("help.unlinked")
            return
        if not user.posts_on:
            user = self._users.change(user, posts_on=True)
        self._blog.consents.start(talk)
        self._users.put_follow(Follow(followed.id, user.id, True, False, talk.now))
        talk.answer("follow.fast", user=followed.called)

    def follow(self, talk: Talk, user: User, command: Command) -> None:
        """Follow somebody, by SMS; a protected account has to allow it."""
        followed = self._blog.somebody(talk, command.name)
        if followed is None:
            return
        if followed.id == user.id:
            talk.answer("help.follow")
            return
        if self._users.blocks(followed.id, user.id):
            talk.answer("user.unknown", user=followed.called)
            return
        edge = self._users.follow(followed.id, user.id)
        if edge is not None and not edge.pending:
            self._users.put_follow(evolve(edge, by_sms=True))
            talk.answer("follow.already", user=followed.called)
            return
        if followed.protected:
            self._blog.ask_to_follow(user, followed)
            talk.answer("follow.pending", user=followed.called)
            return
        self._users.put_follow(Follow(followed.id, user.id, True, False, talk.now))
        talk.answer("follow.ok", user=followed.called)

    def unfollow(self, talk: Talk, user: User, command: Command) -> None:
        """Follow somebody no more."""
        followed = self._blog.somebody(talk, command.name)
        if followed is not None:
            self._users.remove_follow(followed.id, user.id)
            talk.answer("unfollow.ok", user=followed.called)

    def accept(self, talk: Talk, user: User, command: Command) -> None:
        """Let somebody follow who asked."""
        follower = self._blog.somebody(talk, command.name)
        edge = None if follower is None else self._users.follow(user.id, follower.id)
        if follower is None:
            return
        if edge is None or not edge.pending:
            talk.answer("user.unknown", user=follower.called)
            return
        self._users.put_follow(evolve(edge, pending=False))
        self._delivery.say(follower, "follow.ok", user=user.called)
        talk.answer("set.ok", word=follower.called)

    def deny(self, talk: Talk, user: User, command: Command) -> None:
        """Somebody who asked, or follows, does not follow."""
        follower = self._blog.somebody(talk, command.name)
        if follower is not None:
            self._users.remove_follow(user.id, follower.id)
            talk.answer("set.ok", word=follower.called)

    # ------------------------------------------------------------------ on, off, silence

    def on(self, talk: Talk, user: User, command: Command) -> None:
        """Texts are wanted again: all, or of one person."""
        if not command.arguments:
            self._users.change(user, posts_on=True, messages_on=True, hushed_until=0)
            talk.answer("on.all")
            return
        followed = self._blog.somebody(talk, command.name)
        if followed is None:
            return
        edge = self._users.follow(followed.id, user.id)
        if edge is None:
            self.follow(talk, user, command)
            return
        self._users.put_follow(evolve(edge, by_sms=True))
        talk.answer("on.user", user=followed.called)

    def off(self, talk: Talk, user: User, command: Command) -> None:
        """No posts by SMS; the second time no private messages either; or none of one person."""
        if not command.arguments:
            if user.posts_on:
                self._users.change(user, posts_on=False)
                talk.answer("off.all")
            else:
                self._users.change(user, messages_on=False)
                talk.answer("off.dm")
            return
        followed = self._blog.somebody(talk, command.name)
        edge = None if followed is None else self._users.follow(followed.id, user.id)
        if followed is not None and edge is None:
            talk.answer("unfollow.ok", user=followed.called)
        elif followed is not None and edge is not None:
            self._users.put_follow(evolve(edge, by_sms=False))
            talk.answer("off.user", user=followed.called)

    def hush(self, talk: Talk, user: User, command: Command) -> None:
        """No texts for some hours."""
        hours = command.arguments[0] if command.arguments else ""
        if hours.isdecimal() and 1 <= int(hours[:4]) <= MOST_HOURS:
            until = talk.now + int(hours) * HOUR
        elif hours:
            talk.answer("help.hush")
            return
        else:
            until = quiet.night_end(user, talk.now)
        self._users.change(user, hushed_until=until)
        talk.answer("hush.ok", date=quiet.said(until, user.zone))
