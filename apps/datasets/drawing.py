"""Profiles as charts: what a column holds, and which columns move together."""

from typing import Any

from apps.core import charts


def column_chart(column: dict[str, Any], rows: int) -> Any:
    """The distribution of one column; None where there is nothing to draw."""
    name = column["name"]
    if "histogram" in column and len(column["histogram"]["counts"]) > 1:
        histogram = column["histogram"]
        edges = [edge[:10] if isinstance(edge, str) else edge for edge in histogram["edges"]]
        unit = f" ({column['unit']})" if column.get("unit") else ""
        known = rows - column["nulls"]
        outside = histogram.get("below", 0) + histogram.get("above", 0)
        beyond = f" {outside:,} values lie further out and are not drawn." if outside else ""
        return charts.histogram(
            f"How are the values of {name} distributed?{unit}",
            edges,
            reference=histogram["counts"],
            names=("Share of known values", ""),
            note=f"{known:,} known values in {len(histogram['counts'])} bins of equal width.{beyond}",
        )
    if column.get("top"):
        bars = [charts.Bar(_said(top["value"]), round(100 * top["share"], 2)) for top in column["top"][:15]]
        other = column.get("other", 0)
        note = f"{other:,} further values are not shown." if other else ""
        return charts.bars(f"Which values does {name} hold most often?", bars, unit="%", note=note)
    return None


def correlation_chart(profile: dict[str, Any]) -> Any:
    """Which numeric columns move together; None with fewer than two."""
    found = profile.get("correlations") or {}
    names = found.get("columns", [])
    if len(names) < 2 or len(names) > 20:
        return None
    return charts.heat(
        "Which columns move together?",
        columns=[name[:14] for name in names],
        rows=[
            (name, [abs(value) if value is not None else None for value in row])
            for name, row in zip(names, found["matrix"], strict=True)
        ],
        note="Strength of Pearson's correlation without its sign, over rows in which both are known.",
    )


def spark(column: dict[str, Any]) -> Any:
    """The shape of a distribution in the height of a table row."""
    counts = column.get("histogram", {}).get("counts", [])
    if len(counts) < 2:
        return ""
    return charts.sparkline(counts, f"Distribution of {column['name']}")


def parts_chart(report: dict[str, Any]) -> Any:
    """How the rows fall into the parts of a split."""
    bars = [charts.Bar(part["name"], round(100 * part["share"], 2)) for part in report.get("parts", [])]
    return charts.bars("How are the rows divided?", bars, unit="%") if bars else None


def typical(column: dict[str, Any]) -> str:
    """What a column holds, in a few words for a table."""
    if column.get("all_null"):
        return "nothing"
    if column.get("min") is not None:
        low, high = column["min"], column["max"]
        return f"{_short(low)} to {_short(high)}"
    if column.get("top"):
        return ", ".join(_said(top["value"]) for top in column["top"][:3])
    return ""


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, int):
        # A year reads as one; only long numbers are grouped.
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    return str(value).replace("T", " ").replace(":00Z", "").removesuffix("Z")
