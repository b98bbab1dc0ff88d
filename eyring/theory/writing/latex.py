"""Formulas and derivations as LaTeX: textbook order of terms, the glossary's symbols, an ``align`` with its assumptions."""

import re
from collections.abc import Iterable

import sympy as sp
from sympy.printing.latex import LatexPrinter

from eyring.theory.derivation import Derivation, Step
from eyring.theory.sources import SOURCES
from eyring.theory.symbols import GLOSSARY
from eyring.theory.writing.lines import broken, glyphs, is_negative, textbook_order

__all__ = [
    "assumptions_latex",
    "derivation_latex",
    "document",
    "expression_latex",
    "lines_latex",
    "preamble",
    "shown_latex",
    "steps_latex",
    "words_latex",
]

LONGEST_INLINE = 40  # glyphs
LONGEST_EXPRESSION = 4000  # a longer line is left to the machine


class _TextbookPrinter(LatexPrinter):
    """Sums as a hand writes them: a constant before small corrections, no leading minus, falling powers in a loss."""

    def _print_Add(self, expr: sp.Add, order: str | None = None) -> str:
        printed = [(t, self._print(t)) for t in textbook_order(expr)]
        pieces = [printed[0][1]]
        for term, text in printed[1:]:
            pieces.append(f" - {self._print(-term)}" if is_negative(term) else f" + {text}")
        return "".join(pieces)

    def _print_Symbol(self, expr: sp.Symbol, style: str = "plain") -> str:
        if expr.name in GLOSSARY:
            return GLOSSARY[expr.name].latex
        if match := re.fullmatch(r"L'_(\w+)", expr.name):
            return rf"\partial_{{{match[1]}}} L"
        if match := re.fullmatch(r"N_(\d)(\d)", expr.name):
            return rf"N_{{{int(match[1]) + 1}{int(match[2]) + 1}}}"
        if expr.name == "dt":
            return r"\Delta t"
        return super()._print_Symbol(expr)


def expression_latex(expression: sp.Basic) -> str:
    """Return an expression as LaTeX.

    >>> x = sp.Symbol("x", real=True)
    >>> expression_latex(1 + 3 * sp.Symbol("T", positive=True) / 2)
    '1 + \\\\frac{3 T}{2}'
    """
    return _TextbookPrinter({"fold_short_frac": False, "ln_notation": True, "mat_delim": "("}).doprint(expression)


def derivation_latex(derivation: Derivation) -> str:
    """Return the whole derivation: a numbered ``align`` with the reason for each line, then the assumptions and sources."""
    sources = [rf"\item {words_latex(str(SOURCES[k]))}" for k in derivation.sources]
    listed = [r"\noindent Sources:", r"\begin{itemize}\itemsep0pt", *sources, r"\end{itemize}"] if sources else []
    return "\n".join([rf"\paragraph{{{words_latex(derivation.title)}}}", *steps_latex(derivation), *assumptions_latex(derivation), *listed])


def steps_latex(derivation: Derivation, *, number: str = "", label: str = "") -> list[str]:
    """Return the lines as an ``align`` and the reason for each.

    Args:
        derivation: What to print.
        number: Put before the number of every line, such as "4.2.".
        label: If given, line k gets the label ``eq:label-k`` and sources are cited by key, as in a document with a bibliography.
    """
    rows = [row for k, step in enumerate(derivation.steps, 1) for row in _rows(f"{number}{k}", step, rf"\label{{eq:{label}-{k}}}" if label else "")]
    reasons = [
        rf"\item[({number}{k})] {words_latex(s.statement)} \emph{{{_origin(s, by_key=bool(label))}}}" for k, s in enumerate(derivation.steps, 1)
    ]
    return [r"\begin{align}", " \\\\\n".join(rows), r"\end{align}", r"\begin{description}\itemsep0pt", *reasons, r"\end{description}"]


