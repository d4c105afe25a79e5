"""One thing after the other: `Clock.advance(0)` does all that is due, and all that follows."""

from __future__ import annotations

from relay_kit import World


def turn(world: World) -> None:
    """The next thing that happens, or a moment in which nothing does."""
    clock = world.clock
    if not clock.calls or clock.calls[0].getTime() > clock.seconds() + 0.5:
        return
    call = clock.calls.pop(0)
    clock.rightNow = max(clock.rightNow, call.getTime())
    call.called = 1
    call.func(*call.args, **call.kw)
