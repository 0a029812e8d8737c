import gc
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from anna_assets.compute import PRELOADED_FOR_LAUNCHES
from anna_assets.preload.modules import import_all
from anna_tests.conftest import ROOT

# The fork server passes over a name that is not there, so a wrong one would only make every step slow.
LOOK = """
import importlib, sys, threading
for name in sys.argv[1].split(","):
    importlib.import_module(name)
for name in importlib.import_module(sys.argv[1].split(",")[-1]).MODULES:
    print("lacking" if name not in sys.modules else "there", name)
print("threads", threading.active_count())
print("torch" in sys.modules, "mlflow" in sys.modules, "sqlalchemy" in sys.modules)
if "torch" in sys.modules:
    importlib.import_module("anna_core.models.device").choose_device()
"""
# A process that has so much as counted GPUs cannot be forked into one that uses them.
REFUSE = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name != "torch":
            return None
        spec = next(filter(None, (one.find_spec(name, path, target) for one in sys.meta_path if one is not self)))
        execute = spec.loader.exec_module

        def refusing(module):
            execute(module)
            module.cuda.is_available = module.cuda.device_count = module.cuda.init = refuse

        spec.loader.exec_module = refusing
        return spec

def refuse(*_):
    print("a GPU is looked for")
    return False

sys.meta_path.insert(0, Refusing())
"""


def loaded(modules, home):
    (home / "sitecustomize.py").write_text(REFUSE)
    path = f"{home}:{ROOT}"
    environment = {**os.environ, "ANNA_HOME": str(home), "ANNA_DOMAINS": str(ROOT / "domains"), "PYTHONPATH": path}
    command = [sys.executable, "-c", LOOK, ",".join(modules)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=home, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [(PRELOADED_FOR_LAUNCHES[:1], "False False True"), (PRELOADED_FOR_LAUNCHES, "True True True")],
    ids=["every run", "launches"],
)
def test_a_fork_server_imports_all_that_its_list_names_and_starts_no_thread_nor_a_gpu(modules, heavy, tmp_path):
    assert all(find_spec(name) for name in modules)
    lines = loaded(modules, tmp_path)
    if heavy.startswith("True"):
        assert lines.pop() == "a GPU is looked for"  # once a step asks for one, and no sooner
    *found, threads, packages = lines
    assert [line for line in found if not line.startswith("there ")] == []
    assert len(found) > 3
    assert threads == "threads 1"  # a fork takes along only the thread that forks
    assert packages == heavy


def test_a_module_that_is_gone_is_passed_over_and_a_broken_one_is_not(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "preloaded_toy.py").write_text("VALUE = 1\n")
    (tmp_path / "broken_toy.py").write_text("1 / 0\n")
    import_all(["no_such_package.at_all", "preloaded_toy"])
    assert sys.modules.pop("preloaded_toy").VALUE == 1
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        import_all(["broken_toy"])
    assert gc.isenabled()
