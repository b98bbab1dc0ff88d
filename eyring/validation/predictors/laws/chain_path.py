"""The optimizer's own steps along the measured way: the exact mean number of them, at their finite size."""

from typing import ClassVar

from eyring.validation.predictors.across import across_the_way
from eyring.validation.predictors.assumptions import gaussian_steps
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.laws.ito_path import in_the_valley, neglected_across, on_the_way

__all__ = ["ChainAlongTheWay"]


class ChainAlongTheWay(Law):
    """v' = mu v - eta (L'(s) + sqrt(C(s)) xi), s' = s + v' along the way, solved as a chain: no small parameter along it, neither noise nor step."""

    name = "path-steps"
    title = "Exact number of finite steps along the way with its measured noise, and the valley's widening across"
    source: ClassVar[str] = ""
    place = 61

    def predict(self, case: Case) -> Row:
        """Solve the chain of steps with normal noise."""
        along = case.finite_steps
        across = across_the_way(case)
        spread = along.error + across.error + neglected_across(case)
        value = along.value + across.value - across.along + across.steps
        return self.time(case, value, spread, *on_the_way(case), gaussian_steps(case), *in_the_valley(case))
