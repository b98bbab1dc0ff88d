"""What is no training problem of escape theory: layers that mix samples or draw random numbers, losses that are not the batch mean, odd data."""

from typing import Any

import torch

__all__ = ["data_refusal", "loss_refusal", "model_refusal"]

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


def data_refusal(model: torch.nn.Module, data: Any) -> str | None:
    """Return why the data are not ``(inputs, targets)`` for this network, or None."""
    if not (isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(part, torch.Tensor) for part in data)):
        return f"data must be (inputs, targets), two tensors with one row per sample, got {type(data).__name__}"
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
            whole, again = (loss_fn(model(data[0]), data[1]) for _ in range(2))
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            own = next(iter(model.parameters()))
            return (
                f"the loss of the model on the data cannot be evaluated: {error} (parameters {own.dtype}, inputs {data[0].dtype} "
                f"{tuple(data[0].shape)}, targets {data[1].dtype} {tuple(data[1].shape)})"
            )
        if not isinstance(whole, torch.Tensor) or whole.dim() != 0:
            got = tuple(whole.shape) if isinstance(whole, torch.Tensor) else type(whole).__name__
            return f"loss_fn must return one number, a 0-d tensor, the mean over the batch; got {got}. Use reduction='mean'"
        if not whole.isfinite():
            return f"the loss at the model's own parameters is {float(whole)}; start from parameters where it is finite"
        if whole != again:
            return "two evaluations of the loss at the same parameters differ: the model draws random numbers. Remove functional dropout or noise"
        batch = loss_fn(model(inputs), targets)
        singles = torch.stack([loss_fn(model(row.unsqueeze(0)), target.unsqueeze(0)) for row, target in zip(inputs, targets, strict=True)])
    slack = 1e3 * torch.finfo(whole.dtype).eps * singles.abs().mean()
    if (batch - singles.mean()).abs() > slack:
        return (
            f"the loss of {len(inputs)} samples is {float(batch):.9g}, the mean of their single losses {float(singles.mean()):.9g}: loss_fn must be "
            "the mean over the batch, with no weights that depend on the batch and no layer that mixes samples. Use reduction='mean' without weights"
        )
    return None


def _called(name: str, layer: torch.nn.Module) -> str:
    return f"{type(layer).__name__} {name!r}" if name else type(layer).__name__


def _drops(layer: torch.nn.Module) -> bool:
    recurrent = isinstance(layer, torch.nn.RNNBase | torch.nn.MultiheadAttention) and layer.dropout > 0
    return recurrent or (isinstance(layer, torch.nn.modules.dropout._DropoutNd) and layer.p > 0)
