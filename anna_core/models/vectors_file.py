"""Vectors on disk: one Parquet file with client_id, as_of, present, the scores and the embedding of every row."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anna_core.errors import ArtifactError
from anna_core.models.vectors import DomainVectors

_META = b"anna"


@dataclass(frozen=True)
class StoredVectors:
    """Vectors with the rows that they belong to.

    Attributes:
        client_id: (n,) text, the client that each row belongs to.
        as_of: (n,) datetime64[D].
        vectors: vectors of the n rows.
        absent_scores: (K,) scores of a row without events.
        model_version: data version of the model that made them.
        folds: number of folds in cross-fitting: rows of a lower fold were read by nets that were not fitted on them; 0
            if the model had nothing to learn from.
        rows_version: version of the rows that were read: of a sample and its sequences, or of a history.
    """

    client_id: pa.Array
    as_of: np.ndarray
    vectors: DomainVectors
    absent_scores: np.ndarray
    model_version: str
    folds: int
    rows_version: str

    def write(self, path: Path, score_names: tuple[str, ...]) -> None:
        """Write one Parquet file."""
        width = self.vectors.embedding.shape[1]
        flat = pa.array(np.ascontiguousarray(self.vectors.embedding, dtype=np.float32).ravel())
        table = pa.table(
            {
                "client_id": self.client_id,
                "as_of": pa.array(self.as_of.astype("datetime64[D]")),
                "present": self.vectors.present,
                **{name: self.vectors.scores[:, k] for k, name in enumerate(score_names)},
                "embedding": pa.FixedSizeListArray.from_arrays(flat, width),
            }
        )
        meta = {
            "scores": list(score_names),
            "absent_scores": self.absent_scores.tolist(),
            "model_version": self.model_version,
            "folds": self.folds,
            "rows_version": self.rows_version,
        }
        pq.write_table(table.replace_schema_metadata({_META: json.dumps(meta).encode()}), path)

    @classmethod
    def read(cls, path: Path) -> "StoredVectors":
        """Read the file back; raises `ArtifactError` if it is missing or in another format."""
        try:
            table = pq.read_table(path)
            meta = json.loads((table.schema.metadata or {})[_META])
            # Files from before cross-fitting have neither.
            folds, rows_version = int(meta["folds"]), str(meta["rows_version"])
        except (OSError, KeyError, ValueError) as error:
            raise ArtifactError(
                f"{path}: no vectors that ANNA can read; materialize the asset again: {error}"
            ) from error
        embedding = table["embedding"].combine_chunks()
        width = embedding.type.list_size
        scores = [table[name].to_numpy() for name in meta["scores"]]
        vectors = DomainVectors(
            embedding=embedding.flatten().to_numpy().reshape(-1, width),
            scores=np.stack(scores, axis=1).astype(np.float32),
            present=table["present"].to_numpy(),
        )
        return cls(
            client_id=table["client_id"].combine_chunks(),
            as_of=table["as_of"].to_numpy().astype("datetime64[D]"),
            vectors=vectors,
            absent_scores=np.asarray(meta["absent_scores"], dtype=np.float32),
            model_version=meta["model_version"],
            folds=folds,
            rows_version=rows_version,
        )

    def aligned(self, client_id: pa.Array) -> DomainVectors:
        """The vectors of these clients, in their order; a client without a row is absent.

        Args:
            client_id: (m,) text, distinct clients.
        """
        position = pa.compute.index_in(client_id, value_set=self.client_id.cast(client_id.type))
        found = position.is_valid().to_numpy(zero_copy_only=False)
        rows = position.fill_null(0).to_numpy(zero_copy_only=False)[found]
        embedding = np.zeros((len(client_id), self.vectors.embedding.shape[1]), dtype=np.float32)
        scores = np.tile(self.absent_scores, (len(client_id), 1))
        present = np.zeros(len(client_id), dtype=bool)
        embedding[found], scores[found], present[found] = (
            self.vectors.embedding[rows],
            self.vectors.scores[rows],
            self.vectors.present[rows],
        )
        return DomainVectors(embedding, scores, present)
