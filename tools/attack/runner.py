# SPDX-License-Identifier: GPL-2.0
"""Carry out attacks side by side and print what came of them."""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from attack import scene as scenes
from attack.families import ATTACKS
from attack.table import Attack, Kind, Outcome
from tests.builtkernel import kernel_image

DOCS = Path(__file__).parents[2] / "docs" / "security.md"
DOCS_BEGIN = "held by tools/tests/test_attack.py -->\n"
DOCS_END = "<!-- end of attacks -->"
HOME_FOLDER = ".kseries-attack"
SHOWN = 4  # of what was seen, for each attack


def carry_out(attack: Attack, place: Path, host: Path, template: Path) -> Outcome:
    """Carry out one attack in folders of its own.

    A fault of the attack itself counts as not attempted.
    """
    begun = time.monotonic()
    token = secrets.token_hex(8)
    scene = scenes.make(place / attack.name, host / attack.name, template, token)
    try:
        attack.act(scene)
        scene.watch()
        scene.close()
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        at = f"{Path(last.filename).name}:{last.lineno}"
        scene.breach(f"the attack itself broke: {type(error).__name__}: {error} ({at})"[:300])
    if attack.refused:
        for ended in scene.ends:
            told = re.search(attack.refused, ended.output, re.IGNORECASE)
            scene.attempted = scene.attempted or (ended.code in (1, 2) and told is not None)
    if not attack.may_pass:
        scene.never_passes(*scene.ends)
    return Outcome(
        attack.name,
        attack.kind,
        scene.attempted,
        tuple(scene.saw),
        round(time.monotonic() - begun, 1),
        tuple(ended.code for ended in scene.ends),
    )


def carry_out_all(
    attacks: Sequence[Attack], place: Path, jobs: int, *, keep: bool = False
) -> Iterator[Outcome]:
    """Carry out attacks side by side; what each left is removed unless `keep` is set."""
    with _host(keep=keep) as host, ThreadPoolExecutor(jobs) as pool:
        template = place / ".template"
        scenes.make_template(template)

        def one(attack: Attack) -> Outcome:
            try:
                return carry_out(attack, place, host, template)
            finally:
                if not keep:
                    remove(place / attack.name)
                    remove(host / attack.name)

        for future in as_completed([pool.submit(one, attack) for attack in attacks]):
            yield future.result()


def remove(folder: Path) -> None:
    """Remove a folder in which hostile code may have made any mode and any depth."""
    # rm copes with deeper folders than Python's rmtree.
    os.spawnvp(os.P_WAIT, "chmod", ["chmod", "-Rf", "u+rwX", str(folder)])
    os.spawnvp(os.P_WAIT, "rm", ["rm", "-rf", "--one-file-system", str(folder)])


@contextmanager
def _host(*, keep: bool) -> Iterator[Path]:
    """Give a folder in the user's home, of this session alone."""
    above = Path.home() / HOME_FOLDER
    above.mkdir(mode=0o755, exist_ok=True)
    host = Path(tempfile.mkdtemp(dir=above))
    host.chmod(0o755)
    try:
        yield host
    finally:
        if not keep:
            remove(host)
            if not any(above.iterdir()):
                above.rmdir()


