# SPDX-License-Identifier: GPL-2.0
"""`kseries suites for`, on a small project and the toy kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.toyproject import ToyProject, git, set_up

SELFTEST = "tools/testing/selftests/net"
NETDEVSIM = ("drivers/netdevsim.c", "return budget / 2;", "return budget / 3;")


@pytest.fixture
def toyproject(tmp_path: Path, toy_kernel: Path) -> ToyProject:
    return set_up(tmp_path / "project", toy_kernel)


def covered(project: ToyProject) -> None:
    """Give the tree a kselftest target of its own for what stands in net/."""
    folder = project.kernel / SELFTEST
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text("TEST_PROGS := core.sh\n")
    (folder / "core.sh").write_text("#!/bin/sh\necho ok\n")
    (project.kernel / "MAINTAINERS").write_text(f"NETWORKING\nF:\tnet/\nF:\t{SELFTEST}/\n")
    git(project.kernel, "add", ".")
    git(project.kernel, "commit", "--quiet", "--message=selftests")


def test_what_a_run_would_choose_is_listed_with_its_reason(toyproject: ToyProject) -> None:
    covered(toyproject)
    toyproject.patch("core", "net/core.c", "\n", "\nint more;\n")
    code, output = toyproject.kseries("suites", "for", "core")
    assert code == 0, output
    assert "kselftest/net:core.sh" in output
    assert "Less than one of 10 minutes." in output
    code, output = toyproject.kseries("suites", "for", "core", "--json")
    told = json.loads(output)
    assert (code, told["changes"]) == (0, ["net/core.c"])
    assert [one["suite"] for one in told["chosen"]] == ["kselftest/net:core.sh"]


def test_where_no_suite_fits_that_is_said(toyproject: ToyProject) -> None:
    toyproject.patch("hidden", *NETDEVSIM)
    code, output = toyproject.kseries("suites", "for", "hidden")
    assert code == 1, output
    assert "No suite fits what the series changes: drivers/netdevsim.c.\n" in output
    assert "--suite NAME" in output


def test_what_the_base_has_already_needs_no_tests(toyproject: ToyProject) -> None:
    covered(toyproject)
    folder = toyproject.patch("core", "net/core.c", "\n", "\nint more;\n")
    git(toyproject.kernel, "am", "--quiet", *map(str, folder.glob("*.patch")))
    code, output = toyproject.kseries("suites", "for", "core")
    assert code == 1, output
    assert "The series changes nothing: all of it is in the base already.\n" in output
