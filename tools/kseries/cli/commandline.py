# SPDX-License-Identifier: GPL-2.0
"""The command line: every subcommand with its options, and which function carries it out.

Nothing that a subcommand needs is imported here, so that help, completion and mistakes are told at
once: a handler is named ("runs.run" is `run` of `kseries.cli.runs`), and imported when chosen.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kseries
from kseries.cli import complete, options
from kseries.cli.parser import Parser, sentence
from kseries.names import BISECT, LATEST, MINUTES, REBUILDS, RUN_STAGES
from kseries.report import formats

if TYPE_CHECKING:
    from kseries.cli.parser import Commands

STAGE_HELP = {
    "series": "read the series of a stack; begins a new run",
    "fetch": "get the kernel source and import it into git",
    "apply": "apply the series, one commit a patch",
    "config": "configure the kernel; `config why SYMBOL` explains the value of a symbol,"
    " `config show` the settings of kseries",
    "build": "build the kernel",
    "install": "build and install the test programs",
    "test": "boot the kernel and run the test programs",
    "baseline": "build and test the base without the series, unless it is kept, and compare",
}

# Of a command that lets nobody choose tests, what its request says of them.
NO_TESTS: dict[str, Any] = {
    "only": [],
    "suite": [],
    "minutes": MINUTES,
    "append": "",
    "extended": False,
    "baseline": None,
    "reruns": True,
    "each_patch": None,
    "target": "",
}

DESCRIPTION = "Does a Linux kernel patch series apply, build, boot, work and break nothing?"
EPILOG = """\
examples:
  kseries run                              the default stack, to a verdict
  kseries run --series v3.mbox             a series from a mailbox
  kseries run --tree ~/linux               a tree as it lies there
  kseries report                           the last run again

Each command has a --help of its own. Settings: `kseries config show`.

Exit codes: 0 pass, 1 a test or check failed, 2 usage, 3 infrastructure lost.
"""


def build_parser() -> Parser:
    """Make the parser; each subcommand sets `command` to the handler's name, `parser` to itself."""
    parser = Parser(prog="kseries", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"kseries {kseries.__version__}")
    options.add_common(parser)
    parser.set_defaults(verbosity=0, workspace="")
    commands: Commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_runs(commands)
    _add_loop(commands)
    _add_base(commands)
    _add_suites(commands)
    _add_reports(commands)
    _add_b4(commands)
    _add_lists(commands)
    _add_kselftest(commands)
    _add_mutants(commands)
    _add_bisect(commands)
    _add_bench(commands)
    _add_hardware(commands)
    _add_maintenance(commands)
    _add_shell(commands)
    return parser


def _add(
    commands: Commands, name: str, handler: str, told: str, examples: Sequence[str] = ()
) -> Parser:
    """Add a subcommand. told: what it does, in a line. examples: calls of it."""
    epilog = "\n  ".join(["examples:", *examples]) if examples else None
    parser = commands.add_parser(name, help=told, description=sentence(told), epilog=epilog)
    options.add_common(parser)
    parser.set_defaults(parser=parser, **({"command": handler} if handler else {}))
    return parser


def _add_runs(commands: Commands) -> None:
    run = _add(
        commands,
        "run",
        "runs.run",
        "all stages: give a verdict",
        (
            "kseries run --series ~/patches/my-series/     a folder of patches",
            "kseries run --series v3.mbox --config debug   with KASAN, lockdep, kmemleak, ...",
            "kseries run --tree ~/linux --until build      does what lies there build?",
            "kseries run -k ping -k stats                  only tests with one of these in names",
            "kseries run --resume latest                   go on with a run that was ended",
        ),
    )
    options.add_stack(run)
    options.add_tests(run)
    run.add_argument(
        "--until",
        choices=RUN_STAGES,
        default=RUN_STAGES[-1],
        metavar="STAGE",
        help=f"the last stage to carry out: {', '.join(RUN_STAGES)}",
    )
    options.add_resume(run, "go on with a run that was ended")
    run.add_argument(
        "--baseline",
        action=argparse.BooleanOptionalAction,
        help="build and test the base without the series to compare with"
        " (default: where something failed)",
    )
    for name in RUN_STAGES:
        is_first = name == RUN_STAGES[0]
        parser = _add(commands, name, "runs.run" if is_first else "runs.stage", STAGE_HELP[name])
        if is_first:
            options.add_stack(parser)
            options.add_tests(parser)
            parser.set_defaults(until=name, resume=None, baseline=None)
            continue
        options.add_run(parser)
        parser.set_defaults(stage=name)
        if name == "config":
            _add_config_actions(parser)
        if name == "test":
            options.add_on(parser)


