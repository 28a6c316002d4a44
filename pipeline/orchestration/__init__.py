"""The pipeline as a Dagster graph: thin assets over the pure functions of the other packages.

Only this package and `pipeline.definitions` know Dagster. What does not belong here: any computation on
patients.
"""
