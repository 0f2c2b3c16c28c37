"""How to call an endpoint, with values its model takes: for its page and its API."""

import json
from typing import Any

from apps.deployments.models import Endpoint
from apps.models.models import ModelVersion

DATATYPES = {"number": "FP64", "integer": "INT64", "string": "BYTES", "boolean": "BOOL"}


def examples(endpoint: Endpoint, version: ModelVersion) -> dict[str, str]:
    """The same request as curl, Python, and as the body alone; the token is left for the caller to fill in."""
    tensors = [
        json.dumps(
            {"name": column["name"], "shape": [1], "datatype": DATATYPES[column["type"]], "data": [_example(column)]},
            ensure_ascii=False,
        )
        for column in version.signature["inputs"]
    ]
    text = '{"id": "my-own-id", "inputs": [\n  ' + ",\n  ".join(tensors) + "\n]}"
    quoted = text.replace("'", "'\\''")
    return {
        "curl": (
            f"curl {endpoint.infer_url} \\\n"
            '  -H "Authorization: Bearer $TENURE_TOKEN" -H "Content-Type: application/json" \\\n'
            f"  -d '{quoted}'"
        ),
        "python": (
            "import json, os, urllib.request\n\n"
            f"body = json.loads('''{text.replace(chr(92), chr(92) * 2)}''')\n"
            f'ask = urllib.request.Request("{endpoint.infer_url}", data=json.dumps(body).encode(), headers={{\n'
            '    "Authorization": "Bearer " + os.environ["TENURE_TOKEN"],\n'
            '    "Content-Type": "application/json",\n'
            "})\n"
            "print(json.load(urllib.request.urlopen(ask)))"
        ),
        "body": text,
    }


def _example(column: dict[str, Any]) -> Any:
    if column["type"] == "string":
        return next(iter(column.get("categories") or []), "text")
    return {"number": 1.5, "integer": 1, "boolean": True}[column["type"]]
