"""Keywords and consent: STOP, START, HELP and words of an operator's own, in several languages.

Owns: the numbers with the profile `campaign`. Refuses to know: other features.
"""

from smppgw.features.keywords.service import Keywords

__all__ = ["Keywords"]
