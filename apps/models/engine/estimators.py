"""The estimators a recipe may name, the parameters of each, how each is built: only what converts to ONNX exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # The web process reads which parameters there are, and loads no NumPy.
    from numpy.typing import NDArray

    Array = NDArray[Any]
Check = Callable[[Any], str]
BINARY_OR_MORE, REGRESSION = "classification", "regression"
NEWTON_WIDTH = 600


def whole(low: int, high: int, *, none: bool = False) -> Check:
    """A whole number within bounds."""

    def check(value: Any) -> str:
        if none and value is None:
            return ""
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return "" if good else f"must be a whole number from {low} to {high}{' or null' if none else ''}"

    return check


def real(low: float, high: float) -> Check:
    """A number within bounds."""

    def check(value: Any) -> str:
        good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return "" if good else f"must be a number from {low:g} to {high:g}"

    return check


def one_of(*choices: Any) -> Check:
    """One of a few values."""
    shown = ", ".join("null" if choice is None else str(choice) for choice in choices)
    return lambda value: "" if any(value is c or value == c for c in choices) else f"must be one of {shown}"


@dataclass(frozen=True)
class Setting:
    """What an estimator is built for: its task, the seed, threads, matrix width and number of classes."""

    task: str
    seed: int
    threads: int
    width: int
    classes: int


@dataclass(frozen=True)
class Estimator:
    """One kind of model: its name for people, what it can learn, its parameters and whether inputs want scaling."""

    title: str
    tasks: tuple[str, ...]
    parameters: Mapping[str, Check]
    scale: bool
    build: Callable[[Setting, dict[str, Any]], Any]

    def fitted(
        self, setting: Setting, parameters: dict[str, Any], matrix: Array, truth: Array, weights: Array | None = None
    ) -> Any:
        """The model learned from the rows (n x width), each counted by its weight where weights (n) are given."""
        rows = matrix.astype("float64") if self.scale else matrix
        given = {} if weights is None else {"sample_weight": weights}
        return self.build(setting, parameters).fit(rows, truth, **given)


def _logistic(setting: Setting, parameters: dict[str, Any]) -> Any:
    from sklearn.linear_model import LogisticRegression

    # Newton's method needs a square matrix of the width, and then only a few steps.
    solver = "newton-cholesky" if setting.width * max(1, setting.classes - 1) <= NEWTON_WIDTH else "lbfgs"
    return LogisticRegression(**{"max_iter": 300, **parameters}, solver=solver, random_state=setting.seed)


def _linear(setting: Setting, parameters: dict[str, Any]) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression(**parameters)


def _ridge(setting: Setting, parameters: dict[str, Any]) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(**parameters, random_state=setting.seed)


def _forest(setting: Setting, parameters: dict[str, Any]) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestRegressor if setting.task == REGRESSION else RandomForestClassifier
    return kind(
        **{"n_estimators": 100, "min_samples_leaf": 20, **parameters}, random_state=setting.seed, n_jobs=setting.threads
    )


def _boosting(setting: Setting, parameters: dict[str, Any]) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    kind = GradientBoostingRegressor if setting.task == REGRESSION else GradientBoostingClassifier
    return kind(**parameters, random_state=setting.seed)


def _lightgbm(setting: Setting, parameters: dict[str, Any]) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if setting.task == REGRESSION else LGBMClassifier
    fixed: dict[str, Any] = {
        "random_state": setting.seed,
        "n_jobs": setting.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    return kind(**parameters, **fixed)


TREES: dict[str, Check] = {
    "n_estimators": whole(1, 1000),
    "max_depth": whole(1, 64, none=True),
    "min_samples_leaf": whole(1, 100_000),
}
CLASS_WEIGHT: dict[str, Check] = {"class_weight": one_of(None, "balanced")}

ESTIMATORS: dict[str, Estimator] = {
    "logistic": Estimator(
        "Logistic regression",
        (BINARY_OR_MORE,),
        {"C": real(1e-6, 1e6), "max_iter": whole(10, 10_000), "fit_intercept": one_of(True, False), **CLASS_WEIGHT},
        True,
        _logistic,
    ),
    "linear": Estimator("Linear regression", (REGRESSION,), {"fit_intercept": one_of(True, False)}, True, _linear),
    "ridge": Estimator(
        "Ridge regression",
        (REGRESSION,),
        {"alpha": real(0, 1e9), "fit_intercept": one_of(True, False)},
        True,
        _ridge,
    ),
    "random_forest": Estimator(
        "Random forest",
        (BINARY_OR_MORE, REGRESSION),
        {**TREES, "max_features": one_of("sqrt", "log2", None), **CLASS_WEIGHT},
        False,
        _forest,
    ),
    "gradient_boosting": Estimator(
        "Gradient boosting",
        (BINARY_OR_MORE, REGRESSION),
        {**TREES, "learning_rate": real(1e-4, 1), "subsample": real(0.01, 1)},
        False,
        _boosting,
    ),
    "lightgbm": Estimator(
        "LightGBM",
        (BINARY_OR_MORE, REGRESSION),
        {
            "n_estimators": whole(1, 5000),
            "num_leaves": whole(2, 4096),
            "max_depth": whole(-1, 64),
            "learning_rate": real(1e-4, 1),
            "min_child_samples": whole(1, 100_000),
            "reg_lambda": real(0, 1e6),
            "reg_alpha": real(0, 1e6),
            "colsample_bytree": real(0.01, 1),
            "subsample": real(0.01, 1),
            "subsample_freq": whole(0, 1000),
            **CLASS_WEIGHT,
        },
        False,
        _lightgbm,
    ),
}


def parameter_problem(estimator: str, task: str, name: str, value: Any) -> str:
    """What is wrong with one parameter; empty when it is right."""
    check = ESTIMATORS[estimator].parameters.get(name)
    if check is None or (name == "class_weight" and task == REGRESSION):
        known = ", ".join(sorted(ESTIMATORS[estimator].parameters))
        return f"is not a parameter of {estimator}; it takes {known}"
    return check(value)
