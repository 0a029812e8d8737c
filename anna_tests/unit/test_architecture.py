"""The direction of imports, as docs/architecture.md draws it; all tests but the last few only read the source."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from anna_tests.conftest import PACKAGES, ROOT

# What a package may never import, not even within a function, beside what stands above it.
FORBIDDEN = {
    "anna_core": {"dagster", "dagster_mlflow", "mlflow", "pyspark"},
    "anna_cli": {"anna_assets"},
}
FORBIDDEN_AT_MODULE_LEVEL = {"anna_cli": {"dagster"}, "anna_assets": {"torch", "mlflow", "pyspark", "lightgbm"}}
SCRIPTS = {"anna_cli.supervisor.cut_off"}  # run in a process of their own, so what they load slows no command down
HEAVY = ("torch", "mlflow", "pyspark", "lightgbm", "matplotlib", "sklearn")


class Import(NamedTuple):
    """A module's import of another, and whether it happens as the module is loaded."""

    module: str
    target: str
    line: int
    at_load: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def modules(root: Path) -> dict[str, Path]:
    """Every module of the packages under `root`, by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(module: str, source: str) -> Iterator[Import]:
    """Imports of a module's source; those for type checkers only are left out."""

    def visit(node: ast.AST, at_load: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                yield from visit(child, at_load)
            return
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name, node.lineno, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield Import(module, origin, node.lineno, at_load)
            yield from (Import(module, f"{origin}.{alias.name}", node.lineno, at_load) for alias in node.names)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, at_load and not inside)

    yield from visit(ast.parse(source), True)


def all_imports(root: Path) -> list[Import]:
    return [found for name, path in modules(root).items() for found in imports(name, path.read_text(encoding="utf-8"))]


def floors(picture: str) -> dict[str, int]:
    """Floor of each package, or of each room of a package, in a picture of docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found = re.search(rf"^```floors {picture}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/architecture.md has no picture of {picture}"
    rows = [re.split(r"\s{2,}", line.strip()) for line in found[1].splitlines()]
    return {name: int(row[0]) for row in rows for name in (row[1:2] if picture == "packages" else row[1:])}


def room(module: str, rooms: set[str]) -> str:
    """Where a module lies: its room, by the longest name that fits; else its package's first part."""
    parts = module.split(".")[1:]
    names = ["/".join(parts[:depth]) for depth in (2, 1)]
    return next((name for name in names if name in rooms), names[-1])


def upward(found: list[Import], picture: str) -> list[str]:
    """Imports within a package that do not lead to a lower floor."""
    floor = floors(picture)
    inside = [one for one in found if one.module.startswith(f"{picture}.") and one.target.startswith(f"{picture}.")]
    ways = {(room(one.module, set(floor)), room(one.target, set(floor))): one for one in inside}
    return [str(one) for (here, there), one in ways.items() if here != there and floor[there] >= floor[here]]


def wrong_imports(found: list[Import]) -> list[str]:
    """Imports against the direction, and relative ones, which could hide it."""
    floor = floors("packages")

    def lies_under(target: str, names: set[str]) -> bool:
        return target.partition(".")[0] in names

    wrong = []
    for one in found:
        package = one.module.partition(".")[0]
        forbidden = FORBIDDEN.get(package, set()) | {name for name in floor if floor[name] > floor[package]}
        if one.at_load and one.module not in SCRIPTS:
            forbidden = forbidden | FORBIDDEN_AT_MODULE_LEVEL.get(package, set())
        if one.target.startswith(".") or lies_under(one.target, forbidden):
            wrong.append(str(one))
    return wrong


def cycle(found: list[Import], known: set[str]) -> list[str]:
    """A circle of modules that import each other as they are loaded; empty where there is none."""
    graph: dict[str, set[str]] = {name: set() for name in known}
    for one in found:
        if one.at_load and one.target in known and one.target != one.module:
            graph[one.module].add(one.target)
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(graph[name]):
            if circle := walk(target, [*path, name]):
                return circle
        done.add(name)
        return []

    return next((circle for name in sorted(graph) if (circle := walk(name, []))), [])


def test_no_import_runs_against_the_direction():
    assert wrong_imports(all_imports(ROOT)) == []


def test_no_modules_import_each_other_in_a_circle():
    assert cycle(all_imports(ROOT), set(modules(ROOT))) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folders_import_each_other_in_a_circle(package):
    def folder(module: str) -> str:
        return ".".join(module.split(".")[:2])

    found = [one._replace(module=folder(one.module), target=folder(one.target), at_load=True)
             for one in all_imports(ROOT) if one.module.startswith(f"{package}.")]  # fmt: skip
    assert cycle(found, {folder(module) for module in modules(ROOT)} - {package}) == []


def test_rooms_stand_on_lower_floors_alone():
    assert upward(all_imports(ROOT), "anna_core") == []


def test_the_pictures_have_every_package_and_every_room():
    assert set(floors("packages")) == set(PACKAGES)
    rooms = floors("anna_core")
    assert {room(name, set(rooms)) for name in modules(ROOT) if name.startswith("anna_core.")} == set(rooms)


