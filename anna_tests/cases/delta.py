"""Delta tables as other tools write them."""

import json
from pathlib import Path
from urllib.parse import quote, unquote

_ESCAPED = "\"#%'*/:=?\\\x7f{[]^"  # by Spark, in the names of folders; deltalake also escapes spaces and letters


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


def name_partitions_as_spark_does(table: Path, column: str) -> None:
    """Rename the folders of a table's partitions, by one column, which deltalake wrote in its first commit."""
    log = table / "_delta_log" / f"{0:020}.json"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    for add in (entry["add"] for entry in entries if "add" in entry):
        written, value = table / unquote(add["path"]), add["partitionValues"][column]
        told = "__HIVE_DEFAULT_PARTITION__" if value is None else value
        name = "".join(f"%{ord(letter):02X}" if letter in _ESCAPED else letter for letter in told)
        folder = table / f"{column}={name}"
        folder.mkdir(exist_ok=True)
        written.rename(folder / written.name)
        add["path"] = quote(f"{folder.name}/{written.name}", safe="/=")
    log.write_text("\n".join(map(json.dumps, entries)))
