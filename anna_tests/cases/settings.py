"""Settings as people write them into YAML, each bent in one way."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from anna_core.domains import read_domain
from anna_core.errors import AnnaError
from anna_core.samples.inbox import read_upload_request

_DOMAIN = "source: {path: warehouse/cards}\nfields:\n"


@dataclass(frozen=True)
class SettingsCase:
    """One file of settings that is refused.

    Attributes:
        told: what a person would say was wrong with it.
        text: what it holds; None: it is a pipe.
        says: what the message must hold.
        file: below the deployment's folder; a domain's file, or one of a task.
    """

    told: str
    text: str | bytes | None
    says: tuple[str, ...]
    file: str = "inbox/churn/task.yaml"

    def read(self, home: Path) -> object:
        """Write the file and read it as the platform does."""
        path = home / self.file
        path.parent.mkdir(parents=True)
        if self.text is None:
            os.mkfifo(path)
        else:
            path.write_bytes(self.text.encode() if isinstance(self.text, str) else self.text)
        return read_domain(path) if path.parent.name == "domains" else read_upload_request(path.with_name("q1.csv"))


CASES = (
    SettingsCase(
        "A block that is there twice", _DOMAIN + "  mcc: categorical\nfields:\n  amount: numeric\n",
        ("cards.yaml, line 4", "'fields' is there twice, first in line 2", "keep one"), "domains/cards.yaml",
    ),
    SettingsCase(
        "A field that is there twice", _DOMAIN + "  mcc: categorical\n  amount: numeric\n  mcc: numeric\n",
        ("cards.yaml, line 5", "'mcc' is there twice, first in line 3"), "domains/cards.yaml",
    ),
    SettingsCase(
        "A column that is called no", _DOMAIN + "  no: numeric\n",
        ("cards.yaml, line 3", "put it in quotes: 'no'"), "domains/cards.yaml",
    ),
    SettingsCase(
        "A column that is called by a number", _DOMAIN + "  5411: numeric\n",
        ("cards.yaml, line 3", "put it in quotes: '5411'"), "domains/cards.yaml",
    ),
    SettingsCase(
        "A key column that is called on", _DOMAIN + "  mcc: categorical\nevent_key: [on]\n",
        ("event_key.0", "is read as True, not as text; put it in quotes"), "domains/cards.yaml",
    ),
    SettingsCase("A setting twice", "metric: ks\nmetric: roc_auc\n", ("line 2", "'metric' is there twice")),
    SettingsCase("A date that is none", "owner: 2024-13-45\n", ("line 1", "'2024-13-45' looks like a date")),
    SettingsCase("A number with a leading zero", "seed: 010\n", ("line 1", "octal", "'010'")),
    SettingsCase("A number of 5,000 digits", f"seed: {'1' * 5_000}\n", ("line 1", "has 5,000 characters")),
    SettingsCase("Brackets without end", "training: " + "[" * 20_000, ("line 1", "nested more than 20 deep")),
    SettingsCase("A tab before a setting", "training:\n\tepochs: 5\n", ("line 2", "Write spaces")),
    SettingsCase("A bracket that is never closed", "training: {epochs: 5\n", ("line 2", "cannot be read as YAML")),
    SettingsCase("Text in Windows-1251", "description: отток".encode("cp1251"), ("line 1", "not UTF-8")),
    SettingsCase("A pipe", None, ("is no file", "remove it, or write a file")),
    SettingsCase("A misspelt setting", "metrik: ks\n", ("metrik: is not a known setting",)),
)  # fmt: skip

_PAGE = """
## Settings

Of a domain's file, the sensor `sources`, the page of `sample`, `anna status` and `anna doctor` say it; of
`task.yaml` and `<sample>.yaml`, the page of `uploads` and `anna status`; of `anna.yaml`, every command; of `--option`,
`anna submit`. Of two settings of one name none is taken.
"""


def settings_refusals() -> str:
    """The part of docs/errors.md on settings."""
    return _PAGE + "".join(f"\n**{case.told}**\n\n```\n{_said(case)}\n```\n" for case in CASES)


def _said(case: SettingsCase) -> str:
    with tempfile.TemporaryDirectory() as home:
        try:
            case.read(Path(home))
        except AnnaError as error:
            return str(error).replace(home, "$ANNA_HOME")
    raise AssertionError("was not refused")
