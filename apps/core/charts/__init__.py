"""Charts drawn on the server: data in, inline SVG out, styled by classes and with a table of the same data.

Nothing here knows Django. Titles ask or answer a question; `None` is a gap; every text is escaped.
"""

from apps.core.charts.bars import Bar, bars
from apps.core.charts.figure import Chart, Event, Table, Threshold
from apps.core.charts.heat import heat
from apps.core.charts.histogram import histogram
from apps.core.charts.line import Series, line
from apps.core.charts.scatter import scatter
from apps.core.charts.sparkline import sparkline

__all__ = [
    "Bar",
    "Chart",
    "Event",
    "Series",
    "Table",
    "Threshold",
    "bars",
    "heat",
    "histogram",
    "line",
    "scatter",
    "sparkline",
]
