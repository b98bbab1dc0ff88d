"""Run the races of some topics, or of all, and print the table.

    python -m benchmarks [topic ...] [--markdown] [--rounds N]

Exit status 1 where a claim does not hold. One core: threads of the linear algebra are held to one.
"""

import argparse
import os
import sys
from importlib import import_module
from pkgutil import iter_modules

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
NO_TOPIC = {"harness", "growth", "__main__"}


def main() -> int:
    """Run, print, judge."""
    import benchmarks

    topics = sorted(m.name for m in iter_modules(benchmarks.__path__) if m.name not in NO_TOPIC)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed as ratios, measured in turns in one run.")
    parser.add_argument("topic", nargs="*", metavar="topic", help=f"of {', '.join(topics)}, or growth; all races if left out")
    parser.add_argument("--markdown", action="store_true", help="print a table for the documentation")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each race (9)")
    asked = parser.parse_args()
    unknown = sorted(set(asked.topic) - set(topics) - {"growth"})
    if unknown or asked.rounds < 1:
        parser.error(f"no topic {', '.join(unknown)}; there are {', '.join(topics)}, growth" if unknown else "--rounds must be 1 or more")
    for name in THREADS:
        os.environ[name] = "1"
    if "growth" in asked.topic:
        import_module("benchmarks.growth").main()
    chosen = [t for t in asked.topic if t != "growth"] if asked.topic else topics
    return _races(chosen, asked.rounds, markdown=asked.markdown)


def _races(topics: list[str], rounds: int, *, markdown: bool) -> int:
    from benchmarks.harness import run

    failed = 0
    if topics:
        print(_row(("what", "against", "times faster", "quartiles", "claimed", "ours", ""), markdown))
    if topics and markdown:
        print("|---" * 7 + "|")
    for topic in topics:
        for race in import_module(f"benchmarks.{topic}").races():
            outcome = run(race, rounds=rounds)
            failed += not outcome.stands
            claim = "" if race.at_least is None else f">= {race.at_least:g}" + ("" if outcome.stands else " FAILS")
            spread = f"{outcome.low:.3g} to {outcome.high:.3g}"
            print(_row((race.name, race.against, f"{outcome.ratio:.3g}", spread, claim, _time(outcome.seconds), race.note), markdown), flush=True)
    return 1 if failed else 0


def _row(cells: tuple[str, ...], markdown: bool) -> str:
    if markdown:
        return "| " + " | ".join(cells) + " |"
    return "".join(c.ljust(w) + " " for c, w in zip(cells, (58, 44, 13, 16, 14, 9, 0), strict=True)).rstrip()


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


if __name__ == "__main__":
    sys.exit(main())
