# SPDX-License-Identifier: GPL-2.0
"""What the kernel prints when something is wrong, as a table.

A pattern is matched at the start of a message, behind its stamp, so that the same words in the
middle of a sentence say nothing. Not in it, as they tell of something else than a fault of the
kernel's: "Out of memory: Killed process" (a limit), "EXT4-fs error" and the like (a damaged
image), "Machine check events logged" (hardware), what drivers say of their devices.
"""

from __future__ import annotations

from kseries.model import EventKind
from kseries.parse import klogarch, klogdumps, kloglocks
from kseries.parse.klogrule import Ending, Role, Rule

_K = EventKind
_LINE, _TRACE, _MARK, _RULER = Ending.LINE, Ending.TRACE, Ending.MARK, Ending.RULER
_FAULT, _HEADER, _PREFACE = Role.FAULT, Role.HEADER, Role.PREFACE
# Names of tasks and devices in front, "eth0: ", "kworker/0:1: ", "foo 0000:00:19.0 eth0: ".
_NAMED = r"(?:[^\n:]{1,40}+:(?:[\w.:/-]{1,12}(?: \w{1,15})?:)? )"

_WARNINGS: tuple[Rule, ...] = (
    Rule(
        _K.WARN,
        _MARK,
        r"WARNING: (?:CPU: \d+ PID: \d+ )?at \S+:\d+(?: |$)",
        "kernel/panic.c: __warn()",
        "WARNING: CPU: 1 PID: 7 at net/foo.c:12 foo_write+0x24/0x80",
    ),
    Rule(
        _K.WARN,
        _MARK,
        # A mail may have broken it behind "at".
        r"WARNING: (?:CPU: \d+ PID: \d+ at(?: |$)|\S+\.[chS]:\d+ at$)",
        "kernel/panic.c: __warn(), without file and line",
        "WARNING: CPU: 1 PID: 7 at foo_write+0x24/0x80",
    ),
    Rule(
        _K.WARN,
        _MARK,
        r"WARNING: (?:\[[^\n]{0,200}\] )?(?:\S+:\d+ )?at \S+.*, CPU#\d+: ",
        "kernel/panic.c: __warn(), since 6.18; a condition in brackets since 6.19",
        "WARNING: [count > 3] net/foo.c:26 at foo_exit+0x44c/0xbc0, CPU#0: foo/10040",
    ),
    Rule(
        _K.WARN,
        _TRACE,
        r"Badness at \S+:\d+",
        "arch/powerpc/kernel/traps.c before 2.6.39",
        "Badness at net/foo.c:12",
    ),
    Rule(
        _K.WARN,
        _LINE,
        r"WARNING: (?:stack recursion on stack type|unwind stack type:|stack going in the wrong"
        r"|kernel stack (?:regs|frame pointer) at .{1,80} has bad|bad lookup (?:idx|value): "
        r"|can't (?:access|dereference) (?:\S+ )?registers )",
        "arch/x86/kernel/unwind_frame.c: unwind_next_frame(); unwind_orc.c; dumpstack_64.c",
        "WARNING: kernel stack regs at ffff88800fd in foo:12 has bad 'bp' value 0000000000000001",
    ),
)

