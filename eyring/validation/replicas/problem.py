"""A network and its data as one function of one flat vector: loss, gradients, and the gradients of many replicas on minibatches of their own."""

import math
from collections.abc import Callable, Mapping
from copy import deepcopy

import torch
from torch.func import functional_call, grad, vmap

from eyring.errors import ParameterError
from eyring.validation.replicas.refusals import data_refusal, loss_refusal, model_refusal

__all__ = ["Data", "LossFunction", "TrainingProblem"]

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Data = tuple[torch.Tensor, torch.Tensor]

AT_ONCE = 2**18  # sample losses evaluated side by side: 1 MB for each float32 of a network's width
ENTRIES_AT_ONCE = 2**25  # numbers of per-sample gradients made at once


class TrainingProblem:
    """The full training loss L(theta), the mean over N samples, with theta the network's trainable parameters as one vector of shape (n,).

    Replicas are the rows of an (R, n) tensor. An optimizer that acts on each number by itself therefore trains independent replicas on it.
    Frozen parameters (``requires_grad=False``) and buffers are constants. Dtype and device are the parameters'.

    Args:
        model: A torch.nn.Module; it is copied, so that later training does not move the problem.
        loss_fn: ``loss_fn(prediction, target)``, the mean over the batch.
        data: ``(inputs, targets)``, tensors with one row per sample.
        weight_decay: Gamma; adds Gamma |theta|^2/2 to every sample's loss, as SGD's weight decay does. It may be negative.

    Raises:
        ParameterError: If a layer mixes samples or draws random numbers (BatchNorm, dropout in train mode), the loss is no number, not finite, or
            not the mean over the batch, or the data do not belong together.

    >>> model = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    >>> inputs = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    >>> problem = TrainingProblem(model, torch.nn.MSELoss(), (inputs, 3 * inputs))
    >>> problem.loss(torch.tensor([1.0], dtype=torch.float64))  # mean of (1 - 3)^2 x^2
    tensor(10., dtype=torch.float64)
    >>> problem.sample_gradients(torch.tensor([1.0], dtype=torch.float64))
    tensor([[ -4.],
            [-16.]], dtype=torch.float64)
    """

    def __init__(self, model: torch.nn.Module, loss_fn: LossFunction, data: Data, *, weight_decay: float = 0.0) -> None:
        refusal = model_refusal(model) or data_refusal(model, data)
        if not math.isfinite(weight_decay):
            refusal = f"weight_decay must be a finite number, got {weight_decay}"
        if refusal:
            raise ParameterError(refusal)
        trainable = {name: value.shape for name, value in model.named_parameters() if value.requires_grad}
        self.model, self.loss_fn = deepcopy(model).requires_grad_(False), loss_fn
        self.inputs, self.targets = data
        self.weight_decay = float(weight_decay)
        self.shapes: Mapping[str, torch.Size] = trainable
        self._sizes = [shape.numel() for shape in trainable.values()]
        self.dimension = sum(self._sizes)
        self.samples = len(self.inputs)
        own = next(value for name, value in self.model.named_parameters() if name in trainable)
        self.dtype, self.device = own.dtype, own.device
        refusal = loss_refusal(self.model, loss_fn, data)
        if refusal:
            raise ParameterError(refusal)
        self._require_side_by_side()

    def pack(self, state_dict: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the trainable parameters of a state dict as one vector, (n,).

        Raises:
            ParameterError: If a parameter is missing, unknown, of another shape or not finite, or a constant (buffer, frozen parameter) differs.
        """
        own = self.model.state_dict(keep_vars=True)
        missing, unknown = set(self.shapes) - set(state_dict), set(state_dict) - set(own)
        if missing or unknown:
            raise ParameterError(
                "the state dict is not this network's: "
                + "; ".join(f"{what}: {', '.join(sorted(names))}" for what, names in (("missing", missing), ("unknown", unknown)) if names)
            )
        tied = {name: first for first in self.shapes for name, value in own.items() if value is own[first]}
        for name, value in state_dict.items():
            given, wanted = value.detach().to(own[name]), own[name] if name not in tied else state_dict[tied[name]].detach().to(own[name])
            if given.shape != own[name].shape:
                raise ParameterError(f"{name} has the shape {tuple(given.shape)}; the network's has {tuple(own[name].shape)}")
            if not torch.equal(given, wanted) and name not in self.shapes:
                raise ParameterError(f"{name}, a constant of the network (buffer, frozen or tied), differs; load the state into the model first")
        theta = torch.cat([state_dict[name].detach().to(self.model.get_parameter(name)).reshape(-1) for name in self.shapes])
        if not theta.isfinite().all():
            raise ParameterError("the state dict holds parameters that are not finite; give a state of a network that has not diverged")
        return theta

    def unpack(self, theta: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the state dict for parameters theta, (n,), constants included: ``model.load_state_dict(problem.unpack(theta))``."""
        own = self.model.state_dict(keep_vars=True)
        pieces = self.pieces(theta)
        first = {id(own[name]): name for name in self.shapes}
        return {name: pieces[first[id(value)]] if id(value) in first else value.detach().clone() for name, value in own.items()}

    def pieces(self, theta: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the trainable parameters by name as views of theta, (n,) or (R, n)."""
        parts = theta.split(self._sizes, dim=-1)
        return {name: part.view(*theta.shape[:-1], *shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def loss(self, theta: torch.Tensor) -> torch.Tensor:
        """Return L(theta) over all data, a 0-d tensor; differentiable as often as the network is, also by ``torch.func``."""
        return self._batch_loss(self.pieces(theta), self.inputs, self.targets)

    def losses(self, thetas: torch.Tensor) -> torch.Tensor:
        """Return L over all data at each row of (R, n), as (R,)."""
        return vmap(self.loss, chunk_size=max(AT_ONCE // self.samples, 1))(thetas)

    def sample_losses(self, theta: torch.Tensor, indices: torch.Tensor | None = None) -> torch.Tensor:
        """Return the loss of every sample (or of those in ``indices``) at theta, (N,)."""
        inputs, targets = self._chosen(indices)
        return vmap(self._sample_loss, (None, 0, 0), chunk_size=AT_ONCE)(self.pieces(theta), inputs, targets)

    def gradient(self, theta: torch.Tensor) -> torch.Tensor:
        """Return the gradient of L over all data at theta, (n,)."""
        return grad(self.loss)(theta)

    def sample_gradients(self, theta: torch.Tensor, indices: torch.Tensor | None = None, chunk: int | None = None) -> torch.Tensor:
        """Return the gradient of every sample's loss (or of those in ``indices``) at theta, (N, n); ``chunk`` samples are done at once."""
        inputs, targets = self._chosen(indices)
        one = grad(lambda flat, row, target: self._sample_loss(self.pieces(flat), row, target))
        return vmap(one, (None, 0, 0), chunk_size=chunk or max(ENTRIES_AT_ONCE // self.dimension, 1))(theta, inputs, targets)

    def batch_gradients(self, thetas: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        """Return for each replica, a row of (R, n), the gradient of the mean loss over its own minibatch, a row of (R, S); (R, n)."""
        return self.gradients_on(thetas, *self._chosen(indices))

    def gradients_on(self, thetas: torch.Tensor, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the same on given minibatches, (R, S, ...): one backward pass through the sum of the replicas' losses."""
        pieces = {name: part.detach().requires_grad_() for name, part in self.pieces(thetas).items()}
        with torch.enable_grad():
            total = vmap(self._fit)(pieces, inputs, targets).sum()
            parts = torch.autograd.grad(total, list(pieces.values()), materialize_grads=True)
        gradients = torch.cat([part.reshape(len(thetas), -1) for part in parts], dim=1)
        return gradients.add_(thetas, alpha=self.weight_decay) if self.weight_decay else gradients

    def _require_side_by_side(self) -> None:
        """Take one gradient as replicas take theirs, so that a layer that cannot be batched is refused here."""
        try:
            self.batch_gradients(self.pack(self.model.state_dict()).unsqueeze(0), torch.zeros(1, 1, dtype=torch.int64, device=self.device))
        except (RuntimeError, NotImplementedError) as error:
            raise ParameterError(
                f"this network cannot be differentiated for many replicas at once: {error}. torch.func.vmap must know its layers: no recurrent ones "
                "(write the recursion out), no .item(), no branch on values, no in-place writing into new tensors"
            ) from error

    def _chosen(self, indices: torch.Tensor | None) -> Data:
        return (self.inputs, self.targets) if indices is None else (self.inputs[indices], self.targets[indices])

    def _batch_loss(self, pieces: Mapping[str, torch.Tensor], inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        fit = self._fit(pieces, inputs, targets)
        return fit + self.weight_decay / 2 * sum(part.square().sum() for part in pieces.values()) if self.weight_decay else fit

    def _fit(self, pieces: Mapping[str, torch.Tensor], inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.loss_fn(functional_call(self.model, dict(pieces), (inputs,)), targets)

    def _sample_loss(self, pieces: Mapping[str, torch.Tensor], row: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self._batch_loss(pieces, row.unsqueeze(0), target.unsqueeze(0))
