"""Partition keys, and the names that go into them: made and checked here and nowhere else."""

import re
from typing import NamedTuple

from anna_core.errors import KeyNameError

KEY_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,100}")
TASK_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,60}")
# Dagster's sign for a range of partitions is "..."; git, by whose tags the ledger tells launches, takes none of these.
_TAKEN = re.compile(r"\.\.|\.$|\.lock$")
_RESERVED_SAMPLE = "task"  # its options would be `task.yaml`, the task's own
DOMAIN_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,40}")
# The trees over all domains, as an asset and as a member of the metamodel; those of one domain are
# `boosting/<domain>`. A net has the name of its domain, so no domain may have this one.
TREES = "boosting"


class SampleKey(NamedTuple):
    """Partition key of a launch, `<task>.<sample>`; the sample's name may contain dots, the task's may not."""

    task: str
    sample: str

    def __str__(self) -> str:
        return f"{self.task}.{self.sample}"


def trees_member(domain: str | None) -> str:
    """The metamodel's name for the trees of a domain, or of all domains (None); it is also their asset's key."""
    return TREES if domain is None else f"{TREES}/{domain}"


def check_key(key: str) -> str:
    """Return a sample's key, or its name, if it can be a partition key; raise `KeyNameError` otherwise."""
    if not KEY_PATTERN.fullmatch(key) or _TAKEN.search(key):
        raise KeyNameError(
            f"'{key}' cannot name a sample: use Latin letters, digits, '_', '-' or single '.', 1 to 100 together with "
            "the task's name, and neither '.' nor '.lock' at the end."
        )
    return key


def check_task(task: str) -> str:
    """Return `task` if it can name a task; raise `KeyNameError` otherwise."""
    if not TASK_PATTERN.fullmatch(task):
        raise KeyNameError(
            f"'{task}' cannot name a task: use 1 to 60 Latin letters, digits, '_' or '-' (no dot, no space)."
        )
    return task


def check_domain(name: str) -> str:
    """Return `name` if it can name a domain, its assets and its folders; raise `KeyNameError` otherwise."""
    if not DOMAIN_PATTERN.fullmatch(name):
        raise KeyNameError(
            f"'{name}' cannot name a domain: begin with a lower-case Latin letter, then up to 40 lower-case Latin "
            "letters, digits or '_'."
        )
    if name == TREES:
        raise KeyNameError(f"'{name}' cannot name a domain: ANNA calls its trees so.")
    return name


def sample_key(task: str, sample: str) -> SampleKey:
    """Make the partition key of a sample.

    Raises:
        KeyNameError: the task or the sample's name cannot be part of a key.
    """
    key = SampleKey(check_task(task), sample)
    check_key(sample)
    if sample == _RESERVED_SAMPLE or sample.startswith((".", "_")):
        raise KeyNameError(f"'{sample}' cannot name a sample: begin with a letter or digit; 'task' itself is taken.")
    check_key(str(key))
    return key


def task_of(key: str) -> str:
    """The task that a sample's key, or a launch's tag in the ledger, begins with; neither is checked."""
    return key.partition(".")[0]


def key_of_tag(tag: str) -> str:
    """Key of the sample of a launch, by the launch's tag: `churn.q1`, also of its second launch `churn.q1@2`."""
    return tag.partition("@")[0]


def parse_sample_key(key: str) -> SampleKey:
    """Split `<task>.<sample>` at its first dot.

    Raises:
        KeyNameError: there is no dot, or one of the parts cannot be used.
    """
    task, dot, sample = key.partition(".")
    if not dot or not sample:
        raise KeyNameError(f"'{key}' is not a sample's key: write it as <task>.<sample>, as in churn.2024q1.")
    return sample_key(task, sample)
