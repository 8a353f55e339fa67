# SPDX-License-Identifier: GPL-2.0
"""Every kind of stamp that the kernel's lines come with, as a line looks that has it."""

from __future__ import annotations

KERNEL = {
    "printk": "[   12.345678] {}",
    "printk with caller": "[   12.345678][  T321] {}",
    "printk on a processor": "[   12.345678][    C1] {}",
    "printk with level": "<4>[   12.345678] {}",
    "level behind": "[   12.345678] <4>{}",
    "two blanks": "[   12.345678]  {}",
    "tab": "[   12.345678]\t{}",
    "caller alone": "[  T321] {}",
    "level alone": "<4>{}",
    "dmesg -T": "[Tue Nov  5 12:00:01 2024] {}",
    "dmesg -T with caller": "[Tue Nov  5 12:00:01 2024][  T12] {}",
    "dmesg iso": "2024-11-05T12:00:01,123456+00:00 {}",
    "dmesg -x": "kern  :warn  : [   12.345678] {}",
    "dmesg -xT": "kern  :warn  : [Tue Nov  5 12:00:01 2024] {}",
    "dmesg -e": "[  +0.000012] {}",
    "dmesg -e, minute": "[Nov 5 12:00] {}",
    "dmesg -d": "[   12.345678 <    0.000012>] {}",
    "journalctl": "Nov 05 12:00:01 host kernel: {}",
    "journalctl short-precise": "Nov 05 12:00:01.123456 host kernel: {}",
    "journalctl short-iso": "2024-11-05T12:00:01+0100 host kernel: {}",
    "journalctl short-full": "Tue 2024-11-05 12:00:01 UTC host kernel: {}",
    "journalctl short-unix": "1730808001.123456 host kernel: {}",
    "journalctl short-monotonic": "[   12.345678] host kernel: {}",
    "syslog": "Nov  5 12:00:01 host kernel: [   12.345678] {}",
    "rsyslog": "2024-11-05T12:00:01.123456+01:00 host kernel: [   12.345678][   T12] {}",
    "busybox": "Nov  5 12:00:01 host kern.warn kernel: [   12.345678] {}",
    "logread": "Tue Nov  5 12:00:01 2024 kern.warn kernel: [   12.345678] {}",
    "Chrome OS": "2024-11-05T12:00:01.123456Z ERR kernel: [   12.345678] {}",
    "logcat": "11-05 12:00:01.123     0     0 E kernel  : {}",
    "netconsole": "4,1234,12345678,-;{}",
    "netconsole with release": "6.12.0-rc1+,4,1234,12345678,-,caller=T321;{}",
    "conserver": "[Tue Nov  5 12:00:01 2024] [   12.345678] {}",
    "CI": "2024-11-05T12:00:01.1234567Z [   12.345678] {}",
    "LAVA": "2024-11-05T12:00:01.123456 <4>[   12.345678] {}",
    "KernelCI": "12:00:01.123456  <4>[   12.345678] {}",
    "Zuul": "2024-11-05 12:00:01.123456 | [   12.345678] {}",
    "serial relay": "[2024-11-05 12:00:01] [   12.345678] {}",
    "tio": "[12:00:01.123] [   12.345678] {}",
    "grabserial": "[0.000123 0.000012] [   12.345678] {}",
    "ts": "Nov 05 12:00:01 [   12.345678] {}",
    "CI, then journalctl": "2024-11-05T12:00:01.123Z Nov 05 12:00:01 host kernel: {}",
    "vendor's processor": "[   12.345678] [2:  kworker/2:1:  123] {}",
    "vendor's process": "[   12.345678]  (0)[123:kworker/0:1]{}",
}
"""Before a message of the kernel's."""

RELAYS = {
    "CI": "2024-11-05T12:00:01.1234567Z {}",
    "CI in brackets": "[2024-11-05T12:00:01.123Z] {}",
    "KernelCI": "12:00:01.123456 {}",
    "GitLab": "2024-11-05T12:00:01.123456Z 00O {}",
    "with zone": "2024-11-05 12:00:01 CET {}",
    "Go": "2024/11/05 12:00:01 {}",
    "Zuul": "2024-11-05 12:00:01.123456 | {}",
    "serial relay": "[2024-11-05 12:00:01] {}",
    "ts": "Nov 05 12:00:01 {}",
}
"""Before any line."""
