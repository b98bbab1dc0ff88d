"""What is no training problem of escape theory: layers that mix samples or draw random numbers, losses that are not the batch mean, odd data."""

from typing import Any

import numpy as np
import torch

from eyring.validation.samplers import SAMPLERS, WithReplacement

__all__ = ["batch_refusal", "data_refusal", "loss_refusal", "model_refusal", "pair_refusal"]

SAMPLES_TRIED = 16  # on which "the loss is the mean over the batch" is tried


def model_refusal(model: Any) -> str | None:
    """Return why this network has no loss L(theta) that is a mean over samples, or None."""
    if not isinstance(model, torch.nn.Module):
        return f"the model must be a torch.nn.Module, got {type(model).__name__}"
    for name, layer in model.named_modules():
        if layer.training and isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            return (
                f"{_called(name, layer)} is in train mode: its output for one sample depends on the rest of the batch, so there are no per-sample "
                "gradients and no covariance of the noise. Call model.eval() (running averages, constants), or use LayerNorm or GroupNorm"
            )
        if layer.training and _drops(layer):
            return f"{_called(name, layer)} is in train mode: no law here describes the noise of its masks. Call model.eval(), or set its p to 0"
    trainable = [value for value in model.parameters() if value.requires_grad]
    if not trainable:
        return "the model has no trainable parameter (requires_grad is False everywhere): nothing could escape"
    if len({(value.dtype, value.device) for value in trainable}) > 1 or not trainable[0].is_floating_point():
        found = sorted({f"{value.dtype} on {value.device}" for value in trainable})
        return f"the trainable parameters must share one real dtype and one device, got {', '.join(found)}; use model.double() or model.to(device)"
    return None


def pair_refusal(data: Any) -> str | None:
    """Return why the data are no pair of tensors, or None."""
    if isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(part, torch.Tensor) for part in data):
        return None
    held = f" of {', '.join(type(part).__name__ for part in data[:3])}" if isinstance(data, tuple | list) and data else ""
    return f"data must be (inputs, targets), two tensors with one row per sample, got {type(data).__name__}{held}"


def data_refusal(model: torch.nn.Module, data: Any) -> str | None:
    """Return why the data are not ``(inputs, targets)`` for this network, or None."""
    if refusal := pair_refusal(data):
        return refusal
    inputs, targets = data
    if inputs.dim() == 0 or targets.dim() == 0 or len(inputs) != len(targets) or len(inputs) == 0:
        return f"inputs and targets must have one row per sample, got the shapes {tuple(inputs.shape)} and {tuple(targets.shape)}"
    for what, part in (("inputs", inputs), ("targets", targets)):
        if not part.isfinite().all():
            row = int((~part.isfinite()).reshape(len(part), -1).any(1).nonzero()[0])
            return f"the {what} of sample {row} are not finite; remove or mend the sample"
    own = next(value for value in model.parameters() if value.requires_grad)
    if inputs.device != own.device or targets.device != own.device:
        return f"the model is on {own.device}, the data are on {inputs.device} and {targets.device}; move them to one device"
    return None


def loss_refusal(model: torch.nn.Module, loss_fn: Any, data: tuple[torch.Tensor, torch.Tensor]) -> str | None:
    """Return why ``loss_fn`` on this network is not a finite number that is the mean over the batch, or None."""
    inputs, targets = (part[:SAMPLES_TRIED] for part in data)
    with torch.no_grad():
        try:
            whole, again = (_loss(model, loss_fn, *data) for _ in range(2))
        except _Raised as raised:
            return f"the loss of the model on the data cannot be evaluated: {raised}"
        if not isinstance(whole, torch.Tensor) or whole.dim() != 0:
            got = tuple(whole.shape) if isinstance(whole, torch.Tensor) else type(whole).__name__
            return f"loss_fn must return one number, a 0-d tensor, the mean over the batch; got {got}. Use reduction='mean'"
        if not whole.isfinite():
            return f"the loss at the model's own parameters is {float(whole)}; start from parameters where it is finite"
        if whole != again:
            return "two evaluations of the loss at the same parameters differ: the model draws random numbers. Remove functional dropout or noise"
        try:
            batch = _loss(model, loss_fn, inputs, targets)
            singles = torch.stack([_loss(model, loss_fn, row, target) for row, target in zip(inputs.split(1), targets.split(1), strict=True)])
        except _Raised as raised:
            return (
                f"the loss of all data can be evaluated, that of fewer samples cannot: {raised}. Minibatches and per-sample gradients need a loss of "
                "each sample by itself: no layer that mixes samples (F.batch_norm with training=True), no fixed batch size in forward or loss_fn"
            )
    slack = 1e3 * torch.finfo(whole.dtype).eps * singles.abs().mean()
    if (batch - singles.mean()).abs() > slack:
        return (
            f"the loss of {len(inputs)} samples is {float(batch):.9g}, the mean of their single losses {float(singles.mean()):.9g}: loss_fn must be "
            "the mean over the batch, with no weights that depend on the batch and no layer that mixes samples. Use reduction='mean' without weights"
        )
    return None


def batch_refusal(batch_size: Any, *, samples: int, sampler: str) -> str | None:
    """Return why minibatches of this size, drawn by this sampler, make no noise or cannot be drawn from the data, or None.

    >>> batch_refusal(4, samples=3, sampler="with replacement")
    'a batch of 4 is larger than the data, 3 samples; take a smaller batch or more data'
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
        return f"the batch size must be a whole number from 1, got {batch_size!r}"
    if not isinstance(sampler, str) or sampler not in SAMPLERS:
        return f"unknown sampler {sampler!r}; known: {', '.join(map(repr, SAMPLERS))}"
    if batch_size > samples:
        return f"a batch of {batch_size} is larger than the data, {samples} samples; take a smaller batch or more data"
    if batch_size == samples and sampler != WithReplacement.name:
        return (
            f"a batch of {batch_size} drawn {sampler!r} from {samples} samples is all data at every step: gradient descent without noise, which "
            "leaves no minimum. Take a smaller batch, or draw with replacement"
        )
    return None


class _Raised(Exception):
    """What a model or a loss function of the user's raised, and on what."""


def _loss(model: torch.nn.Module, loss_fn: Any, inputs: torch.Tensor, targets: torch.Tensor) -> Any:
    """Return the loss of these samples.

    Raises:
        _Raised: Whatever the model or the loss function raises, in words.
    """
    own = next(iter(model.parameters()))
    try:
        prediction = model(inputs)
    except Exception as error:
        raise _Raised(f"the model raised {_words(error)} (parameters {own.dtype}, {_told('inputs', inputs)})") from error
    try:
        return loss_fn(prediction, targets)
    except Exception as error:
        given = f"{_told('prediction', prediction)}, {_told('targets', targets)}, parameters {own.dtype}, {_told('inputs', inputs)}"
        raise _Raised(f"loss_fn raised {_words(error)} ({given})") from error


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": .\n")


def _told(name: str, value: Any) -> str:
    return f"{name} {value.dtype} {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"{name} of type {type(value).__name__}"


def _called(name: str, layer: torch.nn.Module) -> str:
    return f"{type(layer).__name__} {name!r}" if name else type(layer).__name__


def _drops(layer: torch.nn.Module) -> bool:
    recurrent = isinstance(layer, torch.nn.RNNBase | torch.nn.MultiheadAttention) and layer.dropout > 0
    return recurrent or (isinstance(layer, torch.nn.modules.dropout._DropoutNd) and layer.p > 0)
