"""The image of a task's champion: its build context, and what is known of its build."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from anna_core.errors import ArtifactError
from anna_resources.artifacts.folder import ArtifactFolder

_CONTEXT, _FACTS = "context", "image.json"


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


@dataclass(frozen=True)
class ImageFolder(ArtifactFolder):
    """The build context of an image, and beside it what is known of its build."""

    @contextmanager
    def replacing(self) -> Iterator[tuple[Path, "list[BuiltImage]"]]:
        """Yield the folder of a new context, and a list that takes what is known of its image."""
        with self.writing() as folder:
            context, made = folder / _CONTEXT, list[BuiltImage]()
            context.mkdir()
            yield context, made
            (folder / _FACTS).write_text(made[0].model_dump_json(indent=1), encoding="utf-8")

    @property
    def context(self) -> Path:
        """The folder of the build context. Raises `ArtifactError` where there is none."""
        return self.current() / _CONTEXT

    def facts(self) -> BuiltImage | None:
        """What is known of the image; None where there is none.

        Raises:
            ArtifactError: it cannot be read.
        """
        if not self.exists():
            return None
        file = self.current() / _FACTS
        try:
            return BuiltImage.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise ArtifactError(f"{file}: cannot be read. Materialize the image again.") from error
