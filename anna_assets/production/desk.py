"""What is to be run for a task in production, as things stand: the difference between what there is and should be."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from anna_assets.layers.fresh_marts import stale_marts
from anna_assets.production.due import Look, domains_read, look_at
from anna_assets.production.image_asset import IMAGE_KEY
from anna_assets.production.monitoring_asset import CHECKS, MONITORING_KEY
from anna_assets.production.outcomes_asset import OUTCOMES_KEY
from anna_assets.production.scores_asset import CHALLENGER_KEY, SCORES_KEY
from anna_assets.refresh.unbuilt import months_under_way
from anna_core.domains import Domain
from anna_core.errors import in_words
from anna_core.samples.outcomes import last_change, list_outcomes
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

    def wanted(
        self, task: str, champion: str, challenger: Challenger | None, told: list[str], waits: list[str]
    ) -> Iterator[dg.RunRequest]:
        """What is to be run for a task, each with its name as tag; what is wanted first stands first.

        Args:
            task: its name.
            champion: tag of its champion.
            challenger: who scores along, if anybody does.
            told: takes a sentence of each thing that cannot be looked at: the others go on without it.
            waits: takes one of each thing that is due and waits for something else.
        """
        parts = [self._outcomes(task, champion, waits), self._image(task, champion)]
        parts.append(self._champions(task, champion, waits))
        if challenger is not None:
            parts.append(self._challengers(task, challenger.tag, waits))
        for part in parts:
            try:
                yield from part
            except Exception as error:  # noqa: BLE001  # whatever it is: scores do not wait for outcomes or an image
                told.append(f"{task}: {in_words(error)}")

    def _champions(self, task: str, champion: str, waits: list[str]) -> Iterator[dg.RunRequest]:
        """The months that the champion is to score, and those whose monitoring has not seen what there is."""
        stored = self.warehouse.production(task)
        scored, look = stored.all(), self._look(champion)
        due = look.due(scored, stored.latest_done(), champion)
        for at in due:
            yield from self._scores(look, task, champion, at, SCORES_KEY, waits)
        outcomes = self.warehouse.outcomes(task).facts().versions
        for at, done in scored.items():
            known = outcomes.get(done.as_of, "")
            along = self.warehouse.challenger(task).month(at).done_by_another_than(done.model)
            if at in self.kept and at not in due and self._is_news(task, at, done, known, along):
                # What there is to see is part of the name: what fails on it once may not on another.
                seen = _digest(f"{done.scored_at} {known} {along.scored_at if along else ''}")
                yield _request(f"monitoring {task} {at:%Y-%m} of {seen}", _pair(task, at), MONITORING_KEY)

    def _challengers(self, task: str, tag: str, waits: list[str]) -> Iterator[dg.RunRequest]:
        look = self._look(tag)
        for at in self._due_along(look, task, self.warehouse.production(task).all(), tag):
            yield from self._scores(look, task, tag, at, CHALLENGER_KEY, waits)

    def _look(self, tag: str) -> Look:
        read = domains_read(self.warehouse, tag, self.domains)
        return look_at(self.warehouse, self.settings, read, list(self.kept), self.now)

    def _outcomes(self, task: str, champion: str, waits: list[str]) -> Iterator[dg.RunRequest]:
        """Outcomes are read where a file is new, another, or gone, and all are at rest."""
        files, known = list_outcomes(self.warehouse.outcomes_inbox(task)), self.warehouse.outcomes(task).facts()
        if not files and not known.files:
            return
        if known.is_of(files, self.warehouse.candidate(champion).facts().task):
            return
        settle = self.settings.inbox_settle_seconds
        if moving := [name for name, state in files.items() if last_change(state, self.now) > self.now - settle]:
            names = ", ".join(moving)
            waits.append(f"Outcomes of {task}: {names} just changed; all are read once at rest for {settle:g} seconds.")
            return
        yield _request(f"outcomes of {task}, {_digest(f'{files} {champion}')}", task, OUTCOMES_KEY)

    def _image(self, task: str, champion: str) -> Iterator[dg.RunRequest]:
        """Where images are built here, a new champion gets one."""
        if self.settings.image.builder is Builder.NONE:
            return
        built = self.warehouse.image(task).facts()
        if built is None or built.tag != champion or not built.digest:
            yield _request(f"image of {champion}", task, IMAGE_KEY)

    def _due_along(self, look: Look, task: str, scored: Mapping[dt.date, Done], tag: str) -> list[dt.date]:
        """The months that the challenger is to score: the newest, and those that it scored on other histories."""
        along = {at: done for at, done in self.warehouse.challenger(task).all().items() if done.model == tag}
        newest = {max(scored)} - set(along) if scored else set()
        return sorted(at for at in newest | {at for at in along if look.is_late(at, along[at])} if at in self.kept)

    def _scores(
        self, look: Look, task: str, tag: str, at: dt.date, key: dg.AssetKey, waits: list[str]
    ) -> Iterator[dg.RunRequest]:
        """What is to be built for the scores of a month: its histories, once their marts are fresh; then the scores."""
        behind = {one.name: stale_marts(self.warehouse, one, history_months(one, at)) for one in look.domains}
        if any(behind.values()):  # the refresh is about to build them
            marts = ", ".join(f"mart/{name} {month:%Y-%m}" for name, months in behind.items() for month in months)
            waits.append(f"{task} {at:%Y-%m} waits for {marts}, which are behind their sources.")
            return
        found, month = look.made_of(at), at.isoformat()
        stale = [one.name for one in look.domains if self.warehouse.history(one, at).made_of() != found[one.name]]
        for name in stale:
            history = dg.AssetKey(["history", name])
            if months_under_way(self.instance, history, [month]):  # of one that exists, the automation asks, too
                waits.append(f"{task} {at:%Y-%m} waits for history/{name}, which is being built.")
            else:
                yield _request(f"history/{name} {at:%Y-%m}", month, history)
        if not stale:
            along = ", scoring along" if key == CHALLENGER_KEY else ""
            yield _request(f"{tag} {at:%Y-%m}{along}", _pair(task, at), key, MONITORING_KEY)

    def _is_news(self, task: str, at: dt.date, done: Done, known: str, along: Done | None) -> bool:
        """Whether the monitoring of a month has not seen its scores, outcomes and challenger as they are."""
        seen = self.warehouse.monitoring(task, at).read()
        if seen is None or (seen.scored_at, seen.outcomes) != (done.scored_at, known):
            return True
        return along is not None and (seen.along is None or seen.along.scored_at != along.scored_at)


def _pair(task: str, at: dt.date) -> str:
    return str(dg.MultiPartitionKey({"month": at.isoformat(), "task": task}))


def _request(name: str, partition: str, *keys: dg.AssetKey) -> dg.RunRequest:
    # Scores have one check, `in_time`, which the sensor tells by itself: a step for it would be a process more.
    checks = [dg.AssetCheckKey(MONITORING_KEY, one) for one in CHECKS] if SCORES_KEY in keys else None
    return dg.RunRequest(
        asset_selection=list(keys), asset_check_keys=checks, partition_key=partition, tags={PRODUCTION_TAG: name}
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
