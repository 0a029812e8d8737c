"""Whether those who are to be told can be: their addresses, and what waits for them."""

from collections.abc import Iterator

from anna_cli.checks.findings import Finding, bad, good, warning
from anna_core.errors import ArtifactError
from anna_resources.notifications.addresses import AddressError, all_addresses
from anna_resources.notifications.state import StateFile
from anna_resources.settings import Settings


def check_notify(settings: Settings) -> Iterator[Finding]:
    """Each address as it is written, with the variables of this environment; and messages that could not be sent."""
    addresses = all_addresses(settings.notify)
    for address in addresses:
        try:
            address.check()
        except ImportError:  # `check_packages` tells which are missing
            return
        except AddressError as error:
            yield bad(str(error), "until then nothing is sent there; `anna notify --test` tries all addresses")
        else:
            yield good(f"{address.label()} can be read")
    try:
        waiting = StateFile(settings.notifications).waiting([address.key for address in addresses])
    except ArtifactError as error:
        yield bad(str(error), "")  # its words say what to do
        return
    for address in addresses:
        if address.key in waiting:
            yield warning(f"{address.label()}: {waiting[address.key]}", "see whether the receiver works")
