"""What uploads wait for before their launch: for marts, for what passes, and for the graph to begin with the data."""

from functools import cached_property

import dagster as dg

from anna_assets.refresh.first_month import begins_elsewhere
from anna_assets.uploads.again import still_pauses
from anna_assets.uploads.builds import Builds
from anna_assets.uploads.marts import Marts
from anna_core.errors import ArtifactError
from anna_core.samples.register import Entry


class Waiting:
    """Decides whether uploads have to wait, at one look."""

    def __init__(self, instance: dg.DagsterInstance, marts: Marts, follows_data: bool, now: float) -> None:
        """Look for what launches wait for.

        Args:
            instance: that has the runs.
            marts: that launches are trained on.
            follows_data: whether the graph begins with the data.
            now: time of the look.
        """
        self._builds, self._marts, self._follows_data, self._now = Builds(instance), marts, follows_data, now

    def hold(self, entry: Entry) -> bool:
        """Hold the upload back where it has to wait, and say for what in its entry; whether it has to."""
        if self._beginning:
            entry.reason = self._beginning
            return True
        reason = still_pauses(entry, self._now) or self._told_behind(entry)
        if reason:
            entry.reason = f"{entry.failure} It is launched again after that: {reason}" if entry.failure else reason
        return bool(reason)

    def _told_behind(self, entry: Entry) -> str:
        return " ".join(self._builds.explain(behind) for behind in self._marts.behind(entry.as_of))

    @cached_property
    def _beginning(self) -> str:
        """Why no sample can be launched yet: the graph does not begin with the data. Empty where it does."""
        if not self._follows_data:
            return ""
        try:
            first = begins_elsewhere(self._marts.settings, self._marts.rows)
        except (ArtifactError, OSError):
            return ""  # what is wrong with that source is told of each sample that waits for it
        if first is None:
            return ""
        return f"the data begins in {first:%Y-%m}, and the months are about to begin there, too."
