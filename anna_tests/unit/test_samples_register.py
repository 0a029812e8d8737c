"""The register of uploads: what a look at the inbox makes of each, and what a check finds."""

import datetime as dt
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_core.errors import ArtifactError
from anna_core.samples.checking import check_upload
from anna_core.samples.inbox import upload_digest, upload_lock
from anna_core.samples.listing import Listing, Upload, list_inbox
from anna_core.samples.register import REGISTER_FILE, Register, UploadState, read_register, write_register
from anna_core.tasks.task import TaskRequest

CSV = "client_id,as_of,target\na,2024-03-31,1\nb,2023-01-31,0\nc,2024-03-15,0\n"
DAY = 86_400.0


@pytest.fixture
def churn(tmp_path):
    folder = tmp_path / "inbox" / "churn"
    folder.mkdir(parents=True)
    return folder


def put(folder, name, text=CSV):
    """A new file in the place of an old one, as every copy makes it."""
    hidden = folder / f".{name}"
    hidden.write_text(text)
    return hidden.rename(folder / name)


def look(churn, register, now=0.0):
    register.look(list_inbox(churn.parent), now)
    return register


def check(churn, register, name="churn/q1"):
    entry = register.entries[name]
    [upload] = [upload for upload in list_inbox(churn.parent).uploads if upload.name == name]
    check_upload(entry, upload, churn.parent.parent / "locks", 0.0)
    return entry


def test_a_new_file_settles_under_its_key(churn):
    put(churn, "2024.q1.csv")
    entry = look(churn, Register(), now=7.0).entries["churn/2024.q1"]
    assert (entry.key, entry.file, entry.state) == ("churn.2024.q1", "churn/2024.q1.csv", UploadState.SETTLING)
    assert (entry.seen, entry.place) == (7.0, 1)


def test_what_did_not_change_stays_as_it_is(churn):
    put(churn, "q1.csv")
    register = look(churn, Register())
    register.entries["churn/q1"].put(UploadState.WAITING, "for marts")
    before = register.model_copy(deep=True)
    assert look(churn, register, now=9.0) == before


@pytest.mark.parametrize("name", ["q1.csv", "q1.yaml", "task.yaml"])
def test_what_changed_is_judged_anew_but_knows_its_launch(churn, name):
    put(churn, "q1.csv")
    register = look(churn, Register())
    register.launched(register.entries["churn/q1"], "r1")
    launched = register.entries["churn/q1"].files
    put(churn, name, "seed: 1\n")
    entry = look(churn, register, now=9.0).entries["churn/q1"]
    assert (entry.state, entry.seen, entry.place) == (UploadState.SETTLING, 9.0, 3)
    assert (entry.run, entry.launched) == ("r1", launched)
    assert (entry.files == launched) == (name != "q1.csv")


def test_what_is_gone_is_forgotten_unless_it_was_launched(churn):
    for name in ("q1.csv", "q2.csv"):
        put(churn, name)
    register = look(churn, Register())
    register.launched(register.entries["churn/q2"], "r1")
    before = register.entries["churn/q2"].model_copy(deep=True)
    for name in ("q1.csv", "q2.csv"):
        (churn / name).rename(churn / f".{name}")
    assert list(look(churn, register).entries) == ["churn/q2"]
    assert register.of_state(*UploadState) == []
    put(churn, "q2.csv")  # other files are new, whatever they hold
    assert look(churn, register).entries["churn/q2"].state is UploadState.SETTLING
    register.entries["churn/q2"] = before
    (churn / "q2.csv").unlink()
    look(churn, register)
    register.look(Listing([Upload("churn", "q2", churn, before.files, before.settings)]), 9.0)  # a share that is back
    assert register.entries["churn/q2"] == before


def test_of_launched_uploads_that_are_gone_the_latest_are_remembered(churn, monkeypatch):
    monkeypatch.setattr("anna_core.samples.register.REMEMBERED", 2)
    register = Register()
    for number in range(5):
        put(churn, f"q{number}.csv")
        look(churn, register)
        entry = register.entries[f"churn/q{number}"]
        register.launched(entry, f"r{number}", is_over=number > 0)  # of the first nobody knows how it ends
        (churn / f"q{number}.csv").unlink()
    look(churn, register)
    assert sorted(register.entries) == ["churn/q0", "churn/q3", "churn/q4"]


def test_an_owner_decides_nothing_of_what_is_trained(churn):
    file = put(churn, "q1.csv")
    digests = {upload_digest(file, TaskRequest(owner=owner)) for owner in ("a", "b")}
    assert len(digests) == 1
    assert digests != {upload_digest(file, TaskRequest(owner="a", seed=1))}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (
            ["q 1.csv"],
            "'q 1' cannot name a sample: use Latin letters, digits, '_', '-' or single '.', 1 to 100 together with the "
            "task's name, and neither '.' nor '.lock' at the end. Rename the file or its folder.",
        ),
        (["task.csv"], "'task' itself is taken"),
        (["q1.csv", "q1.parquet"], "q1.csv and q1.parquet are one sample; keep one of them."),
    ],
)
def test_names_that_make_no_sample_are_refused_until_they_are_mended(churn, names, reason):
    for name in names:
        put(churn, name)
    register = look(churn, Register())
    [entry] = register.entries.values()
    assert entry.state is UploadState.REFUSED
    assert reason in entry.reason
    (churn / names[-1]).rename(churn / "other.csv")
    states = {name: entry.state for name, entry in look(churn, register).entries.items()}
    assert set(states.values()) == {UploadState.SETTLING}


