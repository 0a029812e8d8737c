"""Objects of a git repository: what a commit holds; and new trees, commits and tags, to which no branch leads yet."""

import re
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from anna_resources.clock import this_second
from anna_resources.ledger.git import Git

_ANNA = "ANNA", "anna@localhost"
_REMEMBERED = 4096  # texts; a look at all tasks reads a few of each, and sensors look every half a minute
_HASH = re.compile(r"[0-9a-f]{40}")
_NAMELESS = re.compile(r"[\x00-\x20.,:;<>\"'\\]*")  # git takes no name that has nothing else


def write_tree(git: Git, parent: str | None, files: Mapping[str, str | None]) -> str:
    """Id of the files of a commit with some of them written, or removed (None)."""
    with tempfile.TemporaryDirectory(prefix="anna-ledger-") as folder:
        place = Path(folder) / "files"
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index"), "GIT_WORK_TREE": str(place)}
        place.mkdir()
        if parent is not None:
            git.run("read-tree", parent, extra=index)
        for path, text in files.items():
            if text is not None:
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_text(text, encoding="utf-8")
        listed = "".join(f"{path}\0" for path in files)
        git.run("update-index", "--add", "--remove", "-z", "--stdin", given=listed, extra=index)
        return git.run("write-tree", extra=index)


def write_commit(git: Git, tree: str, parent: str | None, message: str, by: str) -> str:
    """Id of a commit by somebody, or where nobody is named by ANNA, who writes all of them."""
    name, mail = _ANNA if _NAMELESS.fullmatch(by) else (by, f"{by}@claimed")
    now = this_second().isoformat()
    who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": now}
    who |= {"GIT_COMMITTER_NAME": _ANNA[0], "GIT_COMMITTER_EMAIL": _ANNA[1], "GIT_COMMITTER_DATE": now}
    follows = ["-p", parent] if parent is not None else []
    return git.run("commit-tree", tree, *follows, "-F", "-", given=message, extra=who)


def write_tag(git: Git, commit: str, tag: str, message: str) -> str:
    """Id of a tag of a commit by ANNA, with the first line of the commit's message."""
    tagger = f"{_ANNA[0]} <{_ANNA[1]}> {int(this_second().timestamp())} +0000"
    title = message.partition("\n")[0]
    lines = (f"object {commit}", "type commit", f"tag {tag}", f"tagger {tagger}", "", title, "")
    return git.run("mktag", given="\n".join(lines))


def read_text(folder: Path, commit: str, path: str) -> str | None:
    """The text of a file as of a commit, which never becomes another; None where there is none."""
    return (_known_text if _HASH.fullmatch(commit) else _known_text.__wrapped__)(folder, commit, path)


@lru_cache(maxsize=_REMEMBERED)
def _known_text(folder: Path, commit: str, path: str) -> str | None:
    git = Git(folder)
    listed = git.run("ls-tree", commit, "--", path)
    return git.run("cat-file", "blob", listed.split()[2]) if listed else None
