"""Launches as recorded from a real webserver: what is read from them, and how they look."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from anna_cli.follow import LaunchFailedError, check_finished, follow
from anna_cli.graphql import GraphQLClient
from anna_cli.launch import State, read_launch, read_training
from anna_cli.launch_reader import LaunchReader
from anna_cli.launch_view import duration, lines, render
from anna_tests.unit.cli_stub import Stub, serving, upload_row, uploads_answer

PLAN = ["report", "model__card_transactions", "sample", "metamodel", "sequences__card_transactions"]
KEY = "churn.2024q1"


def run(status="STARTED", stats=(), tags=(), run_id="r1"):
    return {
        "runId": run_id, "jobName": "train", "status": status, "creationTime": 100.0, "startTime": 110.0,
        "endTime": None if status in ("STARTED", "QUEUED") else 200.0,
        "tags": [{"key": "dagster/partition", "value": KEY}, *({"key": k, "value": v} for k, v in tags)],
        "stepStats": [{"stepKey": k, "status": s, "startTime": 120.0, "endTime": e} for k, s, e in stats],
        "executionPlan": {"steps": [{"key": key} for key in PLAN]},
    }  # fmt: skip


def epoch(number, step="model__card_transactions", value=0.61, net=None):
    return {
        "__typename": "ObservationEvent", "timestamp": "1", "stepKey": step, "message": "",
        "metadataEntries": [
            {"label": "epoch", "intValue": number}, {"label": "epochs", "intValue": 15},
            {"label": "train_loss", "floatValue": 0.6}, {"label": "valid_metric", "floatValue": value},
            {"label": "metric", "text": "roc_auc"}, {"label": "events_per_second", "floatValue": 12345.6},
            {"label": "seconds_left", "floatValue": 95.0}, {"label": "best", "boolValue": True},
            *([{"label": "net", "intValue": net}, {"label": "nets", "intValue": 5}] if net else []),
        ],
    }  # fmt: skip


FAILURE = {
    "__typename": "ExecutionStepFailureEvent", "timestamp": "1", "stepKey": "model__card_transactions", "message": "",
    "error": {"message": "anna_core.errors.TrainingError: too few rows\n", "className": "TrainingError", "cause": None},
}  # fmt: skip
RUNNING = run(stats=[("sample", "SUCCESS", 125.0), ("model__card_transactions", "IN_PROGRESS", None)])


def page(*events, cursor="c", more=False):
    return {"data": {"logsForRun": {
        "__typename": "EventConnection", "cursor": cursor, "hasMore": more, "events": list(events)}}}  # fmt: skip


def runs(*found):
    return {"data": {"runsOrError": {"__typename": "Runs", "results": list(found)}}}


def read(stub, **arguments):
    stub.answers.setdefault("Uploads", uploads_answer())
    with serving(stub):
        return LaunchReader(GraphQLClient(stub.url)).read(**arguments)


def test_steps_stand_in_the_order_of_the_layers():
    launch = read_launch(RUNNING)
    assert [(step.title, step.state) for step in launch.steps] == [
        ("sample", State.FINISHED),
        ("sequences/card_transactions", State.WAITING),
        ("model/card_transactions", State.RUNNING),
        ("metamodel", State.WAITING),
        ("report", State.WAITING),
    ]


def test_steps_of_an_ended_run_wait_no_longer():
    launch = read_launch(
        run("FAILURE", [("sample", "SUCCESS", 125.0), ("model__card_transactions", "IN_PROGRESS", None)])
    )
    assert {step.title: step.state for step in launch.steps}["model/card_transactions"] is State.CANCELED
    assert {step.title: step.state for step in launch.steps}["report"] is State.SKIPPED


def test_a_metric_that_is_not_a_number_survives_graphql():
    training = read_training(epoch(1, value=None)["metadataEntries"])
    assert training.value != training.value
    assert read_training([{"label": "rows", "intValue": 5}]) is None


def test_progress_comes_from_the_latest_observation():
    (launch,) = read(Stub(Runs=runs(RUNNING), Events=page(epoch(1), epoch(2, value=0.66))))
    told = list(lines([launch]))
    assert told == [
        "churn.2024q1 running",
        "churn.2024q1 sample finished",
        "churn.2024q1 model/card_transactions running epoch 2/15 roc_auc 0.6600, 1 min 35 s left, 12,346 events/s",
    ]


def test_progress_tells_which_of_a_models_nets_is_trained():
    (launch,) = read(Stub(Runs=runs(RUNNING), Events=page(epoch(15, net=1), epoch(3, net=2))))
    [training] = [step.training for step in launch.steps if step.training]
    assert training.done == pytest.approx((1 + 3 / 15) / 5)
    assert "model/card_transactions running net 2/5 epoch 3/15 roc_auc 0.6100, 1 min 35 s left" in "".join(
        lines([launch])
    )


def test_a_failure_tells_the_steps_own_words():
    failed = run("FAILURE", [("model__card_transactions", "FAILURE", 150.0)])
    (launch,) = read(Stub(Runs=runs(failed), Events=page(FAILURE)))
    assert launch.problem == "too few rows"
    with pytest.raises(LaunchFailedError, match=r"churn\.2024q1 failed: too few rows"):
        check_finished([launch])


def test_only_new_events_are_asked_for():
    pages = iter([page(epoch(1), cursor="a", more=True), page(epoch(2), cursor="b"), page(cursor="b")])
    stub = Stub(Runs=runs(RUNNING), Events=lambda variables: next(pages), Uploads=uploads_answer())
    with serving(stub):
        reader = LaunchReader(GraphQLClient(stub.url))
        assert reader.read(KEY)[0].steps[2].training.epoch == 2
        assert reader.read(KEY)[0].steps[2].training.epoch == 2
    assert [variables["after"] for name, variables in stub.calls if name == "Events"] == [None, "a", "b"]


def test_launches_are_sought_by_sample_or_by_job():
    stub = Stub(Runs=runs(), Events=page())
    read(stub, key=KEY)
    read(stub)
    by_key, by_job = (variables["filter"] for name, variables in stub.calls if name == "Runs")
    assert by_key == {"tags": [{"key": "dagster/partition", "value": KEY}]}
    assert by_job == {"pipelineName": "train"}


def test_launches_before_the_one_to_begin_with_are_left_out():
    stub = Stub(Runs=runs(*(run("SUCCESS", run_id=f"r{n}") for n in (3, 2, 1))), Events=page())
    assert [launch.run_id for launch in read(stub, key=KEY, begin="r2")] == ["r2", "r3"]
    assert [launch.run_id for launch in read(stub, key=KEY)] == ["r1", "r2", "r3"]


def test_a_queued_launch_tells_its_place():
    """By priority, then by age; other launches stand in the same queue."""
    queue = [{"runId": name, "tags": tags} for name, tags in (
        ("r9", []), ("r1", []), ("r8", [{"key": "dagster/priority", "value": "5"}]),
        ("r7", [{"key": "dagster/priority", "value": "high"}]),
    )]  # fmt: skip
    stub = Stub(Runs=runs(run("QUEUED")), Events=page(), RunStates=runs(*queue))
    (launch,) = read(stub)
    assert launch.place == (3, 4)
    assert list(lines([launch])) == ["churn.2024q1 queued at place 3 of 4"]
    (_, variables), = [call for call in stub.calls if call[0] == "RunStates"]  # fmt: skip
    assert variables["filter"] == {"pipelineName": "train", "statuses": ["QUEUED"]}


def test_uploads_without_a_launch_come_after_the_launches():
    uploads = uploads_answer(
        upload_row("", "refused", "its name is not UTF-8", file="churn/x.csv"),  # the latest change comes first
        upload_row(KEY, "waiting", "cards: 2024-02 of the mart is to be built.", warnings="one\ntwo"),
        upload_row(KEY, "launched", "settings have changed since.", run="r1", warnings="half match nothing"),
    )
    found = read(Stub(Runs=runs(run("SUCCESS")), Events=page(), Uploads=uploads))
    assert list(lines(found)) == [
        "churn.2024q1 finished",
        "churn.2024q1 note: settings have changed since.",
        "churn.2024q1 note: half match nothing",
        "churn.2024q1 waiting: cards: 2024-02 of the mart is to be built.",
        "churn.2024q1 note: one",
        "churn.2024q1 note: two",
        "churn/x.csv refused: its name is not UTF-8",
    ]
    assert [launch.is_over for launch in found] == [True, False, True]
    with pytest.raises(LaunchFailedError, match=r"churn/x\.csv refused: its name is not UTF-8"):
        check_finished(found[-1:])
    of_key = read(Stub(Runs=runs(run("SUCCESS")), Events=page(), Uploads=uploads), key=KEY)
    assert [launch.state for launch in of_key] == [State.FINISHED, State.WAITING]
    begun = read(Stub(Runs=runs(run("SUCCESS")), Events=page(), Uploads=uploads), key=KEY, begin="r1")
    assert [launch.state for launch in begun] == [State.FINISHED]


def test_a_terminal_shows_what_an_upload_waits_for():
    uploads = uploads_answer(upload_row(KEY, "waiting", "for marts", warnings="half match nothing"))
    (launch,) = read(Stub(Runs=runs(), Events=page(), Uploads=uploads))
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    console.print(render([launch], now=0.0))
    assert console.file.getvalue().splitlines()[:3] == [
        "· churn.2024q1 waiting", "  for marts", "  half match nothing"
    ]  # fmt: skip


def test_an_intake_that_has_not_looked_yet_knows_no_upload():
    answer = {"data": {"assetNodeOrError": {"__typename": "AssetNode", "assetObservations": []}}}
    assert read(Stub(Runs=runs(), Events=page(), Uploads=answer)) == []


def test_a_failed_run_that_is_tried_again_is_not_over():
    failed = run("FAILURE", tags=[("dagster/will_retry", "true")])
    (launch,) = read(Stub(Runs=runs(failed), Events=page()))
    assert not launch.is_over
    retry = run("STARTED", tags=[("dagster/parent_run_id", "r1")], run_id="r2")
    first, second = read(Stub(Runs=runs(retry, failed), Events=page()))
    assert (first.is_over, second.is_over) == (True, False)


def test_a_run_that_was_ended_from_without_did_not_fail_and_goes_on():
    message = "dagster_shared.check.functions.CheckError: Invariant failed. Description: Attempted to mark step "
    message += "model__card_transactions as complete that was not known to be in flight"
    error = {"message": message, "className": "CheckError", "cause": None}
    died = {"__typename": "RunFailureEvent", "timestamp": "1", "stepKey": None, "message": "", "error": error}
    stats = [("sample", "SUCCESS", 125.0), ("model__card_transactions", "IN_PROGRESS", None)]
    cut_off = run("FAILURE", stats, [("dagster/will_retry", "true")])
    (launch,) = read(Stub(Runs=runs(cut_off), Events=page(died)))
    assert list(lines([launch])) == [
        "churn.2024q1 sample finished",
        "churn.2024q1 model/card_transactions interrupted",
        "churn.2024q1 interrupted, and goes on by itself from its last finished step: the platform was "
        "stopped, or somebody ended the process.",
    ]
    (last,) = read(Stub(Runs=runs(run("FAILURE", stats, [("dagster/will_retry", "false")])), Events=page(died)))
    assert (last.state, last.is_over) == (State.FAILED, True)


def test_who_follows_a_launch_that_comes_again_follows_on():
    """The end of a run, the intake that has not seen it, the upload that waits, and its next run."""
    failed = run("FAILURE", [("sequences__card_transactions", "FAILURE", 150.0)])
    again, done = run("QUEUED", run_id="r2"), run("SUCCESS", run_id="r2")
    behind = "its launch (run r1) failed, as marts are behind their source."
    rounds = iter(
        [
            ([run("STARTED")], upload_row(KEY, "launched", run="r1", watched="r1")),
            ([failed], upload_row(KEY, "launched", run="r1", watched="r1")),
            ([failed], upload_row(KEY, "waiting", behind, run="r1")),
            ([failed], upload_row(KEY, "starting", "its run is about to begin.", run="r1")),
            ([again, failed], upload_row(KEY, "launched", run="r2", watched="r2")),
            ([done, failed], upload_row(KEY, "launched", run="r2", watched="r2")),
        ]
    )
    now = {}

    def found(_):
        now["runs"], now["upload"] = next(rounds)
        return runs(*now["runs"])

    stub = Stub(Runs=found, Events=page(FAILURE), RunStates=runs(), Uploads=lambda _: uploads_answer(now["upload"]))
    console = Console(file=io.StringIO(), width=200)
    with serving(stub):
        ended = follow(LaunchReader(GraphQLClient(stub.url)), console, KEY, "r1", sleep=lambda _: None)
    assert [launch.run_id for launch in ended] == ["r2"]
    check_finished(ended)
    assert f"{KEY} waiting: {behind}" in console.file.getvalue()
    assert next(rounds, None) is None


def test_a_failed_launch_of_which_the_intake_knows_the_end_is_over():
    uploads = uploads_answer(upload_row(KEY, "launched", "it was launched again and failed of the same.", run="r1"))
    (launch,) = read(Stub(Runs=runs(run("FAILURE")), Events=page(FAILURE), Uploads=uploads), key=KEY, begin="r1")
    assert launch.is_over
    assert launch.notes == ("it was launched again and failed of the same.",)


def test_following_off_a_terminal_prints_each_line_once_and_ends():
    states = iter([run("STARTING"), RUNNING, RUNNING, run("SUCCESS", [("sample", "SUCCESS", 125.0)])])
    stub, slept = Stub(Runs=lambda variables: runs(next(states)), Events=page(), Uploads=uploads_answer()), []
    console = Console(file=io.StringIO(), width=200)
    with serving(stub):
        ended = follow(LaunchReader(GraphQLClient(stub.url)), console, KEY, sleep=slept.append)
    assert len(slept) == 3
    check_finished(ended)
    told = [line.split(" ", 1)[1] for line in console.file.getvalue().splitlines()]
    assert told == [
        "churn.2024q1 starting",
        "churn.2024q1 running",
        "churn.2024q1 sample finished",
        "churn.2024q1 model/card_transactions running",
        "churn.2024q1 finished",
    ]


def test_a_terminal_shows_every_step_with_a_bar():
    (launch,) = read(Stub(Runs=runs(RUNNING), Events=page(epoch(3))))
    console = Console(file=io.StringIO(), width=160, force_terminal=True, color_system=None)
    console.print(render([launch, replace(launch, key="spend.a", state=State.FAILED, problem="boom")], now=170.0))
    shown = console.file.getvalue()
    for text in (
        "▶ churn.2024q1 running  1 min 00 s",
        "✓ sample",
        "· report",
        "epoch 3/15 roc_auc 0.6100",
        "━",
        "boom",
    ):
        assert text in shown


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0 s"), (41.6, "42 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_an_ended_model_tells_which_epoch_is_kept_and_why():
    events = [epoch(1, value=0.6), epoch(2, value=0.7), epoch(3, value=0.65)]
    events[2]["metadataEntries"][-1]["boolValue"] = False
    ended = run("SUCCESS", [("model__card_transactions", "SUCCESS", 190.0)])
    (launch,) = read(Stub(Runs=runs(ended), Events=page(*events)))
    assert list(lines([launch])) == [
        "churn.2024q1 model/card_transactions finished 3 of 15 epochs; kept is epoch 2, roc_auc 0.7000 "
        "(none is better by more than chance)",
        "churn.2024q1 finished",
    ]


def test_what_goes_on_is_read_however_many_came_after_it():
    def answer(variables):
        going_on = [run(run_id="running")]
        over = [run("SUCCESS", run_id=f"r{number}") for number in range(2)]
        return runs(*(going_on if "statuses" in variables["filter"] else over))

    with serving(Stub(Runs=answer, Uploads=uploads_answer(), Events=page())) as stub:
        found = LaunchReader(GraphQLClient(stub.url)).read(limit=2)
    assert [launch.run_id for launch in found] == ["running", "r1", "r0"]
