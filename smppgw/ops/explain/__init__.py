"""Why is it slow: which limit binds now at a carrier, a link, an account or a bind, and what to do.

Owns: the verdict, its figures, and its words.
Refuses to know: how operators ask and where the words are shown.

A queue stands still because some gate before it is shut, and each gate can be looked at: so the
verdict is what is so now. The looks of the last minute (`ops.looks`) add how fast things go, and
tell a gate that opens now and then from one that is open.
"""

from smppgw.ops.explain.accounts import account_limits, bind_limits
from smppgw.ops.explain.answer import Bound, Explanation, Limit, lines, record
from smppgw.ops.explain.carriers import carrier_limits, link_limits

__all__ = [
    "Bound",
    "Explanation",
    "Limit",
    "account_limits",
    "bind_limits",
    "carrier_limits",
    "lines",
    "link_limits",
    "record",
]
