"""Start-up: loading the definitions, and a launch with next to nothing to do (`benchmarks.speed.start_up`)."""

from benchmarks.speed.harness import Bench, ContestantFailedError
from benchmarks.speed.results import Row, compare


def measure(bench: Bench) -> list[Row]:
    """Rows of seconds."""
    from benchmarks.speed import start_up

    try:
        rows = start_up.measure(bench.rounds)
    except SystemExit as error:  # what it does when a launch fails
        raise ContestantFailedError(str(error)) from error
    return [
        compare(
            found["stage"],
            found["against"],
            found["seconds"],
            found["against_seconds"],
            at_least=1 / found["at_most"] if "at_most" in found else None,
            unit="s",
            less_is_better=True,
            note=f"Rounds: {', '.join(f'{seconds:.2f}' for seconds in found['all_seconds'])} s.",
        )
        for found in rows
    ]