def _add_suites(commands: Commands) -> None:
    suites = _add(
        commands,
        "suites",
        "suites.suites",
        "list the suites of tests; `suites for SERIES` tells what is chosen for a series",
        ("kseries suites", "kseries suites for v3.mbox", "kseries suites for v3.mbox --minutes 30"),
    )
    options.add_json(suites)
    actions: Commands = suites.add_subparsers(metavar="ACTION")
    asked = _add(
        actions,
        "for",
        "suites.suites_for",
        "tell which tests a run would choose for a series, and why",
        ("kseries suites for v3.mbox",),
    )
    options.add_of_series(asked)
    options.add_json(asked)
    asked.set_defaults(until=RUN_STAGES[-1], baseline=None)


def _add_loop(commands: Commands) -> None:
    execute = _add(
        commands,
        "exec",
        "loop.execute",
        "run a program on a built kernel; its exit code, or 1 where the kernel complains",
        (
            "kseries exec -- uname -a",
            "kseries exec --nics -- ./my-receiver -p 9999     a program of this host",
            "kseries exec --put data -- sh -c 'ls /put'",
        ),
    )
    options.add_guest(execute)
    execute.add_argument(
        "--timeout",
        type=options.seconds,
        default=300.0,
        metavar="S",
        help="end it after so many seconds, with exit code 124 (default: %(default)g)",
    )
    execute.add_argument("words", nargs="+", metavar="CMD", help="the program and its arguments")
    shell = _add(
        commands,
        "shell",
        "loop.shell",
        "a shell on a built kernel, with the tests of the run in /kselftest",
        ("kseries shell", "kseries shell --nics --share ~/try --append 'loglevel=8'"),
    )
    options.add_guest(shell)


def _add_base(commands: Commands) -> None:
    base = _add(
        commands,
        "base",
        "bases.base",
        "say on which source a series applies, and which one a run takes",
        ("kseries base v3.mbox", "kseries base v3.mbox --all    also sources to be downloaded"),
    )
    options.add_of_series(base)
    base.add_argument(
        "--all", action="store_true", help="also sources that have to be downloaded first"
    )
    options.add_json(base)
    base.set_defaults(until="series", resume=None, baseline=None)


def _add_config_actions(parser: Parser) -> None:
    actions: Commands = parser.add_subparsers(metavar="ACTION")
    why = _add(
        actions,
        "why",
        "runs.why",
        "explain the value of a Kconfig symbol",
        ("kseries config why IO_URING_ZCRX", "kseries config why PAGE_POOL --run 20261122T101500"),
    )
    why.add_argument("symbol", metavar="SYMBOL")
    options.add_run(why)
    asked = _add(
        actions,
        "for",
        "runs.config_for",
        "print the lines that have compiled what a series changes",
        ("kseries config for v3.mbox > configs/v3.config",),
    )
    options.add_of_series(asked)
    asked.set_defaults(until="config", resume=None, baseline=None)
    show = _add(
        actions,
        "show",
        "showsettings.show",
        "tell the settings of kseries, and where each comes from",
        ("kseries config show", "kseries config show --jobs 4 --json"),
    )
    options.add_settings(show)
    options.add_machines(show)
    options.add_json(show)


def _add_reports(commands: Commands) -> None:
    report = _add(
        commands,
        "report",
        "reports.report",
        "show the results of a run",
        (
            "kseries report                                the last one",
            "kseries report 20261122T101500-zcrx-v7 --format html",
            "kseries report ~/mail/run/ --format mail      one that somebody sent you",
        ),
    )
    options.add_run_argument(report, "run", nargs="?", default=LATEST)
    options.add_format(report, formats.NAMES)
    compare = _add(
        commands,
        "compare",
        "reports.compare",
        "say what changed between two runs; exit code 1 for a new failure",
        ("kseries compare 20261121T093000-zcrx-v7       with the last one",),
    )
    options.add_run_argument(compare, "before")
    options.add_run_argument(compare, "after", nargs="?", default=LATEST)
    compare.add_argument(
        "--factor",
        type=options.factor,
        metavar="N",
        help="name tests that take N times as long (default: 2)",
    )
    options.add_json(compare)
    parse = _add(
        commands,
        "parse",
        "logs.parse",
        "read a saved log of kselftest, KUnit, liburing or TAP",
        (
            "kseries parse console.log.gz",
            "ssh lab dmesg | kseries parse -",
            "kseries parse kunit.log --format junit --out kunit.xml",
        ),
    )
    parse.add_argument("file", metavar="FILE", help="plain or .gz; `-` for standard input")
    options.add_format(parse, formats.NAMES_FOR_LOGS)
    schema = _add(commands, "schema", "reports.schema", "give the JSON Schema of results.json")
    schema.add_argument(
        "--bench",
        nargs="?",
        const="program",
        choices=("program", "document"),
        help="of what zcrx_bench prints, in place of that; with `document`, of bench.json",
    )
    options.add_out(schema)


