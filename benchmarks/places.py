"""Where things lie: the checkout, the deployments of the real tasks, and their data."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEPLOYMENTS = ROOT / "benchmarks" / "deployments"


def real_data() -> Path:
    """Folder of the real data, there or not: ANNA_REAL_DATA, or `../shared/data`."""
    return Path(os.environ.get("ANNA_REAL_DATA") or ROOT.parent / "shared" / "data").resolve()
