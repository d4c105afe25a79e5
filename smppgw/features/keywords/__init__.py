"""Keywords and consent: STOP, START, HELP and words of an operator's own, in several languages."""
