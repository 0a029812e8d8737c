"""The limits of `anna.yaml` brought to where Dagster looks for them.

Pools are set through GraphQL. The run queue reads `dagster.yaml` alone, and its `concurrency:` block takes plain
numbers, no `env:`; so each number there that belongs to a setting says so in a comment, `# limits.runs`, and is brought
up to date before the servers start. Whoever wants a number of their own removes the comment.
"""

import re
from pathlib import Path

from anna_cli.graphql import GraphQLClient
from anna_cli.queries import SET_LIMIT
from anna_core.storage import write_text
from anna_resources.settings import Limits

POOLS = ("hadoop", "training", "scoring")

_MARKED = re.compile(r"^(?P<before>[^#\n]*?)\d+(?P<after>[ \t]*#[^\n]*?\blimits\.(?P<name>\w+).*)$", re.MULTILINE)


def with_limits(text: str, limits: Limits) -> str:
    """Return the text of a `dagster.yaml` with the marked numbers as in `limits`."""
    values = limits.model_dump()

    def replace(match: re.Match[str]) -> str:
        value = values.get(match["name"])
        return match[0] if value is None else f"{match['before']}{value}{match['after']}"

    return _MARKED.sub(replace, text)


def write_queue_limits(file: Path, limits: Limits) -> None:
    """Bring a `dagster.yaml` up to date; nothing is written where nothing changes."""
    text = file.read_text(encoding="utf-8")
    changed = with_limits(text, limits)
    if changed != text:
        write_text(file, changed)


def set_pool_limits(client: GraphQLClient, limits: Limits) -> None:
    """Set the pools of a running instance; raises `ClientError`."""
    for pool in POOLS:
        client.execute(SET_LIMIT, pool=pool, limit=getattr(limits, pool))
