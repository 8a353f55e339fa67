# SPDX-License-Identifier: GPL-2.0
"""What a lab machine is, as its file says it (docs/hardware.md). Data only.

A target is a device under test (DUT) with one port of its NIC, and a peer at the other end of the
cable: another host, or a network namespace of the same host that has the second port. Nothing in it
is a secret: who may log in is ssh's own business, and passwords stand in files that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NoReturn

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from kseries.suite import Line, Seconds

STRICT = ConfigDict(extra="forbid")


def _no_secret(_: object) -> NoReturn:
    raise ValueError("no secret is kept here: name a file of yours, as password_file does")


# A destination as ssh(1) takes it, "root@dut" or a Host of its config; never an option of ssh.
Host = Annotated[
    str,
    StringConstraints(
        pattern=r"^([A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9_:\[][\w.:%\[\]-]*$", max_length=255
    ),
]
# Of Linux: dev_valid_name(), and what a shell would not misread.
Interface = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][\w.-]*$", max_length=15)]
Pci = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][\w.+-]*$", max_length=64)]
Network = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")]
# Without a user and a password before the host.
Url = Annotated[str, StringConstraints(pattern=r"^https://[^\s/@]+(/[^\s@]*)?$")]
# On the BMC, as its own pages name it.
System = Annotated[str, StringConstraints(pattern=r"^/redfish/v1/[\w./~%:+-]+$", max_length=255)]
OWN = "own"
"""In place of a fragment: the config of the kernel that the machine runs."""


def _several(given: object) -> object:
    return (given,) if isinstance(given, str) else given


Configs = Annotated[tuple[Line, ...], BeforeValidator(_several), Field(min_length=1)]
NoSecret = Annotated[None, BeforeValidator(_no_secret)]
Argv = Annotated[tuple[Line, ...], Field(min_length=1)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)]


@dataclass(frozen=True, kw_only=True)
class Dut:
    """The machine that boots the kernel under test, and the port that is tested."""

    __pydantic_config__ = STRICT

    host: Host
    interface: Interface
    driver: Word  # as `ethtool -i` names it
    pci: Pci = ""  # of the port; by it the port is found under another name
    firmware: Word = ""  # the lowest version that does
    addresses: tuple[Network, ...] = ()  # that its port must bear; (): those that it has
    arguments: tuple[Line, ...] = ()  # that the kernel must be booted with
    # What its kernel is configured with beside the stack's: fragments, or OWN.
    config: Configs = ("hardware-server", "hardware-nic")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Who is at the other end: another host, or a network namespace of the DUT."""

    __pydantic_config__ = STRICT

    interface: Interface
    host: Host = ""
    namespace: Word = ""
    pci: Pci = ""  # as the DUT's
    addresses: tuple[Network, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SshConsole:
    """A serial console that a command on another host shows: `ssh host command`."""

    __pydantic_config__ = STRICT

    kind: Literal["ssh"]
    host: Host
    command: Argv  # ("picocom", "-b", "115200", "/dev/ttyUSB0")


@dataclass(frozen=True, kw_only=True)
class Login:
    """Who logs in on a BMC, and where the password is: a file, or a variable of the environment."""

    __pydantic_config__ = STRICT

    user: Word
    password_file: Line = ""
    password_env: Variable = ""
    password: NoSecret = None


@dataclass(frozen=True, kw_only=True)
class Ipmi(Login):
    """A BMC that ipmitool speaks to: its serial console (SOL), or its power switch."""

    __pydantic_config__ = STRICT

    kind: Literal["ipmi"]
    bmc: Host


@dataclass(frozen=True, kw_only=True)
class CommandConsole:
    """A console that a command of the workstation shows."""

    __pydantic_config__ = STRICT

    kind: Literal["command"]
    command: Argv


@dataclass(frozen=True, kw_only=True)
class Redfish(Login):
    """A BMC that speaks Redfish."""

    __pydantic_config__ = STRICT

    kind: Literal["redfish"]
    url: Url
    system: System = ""  # "/redfish/v1/Systems/1"; "": the only one that the BMC has
    # Certificates, in a file (PEM), that the BMC's has to be one of, or signed by; "": the host's.
    ca_file: Line = ""
    verify: bool = True  # False: whoever answers gets the password


@dataclass(frozen=True, kw_only=True)
class CommandPower:
    """A power switch that commands of the workstation work: a PDU, a smart plug."""

    __pydantic_config__ = STRICT

    kind: Literal["command"]
    off: Argv
    on: Argv
    status: tuple[Line, ...] = ()  # its last word is "on" or "off"; (): cannot be asked


@dataclass(frozen=True, kw_only=True)
class Without:
    """There is none."""

    __pydantic_config__ = STRICT

    kind: Literal["none"]


@dataclass(frozen=True, kw_only=True)
class Boot:
    """How a kernel under test is started.

    kexec: from the running one, which stays installed. none: whoever owns the machine boots it.
    """

    __pydantic_config__ = STRICT

    method: Literal["kexec", "none"] = "kexec"
    deadline_s: Seconds = 300.0  # from the start of a kernel until the machine answers
    # A command of the DUT that makes an initrd, its file and the kernel's release put behind it:
    # ("mkinitramfs", "-o"), ("dracut", "--force"); (): the kernel needs none.
    initrd: tuple[Line, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Labgrid:
    """A place of labgrid, where that manages the machines.

    power, console: names of its resources, where it has several.
    """

    __pydantic_config__ = STRICT

    place: Word
    power: Word = ""
    console: Word = ""
    coordinator: Annotated[str, StringConstraints(pattern=r"^[\w.\[\]:-]+$")] = "127.0.0.1:20408"


Console = Annotated[SshConsole | Ipmi | CommandConsole | Without, Field(discriminator="kind")]
Power = Annotated[Ipmi | Redfish | CommandPower | Without, Field(discriminator="kind")]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A target that is reached over ssh."""

    __pydantic_config__ = STRICT

    kind: Literal["ssh"]
    title: Line
    dut: Dut
    peer: Peer
    console: Console = Without(kind="none")
    power: Power = Without(kind="none")
    boot: Boot = Boot()
    labgrid: Labgrid | None = None
    example: bool = False  # to be copied: there is no such machine

    @property
    def hosts(self) -> tuple[str, ...]:
        """The machines, as ssh takes them."""
        return (self.dut.host, self.peer.host or self.dut.host)


@dataclass(frozen=True)
class Target:
    """A target and its name."""

    name: str
    lab: Lab
