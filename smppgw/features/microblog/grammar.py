"""What a text to the microblog asks for.

Owns: which rule a text meets. Pure: who exists is asked through a function.
Refuses to know: dialogs, PINs and limits (`service`), and what commands do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from attrs import evolve, field, frozen

from smppgw.core.words import Heard, Meaning, Vocabulary, folded, is_unseen, plain
from smppgw.features.microblog.verbs import (
    EVERYBODY,
    FORMS,
    M_IN_ENGLISH,
    WITH_NAME,
    Class,
    Form,
    Verb,
)

AT = "@"
"""What stands behind GET for the last post that names whoever asks."""
QUOTES = {'"': '"', "'": "'", "\u00ab": "\u00bb", "\u201c": "\u201d", "\u2018": "\u2019"}
"""What may stand around a whole message."""
USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")
NOT_HERE = ("ANNULER", "YES", "OUI", "JA", "SI", "SIM", "REPRENDRE")
"""Words of other numbers that mean something else on this one."""

_PRIVATE = re.compile(r"[\"'.!()\[\]\u00ab\u201c\u2018>*-]*(D|DM|MP)[\W_]*?(?:[@,:;](\w+)?.*)?")
"""A first word that is one for private messages, whatever slipped in; what is glued to it."""

Exists = Callable[[str], bool]
"""Whether somebody has a username."""


@frozen
class Command:
    """A text that is a command: the words behind its first, as they were written.

    `rest` is all of that as one text, blanks and lines kept. `language` is that of its first word.
    """

    verb: Verb
    arguments: tuple[str, ...] = ()
    rest: str = ""
    language: str = ""
    strict: bool = False
    klass: str = field(default="", eq=False)
    """The letter of its class (`verbs.Class`)."""

    @property
    def name(self) -> str:
        """The username that is its first argument, without @; "" when there is none."""
        return self.arguments[0].removeprefix("@") if self.arguments else ""


@frozen
class Post:
    """A text for everybody who follows."""

    text: str


@frozen
class NearStop:
    """Perhaps a wish to leave: ask, publish nothing."""


Read = Command | Post | NearStop


@lru_cache(maxsize=64)
def _vocabulary(languages: tuple[str, ...]) -> Vocabulary:
    return Vocabulary(languages, NOT_HERE)


def hear(text: str, languages: tuple[str, ...]) -> Heard | None:
    """STOP, START, HELP and CONTACT (where French is spoken); they count whatever else goes on."""
    heard = _vocabulary(languages).hear(text)
    french = "fr" in languages
    return None if heard is not None and heard.meaning is Meaning.CONTACT and not french else heard


def read(text: str, languages: tuple[str, ...], exists: Exists, prefix: str = "") -> Read:
    """What a text is that `hear` does not know; with a `prefix`, only what begins with it is a
    command.

    A strict word without the prefix is a command that lacks all else: its author is told how it is
    used, and nothing is published.
    """
    if prefix:
        if not text.lstrip().startswith(prefix):
            meant = _command(text, languages, exists)
            if meant is not None and meant.strict:
                return evolve(meant, arguments=(), rest="")
            return Post(post_text(text))
        text = text.lstrip()[len(prefix) :]
    command = _command(text, languages, exists)
    if command is not None:
        return command
    if _vocabulary(languages).near_stop(text):
        return NearStop()
    return Post(post_text(text))


def _command(text: str, languages: tuple[str, ...], exists: Exists) -> Command | None:
    first, rest = _split(text)
    word = folded(first).rstrip(":,")
    form = FORMS.get(word)
    private = None if form is not None else _PRIVATE.fullmatch(word)
    if private is not None:
        # These letters count whatever stands around them, and with a name glued to them.
        form = FORMS[private[1]]
        rest = f"{private[2] or ''} {rest}".lstrip()
    if form is None and word == M_IN_ENGLISH and "fr" not in languages:
        form = FORMS["D"]
    if form is None or not _spoken(form, languages):
        return None
    words = tuple(word for word in rest.split() if any(map(str.isalnum, word)))
    if form.verb is Verb.GET and rest == AT:
        words = (AT,)
    if form.klass is not Class.STRICT and not _fits(form, words):
        form = WITH_NAME.get(word) or form
        if not _fits(form, words):
            return None
    if form.klass is Class.KNOWN and words and not _somebody(words[0], exists):
        everybody = form.verb is Verb.OFF and folded(words[0]) in EVERYBODY
        return Command(form.verb, (), "", form.language, False, "U") if everybody else None
    strict = form.klass is Class.STRICT
    return Command(form.verb, words, rest, form.language, strict, form.klass.value)


def _spoken(form: Form, languages: tuple[str, ...]) -> bool:
    return not form.language or form.language in languages or form.klass is Class.STRICT


def _fits(form: Form, words: tuple[str, ...]) -> bool:
    return form.least <= len(words) and (form.most is None or len(words) <= form.most)


def _somebody(word: str, exists: Exists) -> bool:
    return word.startswith(("@", "#")) or (USERNAME.fullmatch(word) is not None and exists(word))


def _split(text: str) -> tuple[str, str]:
    """The first word of a text, noise taken off, and the rest as it was written."""
    cleaned = text.lstrip()
    while cleaned and is_unseen(cleaned[0]):
        cleaned = cleaned[1:].lstrip()
    lead = cleaned[:40]
    if ":" in lead or not lead.isascii():
        lead = plain(lead)
    first = lead.split(None, 1)[:1]
    if first and not cleaned.startswith(first[0]):
        # `Re:` and the like stand before the first word.
        cleaned = re.sub(r"^(?:(?:re|fwd|fw|tr)\s*:\s*)+", "", cleaned, flags=re.IGNORECASE)
    cleaned = cleaned.rstrip()
    if len(cleaned) > 1 and QUOTES.get(cleaned[0]) == cleaned[-1]:
        cleaned = cleaned[1:-1].strip()
    found = re.match(r"(\S+)\s*(.*)", cleaned, re.DOTALL)
    return (found[1], found[2].rstrip()) if found else ("", "")


def post_text(text: str) -> str:
    """A text as it is published: composed characters, no blanks around, at most two line ends."""
    return re.sub(r"\n{3,}", "\n\n", unicodedata.normalize("NFC", text).strip())


def username_fault(name: str) -> bool:
    """Whether nobody can have this username, taken or not."""
    return USERNAME.fullmatch(name) is None
