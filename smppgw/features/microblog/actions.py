"""What the commands of members do: posts and private messages; the others are next door.

Owns: which verb is whose, and the commands about posts and messages.
Refuses to know: how a text was read (`grammar`), sign-up, STOP and START (`signup`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smppgw.core.words import folded
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.following import Following
from smppgw.features.microblog.grammar import AT, Command
from smppgw.features.microblog.people import People
from smppgw.features.microblog.posts import LONGEST_MESSAGE, Post
from smppgw.features.microblog.profile import Profile
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import User, UserState
from smppgw.features.microblog.verbs import Verb, help_key, verb_of

UNDO_WITHIN = 5 * 60_000
TIMELINE = 3
"""Posts of a bare GET."""


class Actions:
    """The commands of members; in a piece of work."""

    def __init__(self, blog: Blog) -> None:
        self._blog = blog
        following, people, profile = (
            Following(blog),
            People(blog),
            Profile(blog.users, blog.delivery),
        )
        self.subscribe = following.subscribe
        self._does: Mapping[Verb, Callable[[Talk, User, Command], None]] = {
            Verb.ON: following.on,
            Verb.OFF: following.off,
            Verb.FOLLOW: following.follow,
            Verb.UNFOLLOW: following.unfollow,
            Verb.ACCEPT: following.accept,
            Verb.DENY: following.deny,
            Verb.REMOVE: following.deny,
            Verb.HUSH: following.hush,
            Verb.DM: self._dm,
            Verb.RETWEET: self._retweet,
            Verb.LIKE: self._like,
            Verb.GET: self._get,
            Verb.UNDO: self._undo,
            Verb.REPLY: self._reply,
            Verb.WHOIS: profile.whois,
            Verb.STATS: profile.stats,
            Verb.SET: profile.set,
            Verb.BLOCK: people.block,
            Verb.UNBLOCK: people.unblock,
            Verb.REPORT: people.report,
            Verb.NUDGE: people.nudge,
            Verb.INVITE: people.invite,
            Verb.SUGGEST: people.suggest,
        }

    def do(self, talk: Talk, user: User, command: Command) -> None:
        """Carry out a command of a member; any of them ends a silence."""
        if user.hushed_until > talk.now and command.verb is not Verb.HUSH:
            user = self._blog.users.change(user, hushed_until=0)
            self._blog.delivery.release(user, talk.now)
        action = self._does.get(command.verb)
        if action is None:
            talk.answer("unknown.command")
        else:
            action(talk, user, command)

    def help(self, talk: Talk, word: str) -> None:
        """The list of commands, or what one of them does."""
        key = "help" if talk.user is not None and talk.user.username else "help.unlinked"
        verb = verb_of(folded(word)) if word else None
        if verb is not None and help_key(verb) in self._blog.delivery.phrases:
            key = help_key(verb)
        talk.answer(key, exempt=True)

    # ------------------------------------------------------------------ posts

    def _retweet(self, talk: Talk, user: User, command: Command) -> None:
        if command.name.casefold() == user.folded:
            talk.answer("rt.own")
            return
        post = self._named_post(talk, command)
        author = None if post is None else self._blog.users.by_id(post.author)
        if post is None or author is None:
            return
        if author.id == user.id:
            talk.answer("rt.own")
        elif self._blog.posts.repeated(user.id, post.id):
            talk.answer("rt.dup")
        elif author.protected:
            talk.answer("user.no_tweet", user=author.called)
        elif self._blog.publisher.publish(talk, user, "", repeats=post.id):
            talk.answer("rt.ok", user=author.called)

    def _like(self, talk: Talk, user: User, command: Command) -> None:
        post = self._named_post(talk, command)
        if post is not None:
            self._blog.posts.like(user.id, post.id)
            author = self._blog.users.by_id(post.author)
            talk.answer("fav.ok", user=author.called if author else "")

    def _get(self, talk: Talk, user: User, command: Command) -> None:
        posts = self._blog.posts
        if command.arguments and command.arguments[0] != AT:
            post = self._named_post(talk, command)
            found = [] if post is None else [post]
        else:
            naming = bool(command.arguments)
            found = posts.naming(user.id, 1) if naming else posts.timeline(user.id, TIMELINE)
            if not found:
                talk.answer("help.get")
        for post in reversed(found):
            said = self._blog.delivery.text_of(post)
            if said:
                talk.say(said)

    def _named_post(self, talk: Talk, command: Command) -> Post | None:
        """The post that a command means, by number or somebody's last; answers if it is none."""
        name, posts, users = command.name, self._blog.posts, self._blog.users
        if name.startswith("#") and name[1:].isdecimal():
            post = posts.post(int(name[1:][:18]))
            if post is not None and post.repeats:
                post = posts.post(post.repeats)
            author = None if post is None else users.by_id(post.author)
            if post is None or author is None or not self._may_read(talk.user, author):
                talk.answer("user.unknown", user=name)
                return None
            return post
        author = self._blog.somebody(talk, name)
        if author is None:
            return None
        post = posts.latest(author.id, own=True)
        if post is None or not self._may_read(talk.user, author):
            talk.answer("user.no_tweet", user=author.called)
            return None
        return post

    def _may_read(self, reader: User | None, author: User) -> bool:
        if author.state == UserState.SUSPENDED:
            return False
        if reader is not None and self._blog.users.blocks(author.id, reader.id):
            return False
        if not author.protected or (reader is not None and reader.id == author.id):
            return True
        edge = None if reader is None else self._blog.users.follow(author.id, reader.id)
        return edge is not None and not edge.pending

    def _undo(self, talk: Talk, user: User, command: Command) -> None:
        post = self._blog.posts.latest(user.id)
        if post is None or talk.now - post.at > UNDO_WITHIN:
            talk.answer("unknown.command")
            return
        self._blog.posts.remove(post)
        talk.answer("tweet.undone")

    def _reply(self, talk: Talk, user: User, command: Command) -> None:
        post = self._named_post(talk, command)
        author = None if post is None else self._blog.users.by_id(post.author)
        if author is not None:
            said = command.rest.split(None, 1)[1]
            self._blog.publisher.publish(talk, user, f"@{author.called} {said}")

    # ------------------------------------------------------------------ private messages

    def _dm(self, talk: Talk, user: User, command: Command) -> None:
        words = command.rest.split(None, 1)
        said = words[1].strip() if len(words) == 2 else ""
        if not said:
            talk.answer("help.d")
            return
        name = words[0].removeprefix("@").rstrip(":,")
        blog = self._blog
        recipient = blog.users.by_name(name)
        gone = recipient is not None and recipient.state == UserState.SUSPENDED
        if recipient is None or recipient.username is None or gone:
            talk.answer("dm.no_user", user=name)
            return
        edge = blog.users.follow(user.id, recipient.id)
        if edge is None or edge.pending or blog.users.blocks(recipient.id, user.id):
            talk.answer("dm.not_follower", user=recipient.called)
        elif len(said) > LONGEST_MESSAGE:
            talk.answer("dm.too_long", len=len(said), max=LONGEST_MESSAGE)
        elif not blog.guard.enough_messages(talk):
            if blog.tails.begins(talk.mo):
                blog.tails.wait(talk.mo, user.id, recipient.id, said)
                return
            if not blog.tails.rests(talk.now):
                blog.tails.deliver(talk.mo.source)
            blog.delivery.write(user, recipient, said, talk.now)
            talk.answer("dm.sent", user=recipient.called)