def assumptions_latex(derivation: Derivation) -> list[str]:
    """Return what the derivation assumes as a list; no lines if it assumes nothing."""
    items = [rf"\item {words_latex(a)}" for a in derivation.assumptions]
    return [r"\noindent Assumptions:", r"\begin{itemize}\itemsep0pt", *items, r"\end{itemize}"] if items else []


def document(derivations: Iterable[Derivation], *, title: str = "Derivations") -> str:
    """Return a complete LaTeX document that compiles with pdflatex and the packages amsmath and geometry."""
    parts = "\n\n".join(derivation_latex(d) for d in derivations)
    return "\n".join([*preamble(title), parts, r"\end{document}", ""])


def preamble(title: str) -> list[str]:
    """Return the lines of a document up to its title."""
    head = [r"\documentclass{article}", r"\usepackage{amsmath,amssymb}", r"\usepackage[margin=2.2cm]{geometry}", r"\allowdisplaybreaks", r"\sloppy"]
    return [*head, rf"\title{{{words_latex(title)}}}", r"\date{}", r"\begin{document}", r"\maketitle"]


def _rows(number: str, step: Step, label: str) -> list[str]:
    rows = [f"& {line}" for line in lines_latex(step.expression)]
    return [*(rf"{row} \notag" for row in rows[:-1]), rf"{rows[-1]} \tag{{{number}}}{label}"]


def lines_latex(expression: sp.Basic) -> list[str]:
    """Return an expression as lines that fit a page."""
    if len(expression_latex(expression)) > LONGEST_EXPRESSION:
        return [r"\text{(too long for a page: see the machine-readable derivation)}"]
    return broken(expression, expression_latex)


def shown_latex(expression: sp.Basic) -> str:
    """Return an expression for the middle of a text: between dollars if it is short, else displayed on lines of its own."""
    text = expression_latex(expression)
    if glyphs(text) <= LONGEST_INLINE:
        return f"${text}$"
    return "\n".join([r"\begin{align*}", " \\\\\n".join(f"& {line}" for line in lines_latex(expression)), r"\end{align*}"])


def _origin(step: Step, *, by_key: bool) -> str:
    if step.source:
        return rf"cited: \cite{{{step.source}}}" if by_key else f"cited: {words_latex(step.source)}"
    return f"{step.grade}, {words_latex(step.rule)}"


_SMALL_GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "omega",
)  # fmt: skip
_LARGE_GREEK = ("Gamma", "Delta", "Theta", "Lambda", "Sigma", "Phi", "Omega")
_MATHEMATICS = re.compile(r"(?<![\w$])(?:(" + "|".join((*_SMALL_GREEK, *_LARGE_GREEK)) + r")|([A-Za-z]))(_[A-Za-z0-9+]{1,2})?('{0,3})(?![\w])")


def _mathematics(match: re.Match[str]) -> str:
    """Set a Greek name, or a letter with an index or a prime, as mathematics; lone letters such as "a" stay words."""
    greek, letter, index, primes = match.groups()
    if letter and not (index or primes):
        return match[0]
    below = f"_{{{index[1:]}}}" if index else ""
    return f"$\\{greek}{below}{primes}$" if greek else f"${letter}{below}{primes}$"


def words_latex(text: str) -> str:
    """Return words for LaTeX, with the symbols among them set as mathematics."""
    return "".join(part if part.startswith("$") else _escaped(part) for part in re.split(r"(\$[^$]*\$)", _MATHEMATICS.sub(_mathematics, text)))


def _escaped(text: str) -> str:
    for plain, latex in (
        ("\\", r"\textbackslash{}"),
        ("_", r"\_"),
        ("^", r"\^{}"),
        ("&", r"\&"),
        ("%", r"\%"),
        ("#", r"\#"),
        ("~", r"\textasciitilde{}"),
        ("|", r"\textbar{}"),
        ("<", r"\textless{}"),
        (">", r"\textgreater{}"),
    ):
        text = text.replace(plain, latex)
    return text