def test_an_import_to_a_higher_floor_is_found():
    planted = [Import("anna_core.marts.a", "anna_core.sequences.b", 1, False)]
    assert upward(planted, "anna_core") == ["anna_core.marts.a:1 imports anna_core.sequences.b"]
    level = [Import("anna_core.models.trees.a", "anna_core.models.nets.b", 1, True)]
    assert upward(level, "anna_core") == ["anna_core.models.trees.a:1 imports anna_core.models.nets.b"]


def test_steps_reach_artifacts_by_their_handles_alone():
    found = [one for one in all_imports(ROOT) if one.module.startswith("anna_assets.layers.")]
    assert [str(one) for one in found if one.target.startswith("anna_core.storage")] == []
    assert {one.target for one in found} >= {"anna_resources.warehouse"}


def test_nobody_imports_a_script():
    assert [str(one) for one in all_imports(ROOT) if one.target in SCRIPTS] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_code_is_a_package(package):
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    assert ROOT / package in folders
    between = {
        parent for folder in folders for parent in [folder, *folder.parents] if parent.is_relative_to(ROOT / package)
    }
    assert [str(folder) for folder in sorted(between) if not (folder / "__init__.py").exists()] == []


def test_all_parts_of_the_code_were_looked_at():
    names = set(modules(ROOT))
    assert {"anna_core", "anna_core.sources.scanning", "anna_resources.settings", "anna_assets.definitions"} <= names
    assert "anna_cli.main" in names
    targets = {one.target for one in all_imports(ROOT)}
    assert {"polars", "dagster", "torch", "anna_core.marts.mart"} <= targets


PLANTED = {
    "anna_core/a.py": "def f():\n    import mlflow.pyfunc\n",
    "anna_core/b.py": "from dagster import asset\n",
    "anna_core/c.py": "import anna_assets.definitions\n",
    "anna_resources/a.py": "import dagster\nfrom anna_assets import definitions\n",
    "anna_assets/a.py": "import dagster\nimport torch\ndef f():\n    import mlflow\n",
    "anna_assets/b.py": "from . import a\n",
    "anna_cli/a.py": "try:\n    import dagster\nexcept ImportError:\n    pass\n",
    "anna_cli/b.py": "def f():\n    import dagster\nclass A:\n    from anna_assets.x import y\n",
}
CIRCLES = {
    "of two": ("import anna_core.y\n", "from anna_core.x import f\n", ["anna_core.x", "anna_core.y", "anna_core.x"]),
    "by name": (
        "from anna_core import y\n",
        "from anna_core import x\n",
        ["anna_core.x", "anna_core.y", "anna_core.x"],
    ),
    "in a function": ("import anna_core.y\n", "def f():\n    import anna_core.x\n", []),
    "for types": ("import anna_core.y\n", "if TYPE_CHECKING:\n    import anna_core.x\n", []),
    "none": ("import anna_core.y\n", "", []),
}


def plant(root: Path, files: dict[str, str]) -> list[Import]:
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return all_imports(root)


def test_the_checker_finds_what_is_planted(tmp_path):
    assert sorted({line.split(" ")[0] for line in wrong_imports(plant(tmp_path, PLANTED))}) == [
        "anna_assets.a:2",
        "anna_assets.b:1",
        "anna_cli.a:2",
        "anna_cli.b:4",
        "anna_core.a:2",
        "anna_core.b:1",
        "anna_core.c:1",
        "anna_resources.a:2",
    ]


@pytest.mark.parametrize(("x", "y", "circle"), CIRCLES.values(), ids=CIRCLES)
def test_the_checker_finds_circles(tmp_path, x, y, circle):
    found = plant(tmp_path, {"anna_core/x.py": x, "anna_core/y.py": y})
    assert cycle(found, set(modules(tmp_path))) == circle


def loaded_by(statement: str, home: Path) -> list[str]:
    """Which of the heavy packages, and of Dagster, a fresh process has after a statement."""
    report = f"import sys; {statement}; print(*[name for name in {(*HEAVY, 'dagster')} if name in sys.modules])"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANNA_", "DAGSTER_"))}
    environment |= {"ANNA_HOME": str(home), "ANNA_DOMAINS": str(ROOT / "domains"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", report]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=home, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_loading_the_definitions_loads_no_heavy_package(tmp_path):
    assert loaded_by("import anna_assets.definitions", tmp_path) == ["dagster"]


BUILD = (
    "from anna_assets import definitions as d, partitions; from anna_core.domains import read_domains; "
    "s = d.load_settings(); found = list(read_domains(s.domains).domains.values()); "
    "d.build_defs(s, found).get_repository_def().get_all_jobs()"
)


def test_building_the_whole_graph_loads_no_heavy_package(tmp_path):
    assert loaded_by(BUILD, tmp_path) == ["dagster"]


def test_loading_the_command_line_loads_no_heavy_package_and_no_dagster(tmp_path):
    assert loaded_by("import anna_cli.main", tmp_path) == []


def test_the_measurement_sees_a_heavy_package(tmp_path):
    assert loaded_by("import matplotlib", tmp_path) == ["matplotlib"]
