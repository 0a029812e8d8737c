"""A launch as MLflow serves it: MLflow keeps this file beside the launch's folder, and runs it to load the model.

What it does is `anna_core.scoring.event_scorer`; nothing is unpickled.
"""

from pathlib import Path
from typing import Any

import mlflow  # noqa: TID253  # this file is only loaded by MLflow
import pandas as pd
import polars as pl
from mlflow.exceptions import MlflowException  # noqa: TID253

from anna_core.errors import AnnaError
from anna_core.models.device import memory_kept
from anna_core.scoring.event_scorer import EventScorer


class ServedLaunch(mlflow.pyfunc.PythonModel):
    """Scores clients by their raw events."""

    def load_context(self, context: Any) -> None:
        """Load the launch once; its memory is kept for as long as the process serves."""
        told = context.model_config
        self._scorer = EventScorer.load(Path(context.artifacts["launch"]), told["threads"], told["left_aside"])
        self._memory = memory_kept()
        self._memory.__enter__()

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Score clients.

        Args:
            context: MLflow's.
            model_input: client_id, as_of and events, as of `anna_core.scoring.client_events.read_records`.
            params: `as_of`, of clients that name none.

        Raises:
            MlflowException: the request cannot be used; the server answers it with status 400.
        """
        records: list[Any] = model_input.to_dict("records")
        try:
            answer = self._scorer.answer(records, (params or {}).get("as_of"))
        except AnnaError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        return pd.DataFrame(answer.scores.with_columns(pl.col("as_of").cast(pl.String)).to_dict(as_series=False))


mlflow.models.set_model(ServedLaunch())
