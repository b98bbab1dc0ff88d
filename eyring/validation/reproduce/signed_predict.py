"""What ``predict_escape`` says of a signed sum, given as a torch module and its samples as anybody would give them; no parameter is fitted."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.validation.reproduce.signed_sum import Run, sign_patterns

if TYPE_CHECKING:
    from eyring.validation.predictors.surroundings import Surroundings

__all__ = ["predict_signed"]

COPIES = 16  # of every sample: the same noise, and data larger than a batch


def predict_signed(
    loss: Callable[[Any], Any],
    tilts: Callable[[Any], Any],
    *,
    minimum: Sequence[float],
    saddle: Sequence[float],
    run: Run,
    surroundings: "Surroundings | None" = None,
) -> dict[str, float]:
    """Return eyring's own law for leaving the minimum over the saddle at k = 1: ln of the iterations, its ends, and how many assumptions fail.

    Args:
        loss: L, (R,) from (R, n).
        tilts: What the samples add to it with every pattern of signs, (R, n) from (R, n).
        minimum: Where walkers begin, (n,).
        saddle: What they cross, (n,).
        run: Learning rate, batch size, momentum.
        surroundings: Loss and noise around the way, where known as formulas.
    """
    import torch

    from eyring.validation.predictors.escape import predict_escape

    class Samples(torch.nn.Module):
        """The loss of each sample, told apart by its signs."""

        def __init__(self) -> None:
            super().__init__()
            self.theta = torch.nn.Parameter(torch.tensor([minimum], dtype=torch.float64))

        def forward(self, signs: torch.Tensor) -> torch.Tensor:
            return loss(self.theta) + signs @ tilts(self.theta)[0]

    signs = torch.tensor(sign_patterns(len(minimum)), dtype=torch.float64).repeat(COPIES, 1)
    model = Samples()
    table = predict_escape(
        model, lambda losses, targets: losses.mean(), (signs, torch.zeros(len(signs), dtype=torch.float64)),
        torch.optim.SGD(model.parameters(), lr=run.learning_rate, momentum=run.momentum), start=model.state_dict(), over=np.array(saddle),
        event="next well", batch_size=run.batch_size, sampler="with replacement", surroundings=surroundings,
    )  # fmt: skip
    own = table.row("eyring")
    assert own.log_iterations is not None
    assert own.low is not None
    assert own.high is not None
    return {"log": own.log_iterations, "low": own.low, "high": own.high, "violated": len(own.violations), "assumptions": len(own.assumptions)}