def _add_b4(commands: Commands) -> None:
    b4 = _add(
        commands,
        "b4",
        "b4checks.check",
        "what runs found of a mail on standard input, for check commands of b4",
        (
            "git config b4.review-perpatch-check-cmd 'kseries b4 patch'",
            "git config b4.review-series-check-cmd 'kseries b4 series'",
            "git config b4.prep-perpatch-check-cmd 'kseries b4 prep'",
        ),
    )
    b4.add_argument(
        "kind",
        choices=("patch", "series", "prep"),
        help="what asks: b4 review for each patch or for the series, or b4 prep --check",
    )


def _add_lists(commands: Commands) -> None:
    for name, told in (
        ("runs", "list the runs, newest first"),
        ("stacks", "list the stacks that there are"),
        ("flakes", "list tests that failed, flaky ones first"),
    ):
        options.add_json(_add(commands, name, f"lists.{name}", told))


def _add_kselftest(commands: Commands) -> None:
    kselftest = _add(commands, "kselftest", "", "the generated tests of zero copy receive")
    actions: Commands = kselftest.add_subparsers(required=True, metavar="ACTION")
    render = _add(
        actions,
        "render",
        "kselftests.render",
        "write them as a folder, or as a kernel patch",
        (
            "kseries kselftest render --out /tmp/zcrx",
            "kseries kselftest render --as-patch zcrx.patch --tree ~/linux",
        ),
    )
    render.add_argument("--dialect", default="", help="of the user API: v7 (default), mainline")
    render.add_argument(
        "--level", type=int, default=0, metavar="N", help="last patch of the series that is there"
    )
    where = render.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="DIR", help="a folder that is not there yet")
    where.add_argument("--as-patch", type=Path, metavar="FILE", help="a patch for --tree")
    render.add_argument("--tree", type=Path, metavar="DIR", help="the tree that the patch is for")


def _add_mutants(commands: Commands) -> None:
    mutants = _add(
        commands,
        "mutants",
        "mutants.mutants",
        "do the tests notice each deliberate fault of the series?",
        (
            "kseries mutants --list",
            "kseries mutants refill lifetime",
            "kseries mutants --one-kernel                        all, without a build for each",
            "kseries mutants --generated --sample 50 --seed 7    made by machine",
        ),
    )
    mutants.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="those with this in their names; of generated ones in file:line, function, operator",
    )
    mutants.add_argument("--list", action="store_true", help="only say which there are")
    mutants.add_argument("--page", type=Path, metavar="FILE", help="write what killed which")
    mutants.add_argument(
        "--one-kernel",
        action="store_true",
        help="have those by hand in one kernel, each behind a switch, where one can be",
    )
    mutants.add_argument(
        "--generated",
        action="store_true",
        help="mutants made by machine, on the lines of the series, in place of those by hand",
    )
    mutants.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="of the generated ones, chosen by chance; 0: all (default: 300, or the run's)",
    )
    mutants.add_argument(
        "--seed", type=int, metavar="N", help="of the sample (default: 16, or the run's)"
    )
    mutants.add_argument(
        "--again", action="store_true", help="with --resume: also the generated ones that survived"
    )
    mutants.add_argument(
        "--killed-in",
        metavar="RUN",
        help="do not try those again that were killed in that run, by other cases",
    )
    mutants.add_argument(
        "--budget",
        type=float,
        metavar="S",
        help="seconds of cases for one behind a switch, the likeliest first"
        " (default: 60, by hand 600)",
    )
    mutants.add_argument(
        "--config", action="append", default=[], metavar="NAME", help="add configs/NAME.config"
    )
    mutants.add_argument("--extended", action="store_true", help="also tests that take minutes")
    options.add_machines(mutants)
    options.add_resume(mutants, "go on with a check that was ended")
    options.add_json(mutants)


