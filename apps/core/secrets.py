"""Secrets that must be read back, encrypted; secrets that need only be recognised, hashed."""

import hashlib
import secrets

from cryptography.fernet import Fernet
from django.conf import settings


def new_token(prefix: str) -> str:
    """A token with 256 bits of randomness, recognisable by its prefix."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> str:
    """What is stored of a token. It has full entropy, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def seal(text: str) -> str:
    """Encrypt a secret for storage."""
    return Fernet(settings.FIELD_KEY).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Read back a sealed secret."""
    return Fernet(settings.FIELD_KEY).decrypt(sealed.encode()).decode()
