"""One setting of a sweep, the network that it trains, and what measures and predicts its escape."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eyring.numerics.simulation import Exits

__all__ = ["Ground", "Measure", "Predict", "Problem", "Setting"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How replicas are trained.

    Attributes:
        learning_rate: eta.
        batch_size: B.
        momentum: mu.
        scale: k, of the landscape.
        sampler: How batches are drawn.
        event: What counts as escaped.
        replicas: How many at once.
        iterations: Steps of each; 0 in a prediction.
        seed: Of the minibatches.
        device: "cpu" or "cuda".
    """

    learning_rate: float
    batch_size: int
    momentum: float
    scale: float
    sampler: str
    event: str
    replicas: int
    iterations: int = 0
    seed: int = 0
    device: str = "cpu"

    @property
    def over_noise(self) -> float:
        """B/eta."""
        return self.batch_size / self.learning_rate

    @property
    def name(self) -> str:
        """What tells it from the other settings of one sweep; also a file's name."""
        return f"eta={self.learning_rate:.9g} B={self.batch_size} mu={self.momentum:.9g} k={self.scale:.9g}"


@dataclass(frozen=True, eq=False)
class Ground:
    """A network at a minimum, and the way out of it.

    Attributes:
        model: A torch.nn.Module.
        loss_fn: ``loss_fn(prediction, target)``, the mean over the batch.
        data: ``(inputs, targets)``.
        start: The minimum: a state dict or flat parameters (n,).
        over: The saddle, likewise; None where there is none.
        beyond: The minimum beyond it, likewise; None where no event needs it.
    """

    model: Any
    loss_fn: Any
    data: Any
    start: Any
    over: Any = None
    beyond: Any = None


Problem = Callable[[float], Any]  # from the scale k to a Ground, or to whatever measure and predict of one's own understand


class Measure(Protocol):
    """Trains replicas of a problem in one setting until they escape."""

    def __call__(self, ground: Any, setting: Setting) -> Exits:
        """Return the exits, in iterations."""


class Predict(Protocol):
    """Says what every law predicts for a problem, for several settings at once, so that its way out is measured once."""

    def __call__(self, ground: Any, settings: Sequence[Setting]) -> Iterable[Iterable[Mapping[str, Any]]]:
        """Return for each setting one row a law, as ``predict_escape(...).to_dict()["rows"]`` has them.

        A row has a ``name``, a ``kind`` ("time", "indicator" or "none"), ln tau in iterations under ``value`` with its own error ``low`` and
        ``high`` (None where unknown), ``source`` (empty for eyring's own), a ``note``, and ``assumptions``, each with ``sentence``, ``measured``,
        ``relation``, ``threshold`` and ``holds``.

        Raises:
            NotApplicable: If there is no barrier.
        """
