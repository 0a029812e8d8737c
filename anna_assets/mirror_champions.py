"""MLflow's alias `champion` mirrors the ledger, whatever happened to it meanwhile."""

import json
import logging
import time

import requests

from anna_core.errors import AnnaError
from anna_core.keys import key_of_tag
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.ledger import Ledger
from anna_resources.settings import load_settings
from anna_resources.tracking.outbox import RunReport, now
from anna_resources.tracking.registered_champion import registered_champion
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse

_AGAIN_SECONDS = 600.0  # what could not be mended is not tried again at every look


def wrong_champions(tracking: Tracking, cursor: str | None) -> tuple[list[str], str]:
    """The tasks whose alias in MLflow is not on the ledger's champion; and what to remember of having found so.

    Those that were found so a moment ago, with the same champion, are left out.

    Args:
        tracking: whose server answers.
        cursor: what was to be remembered the last time.

    Raises:
        requests.RequestException: the server does not work.
        LedgerError: the ledger cannot be read.
    """
    asked: dict[str, tuple[str, float]] = json.loads(cursor or "{}")
    wrong, found = [], {}
    for task, champion in Champions.of(load_settings()).all().items():
        tag = champion.tag
        if registered_champion(tracking.url, task) == tag:
            continue
        before, at = asked.get(task, ("", 0.0))
        if before == tag and time.time() - at < _AGAIN_SECONDS:
            found[task] = before, at
            continue
        wrong.append(task)
        found[task] = tag, time.time()
    return wrong, json.dumps(found)


def mend_champions(tracking: Tracking, warehouse: Warehouse, log: logging.Logger) -> None:
    """Have each task's alias on the ledger's champion; one that is not in the registry is registered first."""
    for task, champion in Champions.of(load_settings()).all().items():
        tag = champion.tag
        try:
            if registered_champion(tracking.url, task) == tag:
                continue
        except requests.RequestException as error:
            log.warning(f"MLflow at {tracking.url} does not say who is champion of {task}: {error}")
            return
        if (problem := tracking.point_champion(task, tag)) is not None:
            _register(tracking, warehouse, tag, log)
            problem = tracking.point_champion(task, tag)
        log.log(
            logging.WARNING if problem else logging.INFO,
            f"{tag} is champion of {task}; MLflow's registry says so {'not: ' + problem if problem else 'now'}.",
        )


def _register(tracking: Tracking, warehouse: Warehouse, tag: str, log: logging.Logger) -> None:
    """Say once more that a launch is to be registered: it was kept before there was a registry, or taken out of it."""
    try:
        launch = Ledger.of(load_settings()).read(tag)
    except AnnaError as error:
        log.warning(f"{tag} cannot be registered: {error}")
        return
    box = tracking.outbox.launch(key_of_tag(tag), launch.run)
    box.own.append(RunReport(at=now(), model=warehouse.candidate(tag).path))
    box.own.append(RunReport(at=now(), status="FINISHED"))
    if problem := tracking.send(box, log):
        log.warning(f"{tag} is not registered yet: {problem}")
