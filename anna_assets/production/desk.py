"""What is to be run for a task in production, as things stand: the difference between what there is and should be."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from anna_assets.layers.fresh_marts import stale_marts
from anna_assets.production.due import Look, domains_read, look_at
from anna_assets.production.image_asset import IMAGE_KEY
from anna_assets.production.monitoring_asset import MONITORING_KEY
from anna_assets.production.outcomes_asset import OUTCOMES_KEY
from anna_assets.production.scores_asset import CHALLENGER_KEY, SCORES_KEY
from anna_assets.refresh.unbuilt import months_under_way
from anna_core.domains import Domain
from anna_core.samples.outcomes import list_outcomes
from anna_core.sequences.touched_months import history_months
from anna_resources.artifacts.production import Done
from anna_resources.ledger.champions import Challenger
from anna_resources.names import PRODUCTION_TAG
from anna_resources.settings import Builder, Settings
from anna_resources.warehouse import Warehouse


@dataclass(frozen=True)
class Desk:
    """A look at the tasks of a deployment.

    Attributes:
        instance: knows which runs are under way.
        warehouse: holds what there is.
        settings: of the deployment.
        domains: name → domain, as they are now.
        kept: the deployment's months, in order.
        now: Unix time.
    """

    instance: dg.DagsterInstance
    warehouse: Warehouse
    settings: Settings
    domains: Mapping[str, Domain]
    kept: Sequence[dt.date]
    now: float

    def wanted(self, task: str, champion: str, challenger: Challenger | None) -> Iterator[dg.RunRequest]:
        """What is to be run for a task, each with its name as tag; what is wanted first stands first.

        Args:
            task: its name.
            champion: tag of its champion.
            challenger: who scores along, if anybody does.

        Raises:
            AnnaError: a domain is gone, or something that is needed cannot be read.
        """
        yield from self._outcomes(task, champion)
        yield from self._image(task, champion)
        stored = self.warehouse.production(task)
        scored, look = stored.all(), self._look(champion)
        due = look.due(scored, stored.latest_done(), champion)
        for at in due:
            yield from self._scores(look, task, champion, at, SCORES_KEY)
        if challenger is not None:
            look = self._look(challenger.tag)
            for at in self._due_along(look, task, scored, challenger.tag):
                yield from self._scores(look, task, challenger.tag, at, CHALLENGER_KEY)
        for at, done in scored.items():
            if at in self.kept and at not in due and self._is_news(task, at, done):
                name = f"monitoring {task} {at:%Y-%m} of {self._state(task, at, done)}"
                yield _request(name, _pair(task, at), MONITORING_KEY)

    def _look(self, tag: str) -> Look:
        read = domains_read(self.warehouse, tag, self.domains)
        return look_at(self.warehouse, self.settings, read, list(self.kept), self.now)

    def _outcomes(self, task: str, champion: str) -> Iterator[dg.RunRequest]:
        """Outcomes are read where a file is new, or another, and at rest."""
        files = list_outcomes(self.warehouse.outcomes_inbox(task))
        rest = self.now - self.settings.inbox_settle_seconds
        if not files or any(max(changed, modified) / 1e9 > rest for _, modified, changed in files.values()):
            return
        if not self.warehouse.outcomes(task).facts().is_of(files, self.warehouse.candidate(champion).facts().task):
            yield _request(f"outcomes of {task}, {_digest(f'{files} {champion}')}", task, OUTCOMES_KEY)

    def _image(self, task: str, champion: str) -> Iterator[dg.RunRequest]:
        """Where images are built here, a new champion gets one."""
        built = self.warehouse.image(task).facts()
        if self.settings.image.builder is not Builder.NONE and (built is None or built.tag != champion):
            yield _request(f"image of {champion}", task, IMAGE_KEY)

    def _due_along(self, look: Look, task: str, scored: Mapping[dt.date, Done], tag: str) -> list[dt.date]:
        """The months that the challenger is to score: the newest, and those that it scored on other histories."""
        along = {at: done for at, done in self.warehouse.challenger(task).all().items() if done.model == tag}
        newest = {max(scored)} - set(along) if scored else set()
        return sorted(at for at in newest | {at for at in along if look.is_late(at, along[at])} if at in self.kept)

    def _scores(self, look: Look, task: str, tag: str, at: dt.date, key: dg.AssetKey) -> Iterator[dg.RunRequest]:
        """What is to be built for the scores of a month: its histories, once their marts are fresh; then the scores."""
        if any(stale_marts(self.warehouse, domain, history_months(domain, at)) for domain in look.domains):
            return  # the refresh is about to build them
        found, month = look.made_of(at), at.isoformat()
        stale = [one.name for one in look.domains if self.warehouse.history(one, at).made_of() != found[one.name]]
        for name in stale:
            history = dg.AssetKey(["history", name])
            if not months_under_way(self.instance, history, [month]):  # of one that exists, the automation asks, too
                yield _request(f"history/{name} {at:%Y-%m}", month, history)
        if not stale:
            along = ", scoring along" if key == CHALLENGER_KEY else ""
            yield _request(f"{tag} {at:%Y-%m}{along}", _pair(task, at), key, MONITORING_KEY)

    def _is_news(self, task: str, at: dt.date, done: Done) -> bool:
        """Whether the monitoring of a month has not seen its scores, outcomes and challenger as they are."""
        seen = self.warehouse.monitoring(task, at).read()
        along = self.warehouse.challenger(task).month(at).done()
        known = self.warehouse.outcomes(task).facts().versions.get(done.as_of, "")
        if seen is None or (seen.scored_at, seen.outcomes) != (done.scored_at, known):
            return True
        return along is not None and (seen.along is None or seen.along.scored_at != along.scored_at)

    def _state(self, task: str, at: dt.date, done: Done) -> str:
        """What the monitoring of a month is to see, as a name: what fails on it once may not on another."""
        along = self.warehouse.challenger(task).month(at).done()
        known = self.warehouse.outcomes(task).facts().versions.get(done.as_of, "")
        return _digest(f"{done.scored_at} {known} {along.scored_at if along else ''}")


def _pair(task: str, at: dt.date) -> str:
    return str(dg.MultiPartitionKey({"month": at.isoformat(), "task": task}))


def _request(name: str, partition: str, *keys: dg.AssetKey) -> dg.RunRequest:
    return dg.RunRequest(asset_selection=list(keys), partition_key=partition, tags={PRODUCTION_TAG: name})


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
