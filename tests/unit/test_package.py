"""How the package is built: which module may know which."""

import ast
from pathlib import Path

import evenfloor

FOLDER = Path(evenfloor.__file__).parent
#: No I/O and no clock: these import nothing that has either.
PURE = {
    "policy",
    "floor",
    "phones",
    "vicidial",
    "errors",
    "request",
    "answers",
    "decisions",
    "callers",
    "tokens",
    "plan_shifts",
    "plan_example",
    "plan_ways",
    "plan_replay",
    "plan_changes",
    "plan_need",
    "plan_tables",
    "operator_cookie",
    "events",
    "snapshot",
    "day",
    "provision_models",
    "provision_files",
}
IO = {"pymysql", "socket", "flask", "panoramisk", "asyncio", "os", "subprocess", "logging"}


def imported(module: str) -> tuple[set[str], set[str]]:
    """Return the modules of the package that a module imports, and those from elsewhere."""
    own, others = set(), set()
    for node in ast.walk(ast.parse((FOLDER / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            own |= {node.module} if node.module else {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            others.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Import):
            others |= {name.name.partition(".")[0] for name in node.names}
    return own & MODULES, others


MODULES = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}


def test_no_module_knows_one_that_knows_it():
    left = {module: imported(module)[0] for module in MODULES}
    while left:
        free = {module for module, own in left.items() if not own & left.keys()}
        assert free, f"these import each other: {sorted(left)}"
        left = {module: own for module, own in left.items() if module not in free}


def test_what_is_pure_knows_nothing_that_is_not():
    for module in PURE:
        own, others = imported(module)
        assert not others & IO, module
        assert own <= PURE | {"deadline", "sessions"}, module


def test_only_the_connection_knows_the_driver():
    assert {module for module in MODULES if "pymysql" in imported(module)[1]} == {"connection"}
