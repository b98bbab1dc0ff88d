"""The whole catalogue as the appendix of a paper: notation, derivations with labels, and the bibliography of exactly what they use."""

from collections.abc import Iterable, Mapping

from eyring.theory.formula import Formula
from eyring.theory.results import CHAPTERS, Result
from eyring.theory.sources import SOURCES
from eyring.theory.symbols import GLOSSARY
from eyring.theory.writing.latex import assumptions_latex, preamble, shown_latex, steps_latex, words_latex

__all__ = ["appendix"]


def appendix(derived: Mapping[Result, Formula]) -> str:
    """Return a LaTeX document that compiles with pdflatex, amsmath and geometry.

    Line k of the result NAME has the label ``eq:NAME-k``, its section ``sec:NAME``, so that ``\\cref`` finds them once cleveref is loaded.

    Args:
        derived: Results with the formulas that they derived.
    """
    lines = [*preamble("Derivations"), r"\section*{Notation}", *_notation(derived.values())]
    for number, chapter in enumerate((c for c in CHAPTERS if any(r.chapter == c for r in derived)), 1):
        lines += ["", rf"\section{{{words_latex(chapter)}}}"]
        of_chapter = [(r, f) for r, f in derived.items() if r.chapter == chapter]
        for k, (result, formula) in enumerate(of_chapter, 1):
            lines += ["", *_section(result, formula, f"{number}.{k}.")]
    return "\n".join([*lines, "", *_bibliography(derived), r"\end{document}", ""])


def _section(result: Result, formula: Formula, number: str) -> list[str]:
    cited = rf" \cite{{{','.join(result.sources)}}}" if result.sources else ""
    conditions = [rf"\item {shown_latex(c.relation)}: {words_latex(c.sentence)}" for c in formula.conditions]
    needs = [r"\noindent Conditions:", r"\begin{itemize}\itemsep0pt", *conditions, r"\end{itemize}"] if conditions else []
    error = [rf"\noindent First neglected term, relative: {shown_latex(formula.next_order)}"] if formula.next_order is not None else []
    note = [rf"\noindent In print: {words_latex(result.published_note)}"] if result.published_note else []
    title = rf"\subsection{{{words_latex(result.title)}}}\label{{sec:{result.name}}}"
    kind = rf"\noindent \emph{{{words_latex(result.kind)}; unit: {words_latex(formula.unit)}}}{cited}"
    steps = steps_latex(formula.derivation, number=number, label=result.name)
    return [title, kind, *steps, *assumptions_latex(formula.derivation), *needs, *error, *note]


def _notation(formulas: Iterable[Formula]) -> list[str]:
    used = {s.name for f in formulas for step in f.derivation.steps for s in step.expression.free_symbols} & set(GLOSSARY)
    rows = [rf"${GLOSSARY[n].latex}$ & {words_latex(GLOSSARY[n].meaning)} & {words_latex(GLOSSARY[n].unit)} \\" for n in sorted(used)]
    halves = [rows[i : i + 40] for i in range(0, len(rows), 40)]
    head, foot = r"\noindent\begin{tabular}{l p{0.6\textwidth} l}", r"\end{tabular}"
    return [line for half in halves for line in (head, r"symbol & meaning & unit \\ \hline", *half, foot, "")]


def _bibliography(derived: Mapping[Result, Formula]) -> list[str]:
    keys = dict.fromkeys(k for r, f in derived.items() for k in (*r.sources, *f.derivation.sources))
    items = [rf"\bibitem{{{k}}} {words_latex(str(SOURCES[k]))}" for k in sorted(keys)]
    return [r"\begin{thebibliography}{99}", *items, r"\end{thebibliography}"] if items else []
