"""Texts for phones, each in every language, with places for what changes.

Owns: filling the places, and how long what goes there can be.
Refuses to know: which texts there are (each feature has its own table), and who reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter

ENGLISH, FRENCH = "en", "fr"
LANGUAGES = (ENGLISH, FRENCH)
"""In the order of the texts of a table."""
LONGEST: Mapping[str, int] = {
    "svc": 11,
    "user": 15,
    "user2": 15,
    "names": 52,
    "word": 15,
    "name": 20,
    "org": 24,
    "city": 20,
    "bio": 40,
    "who": 86,
    "text": 140,
    "n": 7,
    "n2": 7,
    "n3": 7,
    "sc": 6,
    "code": 6,
    "code4": 4,
    "tel": 13,
    "mins": 3,
    "max": 4,
    "len": 5,
    "freq": 2,
    "days": 2,
    "date": 11,
    "lang": 10,
}
"""Characters of what goes into each place, at most; `text` may be longer where parts may."""


class Phrases:
    """A table of texts: key -> its English and its French."""

    def __init__(self, table: Mapping[str, tuple[str, str]]) -> None:
        self._table = table

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, in the order of the table."""
        return tuple(self._table)

    def template(self, key: str, language: str) -> str:
        """A text as it stands in the table; English for a language that it lacks."""
        return self._table[key][LANGUAGES.index(language) if language in LANGUAGES else 0]

    def places(self, key: str, language: str) -> tuple[str, ...]:
        """The names of its places, in order."""
        return tuple(
            name for _, name, _, _ in Formatter().parse(self.template(key, language)) if name
        )

    def say(self, key: str, language: str, **values: object) -> str:
        """A text with its places filled; what is longer than its place allows is cut.

        Only `text`, which people wrote, is never cut. Raises KeyError for a place without a value.
        """
        fitting = {
            name: str(value) if name == "text" else str(value)[: LONGEST[name]]
            for name, value in values.items()
        }
        return self.template(key, language).format_map(fitting)
