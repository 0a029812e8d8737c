"""The champion of a task: who scores. Each press is a run of the job `promote`, and a commit in the ledger."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg

from anna_assets.partitions import TASK
from anna_assets.production.judging import domains_there, judge
from anna_assets.production.press import (
    Button,
    Press,
    PressError,
    asked,
    check_tag,
    no_candidate,
    open_request,
    passed_over,
    signed,
)
from anna_assets.steps import step_asset
from anna_assets.train import AssetJob
from anna_core.analytics.gates import DOMAINS_THERE, QUESTIONS, Gate
from anna_core.domains import Domain
from anna_resources.ledger.champions import Ask, Challenger, Champion, Champions, Turn
from anna_resources.ledger.ledger import Ledger
from anna_resources.names import PROMOTE_JOB, RETRY_TAG
from anna_resources.settings import Approval, load_settings
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse
from anna_resources.who import same_person

CHAMPION_KEY = dg.AssetKey("champion")


def champion_asset(domains: list[Domain]) -> dg.AssetsDefinition:
    """The asset `champion`, partitioned by task; the gates are its checks."""

    @step_asset(
        key=CHAMPION_KEY,
        partitions_def=TASK,
        output_required=False,
        pool="scoring",
        group_name="production",
        kinds={"git"},
        description="Who scores in production. Promote a launch, approve, or go back by the job `promote`: "
        "Jobs → promote → the arrow beside Materialize → Open launchpad.",
        check_specs=[
            dg.AssetCheckSpec(name, asset=CHAMPION_KEY, blocking=True, partitions_def=TASK, description=question)
            for name, question in QUESTIONS.items()
        ],
    )
    def champion(
        context: dg.AssetExecutionContext, config: Press, warehouse: Warehouse, tracking: Tracking
    ) -> Iterator[Any]:
        task, settings = context.partition_key, load_settings()
        champions, ledger = Champions.of(settings), Ledger.of(settings)
        who, why = signed(config)
        now, request = champions.current(task), champions.request(task)
        run = _first_run(context)
        if (commits := champions.commit_of(task, run)) is not None:  # this run was killed after its commit
            context.log.info("This press is on record already: an earlier attempt was cut off after that.")
            if now is not None and now == champions.champion_at(task, commits[0]) and now.run == run:
                _tell_registry(context, tracking, now)
            yield from _on_record(champions, task, *commits, now, config)
            return
        if config.press in (Button.CHALLENGE, Button.STAND_DOWN):
            yield from _challenge(champions, warehouse, domains, task, now, config, run)
            return
        if config.press in (Button.APPROVE, Button.DECLINE):
            request = open_request(task, request, config.tag, settings, champions.newest_launch(task))
        if config.press is Button.APPROVE and request is not None and same_person(who, request.asked_by):
            raise PressError(f"{who} asked for {request.tag}; somebody else must approve it.")
        if config.press is Button.DECLINE and request is not None:
            champions.decline(task, request, who, why, run)
            context.log.info(f"{who} declines {request.tag}, which {request.asked_by} asked for.")
            yield from _declined(task, request, who)
            return
        ask = asked(config, who, why, task, now, request, champions.newest_launch(task))
        if not (kept := warehouse.candidate(ask.tag)).exists():
            raise PressError(no_candidate(ask.tag, kept.why_removed()))
        facts = kept.facts()
        then: Ask | None = None
        if ask.turn is Turn.PROMOTED:
            found = judge(warehouse, ledger, domains, ask.tag, ask.instead_of)
        else:  # what was found of it then still holds, but for what may have changed around it
            then = next(past for past in champions.past(task) if past.tag == ask.tag)
            found = [gate for gate in _recorded(then) if gate.name != DOMAINS_THERE]
            found.append(domains_there(facts, domains))
        given = request if config.press is Button.APPROVE else then
        wanted = {**(given.overridden if given else {}), **config.override}
        overridden = passed_over(wanted, found)
        ask = ask.model_copy(update={"gates": {gate.name: gate.told for gate in found}, "overridden": overridden})
        yield from _results(found, overridden)
        if failed := [gate for gate in found if not gate.passed and gate.name not in overridden]:
            raise PressError(
                f"{ask.tag} is not promoted, as it does not pass {', '.join(gate.name for gate in failed)}. "
                f"{' '.join(gate.told for gate in failed)} If it may score all the same, say why under `override`."
            )
        two = Approval.FOUR_EYES in (settings.approval, facts.task.approval)
        if two and config.press is not Button.APPROVE:
            champions.ask(ask, run)
            context.log.info(f"{who} asks for {ask.tag}; another person approves by PRESS: APPROVE.")
            yield dg.AssetObservation(CHAMPION_KEY, partition=task, metadata=_told(ask, "asked for"))
            return
        approval = (who, why) if config.press is Button.APPROVE else ("", "")
        made = champions.make(ask, run, *approval)
        _tell_registry(context, tracking, made)
        yield _made(made)

    return champion


def promote_job() -> AssetJob:
    """The job `promote`: its Launchpad is the form of a press."""
    return dg.define_asset_job(
        PROMOTE_JOB,
        selection=dg.AssetSelection.assets(CHAMPION_KEY),
        description="Makes a launch the champion of its task, which scores in production; approves, declines, or goes "
        "back. Choose the task as partition.",
        config={"ops": {CHAMPION_KEY.to_python_identifier(): {"config": _form()}}},
    )


def _first_run(context: dg.AssetExecutionContext) -> str:
    """Id of the run that this one retries, or its own; who executes a press again in the UI presses again."""
    run, parent = context.run, context.run.parent_run_id
    while parent and (earlier := context.instance.get_run_by_id(parent)) is not None:
        if earlier.tags.get(RETRY_TAG) != run.run_id:
            break
        run, parent = earlier, earlier.parent_run_id
    return run.run_id


def _tell_registry(context: dg.AssetExecutionContext, tracking: Tracking, champion: Champion) -> None:
    """Have MLflow's alias `champion` follow the ledger; where MLflow is not well, the sensor `outbox` sees to it."""
    if problem := tracking.point_champion(context.partition_key, champion.tag):
        context.log.warning(
            f"{champion.tag} is champion, but MLflow's registry does not say so yet: {problem}. The sensor `outbox` "
            "comes back to it."
        )


