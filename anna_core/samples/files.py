"""Which files are samples, judged by their names: endings, the sample's name, and where its settings lie."""

from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname

from anna_core.errors import SampleError

CSV_ENDINGS = (".csv", ".csv.gz", ".csv.zst")
PARQUET_ENDINGS = (".parquet", ".parq", ".pq")
ENDINGS = (*CSV_ENDINGS, *PARQUET_ENDINGS)  # in any letter case

_EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_SEVERAL = (".zip", ".7z", ".rar", ".tar", ".tgz")
_ACCEPTED = "A sample is a .csv file, plain or compressed as .csv.gz or .csv.zst, or a .parquet file"


def ending_of(name: str) -> str | None:
    """The ending of a sample file's name, in lower case; None if the file cannot be a sample."""
    lower = name.lower()
    return next((ending for ending in ENDINGS if lower.endswith(ending) and lower != ending), None)


def stem_of(name: str) -> str | None:
    """The name of a file's sample, which is the file's name without the ending; None if it cannot be a sample."""
    ending = ending_of(name)
    return None if ending is None else name[: -len(ending)]


def settings_of(file: Path) -> Path:
    """The file of a sample's settings, `<sample>.yaml` beside the sample's own file."""
    return file.with_name(f"{stem_of(file.name) or file.stem}.yaml")


def url_parts(origin: str) -> SplitResult:
    """The parts of a URL, or of a path.

    Raises:
        SampleError: it is no URL, such as `http://[::1/q1.csv`.
    """
    try:
        return urlsplit(origin)
    except ValueError as error:
        raise SampleError(f"{origin}: is no URL ({error}); correct it, or give the path of a copy.") from None


def path_of(origin: str) -> Path:
    """The path that a text gives, `~` resolved.

    Raises:
        SampleError: it begins with the home of a user whom there is not, such as `~nobody/q1.csv`.
    """
    try:
        return Path(origin).expanduser()
    except RuntimeError as error:
        raise SampleError(f"{origin}: names nobody's home ({error}). Write the whole path.") from None


def local_path(origin: str) -> Path | None:
    """The path of a sample's origin on this machine's file systems; None of a URL that leads elsewhere.

    Raises:
        SampleError: it is neither a path nor a URL.
    """
    if "://" not in origin:
        return path_of(origin)
    parts = url_parts(origin)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def settings_beside(origin: str) -> Path | None:
    """Where the settings of a sample lie that is brought from a path or URL, there or not: q1.yaml beside q1.csv.

    None where it comes from elsewhere than this machine's file systems.
    """
    path = local_path(origin)
    if path is None or not path.name:
        return None
    return path.with_name(f"{stem_of(path.name) or path.name}.yaml")


def why_no_sample(name: str) -> str:
    """Say what a file is that cannot be a sample, and what to do: a sentence without its subject ("is an archive…")."""
    lower = name.lower()
    if lower.endswith(_EXCEL):
        return "is an Excel workbook, which is not read; save its sheet as CSV (CSV UTF-8), or bring Parquet."
    if lower.endswith(_SEVERAL):
        return f"is an archive, which may hold several files; unpack it. {_ACCEPTED}."
    return f"is no sample by its name. {_ACCEPTED}."