def _add_bisect(commands: Commands) -> None:
    parser = _add(
        commands,
        BISECT,
        "bisecting.bisect",
        "find the first patch of the series at which a test goes wrong",
        (
            "kseries bisect zcrx_recv                      the last run showed it",
            "kseries bisect --log 'WARNING.*io_zcrx' --series v3.mbox",
            "kseries bisect iou-zcrx --target lab1         on a lab machine, booted for each run",
        ),
    )
    parser.add_argument(
        "test", nargs="?", default="", metavar="TEST", help='"suite/program: case", or a part of it'
    )
    parser.add_argument(
        "--log", default="", metavar="PATTERN", help="a line of the kernel log, in place of a test"
    )
    options.add_run_argument(
        parser, "--run", help="the run that showed it (default: latest); its stack is searched"
    )
    options.add_resume(parser, "go on with a search that was ended")
    options.add_on(
        parser,
        "search on this lab machine (docs/hardware.md; default: the one that the run was on)",
    )
    options.add_stack(parser)
    parser.set_defaults(until=RUN_STAGES[-1], machines=0, **NO_TESTS)


def _add_bench(commands: Commands) -> None:
    parser = _add(
        commands,
        "bench",
        "bench.bench",
        "what it costs to receive: zero copy against other ways, in instructions of a guest",
        (
            "kseries bench                       all receivers, 60, 32 and 4 KiB; minutes",
            "kseries bench zcrx late             only what has these in its name",
            "kseries bench --run latest --full   on the kernel of a run",
            "kseries bench --each-patch          what does each patch add to other paths?",
            "kseries bench --show latest         the report again",
            "kseries bench --history getpid      one figure of all runs that are kept",
            "kseries bench --program DIR --compare debian-6.12..v3.mbox",
            "                                    what does a series cost a program of yours?",
            "kseries bench --target lab1         throughput and CPU use over a lab machine's NIC",
        ),
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="only what has all of these in its name"
    )
    parser.add_argument("--full", action="store_true", help="everything there is to compare")
    parser.add_argument(
        "--each-patch",
        action="store_true",
        help="measure paths that were there before the series (epoll, io_uring, TCP requests, UDP),"
        " on the base and after each of its patches; builds a kernel for each",
    )
    parser.add_argument(
        "--rebuilds",
        type=options.count,
        default=REBUILDS,
        metavar="N",
        help="with --each-patch and --program: kernels that are built anew with nothing changed, to"
        " learn how much figures differ by themselves (default: %(default)s)",
    )
    parser.add_argument(
        "--program",
        default="",
        metavar="DIR",
        help="measure a program of yours in place of receivers: a folder with C sources or a"
        " Makefile, marked by kseries_bench.h",
    )
    parser.add_argument(
        "--compare",
        default="",
        metavar="BASE..SERIES",
        help="with --program: on which two kernels, each a stack, source or series;"
        " ..SERIES: with and without the series",
    )
    parser.add_argument("--list", action="store_true", help="only say what would be measured")
    options.add_run_argument(parser, "--run", default="", help="measure the kernel of that run")
    options.add_resume(parser, "measure what is missing of a session that was ended")
    options.add_run_argument(parser, "--show", default="", help="the report of that run again")
    parser.add_argument(
        "--history",
        action="store_true",
        help="the figures of all runs that are kept, over their time; NAME: only those",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="with --history: as a page with charts, there"
    )
    parser.add_argument(
        "--deadline",
        type=options.seconds,
        default=120.0,
        metavar="S",
        help="of one measurement, on this host's clock (default: %(default)g)",
    )
    _add_bench_target(parser)
    options.add_stack(parser)
    options.add_machines(parser)
    options.add_json(parser)
    parser.set_defaults(until="install", **NO_TESTS)


def _add_bench_target(parser: Parser) -> None:
    options.add_on(
        parser,
        "measure on this lab machine (docs/hardware.md), its peer sending, in place of counting"
        " instructions",
    )
    parser.add_argument(
        "--seconds",
        type=options.count,
        default=10,
        metavar="N",
        help="with --target: of one measurement (default: %(default)s)",
    )
    parser.add_argument(
        "--repeat",
        type=options.count,
        default=5,
        metavar="N",
        help="with --target: measure each so often, in turns (default: %(default)s)",
    )
    parser.add_argument(
        "--mtu",
        type=options.count,
        default=0,
        metavar="N",
        help="with --target: of both ports (default: 4 KiB of payload and its headers)",
    )


