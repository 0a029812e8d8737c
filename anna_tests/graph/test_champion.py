"""Pressing: who becomes champion, and who does not."""

from typing import Any

import pytest

from anna_core.analytics.gates import NOT_WORSE, OF_USE, QUESTIONS
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.repository import LedgerError
from anna_resources.ledger.roles import Ask, Champion
from anna_tests.graph.conftest import SMALL_TASK, TRAINED, Deployment
from anna_tests.graph.results import problem

pytestmark = pytest.mark.xdist_group("trained")

WHO = {"who": "anna", "why": "it is good"}
# The bank of the tests is small and easy: what its few rows cannot show is passed over.
OVER = dict.fromkeys(("of_use", "calibrated", "stable", "not_worse", "no_leak_warning", "code_known"), "a test")


def press(trained: Deployment, task: str = "churn", button: str = "PROMOTE", check: bool = True, **said: Any):
    config = {"press": button, **WHO, "override": OVER, **said}
    return trained.defs.resolve_job_def("promote").execute_in_process(
        instance=trained.instance,
        partition_key=task,
        run_config={"ops": {"champion": {"config": config}}},
        raise_on_error=check,
    )


def champion(trained: Deployment, task: str = "churn") -> Champion:
    found = Champions.of(trained.settings).current(task)
    assert found is not None
    return found


def test_a_launch_is_promoted_by_its_gates_and_goes_back_by_a_press(trained: Deployment) -> None:
    first, second = TRAINED

    refused = press(trained, tag=first, override={}, check=False)
    assert not refused.success
    told = problem(refused)
    assert f"{first} is not promoted, as it does not pass" in told
    assert Champions.of(trained.settings).current("churn") is None
    assert {check.check_name for check in refused.get_asset_check_evaluations()} == set(QUESTIONS)

    made = press(trained, tag=first)
    assert made.success
    [event] = made.get_asset_materialization_events()
    assert event.partition == "churn"
    now = champion(trained)
    assert (now.tag, now.asked_by, now.why, now.approved_by, now.before) == (first, "anna", "it is good", "", "")
    assert set(now.gates) == set(QUESTIONS)
    assert now.gates[NOT_WORSE] == "There is no champion yet."
    assert OF_USE in now.overridden  # 12 held-out clients tell too little
    assert "report_made" not in now.overridden
    again = press(trained, tag=first, check=False)
    assert "champion already" in problem(again)  # and the gates stand as they stood
    stood, stand = (
        {(one.check_name, one.passed, one.severity, one.description) for one in run.get_asset_check_evaluations()}
        for run in (made, again)
    )
    assert stand == stood
    unsigned = press(trained, who="", check=False)
    assert {check.check_name for check in unsigned.get_asset_check_evaluations()} == set(QUESTIONS)

    press(trained)  # the newest where no tag is given
    assert (champion(trained).tag, champion(trained).before) == (second, first)
    back = press(trained, button="ROLLBACK", override={})
    assert (champion(trained).tag, champion(trained).turn.value) == (first, "rolled back")
    assert {check.check_name for check in back.get_asset_check_evaluations()} == set(QUESTIONS)
    assert "nothing to go back to" in problem(press(trained, button="ROLLBACK", check=False))
    assert [past.tag for past in Champions.of(trained.settings).past("churn")] == [first, second, first]

    log = Champions.of(trained.settings).repository.git.run("log", "--format=%an: %s", "refs/heads/task/churn")
    assert log.splitlines()[0] == f"anna: {first} is rolled back by anna"


def test_two_names_are_needed_where_four_eyes_are_asked_for(trained: Deployment) -> None:
    trained.set("approval: four_eyes")
    key = TRAINED[1]
    asked = press(trained)
    assert asked.success
    assert not asked.get_asset_materialization_events()
    champions = Champions.of(trained.settings)
    request = champions.request("churn")
    assert request is not None
    assert (request.tag, request.asked_by) == (key, "anna")
    assert champions.current("churn") is None

    again = press(trained, button="APPROVE", who=" Anna@bank.example ", check=False)
    assert "somebody else must approve it" in problem(again)
    other = press(trained, button="APPROVE", who="boris", tag="churn.other", check=False)
    assert f"{key} is asked for, not churn.other" in problem(other)
    press(trained, button="DECLINE", who="boris", why="not now")
    assert champions.request("churn") is None
    assert "Nothing is asked for churn" in problem(press(trained, button="APPROVE", who="boris", check=False))

    press(trained)
    press(trained, button="APPROVE", who="boris", why="agreed", override={})
    now = champion(trained)
    assert (now.tag, now.asked_by, now.approved_by, champions.request("churn")) == (key, "anna", "boris", None)
    assert now.approved_why == "agreed"


