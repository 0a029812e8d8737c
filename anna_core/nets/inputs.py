"""From an event's codes, numbers and time to the vector that the encoder reads."""

import math
from collections.abc import Iterable

import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from anna_core.nets.batch import PackedBatch
from anna_core.nets.time_features import Granularity, calendar, calendar_width, log_age, log_gap

# Width of an entity embedding: fastai's `emb_sz_rule`, 1.6 * cardinality^0.56, found on tabular contests. Its cap of
# 600 is for vocabularies; the widest banking codes (merchants, MCC) gain nothing beyond 32 at our sample sizes.
_WIDTH_FACTOR, _WIDTH_POWER, WIDEST_EMBEDDING = 1.6, 0.56, 32
# Share of codes replaced by 0 while training: code 0 hardly occurs in a mart, and its vector must be trained before a
# category that appeared later falls on it. 1% leaves the signal as it is.
UNKNOWN_SHARE = 0.01
# Standardised numbers are cut here, so that one absurd amount at scoring cannot blow up a state.
LARGEST_DEVIATION = 8.0


class Spread(BaseModel):
    """Mean and standard deviation of something over the training rows."""

    model_config = ConfigDict(frozen=True)

    mean: float
    std: float

    def standardise(self, values: torch.Tensor) -> torch.Tensor:
        """Distance from the mean in standard deviations, cut at `LARGEST_DEVIATION`; the shape stays."""
        return ((values - self.mean) / self.std).clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION)


class NumberStats(BaseModel):
    """One numeric field: the spread of its signed logarithm, and which indicators it needs (those that vary)."""

    model_config = ConfigDict(frozen=True)

    spread: Spread
    has_missing: bool
    has_zero: bool


class InputStats(BaseModel):
    """What the inputs learned from the events of the training rows, and nothing else.

    Attributes:
        cardinalities: coded field → number of codes known when the net was made, 0 included.
        numbers: numeric field → its statistics.
        granularity: the finest step of the time stamps.
        gap: spread of `log_gap` over events.
        age: spread of `log_age` over events.
        length: spread over rows of log(1 + number of events).
        last_age: spread over rows of the last event's `log_age`.
    """

    model_config = ConfigDict(frozen=True)

    cardinalities: dict[str, int]
    numbers: dict[str, NumberStats]
    granularity: Granularity
    gap: Spread
    age: Spread
    length: Spread
    last_age: Spread


def embedding_width(cardinality: int) -> int:
    """Width of the vectors of a field with so many codes."""
    return min(WIDEST_EMBEDDING, math.ceil(_WIDTH_FACTOR * cardinality**_WIDTH_POWER))


def signed_log(values: torch.Tensor) -> torch.Tensor:
    """sign(x) log(1 + |x|): amounts are heavy-tailed on both sides of zero."""
    return torch.sign(values) * torch.log1p(values.abs())


class EventInputs(nn.Module):
    """Turns the events of a packed batch into (N, width) floats."""

    def __init__(self, stats: InputStats) -> None:
        super().__init__()
        self.stats = stats
        self.embeddings = nn.ModuleDict(
            {
                _module_name(name): nn.Embedding(max(1, cardinality), embedding_width(max(1, cardinality)))
                for name, cardinality in stats.cardinalities.items()
            }
        )
        coded = sum(embedding.embedding_dim for embedding in self._embeddings())
        numeric = sum(1 + number.has_missing + number.has_zero for number in stats.numbers.values())
        self.width = coded + numeric + 2 + calendar_width(stats.granularity)
        for embedding in self._embeddings():
            # About the size of a standardised number, spread over the vector's units.
            nn.init.normal_(embedding.weight, std=0.5)

    def forward(self, batch: PackedBatch) -> torch.Tensor:
        """Returns (N, width) float32."""
        parts = [self._embed(name, batch.codes[name]) for name in self.stats.cardinalities]
        columns = [column for name in self.stats.numbers for column in self._number(name, batch.numbers[name])]
        columns.append(self.stats.gap.standardise(log_gap(batch)))
        columns.append(self.stats.age.standardise(log_age(batch)))
        columns.extend(calendar(batch, self.stats.granularity))
        parts.append(torch.stack(columns, dim=-1))
        return torch.cat(parts, dim=-1)

    def _embed(self, name: str, codes: torch.Tensor) -> torch.Tensor:
        embedding = self.embeddings[_module_name(name)]
        known = codes.to(torch.int64)
        # A code given after training has no vector of its own: it is unknown to this net.
        known = torch.where(known < self.stats.cardinalities[name], known, 0)
        if self.training:
            known = torch.where(torch.rand(known.shape, device=known.device) < UNKNOWN_SHARE, 0, known)
        return embedding(known)

    def _number(self, name: str, values: torch.Tensor) -> Iterable[torch.Tensor]:
        number = self.stats.numbers[name]
        missing = ~torch.isfinite(values)
        yield torch.where(missing, 0.0, number.spread.standardise(signed_log(torch.where(missing, 0.0, values))))
        if number.has_missing:
            yield missing.to(torch.float32)
        if number.has_zero:
            yield (values == 0).to(torch.float32)

    def _embeddings(self) -> list[nn.Embedding]:
        return [module for module in self.embeddings.values() if isinstance(module, nn.Embedding)]


def _module_name(field: str) -> str:
    """A field's name as a module's: torch allows no dots there, nor a module's own names (`keys`, `type`)."""
    return "field_" + field.replace(".", "__dot__")
