"""What is to be run for a task in production, as things stand: the difference between what there is and should be."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import dagster as dg

from anna_assets.layers.fresh_marts import history_key, stale_marts
from anna_assets.partitions import task_key
from anna_assets.past_runs import FAILED, UNDER_WAY, last_words
from anna_assets.pauses import pause_end
from anna_assets.production.due import Look, look_at, watched
from anna_assets.production.image_asset import IMAGE_KEY
from anna_assets.production.monitoring_asset import CHECKS, MONITORING_KEY
from anna_assets.production.outcomes_asset import OUTCOMES_KEY
from anna_assets.production.scores_asset import CHALLENGER_KEY, SCORES_KEY
from anna_assets.refresh.unbuilt import months_under_way
from anna_core.domains import Domain
from anna_core.errors import in_words
from anna_core.periods import Period
from anna_core.samples.outcomes import last_change, list_outcomes
from anna_core.sequences.touched_months import history_months
from anna_resources.artifacts.production import Done
from anna_resources.clock import told_moment
from anna_resources.ledger.roles import Challenger
from anna_resources.names import PRODUCTION_TAG
from anna_resources.production_settings import Builder
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

_AT_ONCE, _LATELY = 5, 6 * 3600.0  # so often within so many seconds the same is made again without a pause


@dataclass(frozen=True)
class Agenda:
    """What is to be run at a look, and what there is to say of what is not.

    Attributes:
        instance: knows which runs are under way.
        warehouse: holds what there is.
        settings: of the deployment.
        domains: name → domain, as they are now.
        periods: the deployment's, in order.
        now: Unix time.
        told: takes a sentence of each thing that cannot be looked at, or that failed: the others go on without it.
        waits: takes one of each thing that is due and waits for something else.
    """

    instance: dg.DagsterInstance
    warehouse: Warehouse
    settings: Settings
    domains: Mapping[str, Domain]
    periods: list[Period]
    now: float
    told: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)

    def wanted(self, task: str, champion: str, challenger: Challenger | None) -> Iterator[dg.RunRequest]:
        """What is to be run for a task, each with its name as tag; what is wanted first stands first.

        Args:
            task: its name.
            champion: tag of its champion.
            challenger: who scores along, if anybody does.
        """
        parts = [self._outcomes(task, champion), self._image(task, champion)]
        parts.append(self._champions(task, champion))
        if challenger is not None:
            parts.append(self._challengers(task, challenger.tag))
        for part in parts:
            try:
                yield from part
            except Exception as error:  # noqa: BLE001  # whatever it is: scores do not wait for outcomes or an image
                self.told.append(f"{task}: {in_words(error)}")

    def may_begin(self, name: str) -> bool:
        """Whether no run of this name is under way, was canceled or failed a while ago, or comes time and again."""
        runs = self.instance.get_run_records(dg.RunsFilter(tags={PRODUCTION_TAG: name}), limit=20)
        if any(record.dagster_run.status in UNDER_WAY for record in runs):
            self.waits.append(f"{name} is under way.")
            return False
        failed = list(takewhile(lambda record: record.dagster_run.status in FAILED, runs))
        if not failed:
            return not self._comes_time_and_again(name, runs)
        again = pause_end(len(failed), _end(failed[0]), self.now)
        if again:
            words = last_words(self.instance, failed[0].dagster_run.run_id)
            self.told.append(f"{name} failed, and is tried again at {told_moment(again)}: {words}")
        return not again

    def _is_under_way(self, name: str) -> bool:
        """Whether a run of this name is."""
        named = dg.RunsFilter(tags={PRODUCTION_TAG: name}, statuses=UNDER_WAY)
        return bool(self.instance.get_run_records(named, limit=1))

    def _has_failed(self, request: dg.RunRequest) -> bool:
        """Whether the last run of what is asked for failed."""
        runs = self.instance.get_run_records(
            dg.RunsFilter(tags={PRODUCTION_TAG: request.tags[PRODUCTION_TAG]}), limit=1
        )
        return any(record.dagster_run.status in FAILED for record in runs)

    def _comes_time_and_again(self, name: str, runs: Sequence[dg.RunRecord]) -> bool:
        """Whether what came to its end is wanted again at once, time after time, as where its end changes nothing.

        Late events and another champion may have the same made again, and soon: the first times wait for nothing.
        """
        done = takewhile(lambda record: record.dagster_run.status not in FAILED, runs)
        ends = [_end(record) for record in takewhile(lambda record: self.now - _end(record) < _LATELY, done)]
        again = pause_end(len(ends) - _AT_ONCE, ends[0], self.now) if len(ends) > _AT_ONCE else 0.0
        if again:
            self.told.append(
                f"{name} came to its end {len(ends)} times within hours, and is wanted once more, at "
                f"{told_moment(again)}: either its source changes without end, or what it makes is not what is looked "
                "for; that is a fault."
            )
        return bool(again)

    def _champions(self, task: str, champion: str) -> Iterator[dg.RunRequest]:
        """The periods that the champion is to score, and those whose monitoring has not seen what there is."""
        stored = self.warehouse.production(task)
        scored, look = stored.readable(self.told), self._look(champion)
        there, before = set(self.periods), None
        due = look.due(scored, stored.latest_done())
        for at in due:
            requests = list(self._scores(look, task, at, SCORES_KEY))
            for request in requests:
                # What lies before the last that is scored is past: of several that are new, one after another is.
                if before is None or at in scored or SCORES_KEY not in (request.asset_selection or ()):
                    yield request
                else:
                    self.waits.append(f"{task} {at} waits for {before}, which is scored before it.")
            if at not in scored and not any(self._has_failed(request) for request in requests):
                before = before or at
        outcomes = self.warehouse.outcomes(task).facts().versions
        for at, done in scored.items():
            known = outcomes.get(done.as_of, "")
            along = self.warehouse.challenger(task).of(at).done_by_another_than(done.model)
            if at not in there or at in due or self._is_under_way(_scoring(done.model, at)):
                continue  # what scores it looks at it, too
            if self._is_news(task, at, done, known, along):
                # What there is to see is part of the name: what fails on it once may not on another.
                seen = _digest(f"{done.scored_at} {known} {along.scored_at if along else ''}")
                yield _request(f"monitoring {task} {at} of {seen}", task_key(task, at), MONITORING_KEY)

    def _challengers(self, task: str, tag: str) -> Iterator[dg.RunRequest]:
        look = self._look(tag)
        for at in self._due_along(look, task):
            yield from self._scores(look, task, at, CHALLENGER_KEY)

    def _look(self, tag: str) -> Look:
        return look_at(self.warehouse, self.settings, tag, self.domains, self.periods)

    def _outcomes(self, task: str, champion: str) -> Iterator[dg.RunRequest]:
        """Outcomes are read where a file is new, another, or gone, and all are at rest."""
        files, known = list_outcomes(self.warehouse.outcomes_inbox(task)), self.warehouse.outcomes(task).facts()
        if not files and not known.files:
            return
        if known.is_of(files, self.warehouse.candidate(champion).facts().task):
            return
        settle = self.settings.inbox_settle_seconds
        if moving := [name for name, state in files.items() if last_change(state, self.now) > self.now - settle]:
            told = f"{', '.join(moving)} just changed; all are read once at rest for {settle:g} seconds."
            self.waits.append(f"Outcomes of {task}: {told}")
            return
        yield _request(f"outcomes of {task}, {_digest(f'{files} {champion}')}", task, OUTCOMES_KEY)

    def _image(self, task: str, champion: str) -> Iterator[dg.RunRequest]:
        """Where images are built here, a new champion gets one."""
        if self.settings.image.builder is Builder.NONE:
            return
        built = self.warehouse.image(task).facts()
        if built is None or built.tag != champion or not built.digest:
            yield _request(f"image of {champion}", task, IMAGE_KEY)

    def _due_along(self, look: Look, task: str) -> list[Period]:
        """The periods that the challenger is to score: the newest, and those that it scored on other histories."""
        scored, along = self.warehouse.production(task).readable(), self.warehouse.challenger(task).readable()
        along = {at: done for at, done in along.items() if done.model == look.tag}
        newest = {max(scored)} - set(along) if scored else set()
        late = {at for at in watched(scored) if at in along and look.is_late(at, along[at])}  # as of the champion's
        return sorted(at for at in newest | late if at in self.periods)

    def _scores(self, look: Look, task: str, at: Period, key: dg.AssetKey) -> Iterator[dg.RunRequest]:
        """What is to be built for a period's scores: its histories, once their marts are fresh; then the scores."""
        behind = {one.name: stale_marts(self.warehouse, one, history_months(one, at.as_of)) for one in look.domains}
        if any(behind.values()):  # the refresh is about to build them
            marts = ", ".join(f"mart/{name} {month:%Y-%m}" for name, months in behind.items() for month in months)
            self.waits.append(f"{task} {at} waits for {marts}, which are behind their sources.")
            return
        found = look.made_of(at)
        stale = [one.name for one in look.domains if self.warehouse.history(one, at).made_of() != found[one.name]]
        for name in stale:
            history = history_key(self.domains[name], at.cadence)
            if months_under_way(self.instance, history, [at.key]):  # of one that exists, the automation asks, too
                self.waits.append(f"{task} {at} waits for {history.to_user_string()}, which is being built.")
            else:
                yield _request(f"{history.to_user_string()} {at}", at.key, history)
        if not stale:
            along = ", scoring along" if key == CHALLENGER_KEY else ""
            yield _request(f"{_scoring(look.tag, at)}{along}", task_key(task, at), key, MONITORING_KEY)

    def _is_news(self, task: str, at: Period, done: Done, known: str, along: Done | None) -> bool:
        """Whether the monitoring of a period has not seen its scores, outcomes and challenger as they are."""
        seen = self.warehouse.monitoring(task, at).seen()
        if seen is None or (seen.scored_at, seen.outcomes) != (done.scored_at, known):
            return True
        return along is not None and seen.along != along.scored_at


def _request(name: str, partition: str, *keys: dg.AssetKey) -> dg.RunRequest:
    # Scores have one check, `in_time`, which the sensor tells by itself: a step for it would be a process more.
    checks = [dg.AssetCheckKey(MONITORING_KEY, one) for one in CHECKS] if SCORES_KEY in keys else None
    return dg.RunRequest(
        asset_selection=list(keys), asset_check_keys=checks, partition_key=partition, tags={PRODUCTION_TAG: name}
    )


def _scoring(tag: str, at: Period) -> str:
    """Name of the run in which a launch scores a period."""
    return f"{tag} {at}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _end(record: dg.RunRecord) -> float:
    return record.end_time or record.update_timestamp.timestamp()
