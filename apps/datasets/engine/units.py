"""Units of measure and what turns one into another: value * factor + offset."""

# unit -> (quantity, factor to the base unit, offset to the base unit)
UNITS: dict[str, tuple[str, float, float]] = {
    "K": ("temperature", 1, 0),
    "°C": ("temperature", 1, 273.15),
    "°F": ("temperature", 5 / 9, 273.15 - 32 * 5 / 9),
    "m": ("length", 1, 0),
    "km": ("length", 1000, 0),
    "cm": ("length", 0.01, 0),
    "mm": ("length", 0.001, 0),
    "in": ("length", 0.0254, 0),
    "ft": ("length", 0.3048, 0),
    "yd": ("length", 0.9144, 0),
    "mi": ("length", 1609.344, 0),
    "nmi": ("length", 1852, 0),
    "m/s": ("speed", 1, 0),
    "km/h": ("speed", 1 / 3.6, 0),
    "mph": ("speed", 0.44704, 0),
    "kn": ("speed", 1852 / 3600, 0),
    "kg": ("mass", 1, 0),
    "g": ("mass", 0.001, 0),
    "lb": ("mass", 0.45359237, 0),
    "oz": ("mass", 0.028349523125, 0),
    "t": ("mass", 1000, 0),
    "Pa": ("pressure", 1, 0),
    "hPa": ("pressure", 100, 0),
    "kPa": ("pressure", 1000, 0),
    "mbar": ("pressure", 100, 0),
    "bar": ("pressure", 100_000, 0),
    "inHg": ("pressure", 3386.389, 0),
    "psi": ("pressure", 6894.757293168, 0),
    "s": ("time", 1, 0),
    "min": ("time", 60, 0),
    "h": ("time", 3600, 0),
    "d": ("time", 86_400, 0),
    "l": ("volume", 1, 0),
    "ml": ("volume", 0.001, 0),
    "gal": ("volume", 3.785411784, 0),
    "m³": ("volume", 1000, 0),
}
_ALIASES = {"C": "°C", "F": "°F", "degC": "°C", "degF": "°F", "m3": "m³", "kt": "kn", "knots": "kn", "L": "l"}


def unit_named(name: str) -> str:
    """The unit as it is written here; raises ValueError for one that is not known."""
    known = _ALIASES.get(name.strip(), name.strip())
    if known not in UNITS:
        raise ValueError(f"{name!r} is not a unit that is known here ({', '.join(UNITS)}); give a factor instead.")
    return known


def conversion(from_unit: str, to_unit: str) -> tuple[float, float]:
    """Factor and offset from one unit to another; raises ValueError when they measure different things."""
    left, right = unit_named(from_unit), unit_named(to_unit)
    (quantity, factor, offset), (other, base_factor, base_offset) = UNITS[left], UNITS[right]
    if quantity != other:
        raise ValueError(f"{left} measures {quantity} and {right} measures {other}.")
    return factor / base_factor, (offset - base_offset) / base_factor
