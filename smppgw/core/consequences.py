"""What new settings do to a running gateway, said before they are applied.

Owns: which keys of a carrier or an account change in place and which end binds, and the words of a
prediction.
Refuses to know: how a change is made (see `reload`, which asks here, so that both always agree).
"""

from __future__ import annotations

import attrs
from attrs import frozen

from smppgw.core.account_settings import AccountSettings
from smppgw.core.settings import CarrierSettings, Settings

IN_PLACE = frozenset(
    {
        "adaptive", "bind_timeout", "class_fallback", "dest_npi", "dest_ton", "max_reconnect",
        "receipt_by_text", "receipts", "reconnect", "refused_reconnect", "service_type",
        "source_npi", "source_ton", "statuses", "throughput", "unknown_outcome",
    }
)  # fmt: skip
"""Keys of a carrier that change while its binds stay.

All others are agreed at a bind (host, password, window), belong to the session (timers), or decide
how waiting texts are written; for these the carrier is taken out and bound anew.
"""
RECONNECTING = frozenset({"bind_timeout", "max_reconnect", "reconnect", "refused_reconnect"})
"""Those of them for which a link that waits to connect tries at once."""


@frozen
class Consequence:
    """What happens to one thing; `unbinds` when binds of it end."""

    thing: str
    words: str
    unbinds: bool = False

    def __str__(self) -> str:
        return f"{self.thing}: {self.words}"


def changed_keys(old: object, new: object) -> frozenset[str]:
    """The keys in which two objects of one settings class differ."""
    fields = attrs.fields(type(old))  # type: ignore[arg-type]
    return frozenset(one.name for one in fields if getattr(old, one.name) != getattr(new, one.name))


def rebinding_keys(old: CarrierSettings, new: CarrierSettings) -> frozenset[str]:
    """The keys for whose change the binds of a carrier end; none when it changes in place."""
    return changed_keys(old, new) - IN_PLACE


def unbinding_reason(old: AccountSettings, new: AccountSettings) -> str:
    """Why the binds of an account end, "" when they stay."""
    if not new.enabled:
        return "the account is disabled"
    if old.delivery_window != new.delivery_window:
        return "delivery_window changed"  # the window of a session is agreed at its bind
    return ""


def consequences(old: Settings, new: Settings) -> list[Consequence]:
    """What `Reload.apply` will do when `new` follows `old`, in its order; pure."""
    found = [
        Consequence(f"[{name}]", "changed, needs a restart")
        for name in ("gateway", "smpp", "shell", "web")
        if getattr(old, name) != getattr(new, name)
    ]
    found += _accounts(old, new)
    found += _carriers(old, new)
    for name in ("routes", "numbers"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            found.append(Consequence(name, f"{len(after)} (now {len(before)}), no bind ends"))
    return found + operator_changes(old, new)


def operator_changes(old: Settings, new: Settings) -> list[Consequence]:
    """Which operators come, go and change when `new` follows `old`."""
    was = {one.name: one for one in old.operators}
    will = {one.name: one for one in new.operators}
    found = []
    for name in {**was, **will}:
        if was.get(name) != will.get(name):
            word = "new" if name not in was else "changed" if name in will else "removed"
            found.append(Consequence(f"operator {name}", word))
    return found


def _accounts(old: Settings, new: Settings) -> list[Consequence]:
    was = {one.system_id: one for one in old.accounts}
    will = {one.system_id: one for one in new.accounts}
    found = []
    for name in {**was, **will}:
        before, after = was.get(name), will.get(name)
        thing = f"account {name}"
        if before is None:
            found.append(Consequence(thing, "new, may bind"))
        elif after is None:
            found.append(
                Consequence(thing, "removed, its binds end, what it has queued goes on", True)
            )
        elif before != after:
            keys = ", ".join(sorted(changed_keys(before, after)))
            reason = unbinding_reason(before, after)
            words = f"its binds end: {reason}" if reason else f"{keys} in place, no bind ends"
            found.append(Consequence(thing, words, bool(reason)))
    return found


def _carriers(old: Settings, new: Settings) -> list[Consequence]:
    was = {one.name: one for one in old.carriers}
    will = {one.name: one for one in new.carriers}
    found = []
    for name in {**was, **will}:
        before, after = was.get(name), will.get(name)
        thing = f"carrier {name}"
        if before is None:
            found.append(Consequence(thing, "new, binds"))
        elif after is None:
            words = "removed, its links unbind, its queue is routed anew"
            found.append(Consequence(thing, words, True))
        elif before != after:
            rebinding = rebinding_keys(before, after)
            keys = ", ".join(sorted(rebinding or changed_keys(before, after)))
            words = "its links unbind and bind anew" if after.enabled else "its links unbind"
            found.append(
                Consequence(thing, f"{words}: {keys}", True)
                if rebinding
                else Consequence(thing, f"{keys} in place, no bind ends")
            )
    return found
