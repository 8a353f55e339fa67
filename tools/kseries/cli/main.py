# SPDX-License-Identifier: GPL-2.0
"""`kseries`: parse the command line, carry it out, turn errors into messages and exit codes.

Exit codes: 0 pass, 1 a test or check of the series failed, 2 usage, 3 infrastructure lost or
interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType

import kseries
from kseries.cli import bisecting, house, kselftests, mutation, reports, runs
from kseries.errors import InfraError, Interrupted, KseriesError
from kseries.report.printable import printable_lines

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; give its exit code."""
    arguments = build_parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        return command(arguments)
    except (KseriesError, Interrupted) as error:
        print(f"kseries: {printable_lines(str(error))}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        return 0
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        text = printable_lines(f"{error.strerror or error}{where}")
        print(f"kseries: {text}\n  do:    look at that file or folder", file=sys.stderr)
        return InfraError.exit_code
    except Exception:  # the last line of defence: a fault of our own
        traceback.print_exc()
        print("kseries: this is a fault in kseries itself, not in the series", file=sys.stderr)
        return 3


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
    mutation.add_commands(commands)
    bisecting.add_commands(commands)
    house.add_commands(commands)
    return parser


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Unwind on the first signal; let a second one end us at once (children die with us)."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    raise Interrupted(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
