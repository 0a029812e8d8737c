"""Whether the ledger can be written, and says what it said before."""

from collections.abc import Iterator

from anna_cli.checks.findings import Finding, bad, good, warning
from anna_resources.ledger.git import GitError
from anna_resources.ledger.ledger import Ledger
from anna_resources.ledger.remote import Remote
from anna_resources.ledger.repository import LedgerError
from anna_resources.settings import Settings

_AGAIN = "samples whose launch failed of it are launched again once it is mended"


def check_ledger(settings: Settings) -> Iterator[Finding]:
    """Git itself, and that no branch or tag lost what it held."""
    repository = Ledger.of(settings).repository
    try:
        version = repository.git.version()
        repository.check()
        tags = repository.tags("*")
    except LedgerError as error:
        yield bad(
            str(error),
            "no launch is recorded until then, so none is trained; those that failed of it are launched again",
        )
    except GitError as error:
        yield bad(str(error), f"the ledger records every launch, so none is trained without it; {_AGAIN}")
    else:
        yield good(f"{version}; the ledger {repository.folder} holds {len(tags):,} launch{'es' * (len(tags) != 1)}")
        if (remote := Remote.of(settings)) is not None:
            yield _check_remote(remote)


def _check_remote(remote: Remote) -> Finding:
    """Whether the ledger's remote holds all of it, as far as is known without asking it."""
    if not (told := remote.standing()):
        return good(f"the ledger's remote {remote.url} holds all of it")
    if remote.known().is_refused:
        return bad(told, "look who wrote there, and do one of the two; what is committed meanwhile waits here")
    return warning(told, "nothing is lost: the sensor `ledger` goes on trying while ANNA runs")
