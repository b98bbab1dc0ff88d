"""The documents say what the code says."""

import re
from itertools import zip_longest
from pathlib import Path

import eyring as ey
from eyring.theory.results import results
from eyring.theory.symbols import GLOSSARY, glossary_table
from eyring.validation.confirmation import confirm
from eyring.validation.formula_table import formula_page

ROOT = Path(__file__).parents[1]


def test_the_glossary_page_is_current():
    """Made from the declarations; write it anew when a symbol is added."""
    assert glossary_table() in (ROOT / "docs/glossary.md").read_text(encoding="utf-8")


def test_the_page_of_formulas_is_current():
    """Formula, sources, conditions and steps to the letter; digits confirmed to one digit, for they end in rounding noise."""
    page = (ROOT / "docs/formulas.md").read_text(encoding="utf-8").splitlines()
    made = formula_page(confirm(name) for name in results()).splitlines()
    number = re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)?")
    for written, new in zip_longest(page, made, fillvalue=""):
        if new.startswith(("- second road:", "- in print:")):
            assert number.sub("#", written) == number.sub("#", new), "write it anew: eyring check --markdown > docs/formulas.md"
            pairs = zip(number.findall(written), number.findall(new), strict=True)
            assert all(abs(float(a) - float(b)) <= max(1, 0.2 * abs(float(b))) for a, b in pairs), (written, new)
        else:
            assert written == new, "write it anew: eyring check --markdown > docs/formulas.md"


def test_every_symbol_is_explained_and_its_range_fits_its_sign():
    """Meaning, unit, LaTeX; a positive symbol has no negative typical value."""
    for name, entry in GLOSSARY.items():
        assert entry.meaning
        assert entry.unit
        assert entry.latex
        low, high = entry.typical
        assert low < high
        assert not (entry.symbol.is_positive and low <= 0), name
        assert not (entry.symbol.is_negative and high >= 0), name


def test_links_between_documents_lead_somewhere():
    """README and docs link to files that exist."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+\.md)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{page.name} links to {target}"


def test_every_public_name_loads():
    """The front door opens on every name it lists, and says so for others."""
    assert all(getattr(ey, name) is not None for name in ey.__all__)
    assert set(ey.__all__) <= set(dir(ey))
