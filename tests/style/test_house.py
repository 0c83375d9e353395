"""The style is itself tested: door signs, complete __all__, documented settings, a light import."""

import ast
import importlib
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

ROOT = Path(__file__).parents[2] / "tam_workbench"
PACKAGES = sorted(path.parent for path in ROOT.rglob("__init__.py"))
MODULES = sorted(path for path in ROOT.rglob("*.py"))
STAGES = [
    "records",
    "trust",
    "features",
    "learning",
    "explain",
    "policy",
    "gate",
    "memory",
    "causal",
    "audit",
    "resilience",
    "tracking",
    "guidance",
    "plant",
]


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT.parent))


def _name(package: Path) -> str:
    return ".".join(package.relative_to(ROOT.parent).parts)


@pytest.mark.parametrize("package", PACKAGES, ids=_id)
def test_every_room_has_a_door_sign(package):
    doc = ast.get_docstring(ast.parse((package / "__init__.py").read_text()))
    assert doc, f"{package} says nothing at its door"
    assert len(doc) > 30


@pytest.mark.parametrize("package", PACKAGES, ids=_id)
def test_all_is_complete_and_true(package):
    room = importlib.import_module(_name(package))
    tree = ast.parse((package / "__init__.py").read_text())
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("tam_workbench")
        and node.module != "tam_workbench.errors"
        for alias in node.names
    }
    public = {name for name in imported if not name.startswith("_")}
    assert public <= set(room.__all__), "imported at the door but not in __all__"
    assert all(hasattr(room, name) for name in room.__all__)


@pytest.mark.parametrize("module", MODULES, ids=_id)
def test_files_and_functions_are_small(module):
    text = module.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            length = (node.end_lineno or 0) - first.lineno + 1
            assert length <= 45, f"{module.name}:{node.name} has {length} lines"


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.relative_to(ROOT).parts[0] in STAGES], ids=_id
)
def test_below_the_line_nothing_asks_clock_or_chance(module):
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"open", "datetime.now", "datetime.utcnow", "print", "input"}
            assert not called.startswith(("random.random", "random.choice", "np.random.rand"))


@pytest.mark.parametrize("module", MODULES, ids=_id)
def test_only_the_supervisor_catches_everything(module):
    allowed = {"supervisor.py", "runner.py"}
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            broad = caught in {"Exception", "BaseException", "everything"}
            last = node.body[-1]
            passes_on = isinstance(last, ast.Raise) and last.exc is None
            assert not broad or passes_on or module.name in allowed


def _fields_without_docstring(cls: type) -> list[str]:
    source = Path(sys.modules[cls.__module__].__file__ or "")
    body = next(
        node.body
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    )
    missing = []
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign):
            documented = (
                isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            )
            if not documented:
                missing.append(ast.unparse(node.target))
    return missing


def test_every_setting_is_documented():
    from tam_workbench.engine.settings import Settings

    trees = [Settings]
    for field in Settings.model_fields.values():
        kind = field.annotation
        if isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, BaseModel)):
            trees.append(kind)
    assert len(trees) > 5
    missing = {tree.__name__: _fields_without_docstring(tree) for tree in trees}
    assert not {name: fields for name, fields in missing.items() if fields}


def test_import_is_light():
    heavy = "polars numpy river panel lancedb shap lime torch holoviews papermill numba pydantic"
    code = f"import sys, tam_workbench; print([m for m in '{heavy}'.split() if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_import_contracts_are_kept():
    answer = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        capture_output=True,
        text=True,
        cwd=ROOT.parent,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout[-3000:]


@pytest.mark.parametrize(
    "guest", ["lancedb", "shap", "lime", "sentence_transformers", "panel", "anywidget", "drain3"]
)
def test_every_heavy_guest_has_one_door(guest):
    doors = {
        module.relative_to(ROOT).parts[0]
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == guest for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == guest)
    }
    assert len(doors) == 1, f"{guest} enters by {sorted(doors)}"
