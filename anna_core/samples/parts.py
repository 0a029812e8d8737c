"""The parts of a sample that comes as a folder of Parquet files: all of them are read, or none."""

from pathlib import Path

import polars as pl

from anna_core.errors import SampleError
from anna_core.file_names import shown
from anna_core.folders import UnseenError, is_folder, is_hidden, status, walk, why_no_file
from anna_core.lake_folders import DELTA, LakeFolder, lake_around, lake_holding
from anna_core.samples.column_names import AS_OF, CLIENT, GROUP, SPLIT, TARGET, WEIGHT
from anna_core.samples.files import PARQUET_ENDINGS, ending_of
from anna_core.samples.reading import read_parquet

_OWN_COLUMNS = (CLIENT, AS_OF, SPLIT, GROUP, WEIGHT)
_PARTS_ALONE = "Bring a folder that holds the sample's parts alone."


def read_parts(origin: str, folder: Path) -> pl.DataFrame:
    """Read all Parquet files of a folder and of those in it as one table.

    Args:
        origin: the folder, as the user named it, for messages.
        folder: the folder.

    Raises:
        SampleError: there is none, a part cannot be read or is unlike the others, or something lies there that may hold
            rows and is not read.
    """
    try:
        files = _parts(origin, folder)
    except UnseenError as error:
        raise SampleError(f"{origin}: {error}") from None
    if not files:
        raise SampleError(f"{origin}: cannot be read as a sample: no Parquet file is in this folder.")
    frames = {file: read_parquet(file) for file in files}
    filled = {file: frame for file, frame in frames.items() if len(frame)}  # of no rows the types mean nothing
    (first, shape), *_ = (filled or frames).items()
    for file, frame in filled.items():
        if dict(frame.schema) != dict(shape.schema):
            raise SampleError(
                f"{file}: its columns and types are {dict(frame.schema)}, but those of {first.name} are "
                f"{dict(shape.schema)}; write all parts of a sample alike."
            )
    columns = shape.columns  # taken one by one: to `select`, some names are patterns
    return pl.concat([shape[:0], *(pl.DataFrame([frame[name] for name in columns]) for frame in filled.values())])


def is_mark(names: tuple[str, ...]) -> bool:
    """Whether a file of a folder is a mark or log of its writer's, such as `_SUCCESS`, by its path below the folder.

    It is out of sight, and of no kind that holds rows.
    """
    return is_hidden(names) and ending_of(names[-1]) is None


def _parts(origin: str, folder: Path) -> list[Path]:
    files, left, holding = [], [], []
    _check_no_lake(origin, lake_around(folder))
    for file, part in _in_sight(origin, folder):
        if why := _why_not_read(file, part):
            left.append(f"{shown(part)} {why}")
        elif ending_of(part.name) in PARQUET_ENDINGS:
            files.append(file)
            holding += [name for name in part.parts[:-1] if _holds_a_column(name)]
    if files and left:
        raise SampleError(f"{origin}: {left[0]} {_PARTS_ALONE}")
    if left:
        raise SampleError(f"{origin}: cannot be read as a sample: no Parquet file is in this folder; {left[0]}")
    if holding:
        raise SampleError(
            f"{origin}: the folder {shown(holding[0])} holds a column in its name, which is not read. Write the column "
            "into the files, and bring these in one folder."
        )
    return files


def _in_sight(origin: str, folder: Path) -> list[tuple[Path, Path]]:
    """All files, with their paths below the folder, but for those of tables that somebody has put out of sight."""
    found, hidden = sorted(walk(folder)), set[Path]()
    for _, names in found:
        lake = lake_holding(folder, names)
        if lake is not None and lake.hidden:
            hidden.add(lake.folder)
        else:
            _check_no_lake(origin, lake)
    return [(file, Path(*names)) for file, names in found if hidden.isdisjoint(file.parents)]


def _check_no_lake(origin: str, lake: LakeFolder | None) -> None:
    if lake is not None:
        cure = "Bring the table's own folder" if lake.kind == DELTA else "Bring its rows of today as Parquet files"
        raise SampleError(f"{origin}: {shown(lake.folder)} {lake.told}. {cure}.")


def _why_not_read(file: Path, part: Path) -> str:
    """Why a file of a folder is not read, where it may hold rows; empty where it is read, or surely holds none."""
    hidden, found = is_hidden(part.parts), status(file)
    if found is None:
        leads_nowhere = file.is_symlink() and not hidden  # else a writer has just moved it
        return "is a link that leads nowhere; bring what it led to, or remove it." if leads_nowhere else ""
    ending = ending_of(part.name)
    if is_mark(part.parts) and not is_folder(file):
        return ""
    if why := why_no_file(found):
        return f"{why}."
    if ending is None:
        return "is no Parquet file, and is not read."
    if hidden:
        return "is out of sight, as what begins with '.' or '_' is not finished, and is not read."
    return "" if ending in PARQUET_ENDINGS else "is not Parquet, and is not read."


def _holds_a_column(folder: str) -> bool:
    """Whether a folder's name, as Hive writes them, says what one of a sample's own columns would say."""
    column, sign, _ = folder.partition("=")
    return bool(sign) and (column in _OWN_COLUMNS or column.startswith(TARGET))
