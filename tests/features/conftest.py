"""The whole gateway in memory, as the tests of the core have it, and the shell of those of ops."""

import sys
from pathlib import Path

for folder in ("core", "ops"):
    sys.path.append(str(Path(__file__).parents[1] / folder))
