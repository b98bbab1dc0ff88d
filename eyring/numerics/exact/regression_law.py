"""Where minibatch SGD settles in least squares: the exact stationary covariance for a finite data set, and its continuous limit.

One step takes delta = w - w* to (I - eta A_S) delta + eta b_S, where A_S and b_S are the batch means of x x^T and of x times the
residual at w*. Batches are independent of the past, so the second moment obeys a closed linear recursion in which the fourth
moments of the data enter; its fixed point is the law. Nothing is expanded in eta.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eyring.errors import EyringError, NotApplicable, ParameterError

__all__ = [
    "INDEPENDENT_SAMPLERS",
    "LeastSquares",
    "continuous_regression_covariance",
    "largest_stable_learning_rate",
    "regression_covariance",
    "second_moment_radius",
]

INDEPENDENT_SAMPLERS = ("with replacement", "without replacement")
FLAT = 1e-12
MOST_COORDINATES = 100


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """The loss L(w) = 1/(2N) sum_i (x_i . w - y_i)^2 of a finite data set.

    Args:
        inputs: x, shape (N, d), real and finite.
        targets: y, shape (N,), real and finite.

    Raises:
        EyringError: If shapes do not fit or a number is not real and finite.
        NotApplicable: If the Hessian has a flat direction, or d exceeds 100.
    """

    inputs: np.ndarray
    targets: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", _real(self.inputs, "inputs"))
        object.__setattr__(self, "targets", _real(self.targets, "targets"))
        if self.inputs.ndim != 2 or self.targets.shape != self.inputs.shape[:1] or 0 in self.inputs.shape:
            raise EyringError(
                f"least squares needs inputs of shape (N, d) and targets of shape (N,), got {self.inputs.shape} and {self.targets.shape}"
            )
        if self.dim > MOST_COORDINATES:
            gigabytes = 24 * (self.dim * (self.dim + 1) // 2) ** 2 / 1e9
            raise NotApplicable(
                f"the exact law of {self.dim} coordinates needs about {gigabytes:.1f} GB for the fourth moments; it is kept to "
                f"{MOST_COORDINATES}. Use fewer features, or continuous theory: eyring.stationary"
            )
        if self.curvatures[0] <= FLAT * self.curvatures[-1]:
            raise NotApplicable(
                f"the loss has a flat direction: curvatures from {self.curvatures[0]:.3g} to {self.curvatures[-1]:.3g}, "
                "so SGD has no stationary law. Remove dependent features (or use more samples than features)"
            )

    @property
    def samples(self) -> int:
        """Number N of samples."""
        return len(self.inputs)

    @property
    def dim(self) -> int:
        """Number d of coordinates."""
        return self.inputs.shape[1]

    @cached_property
    def hessian(self) -> np.ndarray:
        """H = (1/N) sum_i x_i x_i^T, shape (d, d)."""
        return self.inputs.T @ self.inputs / self.samples

    @property
    def curvatures(self) -> np.ndarray:
        """Eigenvalues of the Hessian, ascending, shape (d,)."""
        return self._eigenbasis[0]

    @property
    def directions(self) -> np.ndarray:
        """Eigenvectors of the Hessian as columns, shape (d, d), in the order of the curvatures."""
        return self._eigenbasis[1]

    @cached_property
    def minimum(self) -> np.ndarray:
        """The least-squares solution w*, shape (d,)."""
        return np.linalg.lstsq(self.inputs, self.targets, rcond=None)[0]

    @cached_property
    def residuals(self) -> np.ndarray:
        """y - X w*, shape (N,)."""
        return self.targets - self.inputs @ self.minimum

    def gradient_covariance(self, *, batch_size: int, sampler: str) -> np.ndarray:
        """Return the covariance C(w*) of the minibatch gradient at the minimum, shape (d, d): G/S, times (N-S)/(N-1) without replacement."""
        scores = self.inputs * self.residuals[:, None]
        return _batch_factor(self, batch_size=batch_size, sampler=sampler) * scores.T @ scores / self.samples

    @cached_property
    def _eigenbasis(self) -> tuple[np.ndarray, np.ndarray]:
        return np.linalg.eigh(self.hessian)

    @cached_property
    def _moments(self) -> "_SecondMoments":
        return _SecondMoments(self)


def regression_covariance(data: LeastSquares, *, learning_rate: float, batch_size: int, sampler: str) -> np.ndarray:
    r"""Return the exact stationary covariance of w under minibatch SGD, at any stable learning rate.

    With f = 1/S for draws with replacement and f = (N-S)/((N-1) S) for a fresh subset each step,

        H Sigma + Sigma H = eta [H Sigma H + f (E[x x^T Sigma x x^T] - H Sigma H)] + eta f E[r^2 x x^T],

    E the mean over the data and r the residual at the minimum.

    Args:
        data: The data set.
        learning_rate: eta > 0.
        batch_size: S, from 1; at most N without replacement.
        sampler: "with replacement" or "without replacement".

    Returns:
        Sigma, shape (d, d), in the units of w^2.

    Raises:
        ParameterError: If an argument is out of range, or the learning rate is not below the largest stable one.

    >>> coin = LeastSquares([[1.0], [1.0]], [1.0, -1.0])
    >>> regression_covariance(coin, learning_rate=0.5, batch_size=1, sampler="with replacement")  # eta/(2 - eta)
    array([[0.33333333]])
    """
    factor = _batch_factor(data, batch_size=batch_size, sampler=sampler)
    eta = _checked_rate(learning_rate)
    _require_stability(data, eta, factor, sampler)
    moments = data._moments
    operator = np.diag(moments.decay) - eta * moments.spread(factor)
    return moments.matrix(np.linalg.solve(operator, eta * factor * moments.forcing))


def continuous_regression_covariance(data: LeastSquares, *, learning_rate: float, batch_size: int, sampler: str) -> np.ndarray:
    """Return the stationary covariance of the continuous limit, H Sigma + Sigma H = eta C(w*), shape (d, d).

    It is the first order in eta of ``regression_covariance``.

    Args:
        data: The data set.
        learning_rate: eta > 0.
        batch_size: S, from 1; at most N without replacement.
        sampler: "with replacement" or "without replacement".

    Raises:
        ParameterError: If an argument is out of range.
    """
    covariance = data.gradient_covariance(batch_size=batch_size, sampler=sampler)
    V, h = data.directions, data.curvatures
    return _checked_rate(learning_rate) * V @ ((V.T @ covariance @ V) / (h[:, None] + h[None, :])) @ V.T


def second_moment_radius(data: LeastSquares, *, learning_rate: float, batch_size: int, sampler: str) -> float:
    """Return the spectral radius of the map that takes E[delta delta^T] one step on; the law exists below 1.

    Args:
        data: The data set.
        learning_rate: eta > 0.
        batch_size: S, from 1; at most N without replacement.
        sampler: "with replacement" or "without replacement".

    Raises:
        ParameterError: If an argument is out of range.
    """
    factor = _batch_factor(data, batch_size=batch_size, sampler=sampler)
    return data._moments.radius(_checked_rate(learning_rate), factor)


def largest_stable_learning_rate(data: LeastSquares, *, batch_size: int, sampler: str) -> float:
    """Return the learning rate at which the second-moment radius reaches 1.

    The one-step map is I - eta (K1 - eta K2) with K1 the Lyapunov operator; K1^-1 and K2 keep positive matrices positive, so the radius is
    below 1 exactly when eta times the largest eigenvalue of K1^-1 K2 is.

    Args:
        data: The data set.
        batch_size: S, from 1; at most N without replacement.
        sampler: "with replacement" or "without replacement".

    Raises:
        ParameterError: If an argument is out of range.
    """
    return data._moments.threshold(_batch_factor(data, batch_size=batch_size, sampler=sampler))


class _SecondMoments:
    """The second-moment recursion in the Hessian's eigenbasis, on symmetric matrices written as vectors of length d(d+1)/2.

    Off-diagonal elements are stored times sqrt(2), so that every operator below is a symmetric matrix.
    """

    def __init__(self, data: LeastSquares) -> None:
        self.rows, self.columns = np.triu_indices(data.dim)
        self.weights = np.where(self.rows == self.columns, 1.0, np.sqrt(2.0))
        self.directions = data.directions
        h = data.curvatures
        inputs = data.inputs @ data.directions
        pairs = inputs[:, self.rows] * inputs[:, self.columns] * self.weights
        self.decay = h[self.rows] + h[self.columns]
        self.product = h[self.rows] * h[self.columns]
        self.fourth = pairs.T @ pairs / data.samples
        self.forcing = pairs.T @ data.residuals**2 / data.samples

    def spread(self, factor: float) -> np.ndarray:
        """Return Sigma -> E[A_S Sigma A_S]."""
        return factor * self.fourth + np.diag((1 - factor) * self.product)

    def radius(self, eta: float, factor: float) -> float:
        step = np.eye(len(self.decay)) - eta * np.diag(self.decay) + eta**2 * self.spread(factor)
        return float(np.abs(np.linalg.eigvalsh(step)).max())

    def threshold(self, factor: float) -> float:
        scale = 1 / np.sqrt(self.decay)
        return float(1 / np.linalg.eigvalsh(scale[:, None] * self.spread(factor) * scale[None, :])[-1])

    def matrix(self, vector: np.ndarray) -> np.ndarray:
        """Return the covariance in the data's coordinates."""
        elements = np.zeros((len(self.directions),) * 2)
        elements[self.rows, self.columns] = elements[self.columns, self.rows] = vector / self.weights
        return self.directions @ elements @ self.directions.T


