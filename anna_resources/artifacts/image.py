"""The image of a task's champion: its build context, and what is known of its build."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from anna_resources.artifacts.folder import ArtifactFolder, read_json, write_json

CONTEXT, _FACTS = "context", "image.json"


class BuiltImage(BaseModel):
    """What is known of an image.

    Attributes:
        tag: of the launch whose model it has.
        model_version: of that.
        name: what the image is called.
        base: what it begins from.
        builder: what built it; `none` where there is a build context alone.
        digest: `sha256:…` by which it is pulled, where it was pushed, else its id; empty where it was not built.
        size: as the builder writes it, base included; empty where it was not built.
        made_at: when, in UTC.
    """

    model_config = ConfigDict(frozen=True)

    tag: str
    model_version: str
    name: str
    base: str
    builder: str
    digest: str
    size: str
    made_at: dt.datetime

    def write(self, folder: Path) -> None:
        """Write it beside the build context in a folder."""
        write_json(folder / _FACTS, self)


@dataclass(frozen=True)
class ImageFolder(ArtifactFolder):
    """The build context of an image, and beside it what is known of its build."""

    @property
    def context(self) -> Path:
        """The folder of the build context. Raises `ArtifactError` where there is none."""
        return self.current() / CONTEXT

    def facts(self) -> BuiltImage | None:
        """What is known of the image; None where there is none.

        Raises:
            ArtifactError: it cannot be read.
        """
        if not self.exists():
            return None
        return read_json(self.current() / _FACTS, TypeAdapter(BuiltImage), "Materialize the image again.")
