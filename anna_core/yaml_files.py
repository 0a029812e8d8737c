"""YAML that people write: domains, `task.yaml`, a sample's settings, `anna.yaml`, `--option`.

YAML takes in silence what its writer did not mean: of a name that is there twice the last one wins, the column `no` is
read as false, 010 as 8 and 1:30 as 90. Here each of these is refused, with its line and what to write.
"""

import re
from pathlib import Path

import yaml

from anna_core.errors import AnnaError
from anna_core.file_names import shown

MOST_BYTES = 2**20  # of a file; a domain of ten thousand fields has a third of that
MOST_DEPTH = 20  # settings are nested three deep
MOST_VALUES = 10_000  # anchors repeat values: a few lines of them can stand for millions
MOST_DIGITS = 100  # of a number or date
_SHOWN = 60  # characters of a value in a message

_TAG = "tag:yaml.org,2002:"
_TEXT, _MERGE = f"{_TAG}str", f"{_TAG}merge"
_NUMBERS = (f"{_TAG}int", f"{_TAG}float")
_KINDS = dict.fromkeys(_NUMBERS, "a number") | {
    f"{_TAG}timestamp": "a date",
    f"{_TAG}bool": "yes or no",
    f"{_TAG}null": "nothing",
}
_ODD_NUMBER = re.compile(r"[-+]?(0[0-9_]+|[0-9_]+(:[0-9_.]+)+)")  # YAML reads octal digits, and sixtieths
_QUOTE = "put it in quotes"


class YamlError(AnnaError):
    """What somebody wrote is not YAML, or means something else in YAML than it seems to.

    Attributes:
        problem: what is wrong and what to do, without the place.
    """

    def __init__(self, problem: str, line: int | None = None, path: Path | None = None) -> None:
        """Args: the problem; its line, counted from 1, if one is to blame; the file, if it is one."""
        place = [*([shown(path)] if path is not None else []), *([f"line {line:,}"] if line is not None else [])]
        super().__init__(f"{', '.join(place)}: {problem}" if place else problem)
        self.problem, self.line = problem, line


def read_yaml(path: Path) -> object:
    """Read a file of settings.

    Returns:
        What the file holds: mostly a dict whose keys are texts, at every level; None if it is empty.

    Raises:
        YamlError: it cannot be read, or is not what its writer meant; the message names file, line and cure.
    """
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            raise YamlError(_why_no_file(path), path=path)
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise YamlError(f"cannot be read ({error.strerror}); give ANNA's user the right to it.", path=path) from error
    if len(content) > MOST_BYTES:
        raise YamlError(f"is larger than {MOST_BYTES:,} bytes, so it holds no settings; write a new one.", path=path)
    try:
        return parse_yaml(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError("the text is not UTF-8. Save the file as UTF-8.", line, path) from error
    except YamlError as error:
        raise YamlError(error.problem, error.line, path) from error.__cause__


def parse_yaml(text: str) -> object:
    """Read YAML; returns and raises what `read_yaml` does, without the file's name."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _Check().look_at(node, 0)
        return loader.construct_document(node)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(f"the character {_quoted(chr(error.character))} cannot be in YAML; remove it.", line) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        cure = "Write spaces for it" if r"'\t'" in problem else "Correct it there, or put in quotes what is text"
        raise YamlError(f"cannot be read as YAML: {problem}. {cure}.", mark.line + 1 if mark else None) from error


def _why_no_file(path: Path) -> str:
    if path.exists():
        return "is no file, but a folder, a pipe or the like; remove it, or write a file."
    if path.is_symlink():
        return "is a link that leads nowhere; remove it, or write a file."
    return "there is no such file."


class _Loader(yaml.SafeLoader):
    """Builds plain values; refuses, with its line, what they cannot be built of."""

    _depth = _nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        self._nodes += 1
        if self._nodes > MOST_VALUES:  # before the rest is read, which takes long
            raise _too_many(self.peek_event().start_mark.line + 1)
        if self._depth > MOST_DEPTH:  # here already: it calls itself for what is within
            raise _too_deep(self.peek_event().start_mark.line + 1)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError, ArithmeticError) as error:
            # PyYAML calls what looks like a date or a number by its pattern; 2024-13-45 and 0x_ do, and are none.
            kind = _KINDS.get(node.tag, f"of the kind {node.tag}")
            told = f"{_quoted(node.value)} looks like {kind}, but is none; correct it, or {_QUOTE} if it is text."
            raise YamlError(told, _line(node)) from error


class _Check:
    """Looks over all nodes of a document, as often as they are repeated, before values are made of them."""

    def __init__(self) -> None:
        self._values = 0

    def look_at(self, node: yaml.Node, depth: int) -> None:
        """Raise `YamlError` at the first node that is not as it should be."""
        self._values += 1
        if self._values > MOST_VALUES:
            raise _too_many(_line(node))
        if depth > MOST_DEPTH:  # such as a list that holds itself
            raise _too_deep(_line(node))
        match node:
            case yaml.MappingNode():
                _refuse_keys([key for key, _ in node.value])
                for pair in node.value:
                    for part in pair:
                        self.look_at(part, depth + 1)
            case yaml.SequenceNode():
                for part in node.value:
                    self.look_at(part, depth + 1)
            case _:
                _refuse_scalar(node)


def _refuse_keys(keys: list[yaml.Node]) -> None:
    lines: dict[str, int] = {}
    for key in keys:
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError(f"a list or block stands where a name should; {_QUOTE} if it is a name.", _line(key))
        name = key.value
        if not name and key.tag != _TEXT:
            raise YamlError("the name before the colon is missing; write it.", _line(key))
        if key.tag not in (_TEXT, _MERGE):
            kind = _KINDS.get(key.tag, key.tag.removeprefix(_TAG))
            raise YamlError(f"YAML reads the name {_cut(name)} as {kind}; {_QUOTE}: '{_cut(name)}'.", _line(key))
        if name in lines:
            raise YamlError(f"{_quoted(name)} is there twice, first in line {lines[name]:,}; keep one.", _line(key))
        lines[name] = _line(key)


def _refuse_scalar(node: yaml.Node) -> None:
    value = node.value
    if node.tag == _TEXT:
        if bad := re.search("[\0\ud800-\udfff]", value):
            raise YamlError(f"a text holds {bad[0]!a}, which is no character; remove it.", _line(node))
    elif len(value) > MOST_DIGITS:
        raise YamlError(f"{_quoted(value)} has {len(value):,} characters; {_QUOTE} if it is text.", _line(node))
    elif node.tag in _NUMBERS and _ODD_NUMBER.fullmatch(value):
        raise YamlError(
            f"YAML does not read {_cut(value)} as it stands, but as octal or in sixtieths; write a plain number, or "
            f"{_QUOTE} if it is text: '{_cut(value)}'.",
            _line(node),
        )


def _too_many(line: int) -> YamlError:
    return YamlError(f"holds more than {MOST_VALUES:,} values; settings are fewer.", line)


def _too_deep(line: int) -> YamlError:
    return YamlError(f"is nested more than {MOST_DEPTH} deep; settings are not. Remove brackets.", line)


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _quoted(text: str) -> str:
    return repr(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
