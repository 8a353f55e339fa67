# SPDX-License-Identifier: GPL-2.0
"""What the kernel prints when something is wrong, as a table.

A pattern is matched at the start of a message, behind time stamp and caller, so that the same
words in the middle of a sentence say nothing. The source file that prints it is named beside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from kseries.model import EventKind


class Ending(Enum):
    """Where the lines of a complaint end."""

    LINE = auto()  # it is one line
    TRACE = auto()  # with the last line of its call trace
    MARK = auto()  # with "---[ end"
    RULER = auto()  # with a line of ====


@dataclass(frozen=True)
class Rule:
    """A first line of a complaint."""

    kind: EventKind
    pattern: re.Pattern[str]
    ending: Ending


def _rule(kind: EventKind, ending: Ending, pattern: str) -> Rule:
    return Rule(kind, re.compile(pattern), ending)


_LINE, _TRACE, _MARK, _RULER = Ending.LINE, Ending.TRACE, Ending.MARK, Ending.RULER

# arch/x86/kernel/dumpstack.c: __die_header(); without "Oops: " before 6.10
OOPS_HEADER = _rule(EventKind.OOPS, _MARK, r"(?:Oops: )?[A-Za-z][\w ,'#-]*+: [0-9a-f]{4} \[#\d+\]")

# The first rule that matches decides.
RULES: tuple[Rule, ...] = (
    # kernel/panic.c: panic()
    _rule(EventKind.PANIC, _MARK, r"Kernel panic - not syncing\b"),
    # kernel/panic.c: __warn(); the second form since 6.18
    _rule(EventKind.WARN, _MARK, r"WARNING: CPU: \d+ PID: \d+ at "),
    _rule(EventKind.WARN, _MARK, r"WARNING: (?:\S+:\d+ )?at \S+.*, CPU#\d+: "),
    # mm/kasan/report.c; mm/kfence/report.c and mm/kmsan/report.c find the same errors
    _rule(EventKind.KASAN, _RULER, r"BUG: (?:KASAN|KFENCE|KMSAN): "),
    # lib/ubsan.c
    _rule(EventKind.UBSAN, _MARK, r"UBSAN: \S+ in "),
    # arch/x86/mm/fault.c: show_fault_oops()
    _rule(
        EventKind.OOPS,
        _MARK,
        r"BUG: (?:kernel NULL pointer dereference|unable to handle (?:page fault|kernel)\b)",
    ),
    # arch/x86/kernel/traps.c: handle_stack_overflow()
    _rule(EventKind.OOPS, _MARK, r"BUG: \S+ stack guard page was hit at "),
    OOPS_HEADER,
    # lib/bug.c: __report_bug()
    _rule(EventKind.BUG, _MARK, r"kernel BUG at "),
    # kernel/locking/lockdep.c; rtmutex and rwsem print nothing of their own
    _rule(
        EventKind.LOCKDEP,
        _TRACE,
        r"WARNING: (?:possible (?:circular locking dependency|recursive locking"
        r"|irq lock inversion dependency) detected"
        r"|\S+-safe -> \S+-unsafe lock order detected"
        r"|inconsistent lock state"
        r"|suspicious RCU usage"
        r"|bad (?:unlock balance|contention) detected!"
        r"|held lock freed!"
        r"|lock held when returning to user space!"
        r"|.+/\d+ still has locks held!"
        r"|Nested lock was not taken"
        r"|chain_key collision"
        r"|circular locking deadlock detected!)",
    ),
    _rule(EventKind.LOCKDEP, _TRACE, r"\[ BUG: (?:Invalid wait context|bad unlock|held lock)"),
    _rule(EventKind.LOCKDEP, _TRACE, r"INFO: trying to register non-static key\."),
    # The validator gave up: what comes after it is not checked.
    _rule(EventKind.LOCKDEP, _TRACE, r"BUG: MAX_[A-Z_]+ too low!"),
    _rule(
        EventKind.LOCKDEP, _TRACE, r"BUG: (?:key \S+ has not been registered|looking up invalid)"
    ),
    # kernel/sched/core.c: __might_resched(), __schedule_bug(), __cant_sleep(), __cant_migrate()
    _rule(
        EventKind.ATOMIC_SLEEP,
        _TRACE,
        r"BUG: (?:sleeping function called from invalid context"
        r"|scheduling (?:while atomic|in a non-blocking section)"
        r"|assuming (?:atomic|non migratable) context)",
    ),
    # lib/smp_processor_id.c
    _rule(EventKind.ATOMIC_SLEEP, _TRACE, r"BUG: using .* in preemptible "),
    # kernel/hung_task.c
    _rule(EventKind.HUNG_TASK, _TRACE, r"INFO: task .+:\d+ blocked (?:in .*)?for more than "),
    # kernel/watchdog.c, kernel/workqueue.c
    _rule(EventKind.LOCKUP, _TRACE, r"(?:watchdog: )?BUG: soft lockup - CPU#"),
    _rule(EventKind.LOCKUP, _TRACE, r"(?:NMI )?watchdog: .*Watchdog detected hard LOCKUP"),
    _rule(EventKind.LOCKUP, _LINE, r"BUG: workqueue lockup - pool"),
    # kernel/rcu/tree_stall.h, tree_exp.h
    _rule(
        EventKind.RCU_STALL, _TRACE, r"(?:rcu: )?INFO: rcu\S* (?:self-)?detected (?:\w+ )?stalls? "
    ),
    # mm/kmemleak.c
    _rule(EventKind.LEAK, _LINE, r"kmemleak: \d+ new suspected memory leaks"),
    # net/core/dev.c: netdev_wait_allrefs_any()
    _rule(EventKind.LEAK, _LINE, r"unregister_netdevice: waiting for "),
    # net/core/page_pool.c
    _rule(EventKind.LEAK, _LINE, r"page_pool_release_retry\(\) stalled pool shutdown"),
    # lib/ref_tracker.c
    _rule(EventKind.LEAK, _LINE, r"ref_tracker: .*(?:leaked reference|has \d+/\d+ users at)"),
    # mm/slab_common.c: kmem_cache_destroy(); kernel/fork.c: check_mm()
    _rule(EventKind.LEAK, _LINE, r"BUG: (?:Bad rss-counter state|non-zero pgtables_bytes)"),
    # net/ipv4/af_inet.c: inet_sock_destruct()
    _rule(EventKind.BUG, _LINE, r"(?:Attempt to release|Freeing) alive inet socket "),
    # net/core/dev.c: do_netdev_rx_csum_fault()
    _rule(EventKind.WARN, _TRACE, r"(?:\S+: )?hw csum failure$"),
    # mm/slub.c: slab_bug()
    _rule(EventKind.BUG, _TRACE, r"BUG \S+ \((?:Not tainted|Tainted|Tainted: .*)\): "),
    # What else calls itself so: spinlock_debug.c, memory.c, page_alloc.c, mempool.c …
    _rule(EventKind.BUG, _TRACE, r"BUG: "),
)

# Parts of a title that differ from run to run.
CHANGING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r" CPU: \d+ PID: \d+", ""),
        (r", CPU#\d+: .*$", ""),
        (r"\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[\w+\])?", ""),
        (r"(?<=\w)/\d+(?:/0x[0-9a-f]+)?(?=$|[ !\]])", ""),  # comm/pid
        (r",?(?: probably)?(?: for)?(?: non-canonical)? address:? (?:0x)?[0-9a-f]{16}", ""),
        (r"\b(?:0x)?[0-9a-f]{8,16}\b", "…"),
        (r"(?<=\w):\d+(?=\]| blocked)", ""),  # comm:pid
        (r" - CPU#\d+ stuck for \d+s", ""),
        (r"\bCPU#\d+|\bcpu \d+", "CPU"),
        (r": [0-9a-f]{4} \[#\d+\].*$", ""),
        (r"\bid \d+, (\d+) inflight \d+ sec", r"\1 inflight"),
        (r"\bcode: \S+$", ""),
    )
)

# Functions that a trace always begins with: they found the fault, they do not have it.
FINDERS = re.compile(
    r"(?:dump_|show_stack|show_trace|print_|report_bug|__report_bug|handle_bug|__warn|warn_"
    r"|exc_|asm_exc|die|__die|panic|kasan_|__kasan|__asan|ubsan_|__ubsan|kfence_"
    r"|lockdep_|lock_|__lock_|mark_lock|mark_usage|validate_chain|check_|debug_"
    r"|__debug|refcount_warn|__list_|__might_|might_|__schedule|schedule|___might"
    r"|mutex_|__mutex|rcu_|nmi_|watchdog|msleep|usleep|io_schedule|wait_for_|spin_bug|asm_sysvec"
    r"|sysvec|sched_show|_raw_|do_raw_|slab_|__slab"
    r"|object_err|entry_|do_syscall|x64_sys_call|ret_from)"
)
