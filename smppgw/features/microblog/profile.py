"""What people say about themselves.

Owns: SET, WHOIS and STATS, and the limits of each field.
Refuses to know: posts and who follows whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from smppgw.core.phrases import ENGLISH, FRENCH, LONGEST
from smppgw.core.words import folded
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.grammar import Command, username_fault
from smppgw.features.microblog.quiet import quiet_named, zone_named
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.texts import PHRASES
from smppgw.features.microblog.users import (
    ANYONE,
    FOLLOWED,
    NOBODY,
    User,
    Users,
    UserState,
)
from smppgw.features.microblog.verbs import FIELDS, RESERVED
from smppgw.sms import gsm7

LANGUAGES = {
    **dict.fromkeys(("ENGLISH", "ANGLAIS", "EN"), ENGLISH),
    **dict.fromkeys(("FRENCH", "FRANCAIS", "FR"), FRENCH),
}
CALLED = {ENGLISH: "ENGLISH", FRENCH: "FRANCAIS"}
MENTIONS = {
    **dict.fromkeys(("ON", "OUI", "YES", "ALL", "TOUS"), ANYONE),
    **dict.fromkeys(("FOLLOWED", "SUIVIS"), FOLLOWED),
    **dict.fromkeys(("OFF", "NON", "NO"), NOBODY),
}
SEPTETS, OCTETS = 160, 140
"""What one SMS holds."""
YES = {"ON": True, "OUI": True, "YES": True, "OFF": False, "NON": False, "NO": False}


class Profile:
    """The commands about a member's own account; in a piece of work."""

    def __init__(self, users: Users, delivery: Delivery) -> None:
        self._users = users
        self._delivery = delivery
        self._sets: Mapping[str, Callable[[Talk, User, str, str], None]] = {
            "language": self._language,
            "username": self._username,
            "zone": self._zone,
            "quiet": self._quiet,
            "mentions": self._mentions,
            "messages": self._messages,
        }

    def whois(self, talk: Talk, user: User, command: Command) -> None:
        """Who somebody is."""
        found = self._users.by_name(command.name)
        if found is None or found.username is None or found.state == UserState.SUSPENDED:
            talk.answer("user.unknown", user=command.name)
            return
        counts: dict[str, Any] = {"user": found.called, "n": found.followers, "n2": found.following}
        talk.answer("whois", who=_who(found, talk.language, counts), **counts)

    def stats(self, talk: Talk, user: User, command: Command) -> None:
        """The member's own figures."""
        talk.answer("stats", user=user.called, n=user.followers, n2=user.following, n3=user.posts)

    def set(self, talk: Talk, user: User, command: Command) -> None:
        """Change one field."""
        words = command.rest.split(None, 1)
        known = FIELDS.get(folded(words[0])) if len(words) == 2 else None
        if known is None:
            talk.answer("help.set")
            return
        field, longest = known
        value = words[1].strip()
        word = words[0].upper()
        sets = self._sets.get(field)
        wrong_url = field == "url" and not value.startswith(("http://", "https://"))
        if len(value) > longest or wrong_url:
            talk.answer("set.bad", word=word, len=longest)
        elif sets is not None:
            sets(talk, user, value, word)
        else:
            changes: dict[str, Any] = {field: value}
            self._users.change(user, **changes)
            talk.answer("set.ok", word=word)

    def _quiet(self, talk: Talk, user: User, value: str, word: str) -> None:
        """What waits for the end of a night waits for that of the new one."""
        times = quiet_named(value)
        if times is None:
            talk.answer("set.bad", word=word, len=FIELDS["QUIET"][1])
            return
        changed = self._users.change(user, quiet_from=times[0], quiet_to=times[1])
        self._delivery.rearrange(changed, talk.now)
        talk.answer("set.ok", word=word)

    def _mentions(self, talk: Talk, user: User, value: str, word: str) -> None:
        wanted = MENTIONS.get(folded(value))
        if wanted is None:
            talk.answer("set.bad", word=word, len=FIELDS["MENTIONS"][1])
            return
        self._users.change(user, mentions=wanted)
        talk.answer("set.ok", word=word)

    def _zone(self, talk: Talk, user: User, value: str, word: str) -> None:
        """Quiet times follow the clock of the new zone, and what waits for their end with them."""
        named = zone_named(value)
        if not named:
            talk.answer("set.bad", word=word, len=FIELDS["ZONE"][1])
            return
        self._delivery.rearrange(self._users.change(user, zone=named), talk.now)
        talk.answer("set.ok", word=named.rpartition("/")[2])

    def _language(self, talk: Talk, user: User, value: str, word: str) -> None:
        language = LANGUAGES.get(folded(value))
        if language is None:
            talk.answer("set.bad", word=word, len=FIELDS["LANGUAGE"][1])
            return
        self._users.change(user, language=language)
        talk.language = language
        talk.answer("set.language", lang=CALLED[language])

    def _username(self, talk: Talk, user: User, value: str, word: str) -> None:
        wanted = value.removeprefix("@")
        if username_fault(wanted) or wanted.casefold() in RESERVED:
            talk.answer("signup.invalid")
        elif not self._users.is_free(wanted, user.id):
            talk.answer("set.bad", word=word, len=FIELDS["USERNAME"][1])
        else:
            self._users.rename(user, wanted)
            talk.answer("set.ok", word=wanted)

    def _messages(self, talk: Talk, user: User, value: str, word: str) -> None:
        wanted = YES.get(folded(value))
        if wanted is None:
            talk.answer("help.set")
            return
        self._users.change(user, messages_on=wanted)
        talk.answer("set.ok", word=word)


def _who(found: User, language: str, counts: dict[str, Any]) -> str:
    """What somebody says about itself, as far as one SMS holds it: the bio is cut first."""
    name, city = found.name[: LONGEST["name"]], found.location[: LONGEST["city"]]
    bio = " ".join(found.bio.split())[: LONGEST["bio"]].rstrip(" .")
    told = [_sentences(name, city, bio[:size]) for size in range(len(bio), -1, -1)]
    told += [_sentences(name, "", ""), ""]
    return next(
        one
        for one in told
        if not one or _is_one_sms(PHRASES.say("whois", language, who=one, **counts))
    )


def _sentences(name: str, city: str, bio: str) -> str:
    said = (", ".join(filter(None, (name, city))), bio)
    return "".join(f"{one}. " for one in said if one)


def _is_one_sms(text: str) -> bool:
    if gsm7.unencodable(text):
        return len(text.encode("utf-16-be")) <= OCTETS
    return gsm7.septets(text) <= SEPTETS
