"""What is said where ANNA is stopped while a command waits for it: nothing failed, and it goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

from anna_cli.graphql import ClientError, NotRunningError


class StoppedError(ClientError):
    """ANNA was stopped while a command waited for what it does."""

    exit_code = 75  # as sendmail's EX_TEMPFAIL: not a failure, to be looked at later


@contextmanager
def told_of_a_stop(what: str, look: str) -> Iterator[None]:
    """Tell what becomes of that which is waited for, where ANNA no longer answers; it did when the wait began.

    Args:
        what: what is waited for, as a clause: `the launch churn.q1`.
        look: how to see how far it is.

    Raises:
        StoppedError: ANNA no longer answers.
    """
    try:
        yield
    except NotRunningError as error:
        raise StoppedError(
            f"ANNA was stopped, so {what} is interrupted; it did not fail. After the next `anna up` it goes on by "
            f"itself, from what was finished: {look}"
        ) from error
