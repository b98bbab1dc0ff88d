"""Mean times and stationary weights of a Markov chain, state by state, without a subtraction (Grassmann, Taksar and Heyman 1985).

Only the off-diagonal probabilities and the exit probabilities enter, all positive, so that a time of 10^12 steps
comes out as accurately as one of ten.
"""

from dataclasses import dataclass

import numpy as np

from eyring.errors import AccuracyError

__all__ = ["Elimination"]


@dataclass(frozen=True)
class Elimination:
    """The chain with all states but the last eliminated, in their order.

    Attributes:
        rows: For each state k, its probabilities to later states when it is eliminated.
        columns: For each state k, what later states send to it, over its own departure rate.
        departure: For each state k, the probability to leave it for good.
        last_exit: Exit probability of the last state; zero if the chain has none.
    """

    rows: tuple[np.ndarray, ...]
    columns: tuple[np.ndarray, ...]
    departure: np.ndarray
    last_exit: float

    @classmethod
    def of(cls, transitions: np.ndarray, exits: np.ndarray) -> "Elimination":
        """Eliminate the states of a chain.

        Args:
            transitions: P_ij, (n, n); the diagonal is not read. Overwritten.
            exits: Probability to leave from each state, (n,). Overwritten.

        Raises:
            AccuracyError: If a state is never left in floating-point numbers.
        """
        n = len(exits)
        last_column, last_row = _reach(transitions), _reach(transitions.T)
        rows, columns, departure = [], [], np.empty(n)
        for k in range(n - 1):
            right, down = last_column[k] + 1, last_row[k] + 1
            row = transitions[k, k + 1 : right].copy()
            departure[k] = row.sum() + exits[k]
            if not departure[k] > 0:
                raise AccuracyError(
                    "a part of the chain is not left within what float64 can hold (a probability below 1e-308): the target is out of reach, or the "
                    "noise too weak against the steps"
                )
            column = transitions[k + 1 : down, k] / departure[k]
            transitions[k + 1 : down, k + 1 : right] += column[:, None] * row
            exits[k + 1 : down] += column * exits[k]
            np.maximum(last_column[k + 1 : down], right - 1, out=last_column[k + 1 : down])
            np.maximum(last_row[k + 1 : right], down - 1, out=last_row[k + 1 : right])
            rows.append(row)
            columns.append(column)
        departure[-1] = exits[-1]
        return cls(tuple(rows), tuple(columns), departure, float(exits[-1]))

    def solve(self, source: np.ndarray) -> np.ndarray:
        """Return u with u_i = source_i + sum_j P_ij u_j; without exits, u is zero at the last state."""
        total = np.array(source, dtype=float)
        for k, column in enumerate(self.columns):
            total[k + 1 : k + 1 + len(column)] += column * total[k]
        result = np.empty_like(total)
        result[-1] = total[-1] / self.last_exit if self.last_exit else 0.0
        for k in range(len(self.rows) - 1, -1, -1):
            row = self.rows[k]
            result[k] = (total[k] + row @ result[k + 1 : k + 1 + len(row)]) / self.departure[k]
        return result

    def stationary(self) -> np.ndarray:
        """Return the stationary probabilities of a chain without exits."""
        weights = np.zeros(len(self.departure))
        weights[-1] = 1.0
        for k in range(len(self.columns) - 1, -1, -1):
            column = self.columns[k]
            weights[k] = weights[k + 1 : k + 1 + len(column)] @ column
        return weights / weights.sum()


def _reach(matrix: np.ndarray) -> np.ndarray:
    """Return the last non-zero column of each row, at least the row's own index."""
    n = len(matrix)
    last = n - 1 - np.argmax(matrix[:, ::-1] != 0, axis=1)
    return np.maximum(np.where(np.any(matrix != 0, axis=1), last, 0), np.arange(n))
