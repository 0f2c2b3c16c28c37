"""scikit-learn models in skops files: loaded in the sandbox only, and only types of our own fixed list."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .gate import Report
from .onnx_runtime import Outputs, _class_array, finish
from .parallel import threads as plain_threads
from .signatures import MISSING_TEXT, Columns, Signature, SignatureError

# What skops does not trust by itself and we do, having read how each is rebuilt. Never taken from a file.
TRUSTED = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "numpy.dtype",
)
UNPACKED_LIMIT = 2**30
MOST_MEMBERS = 100_000


def examine(path: Path, report: Report) -> None:
    """Types and size, without loading; what is not on the list stops the file."""
    from skops.io import get_untrusted_types

    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > UNPACKED_LIMIT:
        report.stop("size", "The file unpacks to more than 1 GiB. Make the model smaller.")
        return
    try:
        unknown = set(get_untrusted_types(file=path)) - set(TRUSTED)
    except Exception as error:
        report.stop(
            "parse", f"The skops file cannot be read ({type(error).__name__}). Save the model again with skops."
        )
        return
    if unknown:
        names = ", ".join(sorted(unknown)[:10])
        report.stop(
            "types", f"The file asks for types that are not on our list: {names[:400]}. Export it as ONNX instead."
        )


class SkopsModel:
    """The same calls as OnnxModel, for a scikit-learn model. Only inside the sandbox."""

    def __init__(self, path: Path, signature: Signature | dict[str, Any], threads: int = 1) -> None:
        from skops.io import load

        self.signature = Signature.from_json(signature)
        self.threads = threads
        self.model = load(path, trusted=list(TRUSTED))
        needed = "predict" if self.signature.task == "regression" else "predict_proba"
        if not hasattr(self.model, needed):
            raise SignatureError(f"The model has no {needed}, which its signature needs.")
        self._classes = _class_array(self.signature)

    def predict(self, columns: Columns) -> Outputs:
        """`score`, `label` and for many classes `probabilities`, as OnnxModel gives them."""
        return finish(self.signature, self.raw(columns), self._classes)

    def raw(self, columns: Columns) -> np.ndarray:
        """Values [N] or probabilities [N, C] as float64."""
        matrix = self._matrix(columns)
        with plain_threads(self.threads):
            if self.signature.task == "regression":
                return np.asarray(self.model.predict(matrix), dtype=np.float64).reshape(-1)
            return np.asarray(self.model.predict_proba(matrix), dtype=np.float64)

    def _matrix(self, columns: Columns) -> np.ndarray:
        """All columns side by side in the order of the signature; a missing word is None among text."""
        parts = [columns[name] for name in self.signature.names]
        if all(part.dtype != object for part in parts):
            return np.stack(parts, axis=1)
        matrix = np.empty((len(parts[0]), len(parts)), dtype=object)
        for index, part in enumerate(parts):
            matrix[:, index] = [None if value == MISSING_TEXT else value for value in part]
        return matrix
