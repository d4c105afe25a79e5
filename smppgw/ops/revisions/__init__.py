"""Configuration by operators: candidates, commits, revisions, and the settings in force.

Owns: everything between what an operator types and the settings of the gateway.
Refuses to know: how commands are typed and shown (`ops.shell`), what settings do (`core`).
"""

from smppgw.ops.revisions.candidate import Candidate, EditError
from smppgw.ops.revisions.configuration import Configuration

__all__ = ["Candidate", "Configuration", "EditError"]
