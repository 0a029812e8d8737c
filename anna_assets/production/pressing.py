"""Doing a press: who scores, scores along or is asked for from now on, by the gates and what is on record."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

import dagster as dg

from anna_assets.production.judging import domains_there, judge
from anna_assets.production.press_form import Button, PressError, PressForm, passed_over
from anna_core.analytics.gates import DOMAINS_THERE, Gate
from anna_core.domains import Domain
from anna_core.keys import task_of
from anna_resources.artifacts.candidate import CandidateFolder
from anna_resources.clock import this_second
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.ledger import Ledger
from anna_resources.ledger.roles import Ask, Challenger, Champion, Turn
from anna_resources.settings import Approval, Settings
from anna_resources.warehouse import Warehouse
from anna_resources.who import same_person


@dataclass(frozen=True)
class Came:
    """What a press came to.

    Attributes:
        made: the champion, where who scores is another now.
        gates: what was found.
        overridden: the gates that are passed over, with the reasons.
        facts: for the asset's page.
        told: a sentence for the run's log; empty where there is nothing to add.
    """

    made: Champion | None
    gates: list[Gate]
    overridden: Mapping[str, str]
    facts: dict[str, Any]
    told: str = ""


class GatesError(PressError):
    """A launch does not pass gates that are not passed over.

    Attributes:
        gates: what was found of it.
        overridden: the gates that are passed over, with the reasons.
    """

    def __init__(self, tag: str, gates: list[Gate], overridden: Mapping[str, str]) -> None:
        failed = [gate for gate in gates if not gate.passed and gate.name not in overridden]
        super().__init__(
            f"{tag} is not promoted, as it does not pass {', '.join(gate.name for gate in failed)}. "
            f"{' '.join(gate.told for gate in failed)} If it may score all the same, say why under `override`."
        )
        self.gates, self.overridden = gates, overridden


@dataclass(frozen=True)
class Pressing:
    """A press that somebody does.

    Attributes:
        task: whose champion it is about.
        form: what was filled in.
        who: the person, as claimed.
        why: in the person's words.
        run: id of the first of the Dagster runs that do it.
        settings: of the deployment.
        warehouse: its warehouse.
        domains: as they are now.
    """

    task: str
    form: PressForm
    who: str
    why: str
    run: str
    settings: Settings
    warehouse: Warehouse
    domains: list[Domain]

    def do(self) -> Came:
        """Do it, unless an earlier run has, that was killed after its commit.

        Raises:
            PressError: it cannot be done.
            LedgerError: the ledger cannot be read or written, or somebody was faster.
        """
        now = self._champions.current(self.task)
        if (commits := self._champions.commit_of(self.task, self.run)) is not None:
            came = self._on_record(*commits, now)
            return replace(came, told="This press is on record already: an earlier attempt was cut off after that.")
        match self.form.press:
            case Button.PROMOTE | Button.APPROVE | Button.ROLLBACK:
                return self._promote(now)
            case Button.DECLINE:
                return self._decline()
            case Button.CHALLENGE | Button.STAND_DOWN:
                return self._challenge(now)
            case other:
                assert_never(other)

    @property
    def _champions(self) -> Champions:
        return Champions.of(self.settings)

    def _on_record(self, commit: str, before: str | None, now: Champion | None) -> Came:
        """What this press came to, which is on record as a commit; `now` is the champion by now."""
        champions, task = self._champions, self.task
        champion, ask = champions.read(Champion, task, commit), champions.read(Ask, task, commit)
        match self.form.press:
            case Button.DECLINE if (declined := champions.read(Ask, task, before)) is not None:
                return self._declined(declined)
            case Button.CHALLENGE if now and (along := champions.read(Challenger, task, commit)) is not None:
                return self._along(now, along)
            case Button.STAND_DOWN if now and (along := champions.read(Challenger, task, before)) is not None:
                return self._along(now, along)
        if champion is not None and champion == now and champion != champions.read(Champion, task, before):
            return _made(champion)
        if ask is not None:
            return Came(None, recorded(ask), ask.overridden, _facts(ask, "asked for"))
        if now is not None:  # another press came since: its champion stays, and so do its gates
            return Came(None, recorded(now), now.overridden, _facts(now, "champion by a later press"))
        raise PressError(f"What this press made of {task} is undone: look at it, and press again.")

    def _promote(self, now: Champion | None) -> Came:
        """Make a launch the champion, or ask for that."""
        request = self._open_request() if self.form.press is Button.APPROVE else None
        if request is not None and same_person(self.who, request.asked_by):
            raise PressError(f"{self.who} asked for {request.tag}; somebody else must approve it.")
        ask = self._asked(now, request)
        facts = self._kept(ask.tag).facts()
        then: Ask | None = None
        if ask.turn is Turn.PROMOTED:
            gates = judge(self.warehouse, Ledger.of(self.settings), self.domains, ask.tag, ask.instead_of)
        else:  # what was found of it then still holds, but for what may have changed around it
            then = next(past for past in self._champions.past(self.task) if past.tag == ask.tag)
            gates = [gate for gate in recorded(then) if gate.name != DOMAINS_THERE]
            gates.append(domains_there(facts, self.domains))
        given = request or then
        overridden = passed_over({**(given.overridden if given else {}), **self.form.override}, gates)
        if any(not gate.passed and gate.name not in overridden for gate in gates):
            raise GatesError(ask.tag, gates, overridden)
        ask = ask.model_copy(update={"gates": {gate.name: gate.told for gate in gates}, "overridden": overridden})
        if Approval.FOUR_EYES in (self.settings.approval, facts.task.approval) and request is None:
            self._champions.ask(ask, self.run)
            told = f"{self.who} asks for {ask.tag}; another person approves by PRESS: APPROVE."
            return Came(None, gates, overridden, _facts(ask, "asked for"), told)
        approval = (self.who, self.why) if request is not None else ("", "")
        return _made(self._champions.make(ask, self.run, *approval))

    def _decline(self) -> Came:
        request = self._open_request()
        self._champions.decline(self.task, request, self.who, self.why, self.run)
        told = f"{self.who} declines {request.tag}, which {request.asked_by} asked for."
        return replace(self._declined(request), told=told)

    def _declined(self, request: Ask) -> Came:
        facts = _facts(request, "declined by") | {"by": self.who}
        return Came(None, recorded(request), request.overridden, facts)

    def _challenge(self, now: Champion | None) -> Came:
        """Let a launch score along, or end that."""
        if now is None:
            raise PressError(f"{self.task} has no champion to challenge: promote a launch first.")
        if self.form.press is Button.STAND_DOWN:
            return self._along(now, self._champions.stand_down(self.task, self.who, self.why, self.run))
        return self._along(now, self._new_challenger(now))

    def _along(self, now: Champion, along: Challenger) -> Came:
        """Who scores along, or no more, is told beside the champion, whose gates stay as they were found."""
        what = "scores along no more" if self.form.press is Button.STAND_DOWN else "scores along"
        facts = {"what": what, "ledger": along.tag, "by": self.who, "why": self.why}
        return Came(None, recorded(now), now.overridden, facts)

    def _new_challenger(self, now: Champion) -> Challenger:
        tag = self.form.tag.strip() or self._champions.newest_launch(self.task)
        self._check_tag(tag, now)
        facts, theirs = self._kept(tag).facts(), self._kept(now.tag).facts().task
        if facts.task.score_names != theirs.score_names or facts.task.type is not theirs.type:
            raise PressError(f"{tag} cannot score along, as it predicts something else than {now.tag}: promote it.")
        if not (gate := domains_there(facts, self.domains)).passed:
            raise PressError(f"{tag} cannot score along: {gate.told}")
        return self._champions.challenge(self.task, tag, self.who, self.why, self.run)

    def _asked(self, now: Champion | None, request: Ask | None) -> Ask:
        """What is asked for, before its gates are known: by the request that is approved, or by this press."""
        champion = now.tag if now else ""
        if request is not None:
            if request.instead_of != champion:
                raise PressError(
                    f"{request.tag} was to follow {request.instead_of or 'nobody'}, but {champion or 'nobody'} is "
                    "champion now: let it be asked for again."
                )
            return request
        newest = self._champions.newest_launch(self.task)
        turn, tag = Turn.PROMOTED, self.form.tag.strip() or newest
        if self.form.press is Button.ROLLBACK:
            if now is None or not now.before:
                raise PressError(f"{champion or self.task} has no champion before it: there is nothing to go back to.")
            turn, tag = Turn.ROLLED_BACK, now.before
        self._check_tag(tag, now)
        return Ask(
            tag=tag, turn=turn, asked_by=self.who, asked_at=this_second(), why=self.why, gates={}, overridden={},
            instead_of=champion, newest=newest,
        )  # fmt: skip

    def _check_tag(self, tag: str, now: Champion | None) -> None:
        """Refuse a launch that cannot become champion, or score along with the one that is."""
        if not tag:
            raise PressError(f"{self.task} has no launch: submit a sample first.")
        if (task := task_of(tag)) != self.task:
            raise PressError(f"{tag} is no launch of {self.task}: choose the partition {task}, or another tag.")
        if now is not None and tag == now.tag:
            raise PressError(f"{tag} is champion already.")

    def _open_request(self) -> Ask:
        """The request that is answered; raises `PressError` where none is open, or it is of another launch."""
        request, tag = self._champions.request(self.task), self.form.tag.strip()
        if request is None:
            raise PressError(f"Nothing is asked for {self.task}: somebody presses PROMOTE first.")
        if tag not in ("", request.tag):
            raise PressError(f"{request.tag} is asked for, not {tag}: look again.")
        if ended := request.why_ended(self._champions.newest_launch(self.task), self.settings.request_days):
            raise PressError(f"The request for {request.tag} has ended{ended}: ask again.")
        return request

    def _kept(self, tag: str) -> CandidateFolder:
        """What is kept of a launch; raises `PressError` where nothing is."""
        kept = self.warehouse.candidate(tag)
        if kept.exists():
            return kept
        if removed := kept.why_removed():
            raise PressError(f"{tag}: {removed}")
        raise PressError(
            f"{tag} is no launch whose models are kept: see `anna champions`, or whether its launch has come to its "
            "end."
        )


def _made(champion: Champion) -> Came:
    facts = _facts(champion, champion.turn.value)
    facts |= {"approved by": champion.approved_by, "goes back to": champion.before}
    return Came(champion, recorded(champion), champion.overridden, facts)


def recorded(ask: Ask) -> list[Gate]:
    """The gates as they were found when a press was put on record."""
    return [Gate(name, name not in ask.overridden, told) for name, told in ask.gates.items()]


def _facts(ask: Ask, what: str) -> dict[str, Any]:
    over = dg.MetadataValue.json(ask.overridden)
    return {"what": what, "ledger": ask.tag, "asked by": ask.asked_by, "why": ask.why, "passed over": over}
