"""The family of errors that ANNA raises.

Every message says what is wrong, where, and what to do about it; a reader of the Dagster UI sees nothing else.
"""

import errno
import re

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_CODE = re.compile(r"os error (\d+)")  # how libraries in Rust, such as Polars, tell what the system said


class AnnaError(Exception):
    """Any problem that ANNA found and can explain.

    Attributes:
        exit_code: of a command that ends with it.
    """

    exit_code = 1


class KeyNameError(AnnaError):
    """A name cannot be a partition key, a task, a sample or a domain."""


class DomainError(AnnaError):
    """A domain file is wrong, or the data does not fit it."""


class SourceError(AnnaError):
    """A source table is missing or cannot be read as its domain says."""


class MartsBehindError(SourceError):
    """Marts are behind their source, as after each delivery: the refresh brings them up, and then the same will do."""


class NotAsObservedError(SourceError):
    """A source's files are no longer as they were observed; nothing is wrong, the next observation sees what they are.

    To try the same again before that is of no use.
    """


class TaskError(AnnaError):
    """A task's type, metric or options are wrong."""


class SampleError(AnnaError):
    """An uploaded sample cannot be used."""


class ArtifactError(AnnaError):
    """A stored artifact is missing, incomplete or of another version."""


class ChangedMeanwhileError(ArtifactError):
    """What was being read was made anew meanwhile: nothing is wrong, and the same will do when it is tried again."""


class TrainingError(AnnaError):
    """A model cannot be trained on this sample."""


def in_words(error: BaseException) -> str:
    """What an error says; of one that nobody foresaw also its kind, as its words may mean little without."""
    if isinstance(error, (AnnaError, OSError)):
        return str(error)
    return f"{type(error).__name__}: {error}"


def system_code(error: BaseException) -> int | None:
    """The number of the system's error behind an exception, such as one of `NO_ROOM`; None where there is none."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _CODE.search(str(error))
    return int(found[1]) if found else None
