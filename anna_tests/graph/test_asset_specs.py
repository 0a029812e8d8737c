"""A snapshot of every asset of the graph: a change of lineage, partitions, pools or checks shows in a diff.

After a change that is meant, write it anew: ANNA_WRITE_SNAPSHOT=1 pytest anna_tests/graph/test_asset_specs.py
"""

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg

from anna_tests.graph.conftest import Deployment

SNAPSHOT = Path(__file__).with_name("asset_specs.json")


def describe(defs: dg.Definitions) -> dict[str, dict[str, Any]]:
    graph = defs.resolve_asset_graph()
    pools = {
        key: a.op.pool
        for a in defs.assets or []
        if isinstance(a, dg.AssetsDefinition) and a.is_executable
        for key in a.keys
    }
    specs = {}
    for spec in defs.resolve_all_asset_specs():
        node = graph.get(spec.key)
        checks = sorted(key.name for key in node.check_keys)
        specs[spec.key.to_user_string()] = {
            "deps": {
                dep.asset_key.to_user_string(): type(dep.partition_mapping).__name__ if dep.partition_mapping else None
                for dep in sorted(spec.deps, key=lambda dep: dep.asset_key)
            },
            "partitions": type(spec.partitions_def).__name__ if spec.partitions_def else None,
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "pool": pools.get(spec.key),
            "owners": list(spec.owners),
            "checks": checks,
            "automation": spec.automation_condition.get_label() if spec.automation_condition else None,
            "partitions_per_run": node.backfill_policy.max_partitions_per_run if node.backfill_policy else None,
            "description": spec.description,
        }
    return specs


def test_the_graph_is_as_it_was_agreed(deployment: Deployment) -> None:
    found = json.dumps(describe(deployment.defs), indent=1, sort_keys=True)
    if os.environ.get("ANNA_WRITE_SNAPSHOT"):
        SNAPSHOT.write_text(found + "\n")
    assert found + "\n" == SNAPSHOT.read_text()


def test_every_asset_says_what_it_is(deployment: Deployment) -> None:
    for key, spec in describe(deployment.defs).items():
        assert spec["description"], key
        assert spec["group"], key
        assert spec["kinds"], key
        assert key.startswith(("source", "dictionary", "uploads")) or spec["pool"] in (
            "hadoop",
            "training",
            "scoring",
        ), key