def _on_record(
    champions: Champions, task: str, commit: str, before: str | None, now: Champion | None, config: Press
) -> Iterator[Any]:
    """What a press came to that is on record as a commit; `now` is the champion by now."""
    champion, ask = champions.champion_at(task, commit), champions.request_at(task, commit)
    who, why = signed(config)
    match config.press:
        case Button.DECLINE if (declined := champions.request_at(task, before)) is not None:
            yield from _declined(task, declined, who)
        case Button.CHALLENGE if now and (along := champions.challenger_at(task, commit)) is not None:
            yield from _along(task, now, _told_along(along, "scores along", who, why))
        case Button.STAND_DOWN if now and (along := champions.challenger_at(task, before)) is not None:
            yield from _along(task, now, _told_along(along, "scores along no more", who, why))
        case _ if champion is not None and champion == now and champion != champions.champion_at(task, before):
            yield from _results(_recorded(champion), champion.overridden)
            yield _made(champion)
        case _ if ask is not None:
            yield from _results(_recorded(ask), ask.overridden)
            yield dg.AssetObservation(CHAMPION_KEY, partition=task, metadata=_told(ask, "asked for"))
        case _ if now is not None:  # another press came since: its champion stays, and so do its gates
            yield from _results(_recorded(now), now.overridden)
            yield dg.AssetObservation(CHAMPION_KEY, partition=task, metadata=_told(now, "champion by a later press"))


def _declined(task: str, request: Ask, who: str) -> Iterator[Any]:
    yield from _results(_recorded(request), request.overridden)
    yield dg.AssetObservation(CHAMPION_KEY, partition=task, metadata=_told(request, "declined by") | {"by": who})


def _along(task: str, now: Champion, told: dict[str, Any]) -> Iterator[Any]:
    """Who scores along is told beside the champion, whose gates stay as they were found."""
    yield from _results(_recorded(now), now.overridden)
    yield dg.AssetObservation(CHAMPION_KEY, partition=task, metadata=told)


def _made(champion: Champion) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        asset_key=CHAMPION_KEY,
        data_version=dg.DataVersion(f"{champion.tag} since {champion.since.isoformat()}"),
        metadata=_told(champion, champion.turn.value)
        | {"approved by": champion.approved_by, "goes back to": champion.before},
    )


def _challenge(
    champions: Champions,
    warehouse: Warehouse,
    domains: list[Domain],
    task: str,
    now: Champion | None,
    config: Press,
    run: str,
) -> Iterator[Any]:
    """Let a launch score along, or end that; the gates stay as they were found of the champion."""
    if now is None:
        raise PressError(f"{task} has no champion to challenge: promote a launch first.")
    who, why = signed(config)
    if config.press is Button.STAND_DOWN:
        told, what = champions.stand_down(task, who, why, run), "scores along no more"
    else:
        tag = config.tag.strip() or champions.newest_launch(task)
        check_tag(tag, task, now.tag)
        if not (kept := warehouse.candidate(tag)).exists():
            raise PressError(no_candidate(tag, kept.why_removed()))
        facts, champions_task = kept.facts(), warehouse.candidate(now.tag).facts().task
        if facts.task.score_names != champions_task.score_names or facts.task.type is not champions_task.type:
            raise PressError(f"{tag} cannot score along, as it predicts something else than {now.tag}: promote it.")
        if not (gate := domains_there(facts, domains)).passed:
            raise PressError(f"{tag} cannot score along: {gate.told}")
        told, what = champions.challenge(task, tag, who, why, run), "scores along"
    yield from _along(task, now, _told_along(told, what, who, why))


def _told_along(challenger: Challenger, what: str, who: str, why: str) -> dict[str, Any]:
    return {"what": what, "ledger": challenger.tag, "by": who, "why": why}


def _form() -> dict[str, Any]:
    """What the Launchpad begins with: nobody's name, so that no press is anybody's by mistake."""
    return {**Press().model_dump(), "press": Button.PROMOTE.name}


def _recorded(ask: Ask) -> list[Gate]:
    """The gates as they were found when a press was put on record."""
    return [Gate(name, name not in ask.overridden, told) for name, told in ask.gates.items()]


def _results(gates: Iterable[Gate], overridden: Mapping[str, str]) -> Iterator[dg.AssetCheckResult]:
    return (_result(gate, overridden) for gate in gates)


def _result(gate: Gate, overridden: Mapping[str, str]) -> dg.AssetCheckResult:
    over = overridden.get(gate.name)
    told = gate.told if over is None else f"{gate.told} Passed over: {over}"
    return dg.AssetCheckResult(
        check_name=gate.name,
        asset_key=CHAMPION_KEY,
        passed=gate.passed,
        severity=dg.AssetCheckSeverity.ERROR if over is None else dg.AssetCheckSeverity.WARN,
        description=told,
    )


def _told(ask: Ask, what: str) -> dict[str, Any]:
    over = dg.MetadataValue.json(ask.overridden)
    return {"what": what, "ledger": ask.tag, "asked by": ask.asked_by, "why": ask.why, "passed over": over}
