"""Which files are samples, by their names: how they end, what a sample is called, where its settings lie."""

from pathlib import Path, PurePath

CSV_ENDINGS = (".csv", ".csv.gz", ".csv.zst")
PARQUET_ENDINGS = (".parquet", ".parq", ".pq")
ENDINGS = (*CSV_ENDINGS, *PARQUET_ENDINGS)  # in any letter case

_EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_SEVERAL = (".zip", ".7z", ".rar", ".tar", ".tgz")
_ACCEPTED = "A sample is a .csv file, plain or compressed as .csv.gz or .csv.zst, or a .parquet file"


def ending_of(file: PurePath) -> str | None:
    """How the name of a sample's file ends, in lower case; None where it is no sample's."""
    name = file.name.lower()
    return next((ending for ending in ENDINGS if name.endswith(ending) and name != ending), None)


def stem_of(file: PurePath) -> str:
    """A file's name without the ending: what the sample is called that is given no other name."""
    return file.name.removesuffix(file.name[-len(ending) :]) if (ending := ending_of(file)) else file.name


def settings_of(file: Path) -> Path:
    """Where the settings of a sample lie: beside its file."""
    return file.with_name(f"{stem_of(file)}.yaml")


def why_no_sample(file: PurePath | str) -> str:
    """What a file is whose name is no sample's, and what to do: a sentence that begins with the file's path or URL."""
    name = str(file).lower()
    if name.endswith(_EXCEL):
        return f"{file}: is an Excel workbook, which is not read; save its sheet as CSV (CSV UTF-8), or bring Parquet."
    if name.endswith(_SEVERAL):
        return f"{file}: is an archive, which may hold several files; unpack it. {_ACCEPTED}."
    return f"{file}: is no sample by its name. {_ACCEPTED}."
