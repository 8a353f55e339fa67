# SPDX-License-Identifier: GPL-2.0
"""Mistakes behind which the kernel shows who made them: lines of the table of complaints.

Each is a message with a dump_stack() below it.
"""

from __future__ import annotations

from kseries.model import EventKind
from kseries.parse.klogrule import Ending, Rule


def _warning(pattern: str, source: str, example: str) -> Rule:
    return Rule(EventKind.WARN, Ending.TRACE, pattern, source, example, vague=True)


DUMPS: tuple[Rule, ...] = (
    Rule(
        EventKind.BUG,
        Ending.TRACE,
        r"pagealloc: (?:memory corruption|single bit error)",
        "mm/page_poison.c: check_poison_mem()",
        "pagealloc: memory corruption",
    ),
    _warning(
        r"kmemleak: (?:Cannot insert 0x|Found object by alias at|(?:Partially )?[Ff]reeing unknown "
        r"|(?:Trying to color|Not resetting the checksum of|Adding scan area to"
        r"|Setting excess_ref on|Not scanning|Updating stack trace for) (?:an )?unknown "
        r"|Scan area larger than object)",
        "mm/kmemleak.c: kmemleak_warn()",
        "kmemleak: Not scanning unknown object at 0xc00000007f000000",
    ),
    _warning(
        r"percpu: allocation failed, size=",
        "mm/percpu.c: pcpu_alloc_noprof()",
        "percpu: allocation failed, size=8 align=8 atomic=0, alloc from reserved chunk failed",
    ),
    _warning(
        r"(?:__)?kmem_cache_create(?:_args|_usercopy)?\([^\n]{1,60}\) failed with error -\d",
        "mm/slab_common.c: __kmem_cache_create_args()",
        "__kmem_cache_create_args(foo) failed with error -22",
    ),
    _warning(
        r"Unexpected gfp: 0x",
        "mm/slab_common.c: kmalloc_fix_flags()",
        "Unexpected gfp: 0x2 (__GFP_HIGHMEM). Fixing up to gfp: 0xcc0 (GFP_KERNEL).",
    ),
    _warning(
        r"GUP no longer grows the stack in ",
        "mm/gup.c: gup_vma_lookup()",
        "GUP no longer grows the stack in foo (12): 7f0000000000-7f0000001000 (7effffffe000)",
    ),
    _warning(
        r"FAULT_FLAG_ALLOW_RETRY missing ",
        "fs/userfaultfd.c: handle_userfault()",
        "FAULT_FLAG_ALLOW_RETRY missing 70",
    ),
    _warning(
        r"(?:NEIGH: BUG, double timer add|Destroying alive neighbour )",
        "net/core/neighbour.c: neigh_add_timer(), neigh_destroy()",
        "Destroying alive neighbour 0000000012345678",
    ),
    _warning(
        r"iounmap: bad address ",
        "arch/x86/mm/ioremap.c: iounmap()",
        "iounmap: bad address ffffc90000012345",
    ),
    _warning(
        r"Flags mismatch irq \d",
        "kernel/irq/manage.c: __setup_irq()",
        "Flags mismatch irq 16. 00000080 (foo) vs. 00000000 (bar)",
    ),
    _warning(
        r"(?:do_IRQ: (?:near )?stack overflow|low stack detected by irq handler)",
        "arch/powerpc/kernel/irq.c: check_stack_overflow(); arch/x86/kernel/irq_32.c",
        "do_IRQ: stack overflow: 1808",
    ),
    _warning(
        r"bad: scheduling from the idle thread!",
        "kernel/sched/idle.c: dequeue_task_idle()",
        "bad: scheduling from the idle thread!",
    ),
    _warning(
        r"schedule_timeout: wrong timeout value ",
        "kernel/time/timer.c: schedule_timeout()",
        "schedule_timeout: wrong timeout value ffffffffffffff9c",
    ),
    _warning(
        r"do_init_module: '[^'\n]{1,60}'->init suspiciously returned ",
        "kernel/module/main.c: do_init_module()",
        "do_init_module: 'foo'->init suspiciously returned 1, it should follow 0/-E convention",
    ),
    _warning(
        r"Freezing (?:of tasks|user space processes|remaining freezable tasks) failed after ",
        "kernel/power/process.c: try_to_freeze_tasks(), which shows who does not freeze",
        "Freezing user space processes failed after 20.004 seconds (1 tasks refusing to freeze",
    ),
)
