"""The sound bank that cases bend: 300 clients, 6,000 card events of six months."""

import datetime as dt
import io
from pathlib import Path

import numpy as np
import polars as pl

from anna_core.domains import Domain
from anna_core.sources.source import MOST_LEFT_ASIDE, Source

CLIENTS, EVENTS = 300, 6000
START, END = dt.datetime(2024, 1, 1), dt.datetime(2024, 7, 1)
MONTHS = [dt.date(2024, month, 1) for month in range(1, 7)]
CITIES = ("Москва", "São Paulo", "Псков", "Riga")
FIELDS = {"mcc": "categorical", "city": "categorical", "amount": "numeric", "is_online": "boolean"}
ZONE = "Europe/Moscow"


def events() -> pl.DataFrame:
    """Columns event_id, client_id, event_time, mcc, city, amount, is_online; as Parquet would store them."""
    random = np.random.default_rng(0)
    seconds = random.integers(0, int((END - START).total_seconds()), EVENTS)
    return pl.DataFrame(
        {
            "event_id": np.arange(EVENTS),
            "client_id": random.integers(1, CLIENTS + 1, EVENTS),
            "event_time": [START + dt.timedelta(seconds=int(second)) for second in np.sort(seconds)],
            "mcc": random.choice([5411, 6011, 5812, 4111], EVENTS),
            "city": [CITIES[place] for place in random.integers(0, len(CITIES), EVENTS)],
            "amount": random.lognormal(3, 1, EVENTS).round(2),
            "is_online": random.random(EVENTS) < 0.3,
        }
    )


def as_text(frame: pl.DataFrame) -> str:
    """The frame as a CSV file's text."""
    text = io.BytesIO()
    frame.write_csv(text, datetime_format="%Y-%m-%d %H:%M:%S")
    return text.getvalue().decode()


class CaseBank:
    """A bank's folder, and the domain `cards` of its one source.

    Args:
        home: the deployment's folder.
        settings: of the domain; its source's format and `copies` are among them.
    """

    def __init__(self, home: Path, settings: dict) -> None:
        self.home = home
        of_source = {name: value for name, value in settings.items() if name in ("format", "copies")}
        rest = {name: value for name, value in settings.items() if name not in of_source}
        source = {"path": "warehouse/cards"} | of_source
        domain = {"name": "cards", "source": source, "fields": FIELDS, "event_key": ["event_id"]} | rest
        self.domain = Domain.model_validate(domain)
        self.source = Source(self.domain, home, ZONE, settle=0.0, left_aside=MOST_LEFT_ASIDE)

    @property
    def folder(self) -> Path:
        """Where the source lies."""
        folder = self.home / "warehouse" / "cards"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def put(self, frame: pl.DataFrame, name: str = "all") -> Path:
        """Write a file in the domain's format."""
        if self.domain.source.format == "csv":
            return self.put_text(as_text(frame), f"{name}.csv")
        path = self.folder / f"{name}.parquet"
        frame.write_parquet(path)
        return path

    def put_text(self, text: str | bytes, name: str = "all.csv") -> Path:
        """Write a file's text."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def put_halves(self, old: pl.DataFrame, new: pl.DataFrame) -> None:
        """Write the first quarter and the second as files."""
        self.put(old.filter(pl.col("event_id") < EVENTS // 2), "2024Q1")
        self.put(new.filter(pl.col("event_id") >= EVENTS // 2), "2024Q2")
