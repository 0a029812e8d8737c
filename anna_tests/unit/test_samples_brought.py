"""Settings beside a sample, those given with it, and those of an earlier sample of the same key."""

import gzip

import polars as pl
import pytest

from anna_core.errors import SampleError, TaskError
from anna_core.keys import sample_key
from anna_core.samples.brought import brought_settings
from anna_core.samples.inbox import read_upload_request
from anna_core.samples.listing import list_inbox
from anna_core.samples.resting import stamps_of
from anna_core.samples.staging import stage_sample

KEY = sample_key("churn", "2024.q1")
FRAME = pl.DataFrame({"client_id": [f"c{i}" for i in range(10)], "as_of": ["2024-03-31"] * 10, "target": [0, 1] * 5})


@pytest.fixture
def inbox(tmp_path):
    return tmp_path / "inbox"


def bring(inbox, origin, **given):
    """As the job `register_sample` does; what was noted, and the settings that then hold."""
    rested = stamps_of(str(origin))
    brought = brought_settings(str(origin), KEY, given, inbox)
    stage_sample(str(origin), KEY, brought.options, inbox, rested)
    (upload,) = list_inbox(inbox).uploads
    return brought.notes, read_upload_request(upload.path)


def test_settings_of_an_earlier_sample_that_no_longer_hold_are_told(tmp_path, inbox):
    FRAME.write_csv(tmp_path / "q1.csv")
    assert bring(inbox, tmp_path / "q1.csv", type="binary", seed=7, training={"epochs": 5}, owner="ann")[0] == ()
    (inbox / "churn" / "task.yaml").write_text("owner: ann\n")
    notes, request = bring(inbox, tmp_path / "q1.csv", seed=8)
    assert notes == (
        "What 2024.q1.yaml said of the earlier sample churn.2024.q1 no longer holds: type: binary, training.epochs: 5. "
        "Give it anew if it should.",
    )
    assert (request.type, request.seed, request.owner) == (None, 8, "ann")
    [told], _ = bring(inbox, tmp_path / "q1.csv")
    assert "no longer holds: seed: 8. " in told
    assert bring(inbox, tmp_path / "q1.csv")[0] == ()
    (inbox / "churn" / "2024.q1.yaml").write_text("sed: 8\n")
    [told], _ = bring(inbox, tmp_path / "q1.csv")
    assert "2024.q1.yaml: sed: is not a known setting; remove it or correct its spelling: is seed meant?)" in told


@pytest.mark.parametrize("origin", ["q2.csv.gz", "q2", "file:q2.parquet"])
def test_settings_beside_a_sample_are_read_as_they_are_in_the_inbox(tmp_path, inbox, origin):
    place = tmp_path / origin.removeprefix("file:")
    if origin == "q2":
        place.mkdir()
    FRAME.write_parquet(place / "0.parquet" if place.is_dir() else place)
    if place.suffix == ".gz":
        place.write_bytes(gzip.compress(FRAME.write_csv().encode()))
    beside = tmp_path / "q2.yaml"
    beside.write_text("metric: gini\nseed: 1\ntraining: {preset: fast, epochs: 3}\n")
    notes, request = bring(inbox, place.as_uri() if origin.startswith("file:") else place, training={"epochs": 4})
    assert notes == (f"{beside} is read as the sample's settings: metric: gini, seed: 1, training.preset: fast.",)
    assert (request.metric, request.seed) == ("gini", 1)
    assert (request.training.preset, request.training.epochs) == ("fast", 4)
    beside.rename(tmp_path / "q2.yml")
    (inbox / "churn" / "2024.q1.yaml").unlink()
    assert bring(inbox, place)[0] == (
        f"{tmp_path / 'q2.yml'} is not read: a sample's settings are read from {beside}. Put there what it says.",
    )


def test_what_lies_beside_a_sample_as_if_it_were_settings_and_is_not_read_is_told(tmp_path, inbox):
    FRAME.write_csv(tmp_path / "q1.csv")
    FRAME.write_csv(tmp_path / "q2.csv")
    for name in ("q1.yaml", "Q1.YAML", "q1.csv.yaml", "q1.json", "task.yaml", "q2.yaml", "q1b.yaml", "notes.json"):
        (tmp_path / name).write_text("seed: 1\n")
    (tmp_path / "q1.yml").mkdir()
    read, *left = bring(inbox, tmp_path / "q1.csv")[0]
    assert read == f"{tmp_path}/q1.yaml is read as the sample's settings: seed: 1."
    own = f"a sample's settings are read from {tmp_path}/q1.yaml. Put there what it says."
    assert left == [
        *(f"{tmp_path}/{name} is not read: {own}" for name in ("Q1.YAML", "q1.csv.yaml", "q1.json")),
        f"{tmp_path}/task.yaml is not read: a task's settings are read from {inbox}/churn/task.yaml. Put there what it "
        f"says, or into {tmp_path}/q1.yaml, or give it as options.",
    ]
    (inbox / "churn" / "task.yaml").write_text("seed: 2\n")
    (told,), _ = bring(inbox, inbox / "churn" / "2024.q1.csv")  # whose task.yaml is the one that is read
    assert told.endswith("2024.q1.yaml is read as the sample's settings: seed: 1.")


def test_settings_beside_a_sample_are_held_to_what_all_are_and_to_their_state(tmp_path, inbox):
    FRAME.write_csv(tmp_path / "q2.csv")
    (tmp_path / "q2.yaml").write_text("models: []\n")
    with pytest.raises(
        TaskError, match=rf"{tmp_path}/q2\.yaml: models: is not a known setting.* if it is something else, move it\."
    ):
        bring(inbox, tmp_path / "q2.csv")
    (tmp_path / "q2.yaml").write_text("seed: 1\n")
    rested = stamps_of(str(tmp_path / "q2.csv"))
    (tmp_path / "q2.yaml").write_text("seed: 12\n")
    with pytest.raises(SampleError, match="changed while it was read"):
        stage_sample(str(tmp_path / "q2.csv"), KEY, {"seed": 1}, inbox, rested)
    assert [path for path in inbox.rglob("*") if path.is_file()] == []


def test_a_sample_of_the_inbox_that_is_registered_keeps_its_settings(tmp_path, inbox):
    FRAME.write_csv(tmp_path / "s.csv")
    assert bring(inbox, tmp_path / "s.csv", seed=5)[0] == ()
    [told], request = bring(inbox, inbox / "churn" / "2024.q1.csv", metric="gini")
    assert told.endswith("2024.q1.yaml is read as the sample's settings: seed: 5.")
    assert (request.metric, request.seed) == ("gini", 5)
