"""The verb ``simulate``: many walkers of the optimizer's own update, watched until they escape."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from eyring.cli.model import dynamics_of, landscape_of, noise_of, points_of, values_of
from eyring.cli.progress import progress_bar
from eyring.errors import ParameterError

if TYPE_CHECKING:
    from eyring.numerics.answer import Estimate
    from eyring.numerics.simulation import Exits

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Simulate, and print the quasi-stationary rate and the mean time from the start with their intervals.

    Raises:
        ParameterError: If no loss is given.
    """
    from eyring.numerics.simulation import simulate_escapes

    if arguments.loss is None and arguments.sample is None:
        raise ParameterError("--loss must give the loss, such as 'x**4/4 - x**2/2': walkers need all of it")
    loss, values = landscape_of(arguments), values_of(arguments)
    start, over = points_of(arguments, loss)
    event = None if arguments.event is None else arguments.event.replace("-", " ")
    counts = {name: getattr(arguments, name) for name in ("walkers", "iterations", "seed", "device", "precision", "stream")}
    with progress_bar() as progress:
        exits = simulate_escapes(
            dynamics_of(arguments), loss, noise_of(arguments, between=(start, over)), start=start, over=over, event=event, values=values,
            progress=lambda done, total: progress("walkers", done / total), **counts,
        )  # fmt: skip
    rate = exits.rate()
    mean = exits.mean_time() if rate.events else None
    if arguments.json:
        asked = {"from": str(start), "over": str(over), "event": event, **counts, "set": list(arguments.set)}
        print(json.dumps(_estimate_dict(rate) | _exits_dict(exits) | {"mean_time": mean and _estimate_dict(mean)} | asked, indent=2))
    else:
        print(f"from the {start} over the {over}, event: {event}\n{exits}\nrate: {rate}\nmean time: {mean or 'no exit after the entry transient'}")
    return 0


def _estimate_dict(estimate: "Estimate") -> dict[str, Any]:
    """Return a measured number for JSON, every digit in strings; the error is half the width of the interval."""
    low, high = float(estimate.low), float(estimate.high)
    return {
        "value": repr(float(estimate.value)), "unit": estimate.unit, "error": f"{(high - low) / 2:.6g}", "low": repr(low), "high": repr(high),
        "level": estimate.level, "events": estimate.events, "method": estimate.method, "conditions": [],
    }  # fmt: skip


def _exits_dict(exits: "Exits") -> dict[str, Any]:
    return {"exits": exits.events, "censored": len(exits.censored), "exposure": repr(exits.exposure), "exposure_unit": exits.unit}
