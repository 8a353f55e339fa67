# SPDX-License-Identifier: GPL-2.0
"""The power switch of a BMC that speaks Redfish, through the library sushy.

A session is begun for each question and ended with it: BMCs have room for few.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseries.hardware import password
from kseries.hardware.target import Redfish
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError

if TYPE_CHECKING:
    from types import ModuleType

CONNECT_S = 5.0
ANSWER_S = 20.0
TRIES = 2
PAUSE_S = 0.5
OFF, ON = "Off", "On"


def require_usable(bmc: Redfish) -> None:
    """Raise UserError where the library or the password is missing."""
    _library()
    password.read(bmc)
    if bmc.ca_file and not _certificates(bmc).is_file():
        raise UserError(
            "The file with the BMC's certificates is not there.", where=str(_certificates(bmc))
        )


def state(bmc: Redfish) -> str:
    """Give the power state as the BMC tells it, "On" or "Off". Raises InfraError."""
    with _system(bmc) as system:
        return _state(system)


def cycle(bmc: Redfish, limit_s: float) -> None:
    """Switch the machine off and on, and wait for each. Raises InfraError."""
    deadline = Deadline.after(limit_s)
    with _system(bmc) as system:
        # A restart resets the processors. What hangs elsewhere wants the power to go.
        _switch(system, bmc, OFF, ("ForceOff",), deadline)
        _switch(system, bmc, ON, ("On", "ForceOn"), deadline)


def _switch(
    system: Any,  # noqa: ANN401 - sushy has no types
    bmc: Redfish,
    wanted: str,
    ways: tuple[str, ...],
    deadline: Deadline,
) -> None:
    if _state(system) == wanted:
        return
    there = {each.value: each for each in system.get_allowed_reset_system_values()}
    way = next((there[name] for name in ways if name in there), None)
    if way is None:
        raise InfraError(
            f"The BMC does not know how to switch its machine {wanted.lower()}.",
            where=f"{bmc.url}{system.path}: it knows {' '.join(sorted(there))}",
            do='use kind = "ipmi" where the BMC speaks it, or "command" with a command of yours',
        )
    system.reset_system(way)
    while _state(system) != wanted:
        if deadline.expired:
            raise InfraError(
                f"The machine was not {wanted.lower()} in time: the BMC was told {way.value}.",
                where=f"{bmc.url}{system.path}",
            )
        time.sleep(PAUSE_S)
        system.refresh(force=True)


def _state(system: Any) -> str:  # noqa: ANN401
    value = system.power_state
    return "" if value is None else str(value.value)


@contextmanager
def _system(bmc: Redfish) -> Iterator[Any]:
    """Log in, and give the machine as the BMC knows it; errors become ours."""
    sushy = _library()
    auth = sushy.auth.SessionOrBasicAuth(username=bmc.user, password=password.read(bmc))
    try:
        root = sushy.Sushy(
            bmc.url,
            auth=auth,
            verify=str(_certificates(bmc)) if bmc.verify and bmc.ca_file else bmc.verify,
            server_side_retries=TRIES,
            server_side_retries_delay=1,
            read_timeout=ANSWER_S,
            connect_timeout=CONNECT_S,
        )
        yield root.get_system(bmc.system or None)
    except sushy.exceptions.SushyError as error:
        raise _told(sushy, bmc, error) from error
    finally:
        auth.close()


def _told(sushy: ModuleType, bmc: Redfish, error: Exception) -> InfraError:
    """Say what went wrong. What sushy tells has addresses and answers of the BMC, no password."""
    known = sushy.exceptions
    host = bmc.url.removeprefix("https://")
    if isinstance(error, known.AccessError):
        what = f"The BMC {host} does not let {bmc.user} in."
        source = f"${bmc.password_env}" if bmc.password_env else bmc.password_file
        do = f"is the password in {source} right, and may {bmc.user} switch the machine?"
    elif isinstance(error, known.ResourceNotFoundError):
        what = f"The BMC {host} knows no system {bmc.system or 'at all'}."
        do = "correct `power.system` in the target's file: GET /redfish/v1/Systems lists them"
    elif isinstance(error, known.UnknownDefaultError):
        what = f"The BMC {host} has not one system."
        do = "name it in the target's file, as `power.system`: GET /redfish/v1/Systems lists them"
    elif "CERTIFICATE_VERIFY_FAILED" in str(error):
        what = f"The BMC {host} has a certificate that is not trusted."
        do = "keep its certificate, or its authority's, in a file, and name it as `power.ca_file`"
    elif isinstance(error, known.ConnectionError):
        what = f"The BMC {host} does not answer."
        do = "is it up, and is `power.url` in the target's file right?"
    else:
        what = f"The BMC {host} does not do what it was asked."
        do = 'use kind = "ipmi" where the BMC speaks it, or "command" with a command of yours'
    return InfraError(what, where=f"{bmc.url}{bmc.system}\n| {str(error)[:1000]}", do=do)


def _certificates(bmc: Redfish) -> Path:
    return Path(bmc.ca_file).expanduser()


def _library() -> ModuleType:
    """Import sushy, which takes time, and have what it logs go nowhere: we tell of errors."""
    try:
        import sushy
        import sushy.auth
    except ImportError as error:
        raise UserError(
            "Power switches that speak Redfish need the library sushy, which is not installed.",
            do="pip install 'kseries[lab]', or `pipx inject kseries sushy`",
        ) from error
    logging.getLogger("sushy").addHandler(logging.NullHandler())
    module: ModuleType = sushy
    return module
