"""A microblog by SMS: people sign up, post, follow and write to each other by text.

Owns: the numbers with the profile `microblog`. Refuses to know: other features.
"""

from smppgw.features.microblog.service import Microblog

__all__ = ["Microblog"]
