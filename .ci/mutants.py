"""Change the code that decides about money in small ways and list the changes that no test notices: `make mutants`.

cosmic-ray finds and makes the changes; this draws a random sample of them until the time is over. Each worker has its
own copy of the project. Runs in the environment of cosmic-ray, and runs the tests with the project's Python.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parents[1]
COPIES = ROOT / "build" / "mutants"
PYTHON = ROOT / ".venv" / "bin" / "python"
STUDIO = ROOT / "studio" / "apiframe_studio"
TESTS = {
    "submitter.py": (
        "studio/test_submitter.py",
        "studio/test_submission.py",
        "faults/test_submission_faults.py",
    ),
    "ledger/states.py": (
        "studio/test_ledger.py",
        "studio/test_ledger_decisions.py",
        "studio/test_submission.py",
    ),
    "ledger/dedup.py": ("studio/test_dedup.py", "studio/test_ledger.py", "studio/test_photo_sets.py"),
    "ledger/transitions.py": (
        "studio/test_ledger.py",
        "studio/test_ledger_decisions.py",
        "studio/test_trainings.py",
    ),
    "api/http": ("studio/api", "faults/test_api_faults.py"),
    "photos/folders.py": ("studio/photos/test_folders.py", "studio/photos/test_check_and_prepare.py"),
}
"""The tests near each module or package. A survivor may still be noticed by a test of the whole program."""
SKIPPED = (
    "core/ReplaceBinaryOperator_BitOr",  # | is in annotations, which are never evaluated.
    "core/VariableReplacer",  # These two need arguments.
    "core/VariableInserter",
    "core/ReplaceComparisonOperator_Is_Eq",  # Enums and None are the same with both.
    "core/ReplaceComparisonOperator_IsNot_NotEq",
)
MAX_TEST_SECONDS = 300.0
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".cache", "build", "dist", "__pycache__", ".*_cache")


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    path: str
    tests: tuple[str, ...]
    operator: str
    occurrence: int

    def code(self, original: str) -> str | None:
        """Return the changed code, or None if this changes nothing."""
        changed: str | None = mutate_code(original, get_operator(self.operator)(), self.occurrence)
        return None if changed == original else changed


def find_mutants() -> Iterator[Mutant]:
    """Return every possible change."""
    for target, tests in TESTS.items():
        if missing := [test for test in tests if not (ROOT / "tests" / test).exists()]:
            # pytest would end with an error, which would count as a noticed change.
            raise SystemExit(f"{target}: {', '.join(missing)} are missing below tests")
        whole = STUDIO / target
        for path in sorted(whole.rglob("*.py")) if whole.is_dir() else [whole]:
            nodes = list(ast_nodes(get_ast(path.read_text())))
            for name in operator_names():
                if name.startswith(SKIPPED):
                    continue
                operator = get_operator(name)()
                count = sum(len(list(operator.mutation_positions(node))) for node in nodes)
                for occurrence in range(count):
                    yield Mutant(str(path.relative_to(ROOT)), tests, name, occurrence)


def is_noticed(mutant: Mutant, copy: Path) -> bool | None:
    """Run the tests near a change. Returns None if it changes nothing."""
    path = copy / mutant.path
    original = path.read_text()
    changed = mutant.code(original)
    if changed is None:
        return None
    path.write_text(changed)
    roots = os.pathsep.join(str(copy / root) for root in ("server", "tools", "studio"))
    command = [str(PYTHON), "-m", "pytest", "-q", "-x", "-m", "not long", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, *(f"tests/{test}" for test in mutant.tests)],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": roots, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=MAX_TEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(original)
    return done.returncode != 0


def show(mutant: Mutant) -> str:
    """Return the change as a diff."""
    original = (ROOT / mutant.path).read_text()
    lines = difflib.unified_diff(
        original.splitlines(),
        (mutant.code(original) or "").splitlines(),
        mutant.path,
        mutant.operator,
        "",
        "",
        0,
        "",
    )
    return "\n".join(lines)


def main() -> int:
    """Try changes until the time is over, and print those that survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    mutants = list(find_mutants())
    random.Random(options.seed).shuffle(mutants)  # noqa: S311 - a sample
    print(f"{len(mutants)} possible changes; sampling with --seed {options.seed}", flush=True)
    until = time.monotonic() + 60 * options.minutes
    left = iter(mutants)
    tried: Counter[tuple[str, bool]] = Counter()

    def work(number: int) -> None:
        copy = COPIES / str(number)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        while time.monotonic() < until and (mutant := next(left, None)):
            noticed = is_noticed(mutant, copy)
            if noticed is not None:
                tried[mutant.path, noticed] += 1
            if noticed is False:
                print(f"survived:\n{show(mutant)}", flush=True)
        shutil.rmtree(copy)

    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(work, range(options.workers)))
    print("\n| module | tried | noticed |\n| --- | --- | --- |")
    for path in sorted({path for path, _ in tried}):
        print(f"| {path} | {tried[path, True] + tried[path, False]} | {tried[path, True]} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
