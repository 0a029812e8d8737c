"""The `anna` command: a thin client of the Dagster GraphQL API, and the supervisor of a deployment on one machine."""