def test_a_request_ends_with_a_newer_launch_and_with_its_time(
    trained: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.set("approval: four_eyes\nrequest_days: 3")
    key = TRAINED[1]
    press(trained)
    champions = Champions.of(trained.settings)
    request = champions.request("churn")
    assert request is not None
    old = request.model_copy(update={"asked_at": request.asked_at.replace(year=request.asked_at.year - 1)})
    champions.ask(old)
    late = press(trained, button="APPROVE", who="boris", check=False)
    assert f"The request for {key} has ended on" in problem(late)
    champions.ask(request)
    (trained.home / "inbox" / "churn" / "task.yaml").write_text(SMALL_TASK)
    trained.materialize("sample", partition=TRAINED[0])  # a launch begins with it
    newer = press(trained, button="APPROVE", who="boris", check=False)
    assert "has ended, as churn.q1@2 was launched since" in problem(newer)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"who": " "}, "`who` is missing"),
        ({"who": "a<b"}, "without < and >"),
        ({"why": ""}, "`why` is missing"),
        ({"tag": "churn.q9"}, "churn.q9 is no launch whose models are kept"),
        ({"tag": "other.q1"}, "other.q1 is no launch of churn"),
        ({"override": {"no_such": "x"}}, "There is no gate no_such; there are: of_use"),
        ({"override": {**OVER, "of_use": " "}}, "To pass over of_use takes a reason"),
        ({"button": "ROLLBACK"}, "nothing to go back to"),
    ],
)
def test_what_is_wrong_with_a_press_is_said(trained: Deployment, said: dict[str, Any], told: str) -> None:
    result = press(trained, check=False, **said)
    assert not result.success
    assert told in problem(result)
    assert Champions.of(trained.settings).current("churn") is None


def test_what_became_champion_meanwhile_is_not_overwritten(trained: Deployment) -> None:
    first, second = TRAINED
    champions = Champions.of(trained.settings)
    press(trained, tag=first)
    seen = champion(trained).model_dump(include=set(Ask.model_fields))
    late = Ask.model_validate(seen | {"tag": second, "instead_of": ""})
    with pytest.raises(LedgerError, match=f"{first} became champion"):
        champions.make(late, "another run")
    assert champion(trained).tag == first


def test_a_launch_whose_domain_is_gone_is_not_promoted(trained: Deployment) -> None:
    (trained.settings.domains / "accounts.yaml").unlink()
    trained.reload()
    assert "There is no domain accounts any more" in problem(press(trained, check=False))


def test_what_is_kept_under_a_tag_stays(trained: Deployment) -> None:
    key = TRAINED[0]
    before = trained.warehouse.candidate(key).model().version
    (trained.home / "inbox" / "churn" / "task.yaml").write_text(f"{SMALL_TASK}seed: 9\n")
    trained.train(key)  # the sample's next launch
    assert trained.warehouse.candidate(key).model().version == before
    assert trained.warehouse.candidate(f"{key}@2").model().version != before
    for asset in ("boosting", "metamodel", "report"):  # by hand, on the sample of the second launch
        trained.materialize(asset, partition=key)
    assert trained.materialize("candidate", partition=key).success  # the same again


@pytest.mark.parametrize("field", ["who", "why", "tag", "of_use"])
def test_a_press_takes_no_variable_of_the_servers_environment(
    trained: Deployment, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setenv("HOOK_PASSWORD", "sesame1234")
    asked = {"env": "HOOK_PASSWORD"}
    said = {"override": OVER | {field: asked}} if field == "of_use" else {field: asked}
    told = problem(press(trained, check=False, **said))
    assert f"`{field}` asks for a variable of the server's environment: write the words themselves." in told
    assert "sesame" not in told
    assert Champions.of(trained.settings).current("churn") is None
