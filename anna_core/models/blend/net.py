"""The net over all members, which are the domains' nets and the trees: the mean of their logits, and what goes beyond.

    logits = base + bias + sum over present members of w_m (z_m - base) / count^sharing_m
                  + sum over present domains of C_d e_d + sum over absent members of a_m
                  + sum over present members of v_m (z_m - base)

z_m are a member's logits, e_d a domain's standardised embedding, count the number of members present in a row. The
last sum is what members count for by themselves, beside the blend; it is chosen, not fitted (`choosing.py`). The rest
begins, and so is its prior, with the w that make it the mean of all members' logits and all else 0, so on few rows it
is never silly. Where nothing is fitted, sharing is 1, the mean of the members that are present. Where it is fitted, it
is a half for members that read one domain: such that told independent things would add up (0), such that told the same
would be averaged (1). Cross-validated loss of blends of nets on the validation rows of the five cmb2020 tasks (seed 0)
with sharing 1, 0.5 and 0: inactive 0.2550, 0.2498, 0.2412; car_owner 0.5059, 0.5051, 0.5038; age_band 1.2637, 1.2630,
1.2657; next_categories 0.3803, 0.3781, 0.3827; outflow 0.5562, 0.5554, 0.5889. A half is first or second everywhere.
The trees of all domains read the whole row: what they say counts the same whoever else has a say (0). Against a half,
the loss out of fold fell from 0.2788 to 0.2780 on churn and from 0.2457 to 0.2423 on spend of the simulated bank 0,
where many rows lack domains, and moved by -0.0006 to +0.0034 on the five cmb2020 tasks, where few do (splits 0 and 1).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from anna_core.keys import TREES
from anna_core.models.outputs import Output
from anna_core.models.vectors import DomainVectors

_AVERAGED, _SHARED, _WHOLE = 1.0, 0.5, 0.0  # see the module's text
_SMALLEST_STD = 1e-6
# A standardised unit is cut here: one far-off embedding must not decide a score.
_LARGEST_DEVIATION = 5.0


def plain_sharing(members: Iterable[str]) -> dict[str, float]:
    """Sharing of each member where nothing is fitted: the mean of those that are present in a row."""
    return dict.fromkeys(members, _AVERAGED)


def fitted_sharing(members: Iterable[str]) -> dict[str, float]:
    """Sharing of each member where weights are fitted; see the module's text."""
    return {name: _WHOLE if name == TREES else _SHARED for name in members}


class MetaInputs(NamedTuple):
    """What the metamodel reads of n rows and D members.

    Attributes:
        evidence: (n, D, K) logits less the base rate's; zeros where absent.
        embedding: (n, sum of widths) standardised embeddings beside each other; zeros where absent.
        present: (n, D) 0 or 1.
    """

    evidence: torch.Tensor
    embedding: torch.Tensor
    present: torch.Tensor

    def take(self, rows: torch.Tensor) -> "MetaInputs":
        """The same for some rows, by position."""
        return MetaInputs(self.evidence[rows], self.embedding[rows], self.present[rows])


@dataclass(frozen=True)
class Penalty:
    """Precisions of the normal priors (ridge), in units of the summed loss; infinity keeps a part where it begins.

    Attributes:
        blend: of members' weights around those of the mean, and of absent members' constants around 0.
        correction: of the embeddings' coefficients around 0.
    """

    blend: float
    correction: float


