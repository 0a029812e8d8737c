"""The net over all members, the domains' nets and the trees: the mean of their logits, and corrections of it.

    logits = base + bias + sum over present members of w_m (z_m - base) / count^sharing_m
                  + sum over present domains of C_d e_d + sum over absent members of a_m
                  + sum over present members of v_m (z_m - base)

z_m are a member's logits, e_d is a domain's standardised embedding, and count is the number of members present in a
row. The last sum is what members count for by themselves, beside the blend; it is chosen, not fitted (`choosing.py`).
All else begins where its prior lies: with the w that give the mean of all members' logits, and zeros otherwise; so few
rows cannot lead it far astray. If nothing is fitted, sharing is 1: the mean of the members that are present. If weights
are fitted, it is a half for members that read one domain: members that knew independent things would have to be added
up (0), members that knew the same would have to be averaged (1). Cross-validated loss of blends of nets on the
validation rows of the five cmb2020 tasks (seed 0) with sharing 1, 0.5 and 0: inactive 0.2550, 0.2498, 0.2412; car_owner
0.5059, 0.5051, 0.5038; age_band 1.2637, 1.2630, 1.2657; next_categories 0.3803, 0.3781, 0.3827; outflow 0.5562, 0.5554,
0.5889. A half is first or second everywhere. The trees of all domains read the whole row, so their weight does not
depend on who else is present (0). Compared with a half, the loss out of fold fell from 0.2788 to 0.2780 on churn and
from 0.2457 to 0.2423 on spend of the simulated bank 0, where many rows lack domains, and changed by -0.0006 to +0.0034
on the five cmb2020 tasks, where few do (splits 0 and 1).
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

_AVERAGED, _SHARED, _WHOLE = 1.0, 0.5, 0.0  # values of sharing, see above
_SMALLEST_STD = 1e-6
# Standardised units are clipped here, so that no single far-off embedding decides a score.
_LARGEST_DEVIATION = 5.0


def plain_sharing(members: Iterable[str]) -> dict[str, float]:
    """Each member's sharing if nothing is fitted: the net is the mean of the members present in a row."""
    return dict.fromkeys(members, _AVERAGED)


def fitted_sharing(members: Iterable[str]) -> dict[str, float]:
    """Each member's sharing if weights are fitted; see the module's docstring."""
    return {name: _WHOLE if name == TREES else _SHARED for name in members}


class MetaInputs(NamedTuple):
    """What the metamodel reads of n rows and D members.

    Attributes:
        evidence: (n, D, K) the members' logits minus the base rate's; zeros for absent members.
        embedding: (n, sum of widths) the standardised embeddings, side by side; zeros for absent members.
        present: (n, D) float32, 1 for members that are present in a row, else 0.
    """

    evidence: torch.Tensor
    embedding: torch.Tensor
    present: torch.Tensor

    def take(self, rows: torch.Tensor) -> "MetaInputs":
        """The inputs of the rows at some positions (u,)."""
        return MetaInputs(self.evidence[rows], self.embedding[rows], self.present[rows])


@dataclass(frozen=True)
class Penalty:
    """Precisions of the normal priors (ridge), in units of the summed loss; infinity leaves parameters as they begin.

    Attributes:
        blend: of the members' weights around those of the mean, and of the constants of absent members around 0.
        correction: of the embeddings' coefficients around 0.
    """

    blend: float
    correction: float


class MetaNet(nn.Module):
    """See the module's docstring. All but the standardisation is linear, so that training has a single optimum."""

    means: torch.Tensor
    deviations: torch.Tensor
    base: torch.Tensor
    by_itself: torch.Tensor

    def __init__(self, widths: dict[str, int], output: Output, sharing: Mapping[str, float] | None = None) -> None:
        """Make the net before any fit.

        Args:
            widths: member → width of its embedding, 0 for trees; in this order.
            output: meaning of the K logits.
            sharing: member → its sharing; None: that of `plain_sharing`.
        """
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
        """Set the means and deviations by which embeddings are standardised.

        Args:
            vectors: member → its vectors of n rows.
            rows: (u,) positions of the rows to take them from; a member counts only where it is present.
        """
        for name, part in self._parts().items():
            seen = vectors[name].embedding[rows][vectors[name].present[rows]].astype(np.float64)
            if len(seen):
                std = seen.std(axis=0)
                self.means[part] = torch.from_numpy(seen.mean(axis=0)).to(self.means)
                self.deviations[part] = torch.from_numpy(np.where(std > _SMALLEST_STD, std, 1.0)).to(self.means)

    def read(self, vectors: Mapping[str, DomainVectors], output: Output, rows: np.ndarray) -> MetaInputs:
        """Prepare the inputs of the rows at positions `rows` (u,) from the members' vectors of n rows."""
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
        """Give members a share by themselves, and the blend the rest.

        A member by itself gives the base rate to rows in which it is absent.

        Args:
            parts: member → its share; the sum is at most 1.
        """
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.mul_(max(0.0, 1 - sum(parts.values())))
            for place, name in enumerate(self.widths):
                self.by_itself[place] = parts.get(name, 0.0)

    def shares(self, inputs: MetaInputs, weight: np.ndarray) -> dict[str, float]:
        """How much each member contributes to the logits of n rows.

        A member's contribution is the weighted mean of the absolute values that it adds to the logits, including the
        correction by its embedding.

        Args:
            inputs: of the rows.
            weight: (n,) of the rows.

        Returns:
            Member → its share in the sum of all contributions.
        """
        with torch.no_grad():
            given = self._given(inputs)
            for place, part in enumerate(self._parts().values()):
                given[:, place] += inputs.embedding[:, part] @ self.correction[part]
        mean = (given.abs() * torch.from_numpy(weight).to(given)[:, None, None]).mean(dim=(0, 2))
        whole = float(mean.sum()) or 1.0
        return {name: float(part) / whole for name, part in zip(self.widths, mean, strict=True)}

    def cost(self, penalty: Penalty) -> torch.Tensor:
        """Half the penalised sum of squares, to be added to the summed loss; infinite precisions are left out."""
        cost = 0.5 * penalty.blend * ((self.weight - self.even_weight).square().sum() + self.absent.square().sum())
        if np.isfinite(penalty.correction):
            cost = cost + 0.5 * penalty.correction * self.correction.square().sum()
        return cost

    def trained(self, penalty: Penalty) -> list[nn.Parameter]:
        """The parameters that a penalty leaves free to be fitted."""
        free = [self.bias, self.weight, self.absent]
        return [*free, self.correction] if np.isfinite(penalty.correction) else free

    def _given(self, inputs: MetaInputs) -> torch.Tensor:
        """What each member's logits add to the rows' logits, (n, D, K)."""
        count = inputs.present.sum(dim=1, keepdim=True).clamp(min=1)
        return inputs.evidence * (self.weight / (count ** self._sharing())[:, :, None] + self.by_itself)

    def _sharing(self) -> torch.Tensor:
        return torch.tensor([self.sharing[name] for name in self.widths])

    def _parts(self) -> dict[str, slice]:
        """Member → the columns of its embedding in `MetaInputs.embedding`."""
        ends = np.cumsum(list(self.widths.values()))
        return {
            name: slice(int(end) - width, int(end))
            for (name, width), end in zip(self.widths.items(), ends, strict=True)
        }
