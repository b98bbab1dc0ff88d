"""Every result of the catalogue: derived from steps that stand, confirmed by its second roads, and no small error gets past them."""

import contextlib
import functools
import re
import sys
import time
from dataclasses import replace
from functools import cache
from itertools import zip_longest
from pathlib import Path
from types import SimpleNamespace

import pytest
import sympy as sp

from eyring.errors import DerivationError, EyringError
from eyring.numerics.roads import Limit, Trial, roads, roads_to
from eyring.theory.derivation import Derivation
from eyring.theory.results import CHAPTERS, KINDS, result, results
from eyring.theory.sources import SOURCES
from eyring.theory.writing.appendix import appendix
from eyring.validation.confirmation import confirm
from eyring.validation.drill import drill
from eyring.validation.formula_table import formula_entry

ROOT = Path(__file__).parents[1]
NAMES = list(results())
PLANTED = 30  # errors tried in each formula here; `eyring drill` tries all


@pytest.fixture(scope="module", params=NAMES)
def entry(request):
    """Return each result; all tests of one run one after the other, so that it is derived once."""
    return results()[request.param]


@cache
def written():
    """Return the entries on the page of formulas by name, a list of lines each."""
    blocks = re.split(r"^(?=##)", (ROOT / "docs/formulas.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {block.split("`")[1]: block.rstrip().splitlines() for block in blocks if block.startswith("### ")}


def forget():
    """Empty every cache of the theory, so that a rule is applied anew."""
    for name, module in list(sys.modules.items()):
        if name.startswith("eyring.theory"):
            inside = [w for v in vars(module).values() for w in (vars(v).values() if isinstance(v, type) else (v,))]
            for cached in (getattr(w, "__func__", w) if isinstance(w, staticmethod | classmethod) else w for w in inside):
                is_theory = type(cached) is functools._lru_cache_wrapper and cached.__module__.startswith("eyring.theory")
                if is_theory and cached.__name__ not in {"catalog", "results"}:
                    cached.cache_clear()


def twice(line):
    """Return a line that is wrong: twice it, or one where it is zero."""
    if isinstance(line, sp.Equality):
        return sp.Eq(twice(line.lhs), line.rhs, evaluate=False)
    if isinstance(line, sp.MatrixBase):
        return sp.ImmutableMatrix(2 * line if any(line) else sp.ones(*line.shape))
    return 2 * line if line != 0 else sp.Integer(1)


@pytest.fixture(scope="module")
def cold():
    """Derive the whole catalogue from cold caches; return the formulas, the seconds of each, and the rules whose doubled result passed their check."""
    forget()
    formulas, seconds, seen, unnoticed, aside = {}, {}, set(), [], []

    def apply(self, rule, statement, *, original=Derivation.apply, needs=None, **arguments):
        line, right = (self.title.split(":")[0], rule.name, statement), rule.transform(self.expression, **arguments)
        if line not in seen:
            begin = time.process_time()
            with contextlib.suppress(DerivationError):
                original(self, replace(rule, transform=lambda e, **a: twice(right)), statement, needs=needs, **arguments)
                unnoticed.append(line)
            aside.append(time.process_time() - begin)
        seen.add(line)
        return original(self, replace(rule, transform=lambda e, **a: right), statement, needs=needs, **arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Derivation, "apply", apply)
        for name, entry in results().items():
            begin = time.process_time()
            aside.clear()
            formulas[name] = entry.derive()
            seconds[name] = time.process_time() - begin - sum(aside)
    return SimpleNamespace(formulas=formulas, seconds=seconds, lines=seen, unnoticed=unnoticed)


def test_the_whole_catalogue_is_derived_within_two_minutes(cold):
    """From cold caches, and each result in a few seconds of the processor's time, on a slow machine; on a fast one in about twenty seconds."""
    assert sum(cold.seconds.values()) < 120, cold.seconds
    assert max(cold.seconds.values()) < 16, max(cold.seconds, key=cold.seconds.get)


def test_corrupted_rules_raise(cold):
    """Each rule that a derivation uses, made to return twice its result, raises where it is applied."""
    assert cold.unnoticed == []
    assert len(cold.lines) > 150


def test_the_catalogue_compiles_as_an_appendix(cold, compiled):
    """Notation, derivations whose lines and sections have labels, and a bibliography in which every citation is found and none is idle."""
    text = appendix({results()[name]: formula for name, formula in cold.formulas.items()})
    log = compiled(text)
    assert "undefined" not in log
    assert "multiply defined" not in log
    assert all(rf"\label{{sec:{name}}}" in text and rf"\label{{eq:{name}-1}}" in text for name in results())
    cited = {key for keys in re.findall(r"\\cite\{([^}]*)\}", text) for key in keys.split(",")}
    assert cited == set(re.findall(r"\\bibitem\{([^}]*)\}", text))


def test_every_step_stands_and_little_is_cited(entry):
    """All checks replay; exact laws cite nothing, escape formulas two steps, others one named theorem."""
    formula = entry.derive()
    formula.derivation.verify()
    assert entry.chapter in CHAPTERS
    assert entry.kind in KINDS
    assert set(entry.sources) <= set(SOURCES)
    assert len(formula.derivation.cited) <= entry.cited_at_most
    assert entry.cited_at_most <= {"Escape": 2, "What they mean": 2, "Beyond the papers": 3}.get(entry.chapter, 1)
    if entry.kind == "exact" and entry.chapter in ("From algorithm to SDE", "Stationary laws"):
        assert entry.cited_at_most == 0
    assert formula.derivation.steps[0].expression != formula.expression, "the formula is the end of a derivation, not its beginning"
    assert formula.unit
    printed = entry.published()
    assert printed is None or entry.published_note
    assert printed is None or len(printed.derivation.steps) > 1 or printed.derivation.cited, "what is copied from print is cited"


def test_second_roads_confirm_and_the_page_of_formulas_says_so(entry):
    """Each road agrees within its own tolerance; a form in print that differs is rejected by one of them.

    The page: formula, sources, conditions and steps to the letter; digits confirmed to one digit, for they end in rounding noise.
    """
    found = confirm(entry)
    assert found.agrees, str(found)
    assert not found.published or any(not judgement.agrees for judgement in found.published), str(found)
    number = re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)?")
    for old, new in zip_longest(written()[entry.name], formula_entry(found), fillvalue=""):
        if new.startswith(("- second road:", "- in print:")):
            assert number.sub("#", old) == number.sub("#", new), "write it anew: eyring check --markdown > docs/formulas.md"
            pairs = zip(number.findall(old), number.findall(new), strict=True)
            assert all(abs(float(a) - float(b)) <= max(1, 0.2 * abs(float(b))) for a, b in pairs), (old, new)
        else:
            assert old == new, "write it anew: eyring check --markdown > docs/formulas.md"


def test_small_errors_are_caught(entry):
    """A factor 2, a sign, a power, one symbol for another, another calculus."""
    found = drill(entry, sample=PLANTED)
    assert found.survivors == (), str(found)


ONE_VALUE = {  # the same in every trial: a form that happens to agree at that value would pass
    "dampening": {"eta"}, "momentum-phase-space": {"eta"}, "nesterov": {"eta"}, "sgd-sde": {"C_11", "C_12", "C_22", "g_1", "g_2"}, "sgld-minibatch": {"C_11", "C_12", "C_22", "T", "g_1", "g_2"},
    "weight-decay-sde": {"C", "g"}, "anisotropic-barrier": {"L_b", "eta"}, "frozen-curvature-barrier": {"L_b"}, "gaussian-exponent": {"L_b", "eta"},
    "regression-exponent": {"eta"}, "finite-step-rate": {"eta"}, "batch-size-of-selection": {"H_1"}, "risk-after-time": {"H_1"},
}  # fmt: skip


def test_every_symbol_of_a_formula_is_probed_at_two_values(entry):
    """Each road tries several sets of numbers; else a formula with another power of a symbol would pass; the exceptions are listed."""
    seen = {}
    for road in roads_to(entry.name):
        assert len(road.known) >= 2
        assert road.method
        for trial in road.known:
            for symbol, value in trial.values.items():
                seen.setdefault(symbol, set()).add(str(value))
    lonely = {s.name for s in entry.derive().expression.free_symbols if len(seen[s.name]) < 2}
    assert lonely <= ONE_VALUE.get(entry.name, set()), f"{', '.join(sorted(lonely))} have one value in all trials"


@pytest.mark.exhaustive
def test_a_false_line_does_not_pass_its_check(monkeypatch):
    """Each claimed line of every derivation, doubled, leaves a residual; only densities, and what is claimed to vanish, are free of scale."""
    forget()
    blind, seen = set(), set()

    def claim(self, statement, line, *, original=Derivation.claim, **options):
        whole = original(self, statement, line, **options)
        free = options.get("rule") == "Fokker-Planck residual" or statement.endswith("this vanishes")
        if (self.title, statement) not in seen and not free:
            seen.add((self.title, statement))
            with contextlib.suppress(DerivationError, TypeError, ValueError, AttributeError):
                original(self, statement, twice(line), **options)
                blind.add((self.title, statement))
        return whole

    with monkeypatch.context() as patch:
        patch.setattr(Derivation, "claim", claim)
        for entry in results().values():
            entry.derive()
    forget()
    assert len(seen) > 100
    assert blind == set()


def test_every_result_has_a_road_and_every_road_a_result():
    """None is left unjudged, none leads nowhere."""
    assert set(roads()) == set(results())


def test_a_road_rejects_what_is_off_by_more_than_it_allows():
    """The judge itself: a number within tolerance passes, one beyond does not, no real value does not; limits are extrapolated."""
    (road,) = roads_to("sgd-variance")
    formula = result("sgd-variance").derive().expression
    assert road.judge(formula).digits > 25
    assert road.judge(formula * (1 + sp.Rational(1, 10**26))).agrees
    assert not road.judge(formula * (1 + sp.Rational(1, 10**23))).agrees
    assert not road.judge(sp.sqrt(-formula)).agrees
    x = sp.Symbol("x", positive=True)

    class Exponential(Limit):
        result, method, tolerance, kept = "exponential", "series", 1e-6, 1

        def trials(self):
            return [Trial({"x": s}, sp.exp(sp.nsimplify(s)), smallness=s) for s in (0.01, 0.02, 0.03, 0.04)]

    assert Exponential().judge(1 + x).agrees
    assert not Exponential().judge(1 + x * (1 + sp.Rational(1, 10**4))).agrees
    assert not Exponential().judge(1 - x).agrees
    with pytest.raises(EyringError, match="the trial gives no number for H_a"):
        Exponential().judge(x + sp.Symbol("H_a"))


def test_an_unknown_result_names_the_nearest():
    """A slip of the fingers is answered with what was meant."""
    with pytest.raises(EyringError, match="did you mean sgd-variance"):
        result("sgd-varience")
