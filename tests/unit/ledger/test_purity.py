"""The books know the standard library and themselves; neither a clock nor chance (design.md, 1)."""

import ast
import sys
from pathlib import Path

import pytest

import ledger_service.ledger

MODULES = sorted(Path(ledger_service.ledger.__file__).parent.glob("*.py"))
CLOCKS_AND_CHANCE = {"time", "random", "secrets", "uuid", "os", "asyncio", "threading", "socket", "logging"}


def imported_by(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out"
            names.add(node.module or "")
    return names


def test_there_are_modules_to_look_at():
    assert {"decide.py", "lots.py"} <= {module.name for module in MODULES}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_the_books_import_the_standard_library_and_themselves_only(module: Path):
    for name in imported_by(module):
        top = name.partition(".")[0]
        assert top in sys.stdlib_module_names or name.startswith("ledger_service.ledger"), name
        assert top not in CLOCKS_AND_CHANCE, name


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_the_books_ask_no_clock(module: Path):
    asked = {node.attr for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Attribute)}
    assert asked.isdisjoint({"utcnow", "today", "time_ns", "perf_counter", "monotonic"})
    calls = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    names = {ast.unparse(call.func) for call in calls}
    assert not {name for name in names if name.endswith(("datetime.now", "date.today"))}
