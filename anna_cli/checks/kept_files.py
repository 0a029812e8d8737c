"""Whether the files that ANNA keeps for itself can be read: a damaged one stops what hangs on it until it is mended."""

from collections.abc import Callable, Iterable, Iterator

from anna_cli.checks.findings import Finding, bad, good, warning
from anna_cli.identity import IdentityError, read_id
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.samples.register import read_register
from anna_resources.blueprint import read_first_month
from anna_resources.settings import Settings


def check_kept(domains: Iterable[Domain], settings: Settings) -> Iterator[Finding]:
    """The deployment's id, the first month, the register of uploads, and each domain's observation and dictionary."""
    try:
        from anna_resources.warehouse import Warehouse
    except ImportError:  # of Dagster's: `check_packages` tells which are missing
        return
    warehouse = Warehouse.of(settings)
    reads: list[Callable[[], object]] = [lambda: read_id(settings.home), lambda: read_first_month(settings)]
    for domain in domains:
        reads += [warehouse.source(domain).read, warehouse.dictionary(domain).read]
    damaged = [finding for read in reads for finding in _unreadable(read)]
    damaged += _unreadable(lambda: read_register(warehouse.uploads), is_mended=True)
    yield from damaged or [good("the files that ANNA keeps for itself can be read")]


def _unreadable(read: Callable[[], object], is_mended: bool = False) -> Iterator[Finding]:
    """What is wrong with a file, as it is when it is read; `is_mended` by ANNA itself, where it is damaged."""
    try:
        read()
    except (ArtifactError, IdentityError) as error:
        if is_mended:
            yield warning(_in_a_line(error), "start `anna up`, if it does not run; no launch is lost")
        else:
            yield bad(_in_a_line(error), "")  # its words say what to do
    except OSError as error:
        yield bad(_in_a_line(error), "give this user, and ANNA's, the right to read it")


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())
