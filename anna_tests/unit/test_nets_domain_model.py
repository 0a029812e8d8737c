import dataclasses
import json

import numpy as np
import pytest
import torch

from anna_core.errors import ArtifactError
from anna_core.models.blend.metamodel import Metamodel
from anna_core.models.nets.domain_model import DomainModel
from anna_tests.unit.nets_toy import make_sequences, make_task, split_of, train_nets

ROWS = 60


@pytest.fixture(scope="module")
def sequences():
    return make_sequences(np.random.default_rng(0).integers(0, 20, ROWS))


@pytest.fixture(scope="module")
def model(sequences):
    target = (np.arange(ROWS) % 3 == 0).astype(np.float32)[:, None]
    weight = np.ones(ROWS, dtype=np.float32)
    return train_nets(sequences, target, weight, split_of(ROWS), make_task(), threads=1)


@pytest.fixture
def bundle(model, tmp_path):
    model.save(tmp_path / "model", {"sample": "churn.1", "seed": 0, "data_versions": {"toy": "abc"}})
    return tmp_path / "model"


def test_a_loaded_model_scores_bit_for_bit(model, bundle, sequences):
    loaded = DomainModel.load(bundle)
    before, after = model.predict(sequences, threads=1), loaded.predict(sequences, threads=1)
    np.testing.assert_array_equal(before.scores, after.scores)
    np.testing.assert_array_equal(before.embedding, after.embedding)
    np.testing.assert_array_equal(before.present, after.present)
    assert loaded.data_version == model.data_version
    assert loaded.curves == model.curves
    assert loaded.spec == model.spec
    assert loaded.provenance["data_versions"] == {"toy": "abc"}


@pytest.mark.parametrize(
    "net",
    [
        {"encoder": "transformer"},
        {"encoder": "bigru", "pooling": "last", "numbers": "piecewise"},
        {"encoder": "min_gru", "layers": 2, "pooling": "attention", "numbers": "periodic", "input_dropout": 0.1},
        {"vocabulary": 16},
    ],
)
def test_a_bundle_of_any_net_loads(tmp_path, net):
    sequences = make_sequences(np.random.default_rng(0).integers(0, 20, ROWS), cardinality=40)
    target = (np.arange(ROWS) % 3 == 0).astype(np.float32)[:, None]
    task = make_task(net=net, training={"epochs": 1})
    model = train_nets(sequences, target, np.ones(ROWS, dtype=np.float32), split_of(ROWS), task, threads=1)
    model.save(tmp_path, {})
    loaded = DomainModel.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(sequences).scores, model.predict(sequences).scores)


def test_a_bundle_is_two_files_and_says_what_it_was_made_of(bundle):
    assert sorted(file.name for file in bundle.iterdir()) == ["bundle.json", "weights.safetensors"]
    content = json.loads((bundle / "bundle.json").read_text())
    assert content["provenance"]["sample"] == "churn.1"
    assert content["spec"]["inputs"]["cardinalities"] == {"kind": 6, "online": 3}
    assert content["spec"]["task"]["metric"] == "roc_auc"
    assert content["curves"][0]["epoch"] == 1


def test_an_empty_model_is_saved_and_loaded(tmp_path):
    target = (np.arange(50) % 2).astype(np.float32)[:, None]
    nothing = make_sequences([0] * 50)
    model = train_nets(nothing, target, np.ones(50, dtype=np.float32), split_of(50), make_task())
    model.save(tmp_path, {})
    loaded = DomainModel.load(tmp_path)
    assert loaded.is_empty
    assert loaded.data_version == model.data_version
    np.testing.assert_array_equal(loaded.predict(nothing).scores, model.predict(nothing).scores)


def test_curves_that_are_not_defined_survive(model, tmp_path):
    undefined = dataclasses.replace(model.curves[0], valid_metric=float("nan"))
    dataclasses.replace(model, curves=[undefined]).save(tmp_path, {})
    assert np.isnan(DomainModel.load(tmp_path).curves[0].valid_metric)


def test_codes_of_a_longer_dictionary_do_not_crash(model, sequences):
    later = dataclasses.replace(sequences, columns={**sequences.columns, "kind": sequences.columns["kind"] + 1000})
    unknown = dataclasses.replace(sequences, columns={**sequences.columns, "kind": sequences.columns["kind"] * 0})
    np.testing.assert_array_equal(model.predict(later).scores, model.predict(unknown).scores)


def test_no_rows_give_no_scores(model):
    vectors = model.predict(make_sequences([]))
    assert vectors.scores.shape == (0, 1)
    assert vectors.embedding.shape == (0, 8)


def test_what_is_no_bundle_is_refused_with_a_cure(tmp_path, bundle):
    with pytest.raises(ArtifactError, match=r"not a model bundle.*materialize its asset"):
        DomainModel.load(tmp_path)
    with pytest.raises(ArtifactError, match="not a model bundle"):
        Metamodel.load(bundle)
    (bundle / "weights.safetensors").write_bytes(b"rubbish")
    with pytest.raises(ArtifactError, match="not a model bundle"):
        DomainModel.load(bundle)


def test_a_bundle_changed_by_hand_is_refused(bundle):
    text = (bundle / "bundle.json").read_text()
    (bundle / "bundle.json").write_text(text.replace('"dropout": 0.0', '"dropout": 0.5'))
    with pytest.raises(ArtifactError, match="changed by hand or is damaged"):
        DomainModel.load(bundle)


def test_a_bundle_whose_net_is_made_otherwise_by_this_version_is_refused(bundle, monkeypatch):
    monkeypatch.setattr("anna_core.models.nets.domain_model.make_nets", lambda spec: torch.nn.Linear(2, 1))
    version = json.loads((bundle / "bundle.json").read_text())["code_version"]
    with pytest.raises(ArtifactError, match=r"model: the weights do not fit the net that this version of ANNA") as told:
        DomainModel.load(bundle)
    assert str(told.value).endswith(f"Load it with version {version}, or train again.")


@pytest.mark.parametrize(("form", "version"), [(None, "an earlier"), (0, "an earlier"), (10**6, "a later")])
def test_a_bundle_of_another_version_is_refused_before_it_is_read(bundle, form, version):
    content = json.loads((bundle / "bundle.json").read_text())
    old = {"form": form, "spec": {"net": "unheard of"}, "code_version": content["code_version"]}
    (bundle / "bundle.json").write_text(json.dumps({key: value for key, value in old.items() if value is not None}))
    with pytest.raises(ArtifactError) as told:
        DomainModel.load(bundle)
    made_by = f"{version} version of ANNA ({content['code_version']})"
    assert str(told.value) == f"{bundle}: was trained by {made_by}; train the task again."


@pytest.mark.parametrize("content", ["[]", '{"form": 1}'])
def test_a_damaged_bundle_is_told_in_plain_words(bundle, content):
    (bundle / "bundle.json").write_text(content)
    with pytest.raises(ArtifactError, match="not a model bundle") as told:
        DomainModel.load(bundle)
    assert "pydantic" not in str(told.value)


def test_sequences_of_another_domain_are_refused(model):
    with pytest.raises(ArtifactError, match="sequences of 'other'"):
        model.predict(make_sequences([2], name="other"))


def test_a_lost_field_is_named(model, sequences):
    domain = sequences.domain.model_copy(update={"fields": {"kind": "categorical"}})
    changed = dataclasses.replace(sequences, meta=sequences.meta.model_copy(update={"domain": domain}))
    with pytest.raises(ArtifactError, match=r"fields missing \['amount', 'online'\]"):
        model.predict(changed)