def _add_hardware(commands: Commands) -> None:
    hardware = _add(commands, "hw", "", "lab machines: which there are, and whether one is ready")
    actions: Commands = hardware.add_subparsers(required=True, metavar="ACTION")
    options.add_json(_add(actions, "list", "hardware.targets", "list the lab machines"))
    show = _add(
        actions,
        "show",
        "hardware.show",
        "print what the file of a lab machine says",
        ("kseries hw show example-bnxt",),
    )
    options.add_target(show)
    options.add_json(show)
    check = _add(
        actions,
        "check",
        "hardware.check",
        "say what a lab machine has and needs, with the commands that fix it; 1 where not ready",
        ("kseries hw check lab1",),
    )
    options.add_target(check)
    options.add_json(check)
    _add_configs(actions)
    _add_state(actions)
    _add_locks(actions)
    recover = _add(
        actions,
        "recover",
        "hwrecover.recover",
        "bring a lab machine that a run was killed on back to its own kernel and state",
        ("kseries hw recover lab1",),
    )
    options.add_target(recover)


def _add_configs(actions: Commands) -> None:
    config = _add(
        actions,
        "config",
        "hwconfig.config",
        "name the config fragments of a lab machine, or take the config of its own kernel",
        (
            "kseries hw config lab1",
            "kseries hw config lab1 --fetch lab1.config",
            "kseries run --config lab1.config --config hardware",
        ),
    )
    options.add_target(config)
    config.add_argument(
        "--fetch", type=Path, metavar="FILE", help="write what its own kernel was configured with"
    )
    options.add_json(config)


def _add_state(actions: Commands) -> None:
    state = _add(
        actions,
        "state",
        "hwstate.state",
        "take what the ports of a lab machine are set to, compare it, put it back",
        (
            "kseries hw state lab1 --take before.json",
            "kseries hw state lab1 --compare before.json    1 where something differs",
            "kseries hw state lab1 --restore before.json    1 where something still does",
        ),
    )
    options.add_target(state)
    does = state.add_mutually_exclusive_group(required=True)
    for name, told in (
        ("take", "write it to a file that is not there yet"),
        ("compare", "say what is not as it was; changes nothing"),
        ("restore", "put back what is not as it was"),
    ):
        does.add_argument(f"--{name}", type=Path, metavar="FILE", help=told)
    options.add_json(state)


def _add_locks(actions: Commands) -> None:
    lock = _add(
        actions,
        "lock",
        "hwlock.take",
        "have a lab machine for yourself, or say who has it; 1 where somebody else has",
        (
            "kseries hw lock lab1 --why 'zcrx v8'",
            "kseries hw lock lab1 --show",
            "kseries hw lock lab1 --take-over     it is somebody else's, who has forgotten it",
        ),
    )
    options.add_target(lock)
    lock.add_argument("--why", default="", metavar="TEXT", help="told to others")
    does = lock.add_mutually_exclusive_group()
    does.add_argument("--show", action="store_true", help="only say who has it")
    does.add_argument("--take-over", action="store_true", help="take it from whoever has it")
    options.add_json(lock)
    unlock = _add(actions, "unlock", "hwlock.release", "give a lab machine back that you have")
    options.add_target(unlock)
    options.add_json(unlock)


def _add_maintenance(commands: Commands) -> None:
    doctor = _add(
        commands,
        "doctor",
        "maintenance.doctor",
        "check this host; print the command that fixes each problem",
    )
    options.add_json(doctor)
    cache = _add(commands, "cache", "", "show or clear what runs share")
    actions: Commands = cache.add_subparsers(required=True, metavar="ACTION")
    options.add_json(_add(actions, "show", "maintenance.show_cache", "list it with sizes"))
    clear = _add(
        actions,
        "clear",
        "maintenance.clear_cache",
        "remove what no run uses; all but runs can be rebuilt",
        ("kseries cache clear", "kseries cache clear trees builds"),
    )
    kinds = clear.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help="as `cache show` names them (default: all that is shared)",
    )
    complete.by(kinds, complete.kinds)


def _add_shell(commands: Commands) -> None:
    completion = _add(
        commands,
        "completion",
        "shell.completion",
        "print what makes a shell complete commands, options and names",
        (
            'bash: add to ~/.bashrc   eval "$(kseries completion bash)"',
            'zsh:  add to ~/.zshrc    eval "$(kseries completion zsh)"',
            "fish: kseries completion fish > ~/.config/fish/completions/kseries.fish",
        ),
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL")
    man = _add(
        commands,
        "man",
        "shell.man",
        "give the manual page",
        ("kseries man | man -l -", "kseries man --out ~/.local/share/man/man1/kseries.1"),
    )
    options.add_out(man)
