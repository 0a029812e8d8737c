"""What the serving piece asks with: a launch on the retro piece's bank, as MLflow serves it, and requests to it."""

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from anna_core.domains import Domain
from anna_core.scoring import launch_model
from anna_core.scoring.launch_facts import LaunchFacts, write_facts
from anna_core.sources.source import MOST_LEFT_ASIDE
from anna_resources.tracking.registry import save_served
from benchmarks.speed.ours.retro_bank import ZONE, RetroBank

CLIENTS = 2_000  # of the bank
EVENTS = 512  # of the one client, in each domain; credit history keeps the latest 128
MANY = 1_000  # clients of a large request
AS_OF = dt.date(2025, 1, 1)


@dataclass(frozen=True)
class ServingBank:
    """A bank's folder, with a launch of it."""

    folder: Path

    @property
    def bank(self) -> RetroBank:
        """The bank."""
        return RetroBank(self.folder)

    @property
    def launch(self) -> Path:
        """The launch's folder, as `LaunchModel` reads it."""
        return self.folder / "launch"

    @property
    def served(self) -> Path:
        """The same as a model of MLflow's, the last thing that `prepare` makes."""
        return self.folder / "served"

    def prepare(self, threads: int) -> None:
        """Simulate the bank, and make the launch anew with the code as it is."""
        self.bank.prepare(CLIENTS, threads)
        for made in (self.launch, self.served):
            shutil.rmtree(made, ignore_errors=True)
        for name, domain in self.bank.domains.items():
            shutil.copytree(self.bank.model(domain), launch_model.net_folder(self.launch, name))
            shutil.copytree(self.folder / "dictionary" / name, launch_model.dictionary_folder(self.launch, name))
        for name in self.bank.boosters:
            shutil.copytree(self.bank.trees(name), launch_model.trees_folder(self.launch, name))
        shutil.copytree(self.bank.metamodel, launch_model.metamodel_folder(self.launch))
        domains = tuple(self.bank.domains.values())
        facts = LaunchFacts(
            tag="churn.bench", task=self.bank.sample().task, domains=domains, time_zone=ZONE, marts={}, code=""
        )
        write_facts(self.launch, facts)
        save_served(self.launch, self.served, MOST_LEFT_ASIDE)

    def one(self) -> list[dict[str, Any]]:
        """A client with `EVENTS` events in each domain, an object an event."""
        rng, asked = np.random.default_rng(0), {}
        for name, domain in self.bank.domains.items():
            chosen = self._events(domain).sample(EVENTS, with_replacement=True, seed=0)
            ages = np.sort(rng.uniform(2 * 86_400, 0.95 * domain.lookback.total_seconds(), EVENTS))[::-1].astype(int)
            midnight = dt.datetime.combine(AS_OF, dt.time())
            times = [midnight - dt.timedelta(days=6, seconds=int(age) // 2) for age in ages]
            keys = [f"e{number}" for number in range(EVENTS)]
            asked[name] = chosen.with_columns(
                pl.Series(domain.columns.event_time, times), pl.Series("event_id", keys)
            ).drop(domain.columns.client_id)
        client = {"client_id": "one", "as_of": str(AS_OF)}
        return [{**client, "events": {name: _plain(frame.to_dicts()) for name, frame in asked.items()}}]

    def many(self) -> list[dict[str, Any]]:
        """`MANY` of the bank's clients with all of their events in the windows, a list a column."""
        asked: dict[str, dict[str, Any]] = {}
        for name, domain in self.bank.domains.items():
            first = dt.datetime.combine(AS_OF, dt.time()) - domain.lookback
            events = self._events(domain).filter(pl.col(domain.columns.event_time) >= first)
            for (client,), own in events.partition_by("client_id", as_dict=True).items():
                asked.setdefault(str(client), {})[name] = _plain(own.drop("client_id").to_dict(as_series=False))
        chosen = sorted(asked)[:MANY]
        return [{"client_id": client, "as_of": str(AS_OF), "events": asked[client]} for client in chosen]

    def _events(self, domain: Domain) -> pl.DataFrame:
        files = sorted((self.folder / "warehouse" / domain.name).rglob("*.parquet"))
        return pl.concat([pl.read_parquet(file, columns=list(domain.source_columns)) for file in files])


def events_in(clients: list[dict[str, Any]]) -> int:
    """Number of events of a request."""
    given = [events for client in clients for events in client["events"].values()]
    return sum(len(next(iter(events.values()))) if isinstance(events, dict) else len(events) for events in given)


def _plain(content: Any) -> Any:
    return json.loads(json.dumps(content, default=str))
