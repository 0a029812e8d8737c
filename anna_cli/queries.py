"""Every GraphQL document that ANNA sends, checked against Dagster 1.13's schema by a test."""

# What Dagster answers in place of a result; some errors carry no `message`.
_ERRORS = """
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidStepError { invalidStepKey }
"""

LAUNCH_RUN = f"""
mutation LaunchRun($params: ExecutionParams!) {{
  launchRun(executionParams: $params) {{
    __typename
    ... on LaunchRunSuccess {{ run {{ runId }} }}
    {_ERRORS}
  }}
}}
"""

LAUNCH_BACKFILL = f"""
mutation LaunchBackfill($params: LaunchBackfillParams!) {{
  launchPartitionBackfill(backfillParams: $params) {{
    __typename
    ... on LaunchBackfillSuccess {{ backfillId }}
    {_ERRORS}
  }}
}}
"""

SET_LIMIT = """
mutation SetLimit($pool: String!, $limit: Int!) {
  setConcurrencyLimit(concurrencyKey: $pool, limit: $limit)
}
"""

HEALTH = """
query Health {
  version
  instance {
    daemonHealth { allDaemonStatuses { daemonType required healthy lastHeartbeatTime } }
    concurrencyLimits { concurrencyKey slotCount }
  }
  workspaceOrError {
    __typename
    ... on Workspace {
      locationEntries {
        name loadStatus displayMetadata { key value }
        locationOrLoadError {
          __typename
          ... on PythonError { ...problem cause { ...problem cause { ...problem } } }
        }
      }
    }
    ... on Error { message }
  }
}
fragment problem on PythonError { message className }
"""

IDENTITY = """
query Identity {
  workspaceOrError {
    __typename
    ... on Workspace { locationEntries { name displayMetadata { key value } } }
    ... on Error { message }
  }
}
"""

RUNS = """
query Runs($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs {
      results {
        runId jobName status creationTime startTime endTime
        tags { key value }
        stepStats { stepKey status startTime endTime }
        executionPlan { steps { key } }
      }
    }
    ... on Error { message }
  }
}
"""

RUN_STATES = """
query RunStates($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs { results { runId jobName status creationTime tags { key value } } }
    ... on Error { message }
  }
}
"""

EVENTS = """
query Events($runId: ID!, $after: String, $limit: Int!) {
  logsForRun(runId: $runId, afterCursor: $after, limit: $limit) {
    __typename
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on MessageEvent { timestamp stepKey message }
        ... on ObservationEvent {
          metadataEntries {
            label
            ... on IntMetadataEntry { intValue }
            ... on FloatMetadataEntry { floatValue }
            ... on TextMetadataEntry { text }
            ... on BoolMetadataEntry { boolValue }
          }
        }
        ... on ExecutionStepFailureEvent {
          error { ...problem cause { ...problem cause { ...problem cause { ...problem } } } }
        }
        ... on RunFailureEvent { error { ...problem cause { ...problem } } }
      }
    }
    ... on Error { message }
  }
}
fragment problem on PythonError { message className }
"""

ASSET_KEYS = """
query AssetKeys {
  assetNodes { assetKey { path } }
}
"""

ASSETS = """
query Assets {
  assetNodes {
    assetKey { path }
    partitionStats { numPartitions numMaterialized numMaterializing numFailed }
  }
}
"""

PARTITION_KEYS = """
query PartitionKeys($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    __typename
    ... on AssetNode { partitionKeys }
    ... on Error { message }
  }
}
"""

STALE_STATUS = """
query StaleStatus($key: AssetKeyInput!, $partitions: [String!]!) {
  assetNodeOrError(assetKey: $key) {
    __typename
    ... on AssetNode { staleStatusByPartition(partitions: $partitions) }
    ... on Error { message }
  }
}
"""

MATERIALIZATIONS = """
query Materializations($key: AssetKeyInput!, $partitions: [String!]!) {
  assetNodeOrError(assetKey: $key) {
    __typename
    ... on AssetNode {
      latestMaterializationByPartition(partitions: $partitions) {
        runId timestamp partition
        metadataEntries {
          label
          ... on PathMetadataEntry { path }
          ... on TextMetadataEntry { text }
          ... on MarkdownMetadataEntry { mdStr }
          ... on IntMetadataEntry { intValue }
          ... on FloatMetadataEntry { floatValue }
          ... on TableMetadataEntry { table { records } }
          ... on JsonMetadataEntry { jsonString }
        }
      }
    }
    ... on Error { message }
  }
}
"""

BACKFILL = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill {
      id status title timestamp endTimestamp
      error { message }
      assetBackfillData {
        assetBackfillStatuses {
          __typename
          ... on AssetPartitionsStatusCounts {
            assetKey { path }
            numPartitionsTargeted numPartitionsInProgress numPartitionsMaterialized numPartitionsFailed
          }
        }
      }
    }
    ... on Error { message }
  }
}
"""

BACKFILLS = """
query Backfills($statuses: [BulkActionStatus!]) {
  partitionBackfillsOrError(filters: {statuses: $statuses}, limit: 50) {
    __typename
    ... on PartitionBackfills { results { id title } }
    ... on Error { message }
  }
}
"""

SENSOR = """
query Sensor($selector: SensorSelector!) {
  sensorOrError(sensorSelector: $selector) {
    __typename
    ... on Sensor {
      sensorState {
        status
        ticks(limit: 1) {
          tickId status
          error { ...problem cause { ...problem cause { ...problem cause { ...problem } } } }
        }
      }
    }
    ... on Error { message }
  }
}
fragment problem on PythonError { message className }
"""

SENSORS = """
query Sensors($selector: RepositorySelector!) {
  sensorsOrError(repositorySelector: $selector) {
    __typename
    ... on Sensors {
      results {
        name
        sensorState {
          status
          ticks(limit: 2) {
            status
            error { ...problem cause { ...problem cause { ...problem cause { ...problem } } } }
          }
        }
      }
    }
    ... on Error { message }
  }
}
fragment problem on PythonError { message className }
"""

UPLOADS = """
query Uploads {
  assetNodeOrError(assetKey: {path: ["uploads"]}) {
    __typename
    ... on AssetNode {
      assetObservations(limit: 1) {
        metadataEntries { label ... on TableMetadataEntry { table { records } } }
      }
    }
    ... on Error { message }
  }
}
"""
