"""The machine that was measured, as far as it decides how fast things can be."""

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
from pydantic import BaseModel

PACKAGES = ("torch", "polars", "numpy", "pyarrow", "dagster")
PEER_PACKAGES = ("torch", "pytorch-lifestream", "pandas", "polars")
_CPU_INFO = Path("/proc/cpuinfo")
_MATRIX_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")


class Machine(BaseModel):
    """Hardware and versions.

    Attributes:
        processor: its model.
        cores: that this process may run on.
        memory_bytes: in all.
        flags: those of its instruction sets that matrix products use.
        system: kernel and architecture.
        python: version.
        versions: package → version, ANNA's environment; the peers' begin with `peers/`. Only of what is installed: the
            GPU piece, say, needs no dagster.
    """

    processor: str
    cores: int
    memory_bytes: int
    flags: tuple[str, ...]
    system: str
    python: str
    versions: dict[str, str]

    @property
    def has_bf16(self) -> bool:
        """Whether the processor multiplies bf16 matrices in hardware."""
        return any("bf16" in flag for flag in self.flags)


def look(peers: Path) -> Machine:
    """Describe this machine; `peers` is the interpreter of the peers' environment."""
    info = _CPU_INFO.read_text() if _CPU_INFO.exists() else ""
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in fields.items()}
    present = set(facts.get("flags", "").split())
    return Machine(
        processor=f"{facts.get('model name', platform.processor())}, family {facts.get('cpu family', '?')} "
        f"model {facts.get('model', '?')}",
        cores=cores(),
        memory_bytes=psutil.virtual_memory().total,
        flags=tuple(flag for flag in _MATRIX_FLAGS if flag in present),
        system=platform.platform(),
        python=platform.python_version(),
        versions={
            **{name: importlib.metadata.version(name) for name in PACKAGES if importlib.util.find_spec(name)},
            **{f"peers/{name}": version for name, version in _versions(peers).items()},
        },
    )


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _versions(python: Path) -> dict[str, str]:
    """Versions of the peers' packages, asked of their interpreter."""
    if str(python) == sys.executable:
        return {}
    program = "import importlib.metadata as m, sys; print(*(m.version(name) for name in sys.argv[1:]))"
    found = subprocess.run([python, "-c", program, *PEER_PACKAGES], capture_output=True, text=True, check=True)
    return dict(zip(PEER_PACKAGES, found.stdout.split(), strict=True))
