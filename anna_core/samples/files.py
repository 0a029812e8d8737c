"""Which files are samples, by their names: how they end, what a sample is called, where its settings lie."""

from pathlib import Path

CSV_ENDINGS = (".csv", ".csv.gz", ".csv.zst")
PARQUET_ENDINGS = (".parquet", ".parq", ".pq")
ENDINGS = (*CSV_ENDINGS, *PARQUET_ENDINGS)  # in any letter case

_EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_SEVERAL = (".zip", ".7z", ".rar", ".tar", ".tgz")
_ACCEPTED = "A sample is a .csv file, plain or compressed as .csv.gz or .csv.zst, or a .parquet file"


def ending_of(name: str) -> str | None:
    """How the name of a sample's file ends, in lower case; None where it is no sample's."""
    lower = name.lower()
    return next((ending for ending in ENDINGS if lower.endswith(ending) and lower != ending), None)


def stem_of(name: str) -> str | None:
    """A file's name without the ending, which is what its sample is called; None where it is no sample's."""
    ending = ending_of(name)
    return None if ending is None else name[: -len(ending)]


def settings_of(file: Path) -> Path:
    """Where the settings of a sample lie: `<sample>.yaml` beside its file."""
    return file.with_name(f"{stem_of(file.name) or file.stem}.yaml")


def why_no_sample(name: str) -> str:
    """What a file is whose name is no sample's, and what to do: a sentence about it that begins with "is"."""
    lower = name.lower()
    if lower.endswith(_EXCEL):
        return "is an Excel workbook, which is not read; save its sheet as CSV (CSV UTF-8), or bring Parquet."
    if lower.endswith(_SEVERAL):
        return f"is an archive, which may hold several files; unpack it. {_ACCEPTED}."
    return f"is no sample by its name. {_ACCEPTED}."
