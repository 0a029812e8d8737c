"""Scores clients by their raw events, given in memory: what a served model and an image answer by.

The events go through the same door, dictionary, order, windows and models as those of marts, histories and production's
scores, so both give the same scores.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from anna_core.columns.clients import client
from anna_core.marts.dictionary import read_dictionary
from anna_core.models.scores_file import score_frame
from anna_core.scoring.client_events import AS_OF, CLIENT_ID, ClientEvents, RequestError, gather, read_records
from anna_core.scoring.event_sequences import EventReader, EventsRead
from anna_core.scoring.given_columns import UnfitValueError, given_column
from anna_core.scoring.launch_model import LaunchModel, dictionary_folder
from anna_core.scoring.published import EVENTS, MODEL
from anna_core.sequences.ragged import Sequences
from anna_core.sources.source import MOST_LEFT_ASIDE

LEFT_ASIDE = "left_aside"


@dataclass(frozen=True)
class Answer:
    """Scores of n clients.

    Attributes:
        scores: client_id (text), as_of, each score, `model` (the launch's tag), `events_<domain>` (how many of the
            domain's events the score rests on) and `left_aside` (how often an event, or a value of one, could not be
            used); a row a client, in their order.
        reasons: domain → why something was left aside → how often.
        repeated: domain → number of events that were dropped as another delivery of them is kept.
    """

    scores: pl.DataFrame
    reasons: Mapping[str, Mapping[str, int]]
    repeated: Mapping[str, int]


@dataclass(frozen=True)
class EventScorer:
    """A launch's models, ready to score raw events.

    Attributes:
        model: the launch.
        readers: domain → what reads its events.
        threads: number of CPU threads.
    """

    model: LaunchModel
    readers: Mapping[str, EventReader]
    threads: int

    @classmethod
    def load(cls, folder: Path, threads: int | None = None, left_aside: float = MOST_LEFT_ASIDE) -> "EventScorer":
        """Read the folder of a launch, as of `LaunchModel`.

        Args:
            folder: the launch's.
            threads: number of CPU threads; None: as many as torch takes (OMP_NUM_THREADS, or one a core).
            left_aside: the share of a domain's events, 0 to 1, that may be left aside; above it a request is refused.

        Raises:
            ArtifactError: it is no launch, or is damaged.
        """
        model = LaunchModel.load(folder)
        readers = {}
        for name in model.nets:
            domain = model.facts.domain(name)
            dictionary = read_dictionary(domain, dictionary_folder(folder, name))
            readers[name] = EventReader(domain, dictionary, model.facts.time_zone, left_aside)
        return cls(model, readers, threads or torch.get_num_threads())

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains that it reads."""
        return tuple(self.readers)

    def answer(self, records: Iterable[Mapping[str, Any]], as_of: object = None) -> Answer:
        """Score clients of plain records; arguments and errors as of `read_records` and `score`."""
        return self.score(read_records(records, self.domains, as_of))

    def score(self, clients: Sequence[ClientEvents]) -> Answer:
        """Score clients, each as of its own day; one without a visible event gets the score of a row without any.

        Raises:
            RequestError: see `client_events`.
            SourceError: see `EventReader.read`.
        """
        ids = _client_ids(clients)
        dates = pl.Series(AS_OF, [one.as_of for one in clients], dtype=pl.Date)
        names, facts = self.model.facts.task.score_names, self.model.facts
        if not clients:
            scores, read = np.zeros((0, len(names)), dtype=np.float32), {}
        else:
            read = {name: self.read(name, clients, ids, dates) for name in self.domains}
            scores = self.model.predict({name: part.sequences for name, part in read.items()}, self.threads)
        frame = score_frame(ids, dates, scores, names, self.model.version).drop("model_version")
        none = np.zeros(len(clients), dtype=np.int64)
        seen = {f"{EVENTS}{name}": read[name].sequences.length if read else none for name in self.domains}
        left = sum((part.left for part in read.values()), none)
        frame = frame.with_columns(
            pl.lit(facts.tag).alias(MODEL),
            *(pl.Series(name, length, dtype=pl.Int64) for name, length in seen.items()),
            pl.Series(LEFT_ASIDE, left, dtype=pl.Int64),
        )
        reasons = {name: part.reasons for name, part in read.items() if part.reasons}
        return Answer(frame, reasons, {name: part.repeated for name, part in read.items()})

    def sequences(self, clients: Sequence[ClientEvents]) -> dict[str, Sequences]:
        """Domain → what the clients see in it; errors as of `score`."""
        ids, dates = _client_ids(clients), pl.Series(AS_OF, [one.as_of for one in clients], dtype=pl.Date)
        return {name: self.read(name, clients, ids, dates).sequences for name in self.domains}

    def read(self, name: str, clients: Sequence[ClientEvents], ids: pl.Series, dates: pl.Series) -> EventsRead:
        """What clients see in a domain; `ids` and `dates` are theirs, (n,)."""
        reader, client_id = self.readers[name], ids.to_arrow(compat_level=pl.CompatLevel.oldest())
        return reader.read(gather(reader.domain, clients), client_id, dates.to_numpy().astype("datetime64[D]"))


def _client_ids(clients: Sequence[ClientEvents]) -> pl.Series:
    """The clients' ids as the typed door gives them."""
    try:
        given = given_column(CLIENT_ID, [one.client_id for one in clients])
    except UnfitValueError as error:
        raise RequestError(f"record {error.place + 1}: {CLIENT_ID} {error.told}.") from error
    if given.dtype == pl.Float64:  # a frame's gap, or JSON's 17.0, made floats of whole numbers
        whole = given.cast(pl.Int64, strict=False)
        given = whole if (whole == given).all() else given.cast(pl.String)
    if given.dtype not in (pl.Int64, pl.String, pl.Null):
        raise RequestError(f"{CLIENT_ID} is {given.dtype}, but clients are text or whole numbers.")
    ids = given.to_frame().select(client(CLIENT_ID, given.dtype).usable.alias(CLIENT_ID)).to_series()
    if ids.has_nulls():
        place = int(ids.is_null().arg_true()[0])
        raise RequestError(
            f"record {place + 1}: {CLIENT_ID} is {clients[place].client_id!r}, which is no client: write ids as text "
            "or whole numbers."
        )
    return ids.cast(pl.String)
