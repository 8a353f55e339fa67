# SPDX-License-Identifier: GPL-2.0
"""What checkers of locks and watchdogs print: lines of the table of complaints."""

from __future__ import annotations

from kseries.model import EventKind
from kseries.parse.klogrule import Ending, Rule

_K = EventKind
_LINE, _TRACE = Ending.LINE, Ending.TRACE

LOCKS: tuple[Rule, ...] = (
    Rule(
        _K.LOCKDEP,
        _TRACE,
        r"(?:WARNING: |\[ (?:INFO|BUG|WARNING): )(?:possible (?:circular locking dependency"
        r"|recursive locking|irq lock inversion dependency) detected"
        r"|\S+-safe -> \S+-unsafe lock order detected"
        r"|inconsistent (?:\{[^}]{1,40}\} -> \{[^}]{1,40}\} usage|lock state)"
        r"|suspicious (?:RCU usage|rcu_dereference_check\(\) usage)"
        r"|bad (?:unlock balance|contention) detected!"
        r"|held lock freed!"
        r"|lock held (?:when returning to user space|at task exit time)!"
        r"|[^\n]{1,40}/\d+ (?:still has locks held|is exiting with locks still held)!"
        r"|Nested lock was not taken"
        r"|chain_key collision"
        r"|circular locking deadlock detected!)",
        "kernel/locking/lockdep.c: print_circular_bug_header(), …; in brackets before 4.11",
        "WARNING: possible circular locking dependency detected",
    ),
    Rule(
        _K.LOCKDEP,
        _TRACE,
        r"\[ BUG: (?:Invalid wait context|bad unlock|held lock)",
        "kernel/locking/lockdep.c: print_lock_invalid_wait_context()",
        "[ BUG: Invalid wait context ]",
    ),
    Rule(
        _K.LOCKDEP,
        _TRACE,
        r"INFO: trying to register non-static key\.",
        "kernel/locking/lockdep.c: assign_lock_key()",
        "INFO: trying to register non-static key.",
    ),
    # The validator gave up: what comes after it is not checked.
    Rule(
        _K.LOCKDEP,
        _TRACE,
        r"BUG: MAX_[A-Z_]+ too low!",
        "kernel/locking/lockdep.c: print_lockdep_off()",
        "BUG: MAX_LOCKDEP_CHAINS too low!",
    ),
    Rule(
        _K.LOCKDEP,
        _TRACE,
        r"BUG: (?:key [^\n]{1,20} has not been registered|looking up invalid)",
        "kernel/locking/lockdep.c: lockdep_init_map_type(), look_up_lock_class()",
        "BUG: key ffff888012345678 has not been registered!",
    ),
    Rule(
        _K.ATOMIC_SLEEP,
        _TRACE,
        r"BUG: (?:sleeping function called from invalid context"
        r"|scheduling (?:while atomic|in a non-blocking section)"
        r"|assuming (?:atomic|non migratable) context)",
        "kernel/sched/core.c: __might_resched(), __schedule_bug(), __cant_sleep()",
        "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:586",
    ),
    Rule(
        _K.ATOMIC_SLEEP,
        _TRACE,
        r"BUG: using \w+\(\) in preemptible ",
        "lib/smp_processor_id.c: check_preemption_disabled()",
        "BUG: using smp_processor_id() in preemptible [00000000] code: foo/12",
    ),
    Rule(
        _K.ATOMIC_SLEEP,
        _LINE,
        r"(?:softirq: )?huh, entered softirq ",
        "kernel/softirq.c: handle_softirqs()",
        "softirq: huh, entered softirq 3 NET_RX ffffffff81000000 with preempt_count 00000100,",
    ),
)

STALLS: tuple[Rule, ...] = (
    Rule(
        _K.HUNG_TASK,
        _TRACE,
        r"INFO: task .+:\d+ (?:blocked (?:in I/O wait )?|can't die )for more than ",
        "kernel/hung_task.c: check_hung_task()",
        "INFO: task foo:12 blocked for more than 143 seconds.",
    ),
    Rule(
        _K.LOCKUP,
        _TRACE,
        r"(?:NMI )?(?:watchdog: )?BUG: soft lockup(?: - CPU#| detected on CPU#)",
        "kernel/watchdog.c: watchdog_timer_fn()",
        "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [foo:12]",
    ),
    Rule(
        _K.LOCKUP,
        _TRACE,
        r"(?:NMI )?[Ww]atchdog:? .*(?:[Hh]ard|detected) LOCKUP",
        "kernel/watchdog.c: watchdog_hardlockup_check(); arch/powerpc/kernel/watchdog.c",
        "watchdog: Watchdog detected hard LOCKUP on cpu 0",
    ),
    Rule(
        _K.LOCKUP,
        _LINE,
        r"BUG: workqueue lockup - pool",
        "kernel/workqueue.c: wq_watchdog_timer_fn()",
        "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 33s!",
    ),
    Rule(
        _K.LOCKUP,
        _TRACE,
        r"(?:smp: )?csd: (?:Detected|Continued) non-responsive CSD lock ",
        "kernel/smp.c: csd_lock_wait_toolong()",
        "smp: csd: Detected non-responsive CSD lock (#1) on CPU#2, waiting 5000000000 ns",
    ),
    Rule(
        _K.RCU_STALL,
        _TRACE,
        r"(?:rcu: )?INFO: rcu\S* (?:self-)?detected (?:\w+ )?stalls? ",
        "kernel/rcu/tree_stall.h: print_other_cpu_stall(), print_cpu_stall(); tree_exp.h; tasks.h",
        "rcu: INFO: rcu_preempt self-detected stall on CPU",
    ),
)
