"""Every notebook runs by papermill from anywhere, ends with its asserts, and stays small."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LARGEST = 500_000


def _tagged(book):
    return [cell for cell in book.cells if "parameters" in cell.metadata.get("tags", [])]


def test_there_are_notebooks():
    assert {path.name[:2] for path in NOTEBOOKS} >= {"00", "01", "02", "03", "04", "06", "08"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_clean_and_has_parameters(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert len(_tagged(book)) == 1
    assert not any(cell.outputs or cell.execution_count for cell in cells), "outputs are kept out"
    assert "assert " in cells[-1].source, "a notebook ends by checking what it claims"
    assert book.cells[0].cell_type == "markdown"
    assert book.cells[0].source.startswith("# ")


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path):
    out = tmp_path / path.name
    command = [sys.executable, "-m", "papermill", "-k", "python3", "--no-progress-bar"]
    run = subprocess.run(
        [*command, str(path), str(out)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert out.stat().st_size < LARGEST
    done = nbformat.read(out, as_version=4)
    assert all(cell.execution_count for cell in done.cells if cell.cell_type == "code")
    errors = [o for c in done.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert not errors, errors[0]["text"][:500]
    assert {file.name for file in tmp_path.iterdir()} == {path.name}, "it leaves files behind"
