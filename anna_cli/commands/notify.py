"""`anna notify`: who is told of what happens, and whether that works."""

import click
from rich.text import Text

from anna_cli.console import CONSOLE
from anna_core.errors import AnnaError
from anna_resources.notifications.addresses import Address, AddressError, NotSentError, all_addresses
from anna_resources.notifications.message import Severity
from anna_resources.notifications.state import StateFile
from anna_resources.settings import Settings, load_settings


class NotifyError(AnnaError):
    """Somebody who is to be told cannot be."""


@click.command()
@click.option("--test", "is_test", is_flag=True, help="Send each of them a message.")
def notify(is_test: bool) -> None:
    """Show who is told by `notify` in anna.yaml, and what waits to be sent; --test tries every address."""
    settings = load_settings()
    addresses = all_addresses(settings.notify)
    if not addresses:
        raise NotifyError(f"Nobody is told: `notify` in {settings.home}/anna.yaml names no address.")
    failed = sum(not _try(address, settings) for address in addresses) if is_test else _show(addresses, settings)
    if failed:
        raise NotifyError(f"{failed} of {len(addresses)} addresses cannot be used.")


def _show(addresses: list[Address], settings: Settings) -> int:
    """Print what is known of each address; how many cannot be used."""
    waiting, failed = StateFile(settings.notifications).waiting([address.key for address in addresses]), 0
    for address in addresses:
        try:
            address.check()
        except AddressError as error:
            failed += 1
            _say(str(error), "red")
        else:
            _say(f"{address.label()}: {waiting.get(address.key, 'nothing waits')}")
    _say(f"Told: {', '.join(settings.notify.events)}.")
    return failed


def _try(address: Address, settings: Settings) -> bool:
    """Send a message; whether it was taken."""
    body = f"This is a test of the deployment {settings.home}.\n\nevent: test\npage: {settings.ui_url}"
    try:
        address.send("ANNA: a test", body, Severity.INFO)
    except (AddressError, NotSentError) as error:
        _say(f"✗ {error}", "red")
        return False
    _say(f"✓ {address.label()}: taken")
    return True


def _say(told: str, style: str = "") -> None:
    CONSOLE.print(Text(told, style), soft_wrap=True)
