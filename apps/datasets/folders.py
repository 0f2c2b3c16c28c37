"""Files that lie on the server already: each organization has a folder of its own, and no way out of it."""

from pathlib import Path

from django.conf import settings

from apps.core import tenancy
from apps.core.errors import Invalid, TooLarge
from apps.organizations.models import Organization


def home() -> Path:
    """The folder in which the ambient organization's files lie: TENURE_REFERENCE_FOLDER/<organization key>."""
    root = settings.TENURE_REFERENCE_FOLDER or Path(settings.TENURE_DATA) / "reference"
    return Path(root) / Organization.objects.get(pk=tenancy.current()).key


def find(path: str) -> Path:
    """The file of this path below the organization's folder; links that lead out of it are no way in."""
    base = home().resolve()
    wanted = (base / path).resolve()
    if not wanted.is_relative_to(base) or not wanted.is_file():
        sentence = f"There is no file “{path}” in the folder of this organization on the server."
        raise Invalid(sentence, {"path": sentence})
    if wanted.stat().st_size > settings.TENURE_UPLOAD_LIMIT:
        raise TooLarge(
            f"“{path}” is larger than {settings.TENURE_UPLOAD_LIMIT / 1024**2:,.0f} MiB, the limit here. Split it, or "
            "ask an administrator to raise TENURE_UPLOAD_LIMIT."
        )
    return wanted


def listing(at_most: int = 200) -> list[str]:
    """What lies in the organization's folder, as paths to choose from."""
    base = home()
    if not base.is_dir():
        return []
    found = (path for path in sorted(base.rglob("*")) if path.is_file() and not path.is_symlink())
    return [str(path.relative_to(base)) for _, path in zip(range(at_most), found, strict=False)]
