"""The loss on all data as a smooth surface of one flat float64 vector: heights, slopes and curvatures in numpy."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.func import grad, jacrev, vmap

from eyring.errors import AccuracyError
from eyring.validation.probes.memory import CHUNK, gigabytes, require_memory
from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["FullBatch", "in_float64"]

FEW = 100  # parameters up to which the Hessians of many points are taken side by side
WIDTH = 32  # numbers that a small network keeps for each sample
ONE_BY_ONE = 3  # backward passes cheaper singly than side by side
LOOK_BACK = 4  # gradients and Hessians remembered: an implicit step asks for both, and more than once
SIDE_BY_SIDE = 2**16  # sample losses differentiated at once


@dataclass(frozen=True, eq=False)
class FullBatch:
    """L(theta) on all data, in float64, at points (k, n) of numpy.

    It has what the searches along a symbolic surface ask for (slope, curvature, drift, jacobian), so that the same searches run on a network.

    Attributes:
        problem: The network and its data, in float64.
    """

    problem: TrainingProblem
    _seen: dict[bytes, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, problem: TrainingProblem) -> "FullBatch":
        """Return the surface of a problem, in float64 whatever the problem's own type."""
        return cls(in_float64(problem))

    @property
    def dimension(self) -> int:
        """The number n of parameters."""
        return self.problem.dimension

    def height(self, x: np.ndarray) -> np.ndarray:
        """Return L, (k,)."""
        with torch.no_grad():
            return _finite(self.problem.losses(self.tensor(x)).cpu().numpy(), "loss")

    def fall(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Return L and its gradient at one point, by one backward pass."""
        theta = self.tensor(point).requires_grad_()
        loss = self.problem.loss(theta)
        (gradient,) = torch.autograd.grad(loss, theta)
        return float(_finite(loss.detach().cpu().numpy(), "loss")), _finite(gradient.cpu().numpy(), "gradient")

    def slope(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient, (k, n)."""
        if len(x) == 1:
            return (self._seen[_key(x[0])][0] if _key(x[0]) in self._seen else self.fall(x[0])[1])[None]
        one_by_one = vmap(grad(self.problem.loss), chunk_size=max(SIDE_BY_SIDE // self.problem.samples, 1))
        return _finite(one_by_one(self.tensor(x)).detach().cpu().numpy(), "gradient")

    def curvature(self, x: np.ndarray) -> np.ndarray:
        """Return the Hessian, (k, n, n).

        Raises:
            NotApplicable: If it does not fit into memory.
        """
        if len(x) == 1 or self.dimension > FEW:
            return np.stack([self._dense(point) for point in x])
        at_once = max(1, int(CHUNK * 1e9 / (8 * self.dimension * max(self.problem.samples * WIDTH, self.dimension))))
        H = vmap(jacrev(grad(self.problem.loss)), chunk_size=at_once)(self.tensor(x)).detach().cpu().numpy()
        return _finite((H + H.transpose(0, 2, 1)) / 2, "Hessian")

    def drift(self, x: np.ndarray) -> np.ndarray:
        """Return the way downhill, -grad L."""
        return -self.slope(x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Return its derivative."""
        return -self.curvature(x)

    def products(self, point: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Return H V, (n, k), for vectors (n, k) at one point: a second backward pass each, no Hessian is built."""
        return self.linearised(point)[1](vectors)

    def linearised(self, point: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        """Return the gradient at a point, (n,), and V -> H V there: many products, one after the other, share the way to the gradient."""
        theta = self.tensor(point).requires_grad_()
        kept = _Kept()
        with torch.autograd.graph.saved_tensors_hooks(kept.count, lambda t: t):
            (gradient,) = torch.autograd.grad(self.problem.loss(theta), theta, create_graph=True)
        g = _finite(gradient.detach().cpu().numpy().copy(), "gradient")
        if not gradient.requires_grad:  # a loss linear in its parameters
            return g, np.zeros_like
        at_once = max(1, int(CHUNK * 1e9 / kept.bytes))

        def times(vectors: np.ndarray) -> np.ndarray:
            pieces = [_second_backward(gradient, theta, vectors[:, k : k + at_once]) for k in range(0, vectors.shape[1], at_once)]
            return _finite(np.concatenate(pieces, axis=1), "Hessian")

        return g, times

    def tensor(self, x: np.ndarray) -> torch.Tensor:
        """Return points as a tensor where the problem lives."""
        return torch.tensor(np.ascontiguousarray(x), dtype=self.problem.dtype, device=self.problem.device)

    def _dense(self, point: np.ndarray) -> np.ndarray:
        key = _key(point)
        if key not in self._seen:
            n = self.dimension
            require_memory(
                gigabytes(n, n, copies=4),
                for_what=f"the dense Hessian of {n} parameters",
                instead="take extreme_eigenpairs (Lanczos on Hessian-vector products), or the projection on a few directions",
            )
            g, times = self.linearised(point)
            H = times(np.eye(n))
            while len(self._seen) >= LOOK_BACK:
                self._seen.pop(next(iter(self._seen)))
            self._seen[key] = g, (H + H.T) / 2
        return self._seen[key][1]


def in_float64(problem: TrainingProblem) -> TrainingProblem:
    """Return the problem itself if its parameters are float64, else a copy in float64."""
    if problem.dtype == torch.float64:
        return problem
    model = copy.deepcopy(problem.model).double()
    for name in problem.shapes:
        model.get_parameter(name).requires_grad_()
    inputs, targets = (part.double() if part.is_floating_point() else part for part in (problem.inputs, problem.targets))
    return TrainingProblem(model, problem.loss_fn, (inputs, targets), weight_decay=problem.weight_decay)


def _key(point: np.ndarray) -> bytes:
    return np.ascontiguousarray(point, dtype=float).tobytes()


def _second_backward(gradient: torch.Tensor, theta: torch.Tensor, vectors: np.ndarray) -> np.ndarray:
    along = torch.tensor(np.ascontiguousarray(vectors.T), dtype=theta.dtype, device=theta.device)
    if len(along) <= ONE_BY_ONE:
        again = [torch.autograd.grad(gradient, theta, v, retain_graph=True, allow_unused=True, materialize_grads=True)[0] for v in along]
        return torch.stack(again, dim=1).cpu().numpy()
    (rows,) = torch.autograd.grad(gradient, theta, along, is_grads_batched=True, retain_graph=True, allow_unused=True, materialize_grads=True)
    return rows.detach().cpu().numpy().T


def _finite(values: np.ndarray, what: str) -> np.ndarray:
    if not np.all(np.isfinite(values)):
        raise AccuracyError(f"the {what} on all data is not finite here: the search has left the region where this network can be computed")
    return values


class _Kept:
    """Counts what a forward pass keeps for the backward passes through it."""

    def __init__(self) -> None:
        self.bytes = 1

    def count(self, tensor: torch.Tensor) -> torch.Tensor:
        """Count a tensor and leave it as it is."""
        self.bytes += tensor.numel() * tensor.element_size()
        return tensor
