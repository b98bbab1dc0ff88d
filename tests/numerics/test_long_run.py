"""A hundred thousand million steps: what a night's run needs, in a few minutes. Left out unless asked for with -m exhaustive."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = """
import json, resource, sys, time
import sympy as sp
import eyring as ey

x = sp.Symbol("x", real=True)
walk = ey.SDE([x - x**3], [[sp.Rational(1, 20)]], [x])
told = 0.0

def progress(done, total):
    global told
    if time.monotonic() > told + 0.5:
        told = time.monotonic()
        print(json.dumps({"done": done, "total": total}), flush=True)

exits = ey.simulate_escapes(
    walk, start=-1, event="next well", walkers=8192, iterations=int(sys.argv[1]), time_step=0.01, seed=1, precision="float32",
    checkpoint=sys.argv[2], progress=progress,
)
exact = float(ey.exact_escape_time(walk, start=-1, target=1))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"events": exits.events, "exposure": exits.exposure, "ratio": exits.exposure / exits.events / exact, "megabytes": peak / 1024}))
"""
STEPS = 12_207_032  # of each of 8192 walkers: 1e11 together


def started(steps: int, kept: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", RUN, str(steps), str(kept)], stdout=subprocess.PIPE, text=True)


def last_line(run: subprocess.Popen) -> dict:
    lines = run.communicate()[0].splitlines()
    assert run.returncode == 0
    return json.loads(lines[-1])


@pytest.mark.exhaustive
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals that no process can catch")
def test_a_run_of_1e11_steps_shows_its_progress_survives_a_kill_and_stays_small(tmp_path):
    """Killed in its first half, it goes on from what it kept; exposure is what was asked for, to the last step, the mean time the exact one to 1 %
    (1.4e6 events, 0.1 % standard error; steps of 0.01), and memory grows by the exits alone: 8 bytes each, and no more than 100 MB in all."""
    kept = tmp_path / "run.npz"
    run, told = started(STEPS, kept), []
    while not (kept.exists() and len(told) > 5 and told[-1] > STEPS / 10):
        line = json.loads(run.stdout.readline())
        told.append(line["done"])
        assert line["total"] == STEPS
    assert told == sorted(told)
    time.sleep(1)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    again = started(STEPS, kept)
    first = json.loads(again.stdout.readline())
    assert 0 < first["done"] < STEPS
    whole = last_line(again)
    assert whole["exposure"] == pytest.approx(8192 * STEPS * 0.01, rel=1e-12)
    assert whole["ratio"] == pytest.approx(1, abs=0.01)
    small = last_line(started(STEPS // 1000, tmp_path / "small.npz"))
    assert whole["megabytes"] < small["megabytes"] + 100
