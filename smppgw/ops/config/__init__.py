"""The configuration file: read strictly, every fault with file, line and key; and its sample.

Owns: TOML, checks, and the annotated sample file.
Refuses to know: what settings do; the keys themselves are those of `smppgw.core.settings`.
"""

from smppgw.ops.config.faults import ConfigError, Fault
from smppgw.ops.config.loader import Loaded, load, parse
from smppgw.ops.config.sample import sample

__all__ = ["ConfigError", "Fault", "Loaded", "load", "parse", "sample"]
