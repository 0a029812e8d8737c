"""`--option training.epochs=5`: dotted names with YAML values become the nested options of a task."""

from collections.abc import Iterable
from typing import Any

from anna_core.errors import TaskError
from anna_core.yaml_files import YamlError, parse_yaml

Options = dict[str, Any]


def parse_options(texts: Iterable[str]) -> Options:
    """Turn `["training.epochs=5", "net.encoder=gru"]` into `{"training": {"epochs": 5}, "net": {"encoder": "gru"}}`.

    Raises:
        TaskError: a text has no `=`, an empty name, a value that is not YAML, or contradicts an earlier one.
    """
    options: Options = {}
    for text in texts:
        name, equals, value = text.partition("=")
        parts = name.strip().split(".")
        if not equals or not all(parts):
            raise TaskError(f"--option {text}: write it as name=value, as in training.epochs=5.")
        _set(options, parts, _value(text, value), text)
    return options


def _value(text: str, value: str) -> Any:
    try:
        return parse_yaml(value)
    except YamlError as error:
        raise TaskError(f"--option {text}: {error.problem}") from error


def _set(options: Options, parts: list[str], value: Any, text: str) -> None:
    *outer, last = parts
    for part in outer:
        options = options.setdefault(part, {})
        if not isinstance(options, dict):
            raise TaskError(f"--option {text}: '{part}' was given a value before; it cannot hold settings too.")
    if last in options:
        raise TaskError(f"--option {text}: '{'.'.join(parts)}' is given twice; keep one.")
    options[last] = value
