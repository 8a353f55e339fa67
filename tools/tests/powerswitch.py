# SPDX-License-Identifier: GPL-2.0
"""The power switch of a stand-in: `python powerswitch.py MONITOR COMMAND…`, told to QEMU."""

from __future__ import annotations

import socket
import sys

PROMPT = b"(qemu) "


def tell(monitor: str, *commands: str) -> None:
    """Give QEMU commands, one after the other."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(20)
        channel.connect(monitor)
        for command in ("", *commands):
            said = b""
            if command:
                channel.sendall(f"{command}\n".encode())
            while not said.endswith(PROMPT):
                said += channel.recv(4096)


if __name__ == "__main__":
    tell(*sys.argv[1:])
