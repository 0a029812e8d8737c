"""Whether the graph begins with the data, and how it comes to do so, where `anna.yaml` names no first month."""

import datetime as dt

from anna_core.sources.span import first_month
from anna_resources.blueprint import read_first_month, write_first_month
from anna_resources.code_location import ReloadError, reload_definitions
from anna_resources.settings import Settings


def begins_elsewhere(settings: Settings, rows: list[dict[dt.date, int]]) -> dt.date | None:
    """The month in which the data begins, as far as it was observed, where the graph begins in another.

    Args:
        settings: of a deployment whose graph follows the data.
        rows: of each domain, month → number of its rows.
    """
    first = first_month(rows, settings.last_month, read_first_month(settings))
    return None if first == settings.first_month else first


def follow_data(settings: Settings, rows: list[dict[dt.date, int]]) -> list[str]:
    """Have the definitions loaded anew where the data begins in another month than the graph; what there is to tell."""
    first = begins_elsewhere(settings, rows)
    if first is None:
        return []
    write_first_month(settings, first)
    try:
        reload_definitions(settings.webserver_url)
    except ReloadError as error:
        return [f"The data begins in {first:%Y-%m}, the graph does not. {error}"]
    return [f"The data begins in {first:%Y-%m}: the definitions were loaded anew."]
