"""What may be said to the command ``eyring``; misuse ends with status 64 and one line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

__all__ = ["MISUSE", "members", "parse"]

MISUSE = 64
THEORY = Path(__file__).parent.parent / "theory"


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; ``verb`` names the file of this folder that carries them out."""
    return _parser().parse_args(_joined(argv))


def members(family: str) -> tuple[str, ...]:
    """Return what a family's folder holds, by file name with hyphens: ``members("dynamics")`` without importing anything.

    >>> members("dynamics")
    ('adam', 'adamw', 'momentum', 'nesterov', 'rmsprop', 'sgd', 'weight-decay', 'white-noise')
    """
    files = (THEORY / family).glob("*.py")
    return tuple(sorted(f.stem.replace("_", "-") for f in files if f.stem not in {"__init__", "contract"}))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {' '.join(message.split())}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(MISUSE)


def _joined(argv: Sequence[str]) -> list[str]:
    """Join ``--from -sqrt(2)`` into ``--from=-sqrt(2)``: a value may begin with a minus sign."""
    words: list[str] = []
    for word in argv:
        takes = bool(words) and words[-1].startswith("--") and "=" not in words[-1]
        if takes and word.startswith("-") and not word.startswith("--") and word not in ("-h", "-"):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def _parser() -> argparse.ArgumentParser:
    purpose = "Escape times of stochastic gradient descent: derived, computed exactly, put on trial."
    parser = _Parser(prog="eyring", description=purpose, allow_abbrev=False)
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.set_defaults(verb="version")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    for add in (_derive, _exact, _simulate, _validate, _reproduce, _check, _drill, _catalogue):
        add(verbs)
    return parser


