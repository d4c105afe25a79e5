"""What the pure SMS modules refuse.

Owns: the errors a caller of several modules must tell apart.
Refuses to know: command_status; whoever speaks SMPP maps an error to one.
"""

from __future__ import annotations


class UnencodableCharacter(ValueError):
    """A text has a character that the alphabet lacks.

    `position` is the index of the first such character in the text, in code points; `character`
    is the character itself. The message shows neither the text nor the character, only its code
    point, for texts stay out of logs.
    """

    def __init__(self, position: int, character: str) -> None:
        super().__init__(position, character)
        self.position = position
        self.character = character

    def __str__(self) -> str:
        return f"U+{ord(self.character):04X} at {self.position} is not in the alphabet"
