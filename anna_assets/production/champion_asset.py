"""The champion of a task: who scores. Each press is a run of the job `promote`, and a commit in the ledger."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from anna_assets.partitions import TASK
from anna_assets.production.judging import domains_there, judge
from anna_assets.steps import step_asset
from anna_assets.train import AssetJob
from anna_core.analytics.gates import DOMAINS_THERE, QUESTIONS, Gate
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_resources.ledger.champions import Ask, Champion, Champions, Turn
from anna_resources.ledger.ledger import Ledger
from anna_resources.names import PROMOTE_JOB
from anna_resources.settings import Approval, Settings, load_settings
from anna_resources.warehouse import Warehouse
from anna_resources.who import person, same_person

CHAMPION_KEY = dg.AssetKey("champion")


class PressError(AnnaError):
    """A press cannot be done."""


class Button(Enum):
    """What is pressed."""

    PROMOTE = "promote"
    APPROVE = "approve"
    DECLINE = "decline"
    ROLLBACK = "rollback"


class Press(dg.Config):
    """A press; the Launchpad shows these descriptions."""

    press: Button = Field(
        default=Button.PROMOTE,
        description="PROMOTE makes a launch the champion or, where two persons are needed, asks for that. APPROVE and "
        "DECLINE answer what another person asked for. ROLLBACK goes back to the champion before.",
    )
    who: str = Field(default="", description="Your name, which stays on record. Needed.")
    why: str = Field(default="", description="Why, in a sentence, which stays on record. Needed.")
    tag: str = Field(
        default="",
        description="PROMOTE: the launch, as its tag in the ledger says, such as churn.2024q1; the task's newest where "
        "empty. APPROVE and DECLINE: what you think is asked for; not looked at where empty.",
    )
    override: dict[str, str] = Field(
        default={},
        description="Gate that does not pass → why it may be passed over, which stays on record. "
        f"There are: {', '.join(QUESTIONS)}. Example: {{not_worse: the champion knew the rows of 2023}}.",
    )


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
        "Jobs → promote → Launchpad.",
        check_specs=[
            dg.AssetCheckSpec(name, asset=CHAMPION_KEY, blocking=True, partitions_def=TASK, description=question)
            for name, question in QUESTIONS.items()
        ],
    )
    def champion(context: dg.AssetExecutionContext, config: Press, warehouse: Warehouse) -> Iterator[Any]:
        task, settings = context.partition_key, load_settings()
        champions, ledger = Champions.of(settings), Ledger.of(settings)
        who, why = person(config.who), config.why.strip()
        if not why:
            raise PressError("`why` is missing: say in a sentence why you press, which stays on record.")
        now, request = champions.current(task), champions.request(task)
        run = context.run.root_run_id or context.run_id
        if now is not None and now.run == run:  # this run was killed after it had made it so
            yield from _results(_recorded(now), now.overridden)
            yield _made(now)
            return
        if config.press in (Button.APPROVE, Button.DECLINE):
            request = _open_request(task, request, config.tag, settings, champions.newest_launch(task))
        if config.press is Button.APPROVE and request is not None and same_person(who, request.asked_by):
            raise PressError(f"{who} asked for {request.tag}; somebody else must approve it.")
        if config.press is Button.DECLINE and request is not None:
            champions.decline(task, request, who, why)
            context.log.info(f"{who} declines {request.tag}, which {request.asked_by} asked for.")
            yield from _results(_recorded(request), request.overridden)
            yield dg.AssetObservation(
                CHAMPION_KEY, partition=task, metadata=_told(request, "declined by") | {"by": who}
            )
            return
        ask = _asked(config, who, why, task, now, request, champions.newest_launch(task))
        if not warehouse.candidate(ask.tag).exists():
            raise PressError(_no_candidate(ask.tag))
        facts = warehouse.candidate(ask.tag).facts()
        then: Ask | None = None
        if ask.turn is Turn.PROMOTED:
            found = judge(warehouse, ledger, domains, ask.tag, ask.instead_of)
        else:  # what was found of it then still holds, but for what may have changed around it
            then = next(past for past in champions.past(task) if past.tag == ask.tag)
            found = [gate for gate in _recorded(then) if gate.name != DOMAINS_THERE]
            found.append(domains_there(facts, domains))
        given = request if config.press is Button.APPROVE else then
        wanted = {**(given.overridden if given else {}), **config.override}
        overridden = _overridden(wanted, found)
        ask = ask.model_copy(update={"gates": {gate.name: gate.told for gate in found}, "overridden": overridden})
        yield from _results(found, overridden)
        if failed := [gate for gate in found if not gate.passed and gate.name not in overridden]:
            raise PressError(
                f"{ask.tag} is not promoted, as it does not pass {', '.join(gate.name for gate in failed)}. "
                f"{' '.join(gate.told for gate in failed)} If it may score all the same, say why under `override`."
            )
        two = Approval.FOUR_EYES in (settings.approval, facts.task.approval)
        if two and config.press is not Button.APPROVE:
            champions.ask(ask)
            context.log.info(f"{who} asks for {ask.tag}; another person approves by PRESS: APPROVE.")
            yield dg.AssetObservation(CHAMPION_KEY, partition=task, metadata=_told(ask, "asked for"))
            return
        approval = (who, why) if config.press is Button.APPROVE else ("", "")
        yield _made(champions.make(ask, run, *approval))

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


def _made(champion: Champion) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        asset_key=CHAMPION_KEY,
        data_version=dg.DataVersion(f"{champion.tag} since {champion.since.isoformat()}"),
        metadata=_told(champion, champion.turn.value)
        | {"approved by": champion.approved_by, "goes back to": champion.before},
    )


def _form() -> dict[str, Any]:
    """What the Launchpad begins with: nobody's name, so that no press is anybody's by mistake."""
    return {**Press().model_dump(), "press": Button.PROMOTE.name}


def _asked(config: Press, who: str, why: str, task: str, now: Champion | None, request: Ask | None, newest: str) -> Ask:
    """What a press asks for, before its gates are known."""
    champion = now.tag if now else ""
    if config.press is Button.APPROVE and request is not None:
        if request.instead_of != champion:
            raise PressError(
                f"{request.tag} was to follow {request.instead_of or 'nobody'}, but {champion or 'nobody'} is champion "
                "now: let it be asked for again."
            )
        return request
    turn, tag = Turn.PROMOTED, config.tag.strip() or newest
    if config.press is Button.ROLLBACK:
        if now is None or not now.before:
            raise PressError(f"{champion or task} has no champion before it: there is nothing to go back to.")
        turn, tag = Turn.ROLLED_BACK, now.before
    if not tag:
        raise PressError(f"{task} has no launch to promote: submit a sample first.")
    if tag.partition(".")[0] != task:
        raise PressError(f"{tag} is no launch of {task}: choose the partition {tag.partition('.')[0]}, or another tag.")
    if tag == champion:
        raise PressError(f"{tag} is champion already.")
    asked_at = dt.datetime.now(tz=dt.UTC).replace(microsecond=0)
    return Ask(
        tag=tag, turn=turn, asked_by=who, asked_at=asked_at, why=why, gates={}, overridden={}, instead_of=champion,
        newest=newest,
    )  # fmt: skip


def _open_request(task: str, request: Ask | None, tag: str, settings: Settings, newest: str) -> Ask:
    """The open request of a task.

    Raises:
        PressError: there is none, it is of another launch, or it has ended.
    """
    if request is None:
        raise PressError(f"Nothing is asked for {task}: somebody presses PROMOTE first.")
    if tag.strip() not in ("", request.tag):
        raise PressError(f"{request.tag} is asked for, not {tag.strip()}: look again.")
    if request.newest != newest:
        raise PressError(f"The request for {request.tag} has ended, as {newest} was launched since: ask again.")
    last = request.asked_at + dt.timedelta(days=settings.request_days)
    if dt.datetime.now(tz=dt.UTC) > last:
        raise PressError(f"The request for {request.tag} has ended on {last:%Y-%m-%d}: ask again.")
    return request


def _overridden(wanted: Mapping[str, str], found: list[Gate]) -> dict[str, str]:
    """The gates that did not pass and are passed over, with the reasons."""
    if unknown := sorted(set(wanted) - set(QUESTIONS)):
        raise PressError(f"There is no gate {', '.join(unknown)}; there are: {', '.join(QUESTIONS)}.")
    if empty := sorted(name for name, reason in wanted.items() if not reason.strip()):
        raise PressError(f"To pass over {', '.join(empty)} takes a reason, which stays on record.")
    return {gate.name: wanted[gate.name].strip() for gate in found if not gate.passed and gate.name in wanted}


def _no_candidate(tag: str) -> str:
    return f"{tag} is no launch whose models are kept: see `anna champions`, or whether its launch has come to its end."


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
