"""The house: imports go one way, importing eyring is cheap, every module says what it is for."""

import ast
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "eyring"
MODULES = sorted(PACKAGE.rglob("*.py"))
SKIPPED = {
    ".git",
    ".venv",
    "build",
    "dist",
    "eyring-report",
    "__pycache__",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "eyring.egg-info",
}

EVERYWHERE = {"eyring.errors", "eyring.theory", "sympy", "mpmath"}
MAY_IMPORT = {
    "theory": EVERYWHERE,
    "numerics": EVERYWHERE | {"eyring.numerics", "numpy", "scipy", "numba", "llvmlite", "flint"},
    "validation": EVERYWHERE | {"eyring", "numpy", "scipy", "numba", "torch", "sklearn", "matplotlib", "rich", "hypothesis", "xarray", "threadpoolctl"},
    "cli": EVERYWHERE | {"eyring", "rich"},
    "": {"eyring"},
}
EXCEPTIONS = {  # written here by name, each inside a function
    ("theory/formula.py", "eyring.numerics.compiled"),  # Formula.compile
    ("numerics/backends/torch.py", "torch"),
}
HEAVY = ("numpy", "scipy", "numba", "torch", "matplotlib", "sklearn", "rich")


def imports(module: Path) -> Iterator[tuple[str, bool]]:
    """Yield every imported module's dotted name, and whether the import stands inside a function; those for type checkers alone are left out."""
    tree = ast.parse(module.read_text())
    yield from _imports(tree, inside=False)


def _imports(node: ast.AST, *, inside: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from ((alias.name, inside) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"relative import in {ast.unparse(child)}"
            yield child.module or "", inside
        yield from _imports(child, inside=inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_go_one_way(module):
    """theory <- numerics <- validation; theory knows sympy alone; the two exceptions are named, and lazy."""
    path = str(module.relative_to(PACKAGE))
    room = path.split("/")[0] if "/" in path else ""
    allowed = MAY_IMPORT[room]
    for name, inside in imports(module):
        if name.split(".")[0] in sys.stdlib_module_names or any(name == a or name.startswith(f"{a}.") for a in allowed):
            continue
        assert (path, name) in EXCEPTIONS, f"{path} imports {name}"
        assert inside, f"{path} imports {name} outside a function"


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.relative_to(PACKAGE).parts[0] in ("numerics", "cli")], ids=lambda m: str(m.relative_to(PACKAGE))
)
def test_slow_libraries_load_when_used(module):
    """numba, torch and matplotlib take seconds: where eyring's front door leads, they are imported inside functions."""
    eager = {name.split(".")[0] for name, inside in imports(module) if not inside}
    assert eager.isdisjoint({"numba", "torch", "matplotlib", "sklearn"})


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_every_module_says_what_it_is_for(module):
    """The first line is a sentence, and the file's name is a noun of the house."""
    text = ast.get_docstring(ast.parse(module.read_text())) or ""
    first = text.splitlines()[0] if text else ""
    assert len(first.split()) >= 4, f"{module.relative_to(ROOT)} begins with {first!r}"
    assert module.stem not in {"utils", "helpers", "misc", "common", "base"}


def fresh(code: str) -> tuple[str, float]:
    """Run ``code`` in a new process; return what it printed and the seconds it took."""
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip(), time.perf_counter() - begin


FRONT_DOOR = "import eyring; eyring.Landscape, eyring.SGD, eyring.SDE, eyring.noise, eyring.escape_time, eyring.stationary, eyring.fokker_planck"


@pytest.mark.parametrize("code", ["import eyring", FRONT_DOOR], ids=["import eyring", "and every symbolic name"])
def test_the_symbolic_layer_needs_sympy_alone(code):
    """A fresh process that imports eyring, and one that also touches all symbolic names, load none of the heavy libraries."""
    loaded, _ = fresh(f"{code}; import sys; print(*(m for m in {HEAVY} if m in sys.modules))")
    assert loaded == ""


def test_importing_eyring_costs_at_most_half_a_sympy_more():
    """The quickest of fresh processes, the two alternating in one run: the whole symbolic front door takes at most 1.5 x ``import sympy``."""
    pairs = [(fresh("import sympy")[1], fresh(FRONT_DOOR)[1]) for _ in range(5)]
    assert min(b for _, b in pairs) <= 1.5 * min(a for a, _ in pairs)


def test_help_is_fast():
    """``eyring --help`` loads neither sympy nor anything slower."""
    code = "import contextlib, io, sys; from eyring.cli import main\nwith contextlib.redirect_stdout(io.StringIO()): main(['--help'])\n"
    loaded, _ = fresh(f"{code}print(*(m for m in ('sympy', *{HEAVY}) if m in sys.modules))")
    assert loaded == ""


UNWANTED = re.compile(
    "|".join(("/work" + "/", "/tmp" + r"\b", "shared" + "/", r"\bfoun" + "der", r"\bhelpers?" + r"\b", r"\bissues?" + r"\b", r"\bsessions" + r"\b")),
    re.IGNORECASE,
)


def test_the_text_speaks_of_physics_not_of_how_it_was_written():
    """No file mentions the place or the people of its making."""
    texts = [
        p
        for p in ROOT.rglob("*")
        if p.is_file() and not SKIPPED & set(p.relative_to(ROOT).parts) and p.suffix in {".py", ".md", ".toml", ".txt", ".tex", ""}
    ]
    found = [f"{p.relative_to(ROOT)}: {m[0]}" for p in texts if p != Path(__file__) for m in UNWANTED.finditer(p.read_text(errors="ignore"))]
    assert found == []


def test_nothing_is_evaluated_or_unpickled():
    """No eval, exec or pickle; arrays are loaded without pickles and tensors as weights only."""
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name, text = ast.unparse(node.func), ast.unparse(node)
            assert name not in {"eval", "exec", "sp.sympify.eval", "pickle.load", "pickle.loads", "sp.parse_expr"}, f"{module}: {text}"
            assert name not in {"np.load", "numpy.load"} or "allow_pickle=False" in text, f"{module}: {text}"
            assert name != "torch.load" or "weights_only=True" in text, f"{module}: {text}"