def _batch_factor(data: LeastSquares, *, batch_size: int, sampler: str) -> float:
    if sampler not in INDEPENDENT_SAMPLERS:
        raise ParameterError(
            f"the law of regression is exact for batches that are independent of the past, {' or '.join(map(repr, INDEPENDENT_SAMPLERS))}; "
            f"got {sampler!r}. For epoch shuffling, measure: eyring validate regression"
        )
    if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise ParameterError(f"the batch size must be a whole number from 1, got {batch_size!r}")
    if sampler == "with replacement":
        return 1 / batch_size
    if batch_size > data.samples:
        raise ParameterError(
            f"a batch of {batch_size} cannot be drawn without replacement from {data.samples} samples; "
            f"take at most {data.samples}, or draw with replacement"
        )
    return (data.samples - batch_size) / (max(data.samples - 1, 1) * batch_size)


def _checked_rate(learning_rate: float) -> float:
    number = complex(learning_rate)
    if number.imag != 0 or not np.isfinite(number) or number.real <= 0:
        raise ParameterError(f"the learning rate must be a real number above 0, got {learning_rate}")
    return number.real


def _require_stability(data: LeastSquares, eta: float, factor: float, sampler: str) -> None:
    limit = data._moments.threshold(factor)
    if eta >= limit:
        raise ParameterError(
            f"the learning rate {eta:.6g} is unstable: one step multiplies the second moment of w by up to {data._moments.radius(eta, factor):.6g}, "
            f"which must be below 1. Take a learning rate below {limit:.6g} "
            f"(batches {sampler}, sharpest curvature {data.curvatures[-1]:.6g}), or a larger batch"
        )


def _real(given: object, name: str) -> np.ndarray:
    array = np.asarray(given)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise EyringError(
            f"{name} must be an array of real, finite numbers, got dtype {array.dtype}" + (" with NaN or infinity" if array.dtype.kind == "f" else "")
        )
    return array.astype(float)
