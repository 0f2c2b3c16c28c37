"""Datasets: sources, immutable versions, preparation, quality, fitness."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "apps.datasets"
    label = "datasets"
