"""Columns that a domain names and its source's files lack: which, and what they are called there."""

from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path
from urllib.parse import unquote

import yaml

from anna_core.columns.csv_headers import separator_hint, title_hint
from anna_core.columns.near_names import near_names, what_differs
from anna_core.domains import Domain
from anna_core.errors import SourceError

Layout = tuple[Path, Sequence[str]]  # a file, and the names of its columns


def refuse_missing(domain: Domain, layouts: Sequence[Layout], known: frozenset[str], *, several: bool) -> None:
    """Raise `SourceError` if a column is in no file, or one that every file needs is not in each.

    Nor may a file lack one that a folder holds in its name, as Hive and Spark write partitions: there it has values.

    Args:
        domain: the domain.
        layouts: a file of each of the source's layouts.
        known: names of columns that other files have, and that these may therefore lack.
        several: whether these are several files.
    """
    for layout in layouts:
        _refuse_partition(domain, *layout)
    have = known.union(name for _, names in layouts for name in names)
    if missing := [name for name in domain.source_columns if name not in have]:
        cure = _cure(domain, missing, layouts[0][1])
        raise _lacks(domain, layouts[0], missing, f"No other file has it either. {cure}" if several else cure)
    columns = domain.columns
    must = {columns.client_id: "columns", columns.event_time: "columns"} | dict.fromkeys(domain.event_key, "event_key")
    for file, names in layouts:
        if missing := [name for name in must if name not in names]:
            near = near_names(missing, names)
            renamed = ", ".join(f"{there!r} to {name!r}" for name, there in near.items())
            cure = _correct(domain, f"`{must[missing[0]]}`")
            if near:
                cure = f"Rename {renamed} in it: {what_differs(near)}."
            raise _lacks(domain, (file, names), missing, cure)


def _refuse_partition(domain: Domain, file: Path, names: Sequence[str]) -> None:
    """Raise `SourceError` if a column that a file lacks is in the name of a folder in which it lies."""
    folders = {unquote(folder.partition("=")[0]): folder for folder in file.parts[:-1] if "=" in folder}
    held = near_names([name for name in domain.source_columns if name not in names], folders)
    if held:
        name, there = next(iter(held.items()))
        raise SourceError(
            f"domain {domain.name}: {file} has no column '{name}': the folder {folders[there]} holds it in its name, "
            "which is not read. Write the column into the files."
        )


def _lacks(domain: Domain, layout: Layout, missing: list[str], cure: str) -> SourceError:
    """That a file has no such columns, which it has, and what to do about it."""
    file, names = layout
    if domain.source.format != "csv":
        return SourceError(f"domain {domain.name}: {file} has no column {missing}; it has {list(names)}. {cure}")
    hint = (title_hint(file, missing) or separator_hint(list(names))).strip() or cure
    return SourceError(f"domain {domain.name}: {file}, line 1: there is no column {missing}, but {list(names)}. {hint}")


def _cure(domain: Domain, missing: list[str], there: Iterable[str]) -> str:
    near = near_names(missing, there)
    if not near:
        return _correct(domain, "`columns`, `event_key`, `version` or `fields`")
    called = {name: near.get(name, name) for name in domain.source_columns}
    changed = ", ".join(
        f"`{_in_yaml(setting, meant)}`"
        for setting, meant in _settings(domain, called).items()
        if meant != _settings(domain, {name: name for name in called})[setting]
    )
    names = ", ".join(map(repr, near.values()))
    are = "is" if len(near) == 1 else "are"
    others = f" The others are not there. {_correct(domain, 'them')}" if len(near) < len(missing) else ""
    return f"{names} {are} there, and {what_differs(near)}: write {changed} in {domain.name}.yaml.{others}"


def _settings(domain: Domain, called: dict[str, str]) -> dict[str, object]:
    """The domain's settings that name columns, with each of these as it is called."""
    return {
        "columns": {own: called[name] for own, name in domain.columns.model_dump().items()},
        "event_key": [called[name] for name in domain.event_key],
        "version": None if domain.version is None else called[domain.version],
        "fields": {called[name]: str(kind) for name, kind in domain.fields.items()},
    }


def _correct(domain: Domain, settings: str) -> str:
    return f"Correct {settings} in {domain.name}.yaml."


def _in_yaml(setting: str, value: object) -> str:
    """A setting as YAML in one line."""
    text = yaml.safe_dump({setting: value}, default_flow_style=True, allow_unicode=True, sort_keys=False, width=inf)
    return text.strip().removeprefix("{").removesuffix("}")