def _verb(verbs: argparse._SubParsersAction, name: str, module: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.set_defaults(verb=module, word=name)
    return parser


def _derive(verbs: argparse._SubParsersAction) -> None:
    parser = _verb(verbs, "derive", "derive", "Derive an escape time, a stochastic differential equation, a stationary law, or a result by its name.")
    parser.add_argument("what", nargs="?", metavar="WHAT", help="escape, sde, stationary, or the name of a result as `eyring list` prints it")
    parser.add_argument("--all", action="store_true", help="the whole catalogue; with --latex as one appendix")
    _model(parser)
    _escape(parser)
    parser.add_argument("--theory", metavar="NAME", help="the escape theory; left out, the first whose conditions hold")
    parser.add_argument(
        "--order", type=int, metavar="N", help="escape: corrections kept, in powers of the noise strength (0); sde: weak order, 1 or 2 (1)"
    )
    parser.add_argument("--published", action="store_true", help="the form printed in the literature, with a note of where it differs")
    parser.add_argument("--per-iteration", action="store_true", help="count iterations instead of continuous time")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print the whole derivation as LaTeX")
    _json(form)


def _exact(verbs: argparse._SubParsersAction) -> None:
    parser = _verb(verbs, "exact", "exact", "Compute a mean first-passage time in one dimension without any small parameter.")
    parser.add_argument("what", choices=("time",))
    _model(parser)
    parser.add_argument("--diffusion", metavar="TEXT", help="D(x) in dx = -L' dt + sqrt(2 D) dW; or name the optimizer with --dynamics")
    calculi = ("ito", "stratonovich", "anti-ito")
    parser.add_argument("--calculus", default="ito", choices=calculi, help="how the equation given by --diffusion is meant (ito)")
    parser.add_argument("--from", dest="start", required=True, metavar="A", help="where the walker begins")
    parser.add_argument("--to", dest="target", required=True, metavar="B", help="the point whose first passage ends the walk")
    parser.add_argument("--digits", type=int, default=15, metavar="N", help="significant digits (15); at most 100, which may take minutes")
    parser.add_argument("--per-iteration", action="store_true", help="count iterations instead of continuous time")
    _json(parser)


def _simulate(verbs: argparse._SubParsersAction) -> None:
    parser = _verb(verbs, "simulate", "simulate", "Run many walkers by the optimizer's own update until they escape.")
    _model(parser)
    _escape(parser)
    parser.add_argument("--walkers", type=int, required=True, metavar="N")
    parser.add_argument("--iterations", type=int, required=True, metavar="N")
    parser.add_argument("--seed", type=int, required=True, metavar="N")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float64", help="float32, float64 or mixed (float64)")
    parser.add_argument("--stream", help="xoshiro, or philox, which draws on a processor what a graphics card draws")
    _json(parser)


def _validate(verbs: argparse._SubParsersAction) -> None:
    parser = _verb(verbs, "validate", "validate", "Train with torch and compare with the theory; without arguments, the main job.")
    parser.add_argument("problems", nargs="*", metavar="PROBLEM", help="double-well, regression; both if left out")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (not yet measured)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--out", type=Path, default=Path("eyring-report"), metavar="DIR", help="folder of the report (eyring-report)")
    parser.add_argument("--quick", action="store_true", help="fewer replicas: a look, not a verdict")
    _json(parser)


def _reproduce(verbs: argparse._SubParsersAction) -> None:
    summary = "Run an experiment of the papers as a small-scale analogue, with real torch training, and judge its claims."
    parser = _verb(verbs, "reproduce", "reproduce", summary)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments as `eyring reproduce --list` prints them")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="name the experiments and what each stands for")
    what.add_argument("--all", action="store_true", help="every experiment")
    what.add_argument("--markdown", type=Path, metavar="DIR", help="print docs/papers.md from the reports stored in DIR; nothing is trained")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes: sees only larger differences")
    parser.add_argument("--workers", type=int, metavar="N", help="experiments at a time (with --quick the cores, else 1: its pieces share the cores)")
    parser.add_argument("--directory", type=Path, default=Path("eyring-papers"), metavar="DIR", help="shards and reports (eyring-papers)")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with the paper's own data as CSV files, the class in the last column")
    _json(parser)


def _check(verbs: argparse._SubParsersAction) -> None:
    parser = _verb(verbs, "check", "check", "Hold the results of the catalogue against their second roads, which see numbers only.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="results as `eyring list` prints them; the whole catalogue if left out")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print docs/formulas.md")
    _json(form)


def _drill(verbs: argparse._SubParsersAction) -> None:
    parser = _verb(verbs, "drill", "drill", "Plant every small error in the formulas of the catalogue and count those that the second roads catch.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="results as `eyring list` prints them; the whole catalogue if left out")
    parser.add_argument("--sample", type=int, metavar="N", help="plant at most N errors in each formula, drawn with a fixed seed")
    _json(parser)


def _catalogue(verbs: argparse._SubParsersAction) -> None:
    listing = _verb(verbs, "list", "catalogue", "List theories, optimizers, noises, stationary laws and backends.")
    _json(listing)
    cite = _verb(verbs, "cite", "catalogue", "Print BibTeX of a source.")
    cite.add_argument("keys", nargs="*", metavar="KEY")
    cite.add_argument("--all", action="store_true", help="every source")
    _json(cite)
    symbols = _verb(verbs, "symbols", "catalogue", "Print every symbol with its meaning, unit and typical range.")
    _json(symbols)


def _model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument("--loss", metavar="TEXT", help='such as "x**4/4 - x**2/2"; left out, known by L_a, L_b, H_a and H_b alone')
    group.add_argument("--coordinates", default="x", metavar="NAMES", help="separated by commas (x)")
    group.add_argument("--dynamics", choices=members("dynamics"), help="the optimizer")
    group.add_argument("--noise", choices=members("noise"), help="the gradient noise")
    group.add_argument("--switch", metavar="C", help="hessian noise: where it changes from that of the minimum to that of the saddle")
    group.add_argument("--covariance", metavar="TEXT", help="covariance noise: C(x) of the minibatch gradient, in one dimension")
    group.add_argument("--sample", action="append", metavar="TEXT", help="finite-sum noise: the loss of one kind of sample; repeat it")
    group.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a number for a symbol; repeat it")


def _escape(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("escape")
    group.add_argument("--event", choices=("next-well", "to-the-saddle"), help="what counts as escaped; no default")
    group.add_argument("--from", dest="start", metavar="A", help="the minimum, one number a coordinate; left out, the first one")
    group.add_argument("--over", metavar="B", help="the saddle, one number a coordinate; left out, the one next to the minimum")


def _json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")
