"""The operator shell: one registry of commands behind every door that operators come through.

Owns: lines, words, pipes, tables, terminals and doors.
Refuses to know: what commands do (`ops.shell.commands`, and the features).
"""
