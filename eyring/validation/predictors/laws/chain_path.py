"""The optimizer's own steps along the measured way: the exact mean number of them, at their finite size."""

from typing import ClassVar

from eyring.errors import NotApplicable
from eyring.validation.predictors.across import across_the_way
from eyring.validation.predictors.assumptions import gaussian_steps
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.laws.ito_path import in_the_valley, neglected_across, on_the_way
from eyring.validation.predictors.passage import chain_time

__all__ = ["ChainAlongTheWay"]


class ChainAlongTheWay(Law):
    """s' = s - eta L'(s) + eta sqrt(C(s)) xi along the way, solved as a chain: no small parameter along it, neither noise nor step."""

    name = "path-steps"
    title = "Exact number of finite steps along the way with its measured noise, and the valley's widening across"
    source: ClassVar[str] = ""
    place = 61

    def predict(self, case: Case) -> Row:
        """Solve the chain of steps with normal noise."""
        training = case.training
        if training.momentum:
            raise NotApplicable(
                "with momentum the chain of steps has two coordinates for every parameter and is not solved here; the row 'path' has the diffusion "
                "at eta/(1 - mu) with the friction's correction"
            )
        along = chain_time(case.pushed, learning_rate=training.rate, per_sample=training.per_sample, target=case.target)
        across = across_the_way(case)
        spread = along.error + across.error + neglected_across(case)
        value = along.value + across.value - across.along + across.steps
        return self.time(case, value, spread, *on_the_way(case), gaussian_steps(case), *in_the_valley(case))
