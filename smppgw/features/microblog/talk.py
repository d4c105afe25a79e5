"""One text of one phone, while it is being handled.

Owns: what is known about it: the number it came to, whose phone it is, in which language to answer.
Refuses to know: what the text asks for.
"""

from __future__ import annotations

from typing import Any

from attrs import define

from smppgw.core.plugin import Mo, Priority
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.numbers import Number
from smppgw.features.microblog.users import User


@define
class Talk:
    """`text` is what is left of the message: a PIN in front of it has been taken off."""

    mo: Mo
    number: Number
    user: User | None
    language: str
    delivery: Delivery
    text: str
    word: str = ""
    """What was heard in it: STOP, START or HELP, as it stands in the table."""

    @property
    def now(self) -> int:
        """Milliseconds since 1970, when the message came."""
        return self.mo.at

    @property
    def carrier(self) -> str:
        """Where answers go: the carrier that the number lives at."""
        return self.mo.number.carrier or self.mo.carrier

    def answer(
        self,
        key: str,
        priority: Priority = Priority.TRANSACTIONAL,
        /,
        *,
        exempt: bool = False,
        **values: Any,
    ) -> int:
        """Answer the phone by the number it wrote to: the id of the text, 0 for none."""
        return self.delivery.tell(
            self.mo.source,
            self.number.address,
            self.carrier,
            key,
            self.language,
            priority,
            exempt=exempt,
            **values,
        )

    def say(self, text: str) -> int:
        """Send the phone a text that somebody wrote, by the number it wrote to."""
        return self.delivery.hand(self.mo.source, self.number.address, self.carrier, text)
