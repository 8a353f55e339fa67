# SPDX-License-Identifier: GPL-2.0
"""Commands for the shell: `completion`, `man`."""

from __future__ import annotations

from argparse import Namespace

import kseries
from kseries.cli.commandline import build_parser
from kseries.cli.screen import give


def completion(arguments: Namespace) -> int:
    """Print what makes a shell complete: it asks this program when TAB is pressed."""
    from argcomplete import shell_integration

    print(shell_integration.shellcode(["kseries"], shell=arguments.shell))
    return 0


def man(arguments: Namespace) -> int:
    """Give the manual page, made of the parser."""
    from argparse_manpage.manpage import Manpage

    page = Manpage(build_parser())
    page.description = "test a Linux kernel patch series"
    page.source = f"kseries {kseries.__version__}"
    page.manual = "kseries"
    give(str(page), arguments.out)
    return 0
