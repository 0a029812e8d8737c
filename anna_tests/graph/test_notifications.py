"""Whoever wants to know is told, by a real web server and a real mail server: once, and whatever fails meanwhile."""

import json
import shutil
from collections.abc import Iterator
from types import SimpleNamespace

import dagster as dg
import polars as pl
import pytest

from anna_assets.notifications.monitored import drift
from anna_assets.notifications.writing import Writing
from anna_assets.production.monitoring_asset import MONITORING_KEY
from anna_resources.ledger.ledger import Ledger
from anna_resources.names import PRODUCTION_TAG
from anna_resources.notifications.addresses import Address
from anna_resources.notifications.message import Message
from anna_resources.notifications.state import DAY, State, StateFile
from anna_tests.graph.conftest import TRAINED, Clock, Deployment, events
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_outcomes import bring
from anna_tests.graph.test_production import IN_MARCH, follow
from anna_tests.receivers import Mailbox, Webhook, mailbox, webhook

pytestmark = pytest.mark.xdist_group("trained")
SECRET = "sesame1234"
QUIET = "Everybody is told everything."


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


@pytest.fixture
def mails() -> Iterator[Mailbox]:
    with mailbox() as found:
        yield found


@pytest.fixture
def told(trained: Deployment, hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """The trained deployment, which has a webhook told and has been looked at once."""
    monkeypatch.setenv("HOOK", f"json://anna:{SECRET}@127.0.0.1:{hook.port}/hooks/{SECRET}")
    settle(trained, "notify: {to: {all: '${HOOK}'}}\npublic_url: https://anna.bank/\n")
    assert look(trained) == QUIET  # two launches are on record, which nobody is told of now
    return trained


def settle(deployment: Deployment, settings: str) -> None:
    file = deployment.home / "anna.yaml"
    file.write_text(file.read_text().partition("notify:")[0] + settings)
    deployment.reload()


def look(deployment: Deployment) -> str:
    """What the sensor says at a look, which holds no secret."""
    context = dg.build_sensor_context(
        instance=deployment.instance, resources=deployment.defs.resources, definitions=deployment.defs
    )
    with context:
        result = deployment.defs.resolve_sensor_def("notifications")(context)
    assert isinstance(result, dg.SkipReason)
    said = result.skip_message or ""
    assert SECRET not in said
    return said


def ended(deployment: Deployment, kind: dg.DagsterEventType, key: str = TRAINED[0], run: str = "", **tags: str) -> str:
    """Have a run of a launch come to an end; return its id."""
    made = deployment.instance.create_run_for_job(
        deployment.defs.resolve_job_def("train"), run_id=run or None, tags={"dagster/partition": key, **tags}
    )
    event = dg.DagsterEvent(kind.value, made.job_name, message="The disk was full.")
    deployment.instance.report_dagster_event(event, made.run_id)
    return made.run_id


def test_a_launch_that_ended_is_told_with_its_figures_and_once(told: Deployment, hook: Webhook) -> None:
    launch = Ledger.of(told.settings).read(TRAINED[0])
    ended(told, dg.DagsterEventType.RUN_SUCCESS, run=launch.run)
    assert look(told) == QUIET
    assert look(told) == QUIET
    [got] = hook.got
    assert (got["title"], got["type"]) == ("ANNA: churn.q1 is trained", "success")
    lines = got["message"].splitlines()
    assert lines[0].startswith("Metamodel: ROC AUC ")
    assert " on 12 held-out rows" in lines[0]
    assert {"event: launch_ended", "task: churn", "owner: unassigned", "launch: churn.q1", f"run: {launch.run}"} < {
        *lines
    }
    assert "page: https://anna.bank/assets/report?view=partitions&partition=churn.q1" in lines


def test_failed_and_canceled_launches_are_told_and_those_that_are_tried_again_are_not(told, hook, clock: Clock) -> None:
    press(told, tag=TRAINED[0])
    clock.seconds += 5
    ended(told, dg.DagsterEventType.RUN_FAILURE, **{"anna/owner": "risk"})
    ended(told, dg.DagsterEventType.RUN_FAILURE, **{"dagster/will_retry": "true"})
    ended(told, dg.DagsterEventType.RUN_SUCCESS, **{"dagster/step_selection": "report"})  # somebody's single step
    ended(told, dg.DagsterEventType.RUN_CANCELED)
    look(told)
    titles = ["churn.q1 is promoted by anna", "the launch of churn.q1 failed", "the launch of churn.q1 was canceled"]
    assert hook.titles() == [f"ANNA: {title}" for title in titles]  # as it happened
    assert [got["type"] for got in hook.got] == ["success", "failure", "warning"]
    assert hook.got[1]["message"].startswith("The disk was full.")
    assert "owner: risk" in hook.got[1]["message"]


def test_a_failed_run_waits_until_it_is_known_whether_it_is_tried_again(told, hook, clock: Clock, monkeypatch) -> None:
    monkeypatch.setattr(type(told.instance), "run_retries_enabled", property(lambda instance: True))
    monkeypatch.setattr(type(told.instance), "add_run_tags", lambda *args: None)  # the daemon is killed before it says
    run = ended(told, dg.DagsterEventType.RUN_FAILURE)
    look(told)
    assert hook.got == []
    clock.seconds += 200
    look(told)
    assert [run in got["message"] for got in hook.got] == [True]


def test_presses_are_told_with_who_and_why(told: Deployment, hook: Webhook) -> None:
    first, second = TRAINED
    press(told, tag=first)
    press(told, tag=second, who="boris", why="a newer one")
    press(told, button="ROLLBACK", override={}, why="complaints")
    settle(told, "notify: {to: {all: '${HOOK}'}}\napproval: four_eyes\n")
    press(told, tag=second)
    press(told, button="DECLINE", who="vera", why="not now")
    press(told, tag=second)
    press(told, button="APPROVE", who="boris", why="now")
    look(told)
    assert hook.titles() == [
        "ANNA: churn.q1 is promoted by anna",
        "ANNA: churn.q2 is promoted by boris",
        "ANNA: churn.q1 is rolled back by anna",
        "ANNA: anna asks for churn.q2",
        "ANNA: vera declines churn.q2",
        "ANNA: anna asks for churn.q2",
        "ANNA: churn.q2 is promoted by anna",
    ]
    promoted, back, asked, declined, approved = (hook.got[place]["message"] for place in (1, 2, 3, 4, 6))
    assert promoted.startswith("churn.q2 is champion of churn, instead of churn.q1: a newer one")
    assert "\nresult: Metamodel: ROC AUC " in promoted
    assert "anna rollback churn" in promoted
    assert back.startswith("churn.q1 is champion of churn, instead of churn.q2: complaints")
    assert "anna approve churn" in asked
    assert declined.startswith("vera declines churn.q2, which anna asked for: not now")
    assert "boris approved: now" in approved
    assert look(told) == QUIET
    assert len(hook.got) == 7


def test_drift_is_told_by_mail_to_the_owner_and_a_webhook_once(
    told: Deployment, hook: Webhook, mails: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL", f"mailto://127.0.0.1:{mails.port}?from=anna@bank.ru&to=risk@bank.ru")
    settle(
        told,
        "notify:\n  to: {unassigned: '${MAIL}', others: 'json://127.0.0.1:9', all: '${HOOK}'}\n  events: [drift]\n",
    )
    press(told, tag=TRAINED[0])
    bring(told, "april.csv", [client % 2 for client in range(60)])
    follow(told)
    look(told)
    hook.got.clear(), mails.got.clear()  # whatever so small a bank shows without any drift
    for month in ("2024-02-01", "2024-03-01"):
        told.rewrite_month("cards", month, events(97, month).with_columns(amount=pl.col("amount") * 1000))
    told.refresh()
    follow(told)
    assert look(told) == QUIET
    [got] = hook.got
    assert got["title"].startswith("ANNA: churn 2024-03: ")
    assert got["type"] in ("warning", "failure")
    assert "Moved by their stability index: " in got["message"]
    assert "\nmetric: roc_auc 0." in got["message"]
    assert "\ncsi: cards.amount " in got["message"]
    assert "/assets/production/monitoring?view=partitions&partition=2024-03-01%7Cchurn" in got["message"]
    [(to, mail)] = mails.got
    assert to == ["risk@bank.ru"]
    assert (mail["Subject"], mail["From"]) == (got["title"], "anna@bank.ru")
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines()[0] == got["message"].splitlines()[0]
    told.materialize("production/monitoring", partition=IN_MARCH)  # the same, once more
    assert look(told) == QUIET
    assert len(hook.got) == len(mails.got) == 1


def test_production_that_fails_is_told_once_a_day_until_it_works(told: Deployment, hook: Webhook, clock: Clock) -> None:
    press(told, tag=TRAINED[0])
    look(told)
    hook.got.clear()
    job = told.defs.resolve_implicit_global_asset_job_def()

    def score() -> bool:
        return job.execute_in_process(
            instance=told.instance, asset_selection=[dg.AssetKey(["production", "scores"])], partition_key=IN_MARCH,
            tags={PRODUCTION_TAG: "churn.q1 2024-03"}, raise_on_error=False,
        ).success  # fmt: skip

    assert not score()  # it has no histories
    assert not score()
    look(told)
    [got] = hook.got
    assert (got["title"], got["type"]) == ("ANNA: production failed at churn.q1 2024-03", "failure")
    assert "history/accounts, history/cards of 2024-03: missing" in got["message"]
    clock.seconds += DAY
    assert not score()
    look(told)
    for domain in told.domains:
        told.materialize(f"history/{domain}", partition="2024-03-01")
    assert score()
    look(told)
    told.rewrite_month("cards", "2024-03-01", events(96, "2024-03-01"))
    told.refresh()
    assert not score()  # another time
    look(told)
    assert hook.titles().count("ANNA: production failed at churn.q1 2024-03") == 3


def test_a_month_that_is_not_scored_in_time_is_told(told: Deployment, hook: Webhook, clock: Clock) -> None:
    press(told, tag=TRAINED[0])
    look(told)  # it sees at its next look for what is late, in some minutes, that March is due
    clock.seconds += 700
    look(told)
    clock.seconds += DAY - 100
    look(told)
    assert "scored_late" not in str(hook.got)
    clock.seconds += 700
    look(told)
    assert hook.titles()[1:] == ["ANNA: churn 2024-03 is not scored"]
    look(told)
    follow(told)
    clock.seconds += 2 * DAY
    look(told)
    assert "churn 2024-03 is not scored" not in str(hook.got[2:])
    (told.settings.domains / "accounts.yaml").unlink()
    told.reload()
    clock.seconds += 700
    look(told)
    clock.seconds += DAY
    look(told)
    assert hook.got[-1]["message"].startswith("churn cannot be scored since ")
    assert "churn.q1 reads accounts, which is gone" in hook.got[-1]["message"]


def test_a_receiver_that_was_away_gets_everything_and_others_do_not_wait(
    told: Deployment, hook: Webhook, mails: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL", f"mailto://127.0.0.1:{mails.port}?from=anna@bank.ru&to=risk@bank.ru")
    settle(told, "notify: {to: {all: ['${HOOK}', '${MAIL}', '${GONE}']}}\n")
    hook.refuses = True
    for tag in TRAINED:
        press(told, tag=tag)
    said = look(told)
    assert "2 messages still to be sent. notify.to.all, address 1 (json://127.0.0.1:" in said
    assert "error=503" in said
    assert "notify.to.all, address 3: the variable GONE is not set" in said
    assert len(mails.got) == 2
    hook.refuses = False
    assert "still to be sent to notify.to.all, address 1" in look(told)  # not before the pause is over
    assert hook.got == []
    clock.seconds += 60
    look(told)
    assert sorted(hook.titles()) == ["ANNA: churn.q1 is promoted by anna", "ANNA: churn.q2 is promoted by anna"]
    assert len(mails.got) == 2


def test_what_cannot_be_sent_for_days_is_given_up_and_counted(told: Deployment, hook: Webhook, clock: Clock) -> None:
    hook.refuses = True
    press(told, tag=TRAINED[0])
    look(told)
    clock.seconds += 4 * DAY
    assert "could not be reached for 3 days: 1 message given up (ANNA: churn.q1 is promoted by anna)." in look(told)
    hook.refuses = False
    press(told, tag=TRAINED[1])
    look(told)
    assert hook.got[0]["message"].endswith("1 message before this could not be sent here, and given up.")
    press(told, button="ROLLBACK", override={})
    look(told)
    assert "given up" not in hook.got[-1]["message"]


def test_whoever_is_killed_between_two_letters_sends_the_others(told: Deployment, hook: Webhook, monkeypatch) -> None:
    for tag in TRAINED:
        press(told, tag=tag)
    send = Address.send

    def killed(address: Address, *said) -> None:
        send(address, *said)
        if len(hook.got) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Address, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            look(told)
    look(told)
    first, second = "ANNA: churn.q1 is promoted by anna", "ANNA: churn.q2 is promoted by anna"
    assert hook.titles() == [first, second, second]  # of the one that was under way nobody knows that it had come


def test_a_disk_that_is_full_costs_no_message(told: Deployment, hook: Webhook, monkeypatch) -> None:
    press(told, tag=TRAINED[0])
    with monkeypatch.context() as patch:
        patch.setattr(StateFile, "write", lambda file, state: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(Exception, match="No space left"):
            look(told)
    assert hook.got == []
    look(told)
    assert len(hook.got) == 1


def test_a_ledger_that_cannot_be_read_is_said_and_the_rest_is_told(told: Deployment, hook: Webhook) -> None:
    press(told, tag=TRAINED[0])
    ledger = told.home / "ledger"
    ledger.rename(told.home / "away")
    ledger.mkdir()
    ended(told, dg.DagsterEventType.RUN_FAILURE, **{"anna/owner": "risk"})
    assert "What is to be told is not known yet" in look(told)
    ledger.rmdir()
    (told.home / "away").rename(ledger)
    look(told)
    assert sorted(hook.titles()) == ["ANNA: churn.q1 is promoted by anna", "ANNA: the launch of churn.q1 failed"]


def test_nobody_is_told_where_nobody_is_named_and_no_secret_is_kept(told: Deployment, hook: Webhook) -> None:
    hook.refuses = True
    press(told, tag=TRAINED[0])
    look(told)
    kept = [path for path in told.settings.storage.rglob("*.json") if SECRET in path.read_text()]
    assert kept == []
    assert len(json.loads((told.settings.notifications / "state.json").read_text())["letters"]) == 1
    settle(told, "")
    assert look(told) == "Nobody is to be told: `notify` in anna.yaml names no address."
    hook.refuses = False
    settle(told, "notify: {to: {all: '${HOOK}'}}\n")
    assert look(told) == QUIET
    assert hook.got == []


def test_presses_are_told_again_where_the_ledger_came_back_from_an_older_copy(told: Deployment, hook: Webhook) -> None:
    press(told, tag=TRAINED[0])
    ledger, copy = told.home / "ledger", told.home / "copy"
    shutil.copytree(ledger, copy)
    press(told, tag=TRAINED[1])
    look(told)
    shutil.rmtree(ledger)
    copy.rename(ledger)
    (told.settings.storage / "ledger" / "heads.json").unlink()  # as docs/production.md says
    hook.got.clear()
    assert look(told) == QUIET
    assert hook.titles() == ["ANNA: churn.q1 is promoted by anna"]  # who is champion now
    press(told, tag=TRAINED[1], who="boris")
    assert look(told) == QUIET
    assert hook.titles()[1:] == ["ANNA: churn.q2 is promoted by boris"]


def drift_of(told: Deployment, state: State, partition: str, *failed: str) -> list[Message]:
    """What is told of a run of monitoring in which these checks failed."""
    checks = [
        SimpleNamespace(
            asset_key=MONITORING_KEY, check_name=name, passed=name not in failed,
            severity=dg.AssetCheckSeverity.WARN, description="",
        ) for name in ("volume", "coverage")
    ]  # fmt: skip
    events = [SimpleNamespace(asset_check_evaluation_data=check) for check in checks]
    entries = [SimpleNamespace(get_dagster_event=lambda event=event: event) for event in events]
    records = [SimpleNamespace(event_log_entry=entry) for entry in entries]
    instance = SimpleNamespace(get_records_for_run=lambda *args, **what: SimpleNamespace(records=records))
    run = dg.DagsterRun(job_name="x", tags={"dagster/partition": partition})
    return drift(instance, Writing(told.settings, told.warehouse), state, run, 0.0)


@pytest.mark.parametrize(
    ("cadence", "partition", "period"),
    [("week", "2024-03-01", "2024-03"), ("month", "2024-03-18", "2024-03-18"), ("week", "2024-03-19", "2024-03-19")],
)
def test_drift_of_a_run_that_ended_before_the_cadence_was_another_is_told(
    told: Deployment, cadence: str, partition: str, period: str
) -> None:
    told.set(f"production: {{cadence: {cadence}}}")
    [message] = drift_of(told, State(), f"{partition}|churn", "volume")
    assert message.title == f"ANNA: churn {period}: warning of volume"


def test_drift_that_comes_again_after_it_had_passed_is_told_again(told: Deployment) -> None:
    state = State()

    def messages(*failed: str) -> int:
        return len(drift_of(told, state, "2024-03-01|churn", *failed))

    assert [messages("volume"), messages("volume"), messages(), messages("volume")] == [1, 0, 0, 1]
    assert [messages("volume", "coverage"), messages("volume")] == [1, 1]


def test_of_a_cadence_that_production_has_no_more_nothing_is_told_and_nothing_is_held_up(told: Deployment) -> None:
    press(told, tag=TRAINED[0])
    told.set("production: {cadence: day}")
    for domain in told.domains:
        told.materialize(f"production/history/{domain}", partition="2024-03-27")
    told.materialize("production/scores", "production/monitoring", partition="2024-03-27|churn")
    told.set("production: {cadence: week}", instead_of="production: {cadence: day}")
    assert look(told) == QUIET