_MEMORY: tuple[Rule, ...] = (
    # mm/kfence/report.c and mm/kmsan/report.c find the same errors.
    Rule(
        _K.KASAN,
        _RULER,
        r"BUG: (?:KAS[Aa][Nn]|KFENCE|KMSAN|AddressSanitizer): ",
        "mm/kasan/report.c: print_error_description()",
        "BUG: KASAN: slab-use-after-free in foo_write+0x24/0x80",
    ),
    Rule(
        _K.KCSAN,
        _RULER,
        r"BUG: KCSAN: ",
        "kernel/kcsan/report.c: print_report()",
        "BUG: KCSAN: data-race in foo_read / foo_write",
    ),
    Rule(
        _K.UBSAN,
        _RULER,
        r"UBSAN: [\w -]{3,60} in \S",
        "lib/ubsan.c: ubsan_prologue()",
        "UBSAN: shift-out-of-bounds in net/foo.c:12:5",
    ),
    Rule(
        _K.BUG,
        _MARK,
        r"list_(?:add|del) (?:double add|corruption)",
        "lib/list_debug.c: __list_add_valid_or_report()",
        "list_del corruption. prev->next should be ffff888012345678, but was 0000000000000000",
        _PREFACE,
    ),
    Rule(
        _K.BUG,
        _MARK,
        r"(?:usercopy: )?[Kk]ernel memory (?:overwrite|exposure) attempt detected ",
        "mm/usercopy.c: usercopy_abort()",
        "usercopy: Kernel memory overwrite attempt detected to SLUB object 'foo' (offset 0)!",
        _PREFACE,
    ),
    Rule(
        _K.BUG,
        _MARK,
        r"(?:\w{1,20}: )?detected buffer overflow in ",
        "lib/string_helpers.c: fortify_panic()",
        "detected buffer overflow in strcpy",
        _PREFACE,
        behind="detected buffer overflow in ",
    ),
    Rule(
        _K.WARN,
        _MARK,
        r"VFS: Busy inodes after unmount",
        "fs/super.c: generic_shutdown_super()",
        "VFS: Busy inodes after unmount of loop0 (ext4)",
        _PREFACE,
    ),
    Rule(
        _K.BUG,
        _LINE,
        r"(?:\S{1,60}:\d+: )?bad p(?:gd|4d|ud|md) [0-9a-f]",
        "mm/pgtable-generic.c: pmd_clear_bad()",
        "mm/pgtable-generic.c:50: bad pmd ffff888012345678(8000000123456789)",
        behind=r"bad p\wd ",
    ),
    Rule(
        _K.BUG,
        _LINE,
        r"\w{1,30}: Bad swap (?:file|offset) entry ",
        "mm/swapfile.c: __get_swap_device()",
        "get_swap_device: Bad swap file entry 3ffffffffffff",
        behind="Bad swap ",
    ),
    Rule(
        _K.BUG,
        _TRACE,
        r"(?:Slab corruption |slab error in )",
        "mm/slab.c: slab_error(), before 6.8",
        "slab error in verify_redzone_free(): cache `foo': double free detected",
    ),
    Rule(
        _K.BUG,
        _TRACE,
        r"BUG \S+ \((?:Not tainted|Tainted|Tainted: .*)\): ",
        "mm/slub.c: slab_bug()",
        "BUG kmalloc-8 (Not tainted): Redzone overwritten",
    ),
    Rule(
        _K.WARN,
        _TRACE,
        rf"{_NAMED}?(?:page allocation failure[:.]|vmalloc error: size )",
        "mm/page_alloc.c: warn_alloc()",
        "kworker/0:1: page allocation failure: order:5, mode:0xcc0(GFP_KERNEL), nodemask=(null)",
        vague=True,
        behind="(?:page allocation failure|vmalloc error: )",
    ),
)

