"""Scores as the bank's other systems read them: one row a client, with deciles and what is known of the client."""

from collections.abc import Mapping

import polars as pl

from anna_core.models.scores_file import decile_of, score_columns
from anna_core.sequences.ragged import Sequences

DECILES = 10
MODEL = "model"
EVENTS = "events_"  # and a domain's name: how many of its events the client's score rests on


def published(scores: pl.DataFrame, histories: Mapping[str, Sequences], tag: str) -> pl.DataFrame:
    """Scores for publication.

    Args:
        scores: as of `score_frame`, a row a client.
        histories: domain → the sequences that were scored.
        tag: of the launch whose models scored.

    Returns:
        client_id, as_of, each score; `decile` for `score`, `decile_x` for `score_x`: 1 for the highest tenth of the
        scores, equal scores being of one decile; model (the tag) and model_version; and `events_<domain>`, the number
        of events in the client's window, 0 where the domain does not know the client.
    """
    names = score_columns(scores)
    above = {name: pl.col(name).rank("min", descending=True) - 1 for name in names}
    deciles = [((rank * DECILES) // pl.len() + 1).cast(pl.UInt8).alias(decile_of(name)) for name, rank in above.items()]
    frame = scores.select("client_id", "as_of", *names, *deciles, pl.lit(tag).alias(MODEL), "model_version")
    for name, history in histories.items():
        known = pl.DataFrame(
            {"client_id": pl.Series(history.client_id).cast(pl.String), f"{EVENTS}{name}": pl.Series(history.length)}
        )
        frame = frame.join(known, on="client_id", how="left", maintain_order="left")
    return frame.with_columns(pl.col(f"^{EVENTS}.*$").fill_null(0))
