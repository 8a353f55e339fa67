# SPDX-License-Identifier: GPL-2.0
"""`kseries`: parse the command line, carry it out, turn errors into messages and exit codes.

Exit codes: 0 pass, 1 a test or check of the series failed, 2 usage, 3 infrastructure lost or
interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import kseries
from kseries.cli import bisecting, kselftests, maintenance, mutants, reports, runs
from kseries.lib import atomicfile
from kseries.lib.errors import InfraError, Interrupted, KseriesError, UserError
from kseries.report.printable import printable_lines

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; give its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Names of files need not be text.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else argv
    arguments = build_parser().parse_args(words)
    command: Callable[[argparse.Namespace], int] = arguments.command
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        _require_text(words)
        return command(arguments)
    except (KseriesError, Interrupted) as error:
        return _fail(error)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        return 0
    except (OSError, MemoryError) as error:
        return _fail(_of_system(error))
    except Exception:  # the last line of defence: a fault of our own
        traceback.print_exc()
        print("kseries: this is a fault in kseries itself, not in the series", file=sys.stderr)
        return 3


def _fail(error: KseriesError | Interrupted) -> int:
    print(f"kseries: {printable_lines(str(error))}", file=sys.stderr)
    return error.exit_code


def _of_system(error: OSError | MemoryError) -> KseriesError:
    """Turn what the system refused, and nobody expected, into an error with the place."""
    if isinstance(error, MemoryError):
        return InfraError("There is not enough memory.", do="close other programs")
    name = error.filename
    place = os.fsdecode(name) if isinstance(name, str | bytes) else ""
    if place:
        told = atomicfile.disk_error(error, Path(place))
        if told is not None:
            return told
    return InfraError(
        f"The system refused something: {error.strerror or error}.",
        where=place or "".join(traceback.format_tb(error.__traceback__)[-1:]),
        do="look at that place; `kseries doctor` checks this host",
    )


def _require_text(words: Sequence[str]) -> None:
    """Raise UserError for what goes neither into the JSON of a run nor into its script."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                "Arguments are UTF-8.", where=repr(word), do="rename what it names"
            ) from error


def build_parser() -> argparse.ArgumentParser:
    """Make the parser; each subcommand sets `command` to the function that carries it out."""
    parser = argparse.ArgumentParser(
        prog="kseries",
        description="Does a Linux kernel patch series apply, build, boot, work and break nothing?",
        epilog="Exit codes: 0 pass, 1 a test or check failed, 2 usage, 3 infrastructure lost.",
    )
    parser.add_argument("--version", action="version", version=f"kseries {kseries.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    runs.add_commands(commands)
    reports.add_commands(commands)
    kselftests.add_commands(commands)
    mutants.add_commands(commands)
    bisecting.add_commands(commands)
    maintenance.add_commands(commands)
    return parser


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Unwind on the first signal; let a second one end us at once (children die with us)."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    raise Interrupted(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
