"""Signed statements: an in-toto Statement v1 in a DSSE envelope, by the portal's key (see `statement_verifier.py`)."""

import base64
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.audit import statement_verifier, verifier
from apps.audit.export import public_bytes
from apps.audit.statement_verifier import PAYLOAD_TYPE, STATEMENT_TYPE, open_envelope, pre_authentication
from apps.audit.verifier import canonical, key_id

STATEMENT, VERIFY, ARITHMETIC, README = "statement.json", "verify.py", "verifier.py", "README.txt"
MIDNIGHT = (1980, 1, 1, 0, 0, 0)  # the first moment a ZIP archive knows: the same content is the same bytes
ABOUT = """\
A signed statement of Tenure, with what it takes to check it
============================================================

Verify it, offline, with Python 3.9 or newer and nothing else; FILE is what you hold in hands, as the model's file:

    python verify.py statement.json report.pdf FILE... --public-key FILE_OR_HEX

Without --public-key the key in public_keys.json is taken: that shows that nothing was changed since it was signed, not
who signed it. If you do not trust this archive, run copies of verify.py and verifier.py that you keep elsewhere.

statement.json     the statement: an in-toto Statement v1 in an envelope by DSSE (github.com/secure-systems-lab/dsse)
public_keys.json   the public key of its signature, by name
verify.py          the verifier; verifier.py brings the arithmetic of Ed25519 (RFC 8032)

By hand: the signature is over the bytes "DSSEv1 LENGTH TYPE LENGTH PAYLOAD", the lengths in decimal digits, the payload
decoded from base64. A key's name is the first 16 hex digits of the SHA-256 of its 32 bytes.
"""


def statement(subjects: Mapping[str, str], predicate_type: str, predicate: Any) -> dict[str, Any]:
    """An in-toto Statement v1 about subjects given as name and SHA-256 in hex."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects.items()],
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def sign(content: Mapping[str, Any], private_key: Ed25519PrivateKey) -> str:
    """The content's envelope as JSON. Ed25519 needs no chance: the same content and key give the same text."""
    payload = canonical(content).encode()
    signature = private_key.sign(pre_authentication(PAYLOAD_TYPE, payload))
    return canonical(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": key_id(public_bytes(private_key)), "sig": base64.b64encode(signature).decode()}],
        }
    )


def payload_of(envelope: str) -> bytes:
    """What an envelope holds, as it was signed."""
    return open_envelope(envelope.encode())[1]


def public_keys(public_key: bytes) -> str:
    """The key as bundles carry it: by its name."""
    return canonical({key_id(public_key): base64.b64encode(public_key).decode()})


def bundle(envelope: str, public_key: bytes, files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive of the statement, its key, the verifier, and files that belong to it; always the same bytes."""
    content = {
        STATEMENT: envelope.encode(),
        **files,
        statement_verifier.KEYS: public_keys(public_key).encode(),
        VERIFY: Path(statement_verifier.__file__).read_bytes(),
        ARITHMETIC: Path(verifier.__file__).read_bytes(),
        README: ABOUT.encode(),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, body in content.items():
            archive.writestr(zipfile.ZipInfo(name, MIDNIGHT), body, zipfile.ZIP_DEFLATED)
    return made.getvalue()
