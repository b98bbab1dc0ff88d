"""The laws of escape on trial, one file each; a new file is a row of the table from the day it appears."""

from functools import cache

from eyring.theory.catalog import catalog
from eyring.validation.predictors.contract import Law

__all__ = ["laws"]


@cache
def laws() -> tuple[Law, ...]:
    """Return every law, in the order of the table."""
    return tuple(sorted((member() for member in catalog(Law, __name__).values()), key=lambda law: (law.place, law.name)))
