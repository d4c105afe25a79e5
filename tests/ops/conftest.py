"""The whole gateway in memory, as the tests of the core have it."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "core"))
