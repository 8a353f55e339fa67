# SPDX-License-Identifier: GPL-2.0
"""Seed costs of about 1 % into patches of the series, and see whether each is found there.

A session of `kseries bench --each-patch` has to be there: its base, its patches and its kernels
built anew are taken as they are. Each try takes one of the patches and one of the costs below by
chance, builds the series up to that patch with the cost in it, measures that, and judges it in the
place of what the patch costs itself. It is missed where the rule does not tell of this patch, or
tells of another one that it does not tell of without the seed.

    nox -s bench_seeded -- --run RUN               20 tries
    nox -s bench_seeded -- --run RUN --count 5 --seed 7
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from benchtable import Figure, exit_status
from kseries.bench import plan, rebuild, significance
from kseries.bench.cost import Cost
from kseries.cli import benchrun
from kseries.cli.run_context import open_run
from kseries.lib.locks import locked
from kseries.lib.runfolder import RunFolder
from kseries.report.live import live
from kseries.report.patchcost import per_cent
from kseries.run.onepatch import of_one_patch, reader
from kseries.run.patchcost import Asked, InGuests, Session, Step
from kseries.stacks.variant import cut


@dataclass(frozen=True)
class Seed:
    """A cost. path: that it makes about 1 % dearer. before: the text that it is put in front of.

    instructions: how many, as an expression of C.
    """

    path: str
    file: str
    before: str
    instructions: str


RECEIVED = "\t/* TCP congestion window tracking */\n\ttrace_tcp_probe(sk, skb);\n"
READ = "\t\tif (len < used)\n\t\t\tused = len;\n"
SEGMENT = "\n\t/* Count it even if it's bad */\n\t__TCP_INC_STATS(net, TCP_MIB_INSEGS);\n"
DATAGRAM = "\t/*\n\t *\tCharge it to the socket, dropping if the queue is full.\n\t */\n"
MAPPED = "\tzc->copybuf_len = 0;\n\tzc->msg_flags = 0;\n"

SEEDS = (
    Seed("epoll", "net/ipv4/tcp_input.c", RECEIVED, "skb->len >> 8"),
    Seed("uring", "net/ipv4/tcp.c", READ, "used >> 8"),
    Seed("epoll-zc", "net/ipv4/tcp.c", MAPPED, "inq >> 7"),
    Seed("rr", "net/ipv4/tcp_ipv4.c", SEGMENT, "125"),
    Seed("udp", "net/ipv4/udp.c", DATAGRAM, "61"),
)
LOOP = """\
	{{
		unsigned long seeded = ({}) / 2 + 1;

		asm volatile("1:\\n\\tdec %0\\n\\tjnz 1b" : "+r" (seeded) : : "cc");
	}}
"""


def main() -> int:
    """Try; exit 1 where one was not found in its patch."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", default="latest", help="with a session (default: %(default)s)")
    parser.add_argument("--count", type=int, default=20, help="of tries (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of what is chosen")
    parser.add_argument("--patch", type=int, default=0, metavar="N", help="only into this one")
    return exit_status(tries(parser.parse_args()))


def tries(asked: argparse.Namespace) -> Iterator[Figure]:
    """Carry out the tries."""
    opened = open_run(asked.run)
    done = benchrun.kept(opened.run)
    if done is None or done.patches is None:
        sys.exit(f"{opened.run.name} has no session of `kseries bench --each-patch`")
    known = significance.judged(done.patches)
    chance = random.Random(asked.seed)
    # One of which the kernel before is measured.
    able = [one.patch + 1 for one in known.steps() if one.patch < len(known.patches)]
    able = [patch for patch in able if asked.patch in (0, patch)]
    every = list(product(able, SEEDS))
    chosen = chance.sample(every, min(asked.count, len(every)))
    with live(sys.stderr) as shown:
        work = opened.work(shown)
        setups = Asked(plan.of_patches())
        with locked(replace(work, suffix="cost").stack_folder, shown):
            session = Session(work, setups, lambda _: None, InGuests(work, setups))
            for number, (patch, seed) in enumerate(_in_order(chosen), 1):
                shown.update(f"try {number} of {len(chosen)}: {seed.path}, patch {patch}")
                yield tried(session, known, patch, seed, opened.run)


def _in_order(chosen: Sequence[tuple[int, Seed]]) -> list[tuple[int, Seed]]:
    """Go down the series, as the session does, so that little is built anew."""
    return sorted(chosen, key=lambda one: -one[0])


def tried(session: Session, known: Cost, patch: int, seed: Seed, run: RunFolder) -> Figure:
    """Seed a cost into a patch, and tell whether that was missed."""
    part = cut(session.whole, patch)
    step = Step("patch", patch, f"seeded-{patch}-{seed.path}", known.patches[patch - 1])
    before = session.applied(step, part)
    text = reader(before)(seed.file) or ""
    if text.count(seed.before) != 1:
        sys.exit(f"{seed.file} has not the place that the cost is for")
    seeded = text.replace(seed.before, LOOP.format(seed.instructions) + seed.before)
    mail = rebuild.mail("seed a cost", "Dearer.", rebuild.changed(seed.file, text, seeded))
    series = of_one_patch(RunFolder(run.path / "cost" / step.name), "seed a cost", mail)
    built = session.measured(step, replace(part, series=(*part.series, series)))
    # What comes after it has the seed, too, so nothing changes there: it is left out. The whole
    # series, which does what its rebuilds do, only teaches.
    last = len(known.patches)
    teach = [
        replace(one, kind="rebuild", patch=last + 1) for one in known.built if one.patch == last
    ]
    rest = [one for one in known.built if one.patch < patch]
    judged = significance.judged(replace(known, built=(*teach, *rest, built)))
    own = {(one.path, one.patch) for one in known.findings}
    found = [
        one for one in judged.findings if (one.path, one.patch) not in own or one.patch == patch
    ]
    here = [one for one in found if one.path == seed.path]
    pinned = len(here) == 1 and here[0].patch == patch and all(f.patch == patch for f in found)
    grew = here[0].functions[0].function if here and here[0].functions else "no function"
    by = per_cent(here[0].change) if here else "nothing"
    name = f"patch {patch}, {seed.path}: {by} %, {grew}"
    return Figure(name, float(not pinned), 0.0, "missed")


if __name__ == "__main__":
    sys.exit(main())
