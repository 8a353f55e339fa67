# SPDX-License-Identifier: GPL-2.0
"""Put faults into the toolkit's own rules, one at a time, and see whether its tests notice.

    nox -s mutate                             a sample of all modules
    nox -s mutate -- verdict ktap --all       every mutant of some modules
    nox -s mutate -- --sample 100 --seed 7    another sample
    nox -s mutate -- strategy --own           with the tests alone that import the module
    nox -s mutate -- watch --tests test_watch with those of some files

Exit status 0 when at most 5 % of the faults survive, 1 when more do, 2 for a request or a list of
equivalents that does not fit, 3 when tests do not run though there is no fault.
"""

from __future__ import annotations

import argparse
import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from mutate import equivalents, report, testmap
from mutate.bench import PACKAGE, TESTS, Bench
from mutate.importing import dotted, imports
from mutate.model import Fate, Mutant, Outcome
from mutate.sources import enums, mutants
from mutate.testmap import Chooser, TestMap
from mutate.trial import Trial

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).parent / "modules.txt"
SAMPLE = 500
SEED = 1
BUDGET_S = 15.0  # processor time of the tests of one mutant
GRACE_S = 10.0
WORKERS = 2

T = TypeVar("T")


def main() -> int:
    """Choose mutants, run them, say what became of them."""
    options = _options()
    try:
        chosen, listed = _chosen(options)
        files = _test_files(options)
    except (equivalents.Unfit, LookupError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.list:
        for mutant in chosen:
            print(f"{mutant.module}:{mutant.line} {mutant.operator}: {mutant.change}")
        return 0
    started = time.monotonic()
    out = options.root / "out" / "mutation"
    benches = [Bench(options.root, out / f"bench-{number}") for number in range(options.jobs)]
    try:
        _spread(benches, range(options.jobs), lambda bench, _: bench.prepare())
        known = _map(benches, files, out / "map")
        chooser = Chooser(known, benches[0].tree)
        print(f"{len(known.seconds)} tests are known; {len(known.failing)} fail without a fault")
        trial = Trial(chooser, options.budget, options.grace)
        outcomes = _run(benches, chosen, {} if options.equivalents else listed, trial)
        failing = sorted(known.failing)
    except testmap.Broken as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    finally:
        for bench in benches:
            bench.close()
    about = {"seed": options.seed, "seconds": round(time.monotonic() - started)}
    return _told(outcomes, options.json or out / "results.json", {**about, "failing": failing})


def _told(outcomes: Sequence[Outcome], path: Path, about: Mapping[str, object]) -> int:
    """Print and write what became of the mutants; give the exit status."""
    report.print_table(outcomes)
    path.write_text(report.document(outcomes, about))
    part, limit = report.share(outcomes), report.LIMIT
    print(f"{100 * part:.1f} % survived (limit {100 * limit:g} %), {about['seconds']} s, {path}")
    return int(part > limit)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="nox -s mutate --",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("modules", nargs="*", help="parts of paths below tools/kseries")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="default: %(default)s mutants")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--all", action="store_true", help="every mutant, no sample")
    parser.add_argument("--own", action="store_true", help="tests that import the modules only")
    parser.add_argument("--tests", nargs="+", default=(), help="these files of tests only")
    parser.add_argument("--equivalents", action="store_true", help="run those listed, too")
    parser.add_argument("--list", action="store_true", help="name the mutants, run none")
    parser.add_argument("--again", type=Path, help="only what survived in this JSON file")
    parser.add_argument("--jobs", type=int, default=WORKERS, help="default: %(default)s")
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds of tests a mutant")
    parser.add_argument(
        "--grace", type=float, default=GRACE_S, help="and seconds for a loop to end"
    )
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    return parser.parse_args()


