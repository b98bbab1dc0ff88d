"""What tests of several files share: how numbers are drawn (the same in every run, unless HYPOTHESIS_PROFILE says otherwise), and LaTeX."""

import os
import re
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, settings

_SLOW_IS_FINE = [HealthCheck.too_slow]
settings.register_profile("dev", max_examples=20, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile("nightly", max_examples=1000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def compiled(tmp_path):
    """Return a function that runs pdflatex twice and demands no error and no line more than 10 pt too wide; it returns the log."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed; on Debian: apt-get install texlive-latex-base texlive-latex-recommended")

    def run(text):
        (tmp_path / "all.tex").write_text(text, encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
        for _ in range(2):
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
        log = (tmp_path / "all.log").read_text(errors="replace")
        assert done.returncode == 0, log[-2000:]
        wide = re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\) (.*)", log)
        assert [(w, where) for w, where in wide if float(w) > 10] == []
        return log

    return run
