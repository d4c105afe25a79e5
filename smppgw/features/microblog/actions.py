"""What the commands of members do.

Owns: one method for each verb, and who may do what to whom.
Refuses to know: how a text was read (`grammar`), sign-up, STOP and START (`signup`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve

from smppgw.core.plugin import Host, Priority
from smppgw.features.microblog import quiet
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.grammar import Command
from smppgw.features.microblog.posts import LONGEST_MESSAGE, LONGEST_POST, Post, Posts
from smppgw.features.microblog.profile import Profile
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import Follow, User, Users, UserState
from smppgw.features.microblog.verbs import FORMS, Verb

HOUR = 3_600_000
DAY = 24 * HOUR
UNDO_WITHIN = 5 * 60_000
MOST_HOURS = 168
TIMELINE = 3
"""Posts of a bare GET."""
HELP_KEYS = {verb: f"help.{verb.value}" for verb in Verb}
"""Where a verb has no text of its own, the list of commands answers."""


class Actions:
    """The commands of members, and what phones without an account may do; in a piece of work."""

    def __init__(self, host: Host, users: Users, posts: Posts, delivery: Delivery) -> None:
        self._host = host
        self._users = users
        self._posts = posts
        self._delivery = delivery
        profile = Profile(host, users)
        self._does: Mapping[Verb, Callable[[Talk, User, Command], None]] = {
            Verb.ON: self._on,
            Verb.OFF: self._off,
            Verb.FOLLOW: self._follow,
            Verb.UNFOLLOW: self._unfollow,
            Verb.DM: self._dm,
            Verb.RETWEET: self._retweet,
            Verb.LIKE: self._like,
            Verb.GET: self._get,
            Verb.WHOIS: profile.whois,
            Verb.STATS: profile.stats,
            Verb.SET: profile.set,
            Verb.BLOCK: self._block,
            Verb.UNBLOCK: self._unblock,
            Verb.REPORT: self._report,
            Verb.NUDGE: self._nudge,
            Verb.INVITE: self._invite,
            Verb.SUGGEST: self._suggest,
            Verb.ACCEPT: self._accept,
            Verb.DENY: self._deny,
            Verb.REMOVE: self._deny,
            Verb.HUSH: self._hush,
            Verb.UNDO: self._undo,
            Verb.REPLY: self._reply,
        }

    def do(self, talk: Talk, user: User, command: Command) -> None:
        """Carry out a command of a member; any of them ends a silence."""
        if user.hushed_until > talk.now and command.verb is not Verb.HUSH:
            user = self._users.put(evolve(user, hushed_until=0))
            self._delivery.release(user, talk.now)
        action = self._does.get(command.verb)
        if action is None:
            talk.answer("unknown.command")
        else:
            action(talk, user, command)

    def help(self, talk: Talk, word: str) -> None:
        """The list of commands, or what one of them does."""
        key = "help" if talk.user is not None and talk.user.username else "help.unlinked"
        form = FORMS.get(word.upper()) if word else None
        if form is not None and HELP_KEYS[form.verb] in self._delivery.phrases:
            key = HELP_KEYS[form.verb]
        talk.answer(key, exempt=True)

    # ------------------------------------------------------------------ posts

    def post(self, talk: Talk, user: User, text: str) -> bool:
        """Publish a text; whether it was."""
        if not text:
            return False
        if len(text) > LONGEST_POST:
            talk.answer("tweet.too_long", len=len(text), max=LONGEST_POST)
            return False
        self._posts.add(user, text, talk.mo.id)
        return True

    def _retweet(self, talk: Talk, user: User, command: Command) -> None:
        post = self._named_post(talk, command)
        if post is None:
            return
        if post.author == user.id:
            talk.answer("rt.own")
        elif self._posts.repeated(user.id, post.id):
            talk.answer("rt.dup")
        else:
            self._posts.add(user, post.text, talk.mo.id, repeats=post.id)
            author = self._users.by_id(post.author)
            talk.answer("rt.ok", user=author.called if author else "")

    def _like(self, talk: Talk, user: User, command: Command) -> None:
        post = self._named_post(talk, command)
        if post is not None:
            self._posts.like(user.id, post.id)
            author = self._users.by_id(post.author)
            talk.answer("fav.ok", user=author.called if author else "")

    def _get(self, talk: Talk, user: User, command: Command) -> None:
        if command.arguments:
            post = self._named_post(talk, command)
            found = [] if post is None else [post]
        else:
            found = self._posts.timeline(user.id, TIMELINE)
        for post in reversed(found):
            author = self._users.by_id(post.author)
            called = author.called if author else ""
            talk.answer("tweet.deliver", user=called, text=post.text)

    def _named_post(self, talk: Talk, command: Command) -> Post | None:
        """The post that a command means, by number or somebody's last; answers if it is none."""
        name = command.name
        if name.startswith("#") and name[1:].isdecimal():
            post = self._posts.post(int(name[1:][:18]))
            author = None if post is None else self._users.by_id(post.author)
            if post is None or author is None or not self._may_read(talk.user, author):
                talk.answer("user.unknown", user=name)
                return None
            return post
        author = self._somebody(talk, name)
        if author is None:
            return None
        post = self._posts.latest(author.id, own=True)
        if post is None or not self._may_read(talk.user, author):
            talk.answer("user.no_tweet", user=author.called)
            return None
        return post

    def _may_read(self, reader: User | None, author: User) -> bool:
        if reader is not None and self._users.blocks(author.id, reader.id):
            return False
        if not author.protected or (reader is not None and reader.id == author.id):
            return True
        edge = None if reader is None else self._users.follow(author.id, reader.id)
        return edge is not None and not edge.pending

    def _undo(self, talk: Talk, user: User, command: Command) -> None:
        post = self._posts.latest(user.id)
        if post is None or talk.now - post.at > UNDO_WITHIN:
            talk.answer("unknown.command")
            return
        self._posts.remove(user, post)
        talk.answer("tweet.undone")

    def _reply(self, talk: Talk, user: User, command: Command) -> None:
        post = self._named_post(talk, command)
        author = None if post is None else self._users.by_id(post.author)
        if author is not None:
            said = command.rest.split(None, 1)[1]
            self.post(talk, user, f"@{author.called} {said}")

    # ------------------------------------------------------------------ private messages

    def _dm(self, talk: Talk, user: User, command: Command) -> None:
        name, _, said = command.rest.partition(" ")
        words = command.rest.split(None, 1)
        name, said = (words[0], words[1].strip()) if len(words) == 2 else (command.name, "")
        name = name.removeprefix("@").rstrip(":,")
        if not said:
            talk.answer("help.d")
            return
        recipient = self._users.by_name(name)
        if recipient is None or recipient.username is None:
            talk.answer("dm.no_user", user=name)
            return
        edge = self._users.follow(user.id, recipient.id)
        if edge is None or edge.pending or self._users.blocks(recipient.id, user.id):
            talk.answer("dm.not_follower", user=recipient.called)
            return
        if len(said) > LONGEST_MESSAGE:
            talk.answer("dm.too_long", len=len(said), max=LONGEST_MESSAGE)
            return
        message = self._posts.write(user, recipient, said)
        self._delivery.message(message, talk.now)
        talk.answer("dm.sent", user=recipient.called)

    # ------------------------------------------------------------------ following

    def subscribe(self, talk: Talk, command: Command) -> None:
        """FOLLOW from a phone without an account: it gets the posts of somebody all the same."""
        followed = self._somebody(talk, command.name)
        if followed is None:
            return
        user = talk.user or self._users.put(
            User(
                id=self._host.next_id(),
                phone=talk.mo.source,
                address=talk.number.address,
                carrier=talk.carrier,
                state=UserState.SUBSCRIBER,
                created=talk.now,
                language=talk.language,
            )
        )
        if followed.protected:
            talk.answer("user.unknown", user=followed.called)
            return
        self._users.put_follow(Follow(followed.id, user.id, True, False, talk.now))
        talk.answer("follow.fast", user=followed.called)

    def _follow(self, talk: Talk, user: User, command: Command) -> None:
        followed = self._somebody(talk, command.name)
        if followed is None or followed.id == user.id:
            return
        if self._users.blocks(followed.id, user.id):
            talk.answer("user.unknown", user=followed.called)
            return
        edge = self._users.follow(followed.id, user.id)
        if edge is not None and not edge.pending:
            self._users.put_follow(evolve(edge, by_sms=True))
            talk.answer("follow.already", user=followed.called)
            return
        pending = followed.protected
        self._users.put_follow(Follow(followed.id, user.id, True, pending, talk.now))
        talk.answer("follow.pending" if pending else "follow.ok", user=followed.called)

    def _unfollow(self, talk: Talk, user: User, command: Command) -> None:
        followed = self._somebody(talk, command.name)
        if followed is not None:
            self._users.remove_follow(followed.id, user.id)
            talk.answer("unfollow.ok", user=followed.called)

    def _accept(self, talk: Talk, user: User, command: Command) -> None:
        follower = self._somebody(talk, command.name)
        edge = None if follower is None else self._users.follow(user.id, follower.id)
        if follower is None or edge is None or not edge.pending:
            if follower is not None:
                talk.answer("user.unknown", user=follower.called)
            return
        self._users.put_follow(evolve(edge, pending=False))
        self._delivery.say(follower, "follow.ok", user=user.called)
        talk.answer("set.ok", word=follower.called)

    def _deny(self, talk: Talk, user: User, command: Command) -> None:
        follower = self._somebody(talk, command.name)
        if follower is not None:
            self._users.remove_follow(user.id, follower.id)
            talk.answer("set.ok", word=follower.called)

    # ------------------------------------------------------------------ on, off, silence

    def _on(self, talk: Talk, user: User, command: Command) -> None:
        if not command.arguments:
            fresh = evolve(user, posts_on=True, messages_on=True, hushed_until=0)
            self._users.put(fresh)
            talk.answer("on.all")
            return
        followed = self._somebody(talk, command.name)
        if followed is None:
            return
        edge = self._users.follow(followed.id, user.id)
        if edge is None:
            self._follow(talk, user, command)
            return
        self._users.put_follow(evolve(edge, by_sms=True))
        talk.answer("on.user", user=followed.called)

    def _off(self, talk: Talk, user: User, command: Command) -> None:
        if not command.arguments or command.name.upper() == "ALL":
            if user.posts_on:
                self._users.put(evolve(user, posts_on=False))
                talk.answer("off.all")
            else:
                self._users.put(evolve(user, messages_on=False))
                talk.answer("off.dm")
            return
        followed = self._somebody(talk, command.name)
        edge = None if followed is None else self._users.follow(followed.id, user.id)
        if edge is not None:
            self._users.put_follow(evolve(edge, by_sms=False))
        if followed is not None:
            talk.answer("off.user", user=followed.called)

    def _hush(self, talk: Talk, user: User, command: Command) -> None:
        hours = command.arguments[0] if command.arguments else ""
        if hours.isdecimal() and 1 <= int(hours[:4]) <= MOST_HOURS:
            until = talk.now + int(hours) * HOUR
        elif hours:
            talk.answer("help.hush")
            return
        else:
            until = quiet.night_end(user, talk.now)
        self._users.put(evolve(user, hushed_until=until))
        talk.answer("hush.ok", date=quiet.said(until, user.zone))

    # ------------------------------------------------------------------ other people

    def _block(self, talk: Talk, user: User, command: Command) -> None:
        other = self._other(talk, user, command)
        if other is not None:
            self._users.block(user.id, other.id)
            talk.answer("block.ok", user=other.called)

    def _unblock(self, talk: Talk, user: User, command: Command) -> None:
        other = self._other(talk, user, command)
        if other is not None:
            self._users.unblock(user.id, other.id)
            talk.answer("unblock.ok", user=other.called)

    def _report(self, talk: Talk, user: User, command: Command) -> None:
        other = self._other(talk, user, command)
        if other is not None:
            self._users.block(user.id, other.id)
            self._host.change(
                "INSERT INTO microblog_event (id, at, user, event, detail) VALUES (?, ?, ?, ?, ?)",
                (self._host.next_id(), talk.now, other.id, "report", f"by {user.id}"),
            )
            talk.answer("report.ok", user=other.called)

    def _nudge(self, talk: Talk, user: User, command: Command) -> None:
        other = self._other(talk, user, command)
        if other is None:
            return
        edge = self._users.follow(user.id, other.id)
        asleep = quiet.quiet_until(other, talk.now)
        once = self._once(f"nudge {user.id} {other.id}", DAY)
        if edge is None or edge.pending or asleep or not once:
            talk.answer("unknown.command")
            return
        self._delivery.say(other, "nudge.deliver", user=user.called)
        talk.answer("nudge.ok", user=other.called)

    def _invite(self, talk: Talk, user: User, command: Command) -> None:
        wanted = "".join(command.rest.split())
        digits = international(wanted, talk.mo.source)
        if not digits:
            talk.answer("help.invite")
            return
        member = self._users.by_phone(digits)
        stopped = self._host.consent.refuses(talk.number.address, digits)
        if member is None and not stopped and self._once(f"invite {digits}", 0):
            self._delivery.tell(
                digits,
                talk.number.address,
                talk.carrier,
                "invite.deliver",
                talk.language,
                Priority.BULK,
                user=user.called,
            )
        talk.answer("invite.sent", tel=wanted)

    def _suggest(self, talk: Talk, user: User, command: Command) -> None:
        names = self._users.popular(user.id, 3)
        if len(names) < 2:
            talk.answer("help.suggest")
            return
        talk.answer("suggest", user=names[0], user2=names[1])

    def _other(self, talk: Talk, user: User, command: Command) -> User | None:
        """Whom a command is about, not the member itself; answers when there is nobody."""
        if not command.name:
            talk.answer(HELP_KEYS[command.verb])
            return None
        other = self._somebody(talk, command.name)
        return None if other is None or other.id == user.id else other

    def _somebody(self, talk: Talk, name: str) -> User | None:
        found = self._users.by_name(name)
        if found is None or found.username is None or found.state == UserState.SUSPENDED:
            talk.answer("user.unknown", user=name)
            return None
        return found

    def _once(self, what: str, every: int) -> bool:
        """Whether something has not happened within so many milliseconds (0: ever); now it has."""
        now = self._host.now()
        rows = self._host.query("SELECT at FROM microblog_once WHERE what = ?", (what,))
        if rows and (not every or rows[0][0] > now - every):
            return False
        self._host.change("INSERT OR REPLACE INTO microblog_once VALUES (?, ?)", (what, now))
        return True


def international(number: str, like: str) -> str:
    """A number as it is dialled, in digits with its country; "" for what is none.

    A national one (0...) is of the country of `like`, as far as two digits tell.
    """
    digits = number.replace(".", "").replace("-", "")
    if digits.startswith("+"):
        digits = digits[1:]
    elif digits.startswith("00"):
        digits = digits[2:]
    elif digits.startswith("0"):
        digits = like[:2] + digits[1:]
    return digits if digits.isdecimal() and 9 <= len(digits) <= 15 else ""
