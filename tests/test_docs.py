"""The documents say what the code says."""

import re
from itertools import groupby
from pathlib import Path

import eyring as ey
from eyring.theory.results import results
from eyring.theory.symbols import GLOSSARY, glossary_table
from eyring.validation.formula_table import formula_page

ROOT = Path(__file__).parents[1]


def test_the_glossary_page_is_current():
    """Made from the declarations; write it anew when a symbol is added."""
    assert glossary_table() in (ROOT / "docs/glossary.md").read_text(encoding="utf-8")


def test_the_page_of_formulas_has_every_result_in_its_place():
    """Its head, chapters and entries in the order of the catalogue; what each entry says is held against its result among the catalogue's tests."""
    head, *blocks = re.split(r"^(?=##)", (ROOT / "docs/formulas.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    expected = []
    for chapter, members in groupby(results().values(), key=lambda entry: entry.chapter):
        expected += [f"## {chapter}", *(f"### `{entry.name}`: {entry.title}" for entry in members)]
    assert head.rstrip() == formula_page([]).rstrip()
    assert [block.splitlines()[0] for block in blocks] == expected, "write it anew: eyring check --markdown > docs/formulas.md"
    assert all(len(block.splitlines()) == 2 for block in blocks if block.startswith("## "))


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