class MetaNet(nn.Module):
    """See the module's text. Everything but the standardisation is linear, so its training has one optimum."""

    means: torch.Tensor
    deviations: torch.Tensor
    base: torch.Tensor
    by_itself: torch.Tensor

    def __init__(self, widths: dict[str, int], output: Output, sharing: Mapping[str, float] | None = None) -> None:
        """Make it over members of these embedding widths; without `sharing` it is the mean of those present."""
        super().__init__()
        self.widths = widths
        self.sharing = plain_sharing(widths) if sharing is None else dict(sharing)
        total, count, outputs = sum(widths.values()), len(widths), output.outputs
        self.register_buffer("means", torch.zeros(total))
        self.register_buffer("deviations", torch.ones(total))
        self.register_buffer("base", torch.tensor(output.base_logits))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.even_weight = (count ** (self._sharing() - 1))[:, None]
        self.weight = nn.Parameter(self.even_weight.repeat(1, outputs))
        self.absent = nn.Parameter(torch.zeros(count, outputs))
        self.correction = nn.Parameter(torch.zeros(total, outputs))
        self.register_buffer("by_itself", torch.zeros(count, 1))

    def standardise_on(self, vectors: Mapping[str, DomainVectors], rows: np.ndarray) -> None:
        """Take means and deviations of the embeddings from those of `rows` that are present."""
        for name, part in self._parts().items():
            seen = vectors[name].embedding[rows][vectors[name].present[rows]].astype(np.float64)
            if len(seen):
                std = seen.std(axis=0)
                self.means[part] = torch.from_numpy(seen.mean(axis=0)).to(self.means)
                self.deviations[part] = torch.from_numpy(np.where(std > _SMALLEST_STD, std, 1.0)).to(self.means)

    def read(self, vectors: Mapping[str, DomainVectors], output: Output, rows: np.ndarray) -> MetaInputs:
        """Prepare the inputs of some rows."""
        taken = [vectors[name].take(rows) for name in self.widths]
        present = torch.from_numpy(np.stack([domain.present for domain in taken], axis=1)).to(self.base)
        logits = np.stack([output.logits(domain.scores) for domain in taken], axis=1)
        evidence = (torch.from_numpy(logits).to(self.base) - self.base) * present[:, :, None]
        embedding = torch.from_numpy(np.concatenate([domain.embedding for domain in taken], axis=1)).to(self.base)
        embedding = ((embedding - self.means) / self.deviations).clamp(-_LARGEST_DEVIATION, _LARGEST_DEVIATION)
        mask = present.repeat_interleave(torch.tensor(list(self.widths.values())), dim=1)
        return MetaInputs(evidence, embedding * mask, present)

    def forward(self, inputs: MetaInputs) -> torch.Tensor:
        """Logits (n, K)."""
        blend = self._given(inputs).sum(dim=1)
        absent = (1 - inputs.present) @ self.absent
        return self.base + self.bias + blend + absent + inputs.embedding @ self.correction

    def take_alone(self, parts: Mapping[str, float]) -> None:
        """Let members count for some part by themselves, and the blend for the rest.

        By itself, a member gives the base rate to rows that it has nothing on.

        Args:
            parts: member → its part; 1 at most in all.
        """
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.mul_(max(0.0, 1 - sum(parts.values())))
            for place, name in enumerate(self.widths):
                self.by_itself[place] = parts.get(name, 0.0)

    def shares(self, inputs: MetaInputs, weight: np.ndarray) -> dict[str, float]:
        """How much each member gives to the logits of rows of some weight (n,): its part of their mean absolute shares.

        What a domain's embedding corrects counts as given by its nets.
        """
        with torch.no_grad():
            given = self._given(inputs)
            for place, part in enumerate(self._parts().values()):
                given[:, place] += inputs.embedding[:, part] @ self.correction[part]
        mean = (given.abs() * torch.from_numpy(weight).to(given)[:, None, None]).mean(dim=(0, 2))
        whole = float(mean.sum()) or 1.0
        return {name: float(part) / whole for name, part in zip(self.widths, mean, strict=True)}

    def cost(self, penalty: Penalty) -> torch.Tensor:
        """Half the penalised sum of squares, to be added to the summed loss; infinite parts must not be trained."""
        cost = 0.5 * penalty.blend * ((self.weight - self.even_weight).square().sum() + self.absent.square().sum())
        if np.isfinite(penalty.correction):
            cost = cost + 0.5 * penalty.correction * self.correction.square().sum()
        return cost

    def trained(self, penalty: Penalty) -> list[nn.Parameter]:
        """The parameters that a penalty leaves free."""
        free = [self.bias, self.weight, self.absent]
        return [*free, self.correction] if np.isfinite(penalty.correction) else free

    def _given(self, inputs: MetaInputs) -> torch.Tensor:
        """What each member's logits add to the row's, (n, D, K)."""
        count = inputs.present.sum(dim=1, keepdim=True).clamp(min=1)
        return inputs.evidence * (self.weight / (count ** self._sharing())[:, :, None] + self.by_itself)

    def _sharing(self) -> torch.Tensor:
        return torch.tensor([self.sharing[name] for name in self.widths])

    def _parts(self) -> dict[str, slice]:
        """Where each member's embedding lies among all of them."""
        ends = np.cumsum(list(self.widths.values()))
        return {
            name: slice(int(end) - width, int(end))
            for (name, width), end in zip(self.widths.items(), ends, strict=True)
        }