_LEAKS: tuple[Rule, ...] = (
    Rule(
        _K.LEAK,
        _LINE,
        r"kmemleak: \d+ new suspected memory leaks",
        "mm/kmemleak.c: kmemleak_scan()",
        "kmemleak: 12 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    ),
    Rule(
        _K.LEAK,
        _TRACE,
        r"BUG: memory leak$",
        "printed by programs that read /sys/kernel/debug/kmemleak",
        "BUG: memory leak",
        _FAULT,
    ),
    Rule(
        _K.LEAK,
        _TRACE,
        r"unreferenced object (?:\(percpu\) )?0x[0-9a-f]{8,16} \(size \d+\)",
        "mm/kmemleak.c: print_unreferenced()",
        "unreferenced object 0xffff888012345678 (size 64):",
        _HEADER,
    ),
    Rule(
        _K.LEAK,
        _LINE,
        r"unregister_netdevice: waiting for ",
        "net/core/dev.c: netdev_wait_allrefs_any()",
        "unregister_netdevice: waiting for lo to become free. Usage count = 2",
    ),
    Rule(
        _K.LEAK,
        _LINE,
        r"page_pool_release_retry\(\) stalled pool shutdown",
        "net/core/page_pool.c: page_pool_release_retry()",
        "page_pool_release_retry() stalled pool shutdown: id 7, 1 inflight 60 sec",
    ),
    Rule(
        _K.LEAK,
        _LINE,
        r"ref_tracker: .*(?:leaked reference|has \d+/\d+ users at)",
        "lib/ref_tracker.c: ref_tracker_dir_exit()",
        "ref_tracker: net notrefcnt@ffff888012345678 has 1/1 users at",
    ),
    Rule(
        _K.LEAK,
        _LINE,
        r"BUG: (?:Bad rss-counter state|non-zero pgtables_bytes)",
        "kernel/fork.c: check_mm()",
        "BUG: Bad rss-counter state mm:ffff888012345678 type:MM_ANONPAGES val:1",
    ),
)

_OTHERS: tuple[Rule, ...] = (
    Rule(
        _K.BUG,
        _LINE,
        r"(?:IPv\d: )?(?:Attempt to release|Freeing) alive inet socket ",
        "net/ipv4/af_inet.c: inet_sock_destruct()",
        "Attempt to release alive inet socket ffff888012345678",
    ),
    Rule(
        _K.WARN,
        _TRACE,
        r"(?:\S+: )?hw csum failure$",
        "net/core/dev.c: do_netdev_rx_csum_fault()",
        "eth0: hw csum failure",
        behind="hw csum failure",
    ),
    Rule(
        _K.WARN,
        _LINE,
        rf"{_NAMED}?NETDEV WATCHDOG: .*transmit (?:queue \d+ )?timed out",
        "net/sched/sch_generic.c: dev_watchdog(), since 6.6 without a WARN()",
        "foo 0000:00:19.0 eth0: NETDEV WATCHDOG: CPU: 2: transmit queue 0 timed out 5000 ms",
        behind="NETDEV WATCHDOG: ",
    ),
    Rule(
        _K.WARN,
        _TRACE,
        r"irq \d+: nobody cared",
        "kernel/irq/spurious.c: __report_bad_irq()",
        'irq 16: nobody cared (try booting with the "irqpoll" option)',
    ),
    Rule(
        _K.WARN,
        _TRACE,
        r"unchecked MSR access error: ",
        "arch/x86/mm/extable.c: ex_handler_msr()",
        "unchecked MSR access error: RDMSR from 0x1a2 at rIP: 0xffffffff81 (foo_probe+0x12/0x20)",
    ),
    Rule(
        _K.WARN,
        _TRACE,
        r"kobject(?:: '[^'\n]{0,60}')? \(\w{1,20}\): tried to init an initialized object",
        "lib/kobject.c: kobject_init()",
        "kobject: 'foo' (ffff888012345678): tried to init an initialized object, something is",
    ),
    # KUnit's test of platform devices makes the kernel say it.
    Rule(
        _K.WARN,
        _TRACE,
        r"sysfs: cannot create duplicate filename (?!'/devices/platform/kunit-)",
        "fs/sysfs/dir.c: sysfs_warn_dup()",
        "sysfs: cannot create duplicate filename '/class/net/foo'",
    ),
    # What else calls itself so: spinlock_debug.c, memory.c, page_alloc.c, mempool.c …
    Rule(
        _K.BUG,
        _TRACE,
        r"BUG: ",
        "kernel/locking/spinlock_debug.c: spin_dump(); mm/page_alloc.c: bad_page(); and others",
        "BUG: Bad page state in process foo  pfn:12345",
        vague=True,
    ),
)

RULES: tuple[Rule, ...] = (
    Rule(
        _K.PANIC,
        _MARK,
        r"Kernel panic - not syncing\b",
        "kernel/panic.c: panic()",
        "Kernel panic - not syncing: Fatal exception",
    ),
    *_WARNINGS,
    *_MEMORY[:3],
    *klogarch.PREFACES,
    *klogarch.FAULTS,
    *klogarch.HEADERS,
    *klogarch.ASSERTIONS,
    *_MEMORY[3:],
    *kloglocks.LOCKS,
    *kloglocks.STALLS,
    *_LEAKS,
    *klogdumps.DUMPS,
    *_OTHERS,
)
"""The first that matches decides."""
