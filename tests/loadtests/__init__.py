"""Tests of what stands in `loadtests/`, which is no package: its modules are found as they are when run from there."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "loadtests"))