def table(outcomes: Sequence[Outcome]) -> Table:
    """Make the table of all attacks, grouped by kind."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("attack", "attempted", "contained"):
        found.add_column(heading, no_wrap=heading != "attack")
    found.add_column("s", justify="right")
    found.add_column("what was seen", ratio=1)
    for kind in Kind:
        rows = [one for one in outcomes if one.kind is kind]
        if rows:
            good = sum(one.good for one in rows)
            found.add_row(f"[bold]{kind.value} ({good} of {len(rows)})")
        for one in rows:
            seen = list(one.saw[:SHOWN])
            if len(one.saw) > SHOWN:
                seen.append(f"and {len(one.saw) - SHOWN} more")
            found.add_row(
                f"  {one.name}",
                _word(one.attempted),
                _word(one.contained),
                f"{one.seconds:.1f}",
                escape("\n".join(scenes.CONTROL.sub("?", line) for line in seen)),
            )
    return found


def _word(good: bool) -> str:
    return "yes" if good else "[bold red]NO"


def chosen(arguments: argparse.Namespace) -> list[Attack]:
    """Give the attacks that were asked for and can be carried out here."""
    has_kernel = kernel_image() is not None
    return [
        attack
        for attack in ATTACKS
        if (arguments.rough or not attack.rough)
        and (has_kernel or not attack.real)
        and (not arguments.only or any(word in _text(attack) for word in arguments.only))
    ]


def documented(text: str) -> str:
    """Put the list of all attacks into the text of the docs."""
    head, _, rest = text.partition(DOCS_BEGIN)
    tail = rest.partition(DOCS_END)[2]
    lines = []
    for kind in Kind:
        rows = [attack for attack in ATTACKS if attack.kind is kind]
        lines += [
            f"\n### `{kind.name.lower()}`: {kind.value}\n",
            "| attack | a series |",
            "|---|---|",
        ]
        lines += [f"| `{one.name}` | {_cell(one.tries)} |" for one in rows]
    listed = "\n".join(lines)
    return f"{head}{DOCS_BEGIN}{listed}\n\n{DOCS_END}{tail}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _text(attack: Attack) -> str:
    return f"{attack.name} {attack.kind.name.lower()}"


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="nox -s attack --",
        description="Attack the toolkit on the toy kernel; print what was attempted and contained.",
        epilog="Exit codes: 0 all contained, 1 not, or not attempted, 2 usage.",
    )
    made.add_argument(
        "-k", dest="only", action="append", default=[], metavar="TEXT", help="only those named so"
    )
    made.add_argument("--list", action="store_true", help="only name them")
    made.add_argument(
        "--write-docs", action="store_true", help="only write the list of attacks to the docs"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the outcomes there, too")
    made.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    made.add_argument("--place", type=Path, metavar="DIR", help="where (default: out/attack)")
    made.add_argument("--keep", action="store_true", help="keep what each attack left")
    made.add_argument("--rough", action="store_true", help="also those that burden the host")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out the attacks that were asked for; give the exit code."""
    arguments = parser().parse_args(argv)
    if arguments.write_docs:
        DOCS.write_text(documented(DOCS.read_text()))
        return 0
    attacks = chosen(arguments)
    if kernel_image() is None:
        print("left out: attacks by tests in a guest, as no kernel was built (`./nox -s build`)")
    if arguments.list or not attacks:
        for attack in attacks:
            print(f"{attack.kind.name.lower():10} {attack.name:34} {attack.tries}")
        return 0 if attacks else 2
    place = (arguments.place or Path(__file__).parents[2] / "out" / "attack").resolve()
    remove(place)
    place.mkdir(parents=True)
    outcomes = _shown(attacks, place, arguments)
    order = {attack.name: at for at, attack in enumerate(attacks)}
    outcomes.sort(key=lambda one: order[one.name])
    if not arguments.keep:
        remove(place)
    Console(width=max(100, shutil.get_terminal_size().columns)).print(table(outcomes))
    if arguments.json:
        rows = [{**asdict(one), "kind": one.kind.name.lower()} for one in outcomes]
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    good = sum(one.good for one in outcomes)
    attempted = sum(one.attempted for one in outcomes)
    contained = sum(one.contained for one in outcomes)
    print(f"\n{len(outcomes)} attacks: {attempted} attempted, {contained} contained")
    return 0 if good == len(outcomes) else 1


def _shown(attacks: Sequence[Attack], place: Path, arguments: argparse.Namespace) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for one in carry_out_all(attacks, place, arguments.jobs, keep=arguments.keep):
        outcomes.append(one)
        word = "contained" if one.good else "NOT CONTAINED" if one.attempted else "NOT ATTEMPTED"
        seen = f": {one.saw[0]}" if one.saw else ""
        line = (
            f"{len(outcomes):3}/{len(attacks)}  {word:13}  {one.seconds:5.1f} s  {one.name}{seen}"
        )
        print(scenes.CONTROL.sub("?", line)[:160], file=sys.stderr)
    return outcomes
