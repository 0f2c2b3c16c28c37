"""The static gate for ONNX files: one parse, no execution. What it refuses is never opened by a runtime.

The runtime itself still reads external data relative to the current folder, grows tensors by numbers in the file and
runs endless loops; this gate is the reason why none of that reaches it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import onnx
from google.protobuf.message import DecodeError, Message

MIB = 2**20
SIZE_LIMIT = 512 * MIB
MOST_NODES = 200_000
DEEPEST = 8
DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
# Operators whose cost is decided by numbers inside the file.
COSTLY = {
    "loops": ("Loop", "Scan", "If", "SequenceMap"),
    "growth": ("ConstantOfShape", "Expand", "Range", "Tile", "Pad", "Resize", "Upsample", "EyeLike", "OneHot"),
    "chance": ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"),
}
REASONS = {
    "loops": "can run without end",
    "growth": "can grow to any size by a number in the file",
    "chance": "gives another answer each time",
}
KINDS: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float",
    onnx.TensorProto.DOUBLE: "double",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.INT32: "int32",
    onnx.TensorProto.BOOL: "bool",
    onnx.TensorProto.STRING: "string",
}


@dataclass(frozen=True)
class Finding:
    """One thing seen in an artifact. `stop` refuses the file, `note` is for the record."""

    code: str
    severity: str
    sentence: str

    def as_json(self) -> dict[str, str]:
        """The finding as stored."""
        return {"code": self.code, "severity": self.severity, "sentence": self.sentence}


@dataclass
class Report:
    """What the gate saw: findings and the outside of the graph."""

    findings: list[Finding] = field(default_factory=list)
    graph: dict[str, Any] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """Whether nothing stops the file."""
        return all(finding.severity != "stop" for finding in self.findings)

    def stop(self, code: str, sentence: str) -> None:
        """Add a reason to refuse."""
        self.findings.append(Finding(code, "stop", sentence))

    def note(self, code: str, sentence: str) -> None:
        """Add something worth knowing."""
        self.findings.append(Finding(code, "note", sentence))


def examine(content: bytes, *, allow: tuple[str, ...] = (), size_limit: int = SIZE_LIMIT) -> Report:
    """Everything that can be said about an ONNX file without running it. `allow` names operators to let pass."""
    report = Report()
    if len(content) > size_limit:
        report.stop("size", f"The file has {len(content) / MIB:.0f} MiB; at most {size_limit / MIB:.0f} MiB are taken.")
        return report
    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError, RecursionError):
        report.stop("parse", "This is not an ONNX file, or it is damaged or cut off. Export the model again.")
        return report
    if not model.graph.node:
        report.stop("parse", "This is not an ONNX file, or it holds no model. Export the model again.")
        return report
    _walk(model, report, allow)
    _domains(model, report)
    report.graph = describe(model)
    if report.passes:
        _check(model, report)
    return report


def _messages(message: Message, depth: int = 0) -> Iterator[tuple[Message, int]]:
    """Every message inside a message, with its depth in subgraphs: nothing can hide in a field nobody thought of."""
    stack: list[tuple[Message, int]] = [(message, depth)]
    while stack:
        current, level = stack.pop()
        yield current, level
        for descriptor, value in current.ListFields():
            if descriptor.message_type is None:
                continue
            inside = level + (descriptor.message_type.name == "GraphProto")
            items = value if descriptor.is_repeated else [value]
            stack.extend((item, inside) for item in items)


def _walk(model: onnx.ModelProto, report: Report, allow: tuple[str, ...]) -> None:
    """External data anywhere, foreign domains, costly operators, depth and number of nodes."""
    external, domains, operators, deepest = 0, set[str](), Counter[str](), 0
    for message, level in _messages(model):
        deepest = max(deepest, level)
        if isinstance(message, onnx.TensorProto):
            external += message.data_location == onnx.TensorProto.EXTERNAL or len(message.external_data) > 0
        elif isinstance(message, onnx.NodeProto):
            operators[message.op_type] += 1
            domains.add(message.domain)
    if external:
        report.stop(
            "external",
            f"{external} of its tensors point to files outside the model. Save it with its weights inside.",
        )
    for domain in sorted(domains - set(DOMAINS)):
        report.stop("domain", f"It uses operators of '{domain[:80]}', which are not part of the ONNX standard.")
    for family, names in COSTLY.items():
        for name in names:
            if operators[name] and name not in allow:
                report.stop("operator", f"It uses the operator {name}, which {REASONS[family]}. Ask an administrator "
                            "to allow it, or export the model without it.")  # fmt: skip
    if sum(operators.values()) > MOST_NODES or deepest > DEEPEST:
        report.stop("graph", f"Its graph has more than {MOST_NODES} nodes or is nested deeper than {DEEPEST} levels.")


def _domains(model: onnx.ModelProto, report: Report) -> None:
    """Operator sets and functions that the file brings or asks for."""
    for item in model.opset_import:
        if item.domain not in DOMAINS:
            report.stop(
                "domain", f"It asks for the operator set '{item.domain[:80]}', which is not part of the standard."
            )
    if model.functions:
        report.stop("function", "It defines operators of its own. Export the model with standard operators only.")


def _check(model: onnx.ModelProto, report: Report) -> None:
    """The ONNX project's own structural check."""
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        first = " ".join(str(error).split())[:200]
        report.stop("structure", f"The graph is not well formed ({first}). Export the model again.")


def describe(model: onnx.ModelProto) -> dict[str, Any]:
    """The outside of a graph: inputs, outputs, operators, versions, producer."""
    constants = {item.name for item in model.graph.initializer}
    return {
        "inputs": [_outside(item) for item in model.graph.input if item.name not in constants],
        "outputs": [_outside(item) for item in model.graph.output],
        "operators": dict(Counter(node.op_type for node in model.graph.node).most_common(100)),
        "opsets": {item.domain or "ai.onnx": item.version for item in model.opset_import},
        "ir_version": model.ir_version,
        "producer": f"{model.producer_name} {model.producer_version}".strip()[:100],
    }


def _outside(item: onnx.ValueInfoProto) -> dict[str, Any]:
    """Name, element type and shape (None where free) of an input or output."""
    kind = item.type.WhichOneof("value")
    if kind != "tensor_type":
        return {"name": item.name, "type": "maps" if kind == "sequence_type" else str(kind), "shape": []}
    tensor = item.type.tensor_type
    shape = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    return {"name": item.name, "type": KINDS.get(tensor.elem_type, str(tensor.elem_type)), "shape": shape}
