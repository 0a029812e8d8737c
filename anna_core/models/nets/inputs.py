"""Turns an event's codes, numbers and time into the vector that the encoder reads."""

from collections.abc import Iterable

import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from anna_core.aggregates.ranks import AggregateStats
from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.code_embedding import CodeEmbedding
from anna_core.models.nets.numbers import number_encoding
from anna_core.models.nets.time_features import Granularity, calendar, calendar_width, log_age, log_gap
from anna_core.tasks.net import NetSpec

# Standardised numbers are clipped here, so that a single absurd amount at scoring cannot blow up a state.
LARGEST_DEVIATION = 8.0


class Spread(BaseModel):
    """Mean and standard deviation of something over the training rows."""

    model_config = ConfigDict(frozen=True)

    mean: float
    std: float

    def standardise(self, values: torch.Tensor) -> torch.Tensor:
        """Distance from the mean in standard deviations, clipped at `LARGEST_DEVIATION`; same shape."""
        return ((values - self.mean) / self.std).clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION)


class NumberStats(BaseModel):
    """One numeric field: spread and quantiles of its signed logarithm, and which indicators it needs (those that vary).

    Attributes:
        spread: spread of the signed logarithm.
        has_missing: whether some values are missing.
        has_zero: whether some, but not all, are 0.
        quantiles: distinct quantiles of the standardised signed logarithm, at evenly spaced shares from 0 to 1.
    """

    model_config = ConfigDict(frozen=True)

    spread: Spread
    has_missing: bool
    has_zero: bool
    quantiles: tuple[float, ...] = ()


class InputStats(BaseModel):
    """What the inputs learned from the events of the training rows, and nothing else.

    Attributes:
        cardinalities: coded field → number of codes known when the net was made, including 0.
        frequent: coded field with more codes than vectors → the codes with a vector of their own (`vocabulary.py`).
        numbers: numeric field → its statistics.
        granularity: the finest step of the time stamps.
        gap: spread of `log_gap` over events.
        age: spread of `log_age` over events.
        length: spread over rows of log(1 + number of events).
        last_age: spread over rows of the last event's `log_age`.
        aggregates: statistics of the aggregates that the head reads; empty if it reads none.
    """

    model_config = ConfigDict(frozen=True)

    cardinalities: dict[str, int]
    frequent: dict[str, tuple[int, ...]] = {}
    numbers: dict[str, NumberStats]
    granularity: Granularity
    gap: Spread
    age: Spread
    length: Spread
    last_age: Spread
    aggregates: AggregateStats = AggregateStats()


def signed_log(values: torch.Tensor) -> torch.Tensor:
    """sign(x) log(1 + |x|): amounts are heavy-tailed on both sides of zero."""
    return torch.sign(values) * torch.log1p(values.abs())


class EventInputs(nn.Module):
    """Turns the events of a packed batch into (N, width) floats."""

    def __init__(self, stats: InputStats, spec: NetSpec) -> None:
        super().__init__()
        self.stats = stats
        embeddings = {
            _module_name(name): CodeEmbedding(
                cardinality, stats.frequent.get(name, ()), spec.vocabulary, spec.code_width
            )
            for name, cardinality in stats.cardinalities.items()
        }
        encodings = {
            _module_name(name): number_encoding(spec.numbers, number.quantiles)
            for name, number in stats.numbers.items()
        }
        added = {name: module for name, module in encodings.items() if module is not None}
        self.embeddings, self.encodings = nn.ModuleDict(embeddings), nn.ModuleDict(added)
        coded = sum(embedding.embedding_dim for embedding in embeddings.values())
        encoded = sum(module.width for module in added.values())
        numeric = sum(1 + number.has_missing + number.has_zero for number in stats.numbers.values())
        self.width = coded + encoded + numeric + 2 + calendar_width(stats.granularity)

    def forward(self, batch: PackedBatch) -> torch.Tensor:
        """The inputs of the batch's events, (N, width) float32."""
        parts = [self.embeddings[_module_name(name)](batch.codes[name]) for name in self.stats.cardinalities]
        columns: list[torch.Tensor] = []
        for name in self.stats.numbers:
            value, *indicators = self._number(name, batch.numbers[name])
            columns.extend([value, *indicators])
            if _module_name(name) in self.encodings:
                parts.append(self.encodings[_module_name(name)](value))
        columns.append(self.stats.gap.standardise(log_gap(batch)))
        columns.append(self.stats.age.standardise(log_age(batch)))
        parts.append(torch.stack(columns, dim=-1))
        parts.append(calendar(batch, self.stats.granularity))
        return torch.cat(parts, dim=-1)

    def _number(self, name: str, values: torch.Tensor) -> Iterable[torch.Tensor]:
        """The standardised logarithm (N,), 0 where missing, followed by the field's indicators."""
        number = self.stats.numbers[name]
        missing = ~torch.isfinite(values)
        yield torch.where(missing, 0.0, number.spread.standardise(signed_log(torch.where(missing, 0.0, values))))
        if number.has_missing:
            yield missing.to(torch.float32)
        if number.has_zero:
            yield (values == 0).to(torch.float32)


def _module_name(field: str) -> str:
    """A field's name as the name of a module: torch allows no dots, nor a module's own attributes (`keys`, `type`)."""
    return "field_" + field.replace(".", "__dot__")
