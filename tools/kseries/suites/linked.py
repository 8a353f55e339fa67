# SPDX-License-Identifier: GPL-2.0
"""Two machines with a cable between them, for suites that want somebody else to talk to."""

from __future__ import annotations

from pathlib import Path

from kseries.suite import Commands, Kselftest, Suite

SCRIPT = Path(__file__).parent / "guest" / "linked.sh"

PACKAGES = ("openssh-client", "openssh-server")
"""Of Debian, in both machines."""

SYMBOLS = ("CONFIG_VIRTIO_NET=y",)
"""Lines of a fragment of the kernel's config."""

ENVIRONMENT = (
    ("NETIF", "eth0"),
    ("LOCAL_V4", "192.0.2.1"),
    ("LOCAL_V6", "2001:db8::1"),
    ("REMOTE_V4", "192.0.2.2"),
    ("REMOTE_V6", "2001:db8::2"),
    ("REMOTE_TYPE", "ssh"),
    ("REMOTE_ARGS", "peer"),
)
"""Where a program is, told as the kernel's tests of drivers want it (drivers/net/README.rst)."""


def machines(suite: Suite) -> int:
    """Give how many machines a suite wants."""
    told = suite.told
    return told.machines if isinstance(told, Kselftest | Commands) else 1


def environment(suite: Suite) -> tuple[tuple[str, str], ...]:
    """Give what is in the environment of a suite's programs."""
    return ENVIRONMENT if machines(suite) > 1 else ()


def words(*arguments: str) -> list[str]:
    """Give the command that makes a machine ready: what its arguments are stands in the script."""
    return ["sh", "-c", SCRIPT.read_text(), "linked", *arguments]
