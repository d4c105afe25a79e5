"""What people say about themselves.

Owns: SET, WHOIS and STATS, and the limits of each field.
Refuses to know: posts and who follows whom.
"""

from __future__ import annotations

from typing import Any

from smppgw.core.phrases import ENGLISH, FRENCH
from smppgw.core.words import folded
from smppgw.features.microblog.grammar import Command, username_fault
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import User, Users, UserState
from smppgw.features.microblog.verbs import FIELDS

LANGUAGES = {
    **dict.fromkeys(("ENGLISH", "ANGLAIS", "EN"), ENGLISH),
    **dict.fromkeys(("FRENCH", "FRANCAIS", "FR"), FRENCH),
}
CALLED = {ENGLISH: "ENGLISH", FRENCH: "FRANCAIS"}
YES = {"ON": True, "OUI": True, "YES": True, "OFF": False, "NON": False, "NO": False}


class Profile:
    """The commands about a member's own account; in a piece of work."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def whois(self, talk: Talk, user: User, command: Command) -> None:
        """Who somebody is."""
        found = self._users.by_name(command.name)
        if found is None or found.username is None or found.state == UserState.SUSPENDED:
            talk.answer("user.unknown", user=command.name)
            return
        talk.answer(
            "whois",
            user=found.called,
            name=found.name or found.called,
            city=found.location or "-",
            bio=found.bio or "-",
            n=found.followers,
            n2=found.following,
        )

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
        if len(value) > longest:
            talk.answer("set.bad", word=word, len=longest)
        elif field == "language":
            self._language(talk, user, value)
        elif field == "username":
            self._username(talk, user, value)
        elif field == "messages":
            self._messages(talk, user, value, word)
        elif field == "url" and not value.startswith(("http://", "https://")):
            talk.answer("set.bad", word=word, len=longest)
        else:
            changes: dict[str, Any] = {field: value}
            self._users.change(user, **changes)
            talk.answer("set.ok", word=word)

    def _language(self, talk: Talk, user: User, value: str) -> None:
        language = LANGUAGES.get(folded(value))
        if language is None:
            talk.answer("set.bad", word="LANGUAGE", len=len(LANGUAGES))
            return
        self._users.change(user, language=language)
        talk.language = language
        talk.answer("set.language", lang=CALLED[language])

    def _username(self, talk: Talk, user: User, value: str) -> None:
        wanted = value.removeprefix("@")
        if username_fault(wanted):
            talk.answer("signup.invalid")
        elif not self._users.is_free(wanted, user.id):
            talk.answer("signup.taken", user=wanted, freq=1)
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
