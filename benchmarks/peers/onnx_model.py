"""The model that every suite is given: the same ONNX file behind scikit-learn's two methods."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime


class OnnxModel:
    """Answers a data frame."""

    classes_ = np.array([0, 1])
    _estimator_type = "classifier"

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.path = str(path)
        self.session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])

    def fit(self, *_):
        """Nothing to learn: some suites ask for the method."""
        return self

    def predict_proba(self, frame):
        """Chances of both classes, shape (rows, 2)."""
        feed = {}
        for tensor in self.session.get_inputs():
            values = frame[tensor.name]
            if tensor.type == "tensor(string)":
                values = values.astype(object).where(values.notna(), "").astype(str).to_numpy(dtype=object)
            else:
                values = values.astype("float32").to_numpy()
            feed[tensor.name] = values.reshape(-1, 1)
        return np.asarray(self.session.run(None, feed)[-1], dtype=float)

    def predict(self, frame):
        """The likelier class."""
        return (self.predict_proba(frame)[:, 1] >= 0.5).astype(int)


def rows(folder, target):
    """Training rows, test rows and the names of the columns of words in a folder of the benchmark."""
    import pandas as pd

    parts = [pd.read_parquet(f"{folder}/{part}.parquet") for part in ("train", "test")]
    words = [name for name in parts[0].columns if parts[0][name].dtype == object and name != target]
    return *parts, words
