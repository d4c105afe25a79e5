"""A simulated carrier and simulated ESMEs, with an exact account of what passed between them.

`carrier.SimulatedCarrier` takes and misbehaves, as `personas.PERSONAS` has it by name,
`phones.Phones` write at it, `esme.SimulatedEsme` sends, `accounting.Accounting`
matches both ends, `memory.MemoryNetwork` joins them (and a gateway between them) without sockets.
All of it runs on an injected clock and a seeded `Random`.
"""
