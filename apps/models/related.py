"""What lists and pages of models read along, so that each takes the same few queries for any number of rows."""

MODEL = ("organization", "project__organization", "project__approval", "owner", "created_by")
VERSION = (
    "organization",
    "model__organization",
    "model__project__organization",
    "model__project__approval",
    "artifact__organization",
    "artifact__added_by",
    "run__started_by",
    "run__organization",
    "run__model",
    "run__split",
    "dataset_version__dataset",
    "dataset_version__organization",
    "approval__organization",
    "registered_by",
    "validated_by",
)
RUN = (
    "organization",
    "model__organization",
    "model__project__organization",
    "model__project__approval",
    "dataset_version__dataset",
    "dataset_version__organization",
    "split__source__dataset",
    "split__organization",
    "started_by",
)
