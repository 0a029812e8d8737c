"""Ports of this machine's loopback."""

import socket

from anna_core.errors import AnnaError

LOOPBACK = "127.0.0.1"


class PortError(AnnaError):
    """A port that ANNA needs is taken."""


def is_listening(port: int) -> bool:
    """Whether something accepts connections at a port."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((LOOPBACK, port)) == 0


def check_free(port: int, setting: str) -> None:
    """Make sure that a server can listen at a port.

    A connection is tried first: gRPC shares ports silently, so that binding alone proves nothing.

    Raises:
        PortError: naming the setting to change.
    """
    if is_listening(port) or not _can_bind(port):
        raise PortError(
            f"Port {port} is in use by another program: stop it, or set another {setting} in anna.yaml "
            f"(or ANNA_{setting.upper()})."
        )


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
