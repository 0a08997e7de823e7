"""`./run bench`: CPU time a call of Trunkward against Kamailio doing the same screening, in one run."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.command import main

sys.exit(main(sys.argv[1:]))
