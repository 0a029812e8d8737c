"""pytorch-lifestream, raw events → its records: read with pandas, then `PandasDataPreprocessor`.

It keeps the records in memory and writes nothing. Two faults of release 0.7.0 are gone around: its package
`ptls.preprocessing` imports a module that the wheel lacks, and its `dt_to_timestamp` fails on the frame that it is
given, so the time stamps are made seconds beforehand.
"""

import contextlib
import importlib.util
import os
import sys
import types
import warnings
from pathlib import Path

import pandas as pd

from benchmarks.speed.bank_events import CATEGORIES, MONTHS, NUMBERS, BankEvents
from benchmarks.speed.contest import Stopwatch, orders, report

WARM_UP_CLIENTS = 20


def main() -> None:
    """Read and preprocess all months at once; it has no way to go on with a dictionary month by month."""
    warnings.filterwarnings("ignore")
    given = orders(__doc__).parse_args()
    bank, watch = BankEvents(given.data), Stopwatch()
    with open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence):
        preprocess(pd.read_parquet(bank.file(MONTHS[0])).query(f"client_id < {WARM_UP_CLIENTS}"))
        with watch.running():
            events = pd.concat([pd.read_parquet(bank.file(month)) for month in MONTHS])
            preprocess(events)
    report(watch, len(events))


def preprocess(events: pd.DataFrame) -> list[dict]:
    """Its records of these events."""
    preprocessor = _without_package_init().PandasDataPreprocessor(
        col_id="client_id",
        col_event_time="event_time",
        event_time_transformation="none",
        cols_category=list(CATEGORIES),
        cols_numerical=list(NUMBERS),
        return_records=True,
    )
    seconds = events["event_time"].astype("datetime64[s]").astype("int64")
    return preprocessor.fit_transform(events.assign(event_time=seconds))


def _without_package_init() -> types.ModuleType:
    """The preprocessor's module, imported without its package's own imports."""
    if "ptls.preprocessing" not in sys.modules:
        found = importlib.util.find_spec("ptls")
        assert found is not None, "pytorch-lifestream is not installed here"
        assert found.origin is not None, "it is a package of files"
        package = types.ModuleType("ptls.preprocessing")
        package.__path__ = [str(Path(found.origin).parent / "preprocessing")]
        sys.modules["ptls.preprocessing"] = package
    return importlib.import_module("ptls.preprocessing.pandas.pandas_preprocessor")


if __name__ == "__main__":
    main()
