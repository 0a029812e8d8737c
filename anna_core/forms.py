"""The form of a stored file: a number that is written into it, and that a file of another version of ANNA lacks."""


def origin_of(found: object, form: int) -> str:
    """Which version of ANNA wrote a file, as part of a sentence.

    Args:
        found: the form that the file says it has; None where it says none.
        form: the form that this version reads, another one.
    """
    later = isinstance(found, int) and found > form
    return f"{'a later' if later else 'an earlier'} version of ANNA"
