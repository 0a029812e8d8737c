"""The modelling library: from raw bank events to scores. Imports no dagster, mlflow or pyspark."""
