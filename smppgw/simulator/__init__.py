"""A simulated carrier and simulated ESMEs, with an exact account of what passed between them.

`carrier.SimulatedCarrier` takes and misbehaves, as `personas.PERSONAS` has it by name,
`phones.Phones` write at it, `esme.SimulatedEsme` sends, `accounting.Accounting`
matches both ends, `memory.MemoryNetwork` joins them (and a gateway between them) without sockets.
`load_run.LoadRun` makes a load test of them: arrivals by a shape (`shapes`), a mix of messages
(`messages`), MOs (`mo_flow`), histograms (`latencies`), rows by the second (`series`), figures and
what is required of them (`figures`), and two results side by side (`differences`).
All of it runs on an injected clock and a seeded `Random`.
"""
