"""Opening an artifact for the first time, in a child: what ends the process here would have ended the server."""

from typing import Any

from apps.core.sandbox import Job, Refused, sandboxed
from apps.models.engine.signatures import Input, Signature, SignatureError

PLAIN = {"number": 0.0, "integer": 0, "boolean": False}


@sandboxed
def open_once(job: Job) -> dict[str, Any]:
    """Open the model `model` with the signature of the payload and ask it once; Refused with a sentence if it fails."""
    from apps.models.engine.onnx_runtime import OnnxModel

    signature = Signature.from_json(job.payload["signature"])
    try:
        model = OnnxModel(job.inputs["model"].read_bytes(), signature)
        outputs = model.predict(signature.columns({column.name: [_plain(column)] for column in signature.inputs}))
    except SignatureError as error:
        raise Refused(f"It does not answer to its signature: {error.sentence}") from error
    return {"outputs": sorted(outputs)}


def _plain(column: Input) -> Any:
    if column.type == "string":
        return column.categories[0] if column.categories else "x"
    return PLAIN[column.type]
