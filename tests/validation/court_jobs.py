"""Jobs that other processes import: exponential clocks, failures, and a look at the number of threads."""

import time

import numpy as np

from eyring.errors import DerivationError


class Inline:
    """The least that can be called an executor: submit, and a result when asked for."""

    def submit(self, function, *arguments):
        class Waiting:
            def result(self):
                return function(*arguments)

        return Waiting()


def clocks(*, rate, count, seed, pause=0.0):
    """Waiting times of an exponential clock, more of them for odd seeds."""
    time.sleep(pause)
    waits = np.random.default_rng(seed).exponential(1 / rate, size=count + seed % 2)
    return {"times": waits, "mean": waits.mean(), "spectrum": np.abs(np.fft.rfft(waits[:count])), "law": "exponential"}


def broken(*, seed):
    raise DerivationError(f"the barrier of seed {seed} is not there", difference=lambda: seed)  # cannot travel between processes


def threads(*, load_torch):
    """How many threads the libraries use while a job runs."""
    if load_torch:
        import torch

        return {"threads": torch.get_num_threads()}
    from threadpoolctl import threadpool_info

    return {"threads": max(pool["num_threads"] for pool in threadpool_info())}


def objects():
    return {"times": np.array([{"a": 1}], dtype=object)}


def nothing():
    return None