def _modules(root: Path, wanted: Sequence[str]) -> list[str]:
    """Give the modules to mutate: those of the list, or those that have a part of their path."""
    package = root / PACKAGE
    there = sorted(str(path.relative_to(package)) for path in package.rglob("*.py"))
    if not wanted:
        listed = [line for line in LIST.read_text().splitlines() if line and line[0] != "#"]
        if unknown := [name for name in listed if name not in there]:
            raise LookupError(f"{LIST.name} names modules that are not there: {unknown}")
        return listed
    found = []
    for word in wanted:
        own = [name for name in there if word in (name, Path(name).stem, Path(name).parent.name)]
        if not own:
            raise LookupError(f"no module of tools/kseries is named {word}")
        found += own
    return list(dict.fromkeys(found))


def _chosen(options: argparse.Namespace) -> tuple[list[Mutant], dict[equivalents.Key, str]]:
    package = options.root / PACKAGE
    modules = _modules(options.root, options.modules)
    members: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        members |= enums(path.read_text())
    found = [
        mutant
        for module in modules
        for mutant in mutants(module, (package / module).read_text(), members)
    ]
    listed = equivalents.read()
    equivalents.check(listed, modules, found)
    if options.again is not None:
        found = report.survivors(options.again, found)
    if options.all or len(found) <= options.sample:
        return found, listed
    kept = set(random.Random(options.seed).sample(range(len(found)), options.sample))
    return [mutant for number, mutant in enumerate(found) if number in kept], listed


def _test_files(options: argparse.Namespace) -> list[str]:
    """Give the files of tests that may be run."""
    paths = sorted((options.root / TESTS).glob("test_*.py"))
    if options.own:
        names = {dotted(module) for module in _modules(options.root, options.modules)}
        paths = [path for path in paths if names & imports(path.read_text())]
    if options.tests:
        if unknown := set(options.tests) - {path.stem for path in paths}:
            raise LookupError(f"no files of tests are named so: {sorted(unknown)}")
        paths = [path for path in paths if path.stem in options.tests]
    return [f"{TESTS}/{path.name}" for path in paths]


def _map(benches: Sequence[Bench], files: Sequence[str], kept_in: Path) -> TestMap:
    known = TestMap()
    lock = threading.Lock()
    done = 0

    def one(bench: Bench, test_file: str) -> None:
        nonlocal done
        entry, kept = testmap.record(bench, test_file, kept_in)
        with lock:
            known.add(entry)
            done += 1
            if not kept:
                print(f"recorded {done} of {len(files)}: {test_file}", flush=True)

    _spread(benches, files, one)
    return known


def _run(
    benches: Sequence[Bench],
    chosen: Sequence[Mutant],
    listed: Mapping[equivalents.Key, str],
    trial: Trial,
) -> list[Outcome]:
    """Try the mutants that are not listed as equivalent; tell of survivors as they come."""
    outcomes: dict[Mutant, Outcome] = {}
    lock = threading.Lock()

    def one(bench: Bench, mutant: Mutant) -> None:
        why = listed.get(mutant.key, "")
        outcome = Outcome(mutant, Fate.EQUIVALENT, why=why) if why else trial.run(bench, mutant)
        with lock:
            outcomes[mutant] = outcome
            if outcome.fate is Fate.SURVIVED:
                print(f"survived: {report.describe(outcome)}", flush=True)
            if len(outcomes) % 25 == 0:
                print(f"{len(outcomes)} of {len(chosen)} mutants", flush=True)

    _spread(benches, chosen, one)
    return [outcomes[mutant] for mutant in chosen]


def _spread(benches: Sequence[Bench], work: Sequence[T], do: Callable[[Bench, T], None]) -> None:
    """Do each piece of work on the bench that is free next; an error of one ends all."""
    left: queue.SimpleQueue[T] = queue.SimpleQueue()
    for piece in work:
        left.put(piece)
    errors: list[BaseException] = []

    def follow(bench: Bench) -> None:
        try:
            while not errors:
                do(bench, left.get_nowait())
        except queue.Empty:
            pass
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=follow, args=(bench,), daemon=True) for bench in benches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


if __name__ == "__main__":
    sys.exit(main())
