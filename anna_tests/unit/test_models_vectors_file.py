import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anna_core.errors import ArtifactError
from anna_core.models.scores_file import read_scores, score_frame
from anna_core.models.vectors import DomainVectors
from anna_core.models.vectors_file import StoredVectors

NAMES = ("score_a", "score_b")


def stored() -> StoredVectors:
    vectors = DomainVectors(
        embedding=np.arange(9, dtype=np.float32).reshape(3, 3),
        scores=np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]], dtype=np.float32),
        present=np.array([True, False, True]),
    )
    as_of = np.array(["2024-01-01"] * 3, dtype="datetime64[D]")
    return StoredVectors(pa.array(["x", "y", "z"]), as_of, vectors, np.array([0.5, 0.5], np.float32), "v1", 5, "rows")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    stored().write(tmp_path / "vectors.parquet", NAMES)
    found = StoredVectors.read(tmp_path / "vectors.parquet")
    assert found.client_id.to_pylist() == ["x", "y", "z"]
    assert (found.as_of == stored().as_of).all()
    assert (found.vectors.embedding == stored().vectors.embedding).all()
    assert (found.vectors.scores == stored().vectors.scores).all()
    assert (found.vectors.present == stored().vectors.present).all()
    assert found.absent_scores.tolist() == [0.5, 0.5]
    assert found.model_version == "v1"
    assert found.folds == 5


def test_other_tools_read_it(tmp_path: Path) -> None:
    stored().write(tmp_path / "vectors.parquet", NAMES)
    frame = pl.read_parquet(tmp_path / "vectors.parquet")
    assert frame.columns == ["client_id", "as_of", "present", "score_a", "score_b", "embedding"]
    assert frame["embedding"][2].to_list() == [6.0, 7.0, 8.0]


def test_clients_are_found_in_any_order_and_unknown_ones_are_absent() -> None:
    aligned = stored().aligned(pa.array(["z", "new", "x"]))
    assert aligned.embedding.tolist() == [[6, 7, 8], [0, 0, 0], [0, 1, 2]]
    assert aligned.scores[:, 0].tolist() == pytest.approx([0.3, 0.5, 0.1])
    assert aligned.present.tolist() == [True, False, True]


def test_no_rows_at_all(tmp_path: Path) -> None:
    empty = stored().vectors.take(np.array([], dtype=int))
    none = StoredVectors(
        pa.array([], pa.string()),
        np.array([], "datetime64[D]"),
        empty,
        np.array([0.5, 0.5], np.float32),
        "v1",
        5,
        "rows",
    )
    none.write(tmp_path / "vectors.parquet", NAMES)
    aligned = StoredVectors.read(tmp_path / "vectors.parquet").aligned(pa.array(["x"]))
    assert aligned.embedding.shape == (1, 3)
    assert not aligned.present.any()


def test_a_missing_or_foreign_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="materialize the asset again"):
        StoredVectors.read(tmp_path / "nothing.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "foreign.parquet")
    with pytest.raises(ArtifactError, match="materialize the asset again"):
        StoredVectors.read(tmp_path / "foreign.parquet")
    stored().write(tmp_path / "older.parquet", NAMES)
    table = pq.read_table(tmp_path / "older.parquet")
    meta = {name: value for name, value in json.loads(table.schema.metadata[b"anna"]).items() if name != "folds"}
    pq.write_table(table.replace_schema_metadata({b"anna": json.dumps(meta)}), tmp_path / "older.parquet")
    with pytest.raises(ArtifactError, match="materialize the asset again"):
        StoredVectors.read(tmp_path / "older.parquet")


def test_scores_have_one_row_a_client_and_name_their_model(tmp_path: Path) -> None:
    scores = np.array([[0.25], [0.75]])
    frame = score_frame(pl.Series(["a", "b"]), pl.Series([None, None], dtype=pl.Date), scores, ("score",), "v2")
    assert frame.columns == ["client_id", "as_of", "score", "model_version"]
    assert frame["model_version"].to_list() == ["v2", "v2"]
    frame.write_parquet(tmp_path / "scores.parquet")
    assert read_scores(tmp_path / "scores.parquet", ("score",)).tolist() == [[0.25], [0.75]]
    with pytest.raises(ArtifactError, match="materialize the asset again"):
        read_scores(tmp_path / "scores.parquet", ("other",))
