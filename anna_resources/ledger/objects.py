"""Objects of a git repository to which no branch leads yet: trees, commits and tags. Each function returns the id."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from anna_resources.clock import this_second
from anna_resources.ledger.git import Git

_ANNA = "ANNA", "anna@localhost"
_NAMELESS = re.compile(r"[\x00-\x20.,:;<>\"'\\]*")  # git takes no name that has nothing else


def write_tree(git: Git, parent: str | None, files: Mapping[str, str | None]) -> str:
    """The files of a commit with some of them written, or removed (None)."""
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
    """A commit by somebody, or where nobody is named by ANNA, who writes all of them."""
    name, mail = _ANNA if _NAMELESS.fullmatch(by) else (by, f"{by}@claimed")
    now = this_second().isoformat()
    who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": now}
    who |= {"GIT_COMMITTER_NAME": _ANNA[0], "GIT_COMMITTER_EMAIL": _ANNA[1], "GIT_COMMITTER_DATE": now}
    follows = ["-p", parent] if parent is not None else []
    return git.run("commit-tree", tree, *follows, "-F", "-", given=message, extra=who)


def write_tag(git: Git, commit: str, tag: str, message: str) -> str:
    """A tag of a commit by ANNA, with the first line of the commit's message."""
    tagger = f"{_ANNA[0]} <{_ANNA[1]}> {int(this_second().timestamp())} +0000"
    title = message.partition("\n")[0]
    lines = (f"object {commit}", "type commit", f"tag {tag}", f"tagger {tagger}", "", title, "")
    return git.run("mktag", given="\n".join(lines))