@given(st.lists(st.floats(min_value=-1e9, max_value=1e9), min_size=2, max_size=6))
def test_no_clock_makes_a_file_wait_for_ever(churn_of_hypothesis, times):
    """However the intake's clock jumps, an upload is never seen in the future."""
    register = Register()
    for now in times:
        look(churn_of_hypothesis, register, now)
        assert register.entries["churn/q1"].seen <= now


LOOKS = st.lists(st.dictionaries(st.sampled_from("abcd"), st.tuples(st.integers(0, 2), st.integers(0, 2))), max_size=8)


@given(LOOKS)
def test_whatever_comes_and_goes_what_changed_is_judged_anew_and_nothing_else(looks):
    """Looks at an inbox of samples in any state of file and settings; between two, all that settles is launched."""
    register, judged, places = Register(), {}, []
    for look in looks:
        uploads = [
            Upload("churn", name, Path("churn"), {f"{name}.csv": (1, 0, file)}, {"task.yaml": (1, 0, settings)})
            for name, (file, settings) in sorted(look.items())
        ]
        register.look(Listing(uploads), 0.0)
        assert all(register.entries[upload.name].shows(upload) for upload in uploads)
        settling = {name for name, _ in register.of_state(UploadState.SETTLING)}
        assert settling == {u.name for u in uploads if judged.get(u.name) != (u.files, u.settings)}
        assert {name for name, _ in register.of_state(*UploadState)} == {f"churn/{name}" for name in look}
        for name, entry in register.of_state(UploadState.SETTLING):
            register.launched(entry, "r")
            judged[name] = (entry.files, entry.settings)
            places.append(entry.place)
    assert places == sorted(set(places))


@pytest.fixture(scope="module")
def churn_of_hypothesis(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "inbox" / "churn"
    folder.mkdir(parents=True)
    path = put(folder, "q1.csv")
    os.utime(path, (4e9, 4e9))  # of a clock that runs decades ahead
    return folder


def test_a_check_finds_content_owner_and_dates(churn):
    path = put(churn, "q1.csv")
    put(churn, "task.yaml", "owner: retail\n")
    entry = check(churn, look(churn, Register()))
    assert (entry.state, entry.owner) == (UploadState.WAITING, "retail")
    assert entry.content == upload_digest(path, TaskRequest(owner="retail"))
    assert entry.as_of == [
        (dt.date(2023, 1, 31), dt.date(2023, 1, 31)),
        (dt.date(2024, 3, 15), dt.date(2024, 3, 31)),
    ]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("task.yaml", "metrik: gini\n", "task.yaml: metrik: is not a known setting"),
        ("q1.yaml", "type: [\n", "q1.yaml, line 2: cannot be read as YAML"),
        ("q1.csv", "client_id,target\n1,1\n", "a sample has the columns client_id, as_of and target"),
        ("q1.csv", "client_id,as_of,target\n1,yesterday,1\n", "as_of is not a whole day of our time"),
        ("q1.csv", "", "churn/q1.csv is not complete yet, or damaged: it is empty."),
    ],
)
def test_what_is_wrong_is_refused_until_it_is_mended(churn, name, text, reason):
    put(churn, "q1.csv")
    put(churn, name, text)
    register = look(churn, Register())
    entry = check(churn, register)
    assert entry.state is UploadState.REFUSED
    assert reason in entry.reason
    put(churn, name, CSV if name == "q1.csv" else "seed: 1\n")
    assert check(churn, look(churn, register)).state is UploadState.WAITING


def test_a_file_without_rights_is_refused_and_one_that_is_out_of_reach_tried_again(churn, monkeypatch):
    put(churn, "q1.csv")

    def fail(error):
        def read(*_):
            raise error

        monkeypatch.setattr("anna_core.samples.checking.upload_digest", read)
        return check(churn, look(churn, Register()))

    refused = fail(PermissionError(13, "Permission denied"))
    assert refused.state is UploadState.REFUSED
    assert "q1.csv: cannot be read (Permission denied); give ANNA's user the right to it." in refused.reason
    later = fail(OSError(116, "Stale file handle"))
    assert (later.state, later.reason) == (
        UploadState.SETTLING,
        "it cannot be read just now (Stale file handle), and is tried again.",
    )


def test_what_changes_while_it_is_read_or_is_being_registered_is_left_to_the_next_look(churn):
    put(churn, "q1.csv")
    register = look(churn, Register())
    [upload] = list_inbox(churn.parent).uploads
    put(churn, "q1.yaml", "seed: 2\n")
    entry, locks = register.entries["churn/q1"], churn.parent.parent / "locks"
    check_upload(entry, upload, locks, 0.0)
    assert (entry.state, entry.content) == (UploadState.SETTLING, "")
    with upload_lock(locks, "churn.q1"):
        assert check(churn, look(churn, register)).reason == "it is being registered, or read by its launch."
    assert check(churn, register).state is UploadState.WAITING


def test_the_register_is_kept_in_one_file(churn, tmp_path):
    assert read_register(tmp_path) is None
    put(churn, "q1.csv")
    register = look(churn, Register())
    register.launched(check(churn, register), "r1", "as before")
    write_register(tmp_path, register)
    assert read_register(tmp_path) == register
    stored = json.loads((tmp_path / REGISTER_FILE).read_text())
    stored["entries"]["churn/q1"]["files"]["q1.csv"].append(1234)  # the inode, as it was written once
    (tmp_path / REGISTER_FILE).write_text(json.dumps(stored))
    assert read_register(tmp_path) == register
    stored["entries"]["churn/q1"]["files"]["q1.csv"] = 5
    for damaged in ("{", json.dumps(stored)):
        (tmp_path / REGISTER_FILE).write_text(damaged)
        with pytest.raises(
            ArtifactError, match=r"register\.json: cannot be read \(.*\); the sensor `inbox` sets it aside"
        ):
            read_register(tmp_path)
