"""Delta tables as other tools write them."""

import json
from pathlib import Path


def map_columns(table: Path) -> None:
    """Have the log of a table's first commit say that its columns are stored under other names (column mapping)."""
    log = table / "_delta_log" / f"{0:020}.json"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    for entry in entries:
        if "metaData" in entry:
            schema = json.loads(entry["metaData"]["schemaString"])
            for place, column in enumerate(schema["fields"], start=1):
                names = {"delta.columnMapping.id": place, "delta.columnMapping.physicalName": f"col-{place}"}
                column["metadata"] = names
            entry["metaData"]["schemaString"] = json.dumps(schema)
            most = {"delta.columnMapping.maxColumnId": str(len(schema["fields"]))}
            entry["metaData"]["configuration"] = {"delta.columnMapping.mode": "name"} | most
        if "protocol" in entry:
            features = ["columnMapping", "timestampNtz"]
            entry["protocol"] = {
                "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features,
            }  # fmt: skip
    log.write_text("\n".join(map(json.dumps, entries)))
