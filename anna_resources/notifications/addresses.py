"""Where messages go: addresses as apprise reads them, of which nobody is ever told more than kind and host.

Most addresses hold a password or a token. apprise's own form for logs leaves some of them in, such as a webhook's path
and headers, so no more than the beginning of that form is told; and what apprise says of a failure is told without any
part of the address.
"""

import hashlib
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from anna_core.errors import AnnaError
from anna_resources.notifications.message import Severity
from anna_resources.notify_settings import EVERYBODY, Notify

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

SEND_SECONDS = 15.0  # after which a receiver that does not answer is given up for now
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SCHEME = re.compile(r"([A-Za-z0-9+.-]{1,20})://")
_PIECES = re.compile(r"[:/?&=#@;,\s]+")
_LEAST_PIECE = 4  # characters; shorter ones would blot out half of what is told
_MOST_TOLD = 300  # characters of a reason
_BLOT = "****"


class AddressError(AnnaError):
    """Nothing can be sent to an address, as it is written."""


class NotSentError(AnnaError):
    """A receiver did not take a message."""


@dataclass(frozen=True)
class Address:
    """A place that messages are sent to.

    Attributes:
        place: where it stands in the settings.
        text: as it is written there.
    """

    place: str
    text: str = field(repr=False)

    @property
    def key(self) -> str:
        """By which it is known as long as it is written the same."""
        return hashlib.blake2b(self.text.encode(), digest_size=8).hexdigest()

    @property
    def variables(self) -> list[str]:
        """Names of the variables of the environment that it refers to."""
        return _VARIABLE.findall(self.text)

    def label(self) -> str:
        """What is told of it: its place in the settings, and its kind and host where it can be read."""
        try:
            return f"{self.place} ({_begin(self._service())})"
        except AddressError:
            return self.place

    def check(self) -> None:
        """Raise `AddressError` where nothing can be sent to it."""
        self._service()

    def send(self, title: str, body: str, severity: Severity) -> None:
        """Send a message.

        Raises:
            AddressError: nothing can be sent to it, as it is written.
            NotSentError: the receiver does not take it, or does not answer within `SEND_SECONDS`.
        """
        import apprise

        service = self._service()
        sender = apprise.Apprise(asset=_asset())
        sender.add(service)
        result = sender.notify(body, title, apprise.NotifyType(severity.value), body_format=apprise.NotifyFormat.TEXT)
        if not result:
            said = " ".join(entry.message for entry in result.logs())
            told = said or f"no answer within {SEND_SECONDS:g} seconds"
            raise NotSentError(f"{self.place} ({_begin(service)}): {self._blotted(told, _begin(service))}")

    def _service(self) -> "NotifyBase":
        """The address as apprise understands it."""
        import apprise
        from apprise.exception import AppriseException

        url = self._resolved(os.environ)
        _keep_quiet()
        try:
            service = apprise.Apprise.instantiate(url, asset=_asset(), suppress_exceptions=False)
        except (AppriseException, TypeError, ValueError) as error:  # as kinds of addresses say that they cannot be so
            reason = self._blotted(str(error), "").rstrip(" .:")
            raise AddressError(f"{self.place}: apprise cannot use it: {reason}. {_HOW}") from None
        if service is None:
            found = _SCHEME.match(url)
            kind = f"as an address of the kind `{found[1]}`" if found else "as an address, as in mailtos:// or json://"
            raise AddressError(f"{self.place}: apprise cannot read it {kind}. {_HOW}")
        return service

    def _resolved(self, variables: Mapping[str, str]) -> str:
        """The address with its variables filled in; a value that is not all of it is percent-encoded."""
        if missing := sorted({name for name in self.variables if not variables.get(name)}):
            raise AddressError(
                f"{self.place}: the variable {', '.join(missing)} is not set: set it where `anna up` is started."
            )
        if whole := _VARIABLE.fullmatch(self.text.strip()):
            return variables[whole[1]].strip()
        if "${" in _VARIABLE.sub("", self.text):
            raise AddressError(f"{self.place}: a variable is written as ${{NAME}}, of letters, digits and _.")
        return _VARIABLE.sub(lambda found: quote(variables[found[1]], safe=""), self.text).strip()

    def _blotted(self, told: str, shown: str) -> str:
        """What is told, without any part of the address but those that are shown."""
        try:
            url = self._resolved(os.environ)
        except AddressError:
            url = self.text
        found = {piece for whole in (url, unquote(url)) for piece in (whole, *_PIECES.split(whole))}
        secret = sorted((one for one in found if len(one) >= _LEAST_PIECE and one not in shown), key=len, reverse=True)
        for piece in secret:
            told = told.replace(piece, _BLOT)
        return " ".join(told.split())[:_MOST_TOLD]


_HOW = "How addresses are written: https://appriseit.com/services/"


def all_addresses(notify: Notify) -> list[Address]:
    """All addresses of the settings; one that stands there twice comes once."""
    return _once([one for owner in notify.to for one in _of(notify, owner)])


def addresses_of(notify: Notify, owner: str) -> list[Address]:
    """Where an owner's messages go, each address once."""
    return _once([*_of(notify, owner), *_of(notify, EVERYBODY)])


def _of(notify: Notify, owner: str) -> list[Address]:
    found = notify.to.get(owner, ())
    return [
        Address(f"notify.to.{owner}, address {number}", address.get_secret_value())
        for number, address in enumerate(found, start=1)
    ]


def _once(found: list[Address]) -> list[Address]:
    return list({one.key: one for one in reversed(found)}.values())[::-1]


def _begin(service: "NotifyBase") -> str:
    """Kind and host of an address; where its host is a token, as apprise masks it."""
    parts = urlsplit(service.url(privacy=True))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _keep_quiet() -> None:
    """Have nothing logged of addresses: what apprise warns of is told here, without them."""
    apprise = logging.getLogger("apprise")
    apprise.propagate = False
    apprise.setLevel(logging.WARNING)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)  # its details hold a webhook's path


def _asset() -> "AppriseAsset":
    """How apprise behaves: it keeps nothing on disk, and no message shows pictures from the Internet."""
    import apprise

    return apprise.AppriseAsset(
        app_id="ANNA", app_desc="ANNA", app_url="", image_url_mask="", image_url_logo="", image_path_mask=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY, pgp_autogen=False, pem_autogen=False, async_mode=False,
        service_timeout=SEND_SECONDS,
    )  # fmt: skip
