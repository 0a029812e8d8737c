"""A plain name for a folder whose own name a URL writes otherwise, such as one with a space.

Delta's readers name files by URLs. Of `my lake` Polars (2.1) then asks the disk for `my%20lake`
(github.com/pola-rs/polars/issues/20944), it takes the `=` of `env=prod` for a partition, and deltalake (1.6) reads
`100%25` as `100%`. Through a PyArrow dataset the first of them could be read, but as a whole, into memory. As both
resolve a link to the folder itself, the plain name is that of a folder of links to all that lies in it.
"""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from urllib.parse import quote

_links: dict[Path, TemporaryDirectory[str]] = {}  # until this process ends, as whoever scans a table reads it later


def plainly_named(folder: Path) -> Path:
    """A folder with the same content as `folder` has now, whose name a URL writes as it is: itself, or one of links.

    Raises:
        OSError: no links can be made, or the folder for temporary files has an odd name, too.
    """
    if _is_plain(folder):
        return folder
    links = _links_to(folder)
    there = {entry.name for entry in os.scandir(folder)}
    linked = set(os.listdir(links))
    for name in there - linked:
        with suppress(FileExistsError):  # another thread was faster
            os.symlink(folder / name, links / name)
    for name in linked - there:
        (links / name).unlink(missing_ok=True)
    return links


def really_named(words: str) -> str:
    """Words of a library about a folder that it knows by its plain name, with the real one."""
    for folder, links in _links.copy().items():
        words = words.replace(links.name, str(folder))
    return words


def _links_to(folder: Path) -> Path:
    known = _links.get(folder)
    if known is None or not Path(known.name).is_dir():  # the system clears away what is old
        if not _is_plain(Path(gettempdir())):
            raise OSError(
                f"temporary files lie in {gettempdir()!r}; set the environment variable TMPDIR to a folder whose path "
                "is of plain letters and digits"
            )
        known = _links[folder] = TemporaryDirectory(prefix="anna-links-", ignore_cleanup_errors=True)
    return Path(known.name)


def _is_plain(folder: Path) -> bool:
    return quote(str(folder)) == str(folder)
