# SPDX-License-Identifier: GPL-2.0
"""Functions that carry out what their caller wants, of which complaints of some kinds are made.

What they are passed over in is in `suspects`. The rows are as in `finders`.
"""

from __future__ import annotations

from kseries.parse.functions import Functions

LOCKERS = Functions(
    # kernel/workqueue.c, kernel/time/timer.c, net/core/sock.c, lib/klist.c
    "flush_work flush_workqueue drain_workqueue start_flush_work del_timer* try_to_del_timer*",
    "timer_delete* lock_sock lock_sock_nested lock_sock_fast klist_next klist_prev klist_iter_*",
    "klist_add_* klist_del klist_remove",
)
"""Who takes a lock that is his caller's."""

STOPPERS = Functions(
    # drivers/base/core.c, fs/sysfs/, drivers/base/power/sysfs.c, drivers/tty/tty_io.c
    "device_del device_unregister device_destroy device_remove_file sysfs_remove_*",
    "dpm_sysfs_remove tty_unregister_device",
    # drivers/i2c/i2c-core-base.c, drivers/char/hw_random/core.c, drivers/media/mc/mc-device.c
    "i2c_del_adapter hwrng_unregister media_device_unregister*",
)
"""Who ends what belongs to his caller."""

MAKERS = Functions(
    *LOCKERS.names,
    *STOPPERS.names,
    # fs/sysfs/, lib/kobject.c, drivers/base/core.c
    "sysfs_create_* sysfs_do_create_* sysfs_add_* kobject_add* kobject_init* create_dir",
    "device_add*",
    # mm/slab_common.c
    "kmem_cache_destroy",
    # net/core/dev.c
    "rollback_registered* unregister_netdev unregister_netdevice_queue",
)
"""Those, and who makes and removes devices, where he warns of what his caller did."""

ASSERTERS = Functions(
    # net/core/skbuff.c, mm/filemap.c, mm/truncate.c
    "skb_put skb_push skb_pull folio_unlock find_lock_entries truncate_inode_pages_range",
)
"""Who checks what his caller gave him."""

WAITS = Functions(
    # Whoever waits, locks, or shuts down, what is called so.
    "*wait* *_lock* *down* *_completion* synchronize_* rcu_barrier*",
    # mm/filemap.c, mm/folio-compat.c, mm/truncate.c, fs/jfs/jfs_metapage.c
    "filemap_get_folio pagecache_get_page do_read_cache_* truncate_inode_pages_range",
    "lock_metapage",
    # kernel/kthread.c, kernel/workqueue.c, kernel/time/hrtimer.c
    "kthread_park kthread_flush_work* drain_workqueue hrtimer_nanosleep",
    # drivers/i2c/i2c-core-base.c, net/core/dev.c, drivers/usb/core/message.c, drivers/base/core.c
    "i2c_del_adapter unregister_netdev unregister_netdevice_notifier usb_bulk_msg device_add",
    "get_device_parent",
)
"""Whom a task that hangs waits in: it hangs for what his caller wants."""

ALLOCATORS = Functions(
    "*alloc* *dup* *asprintf* kobject_init_and_add",
)
"""Who gave out memory that leaks: his caller has lost it."""

DISPATCHERS = Functions(
    # kernel/kthread.c, kernel/workqueue.c, kernel/smpboot.c, kernel/softirq.c, init/main.c
    "process_one_work process_scheduled_works worker_thread kthread ret_from_*",
    "smpboot_thread_fn start_secondary cpu_startup_entry run_ksoftirqd",
    "do_one_initcall",
    # kernel/time/, kernel/softirq.c
    "call_timer_fn run_timer* hrtimer_run* tasklet_action* handle_softirqs do_softirq",
    # system calls, kernel/task_work.c, kernel/entry/common.c
    "do_syscall* do_fast_syscall* do_int80_syscall* invoke_syscall entry_SYS* entry_INT*",
    "el0_svc* system_call* sysenter_* ret_fast_syscall task_work_run exit_to_user*",
    "syscall_exit* irqentry_exit*",
    # fs/read_write.c, fs/open.c, fs/file_table.c, fs/ioctl.c, fs/super.c
    "vfs_read* vfs_write* ksys_read* ksys_write* do_iter_* do_readv* do_writev* vfs_iter_*",
    "call_read_iter call_write_iter new_sync_read new_sync_write fput vfs_open do_dentry_open",
    "vfs_ioctl do_vfs_ioctl *sys_ioctl blkdev_*ioctl vfs_get_tree",
    # mm/mmap.c, mm/memory.c
    "mmap_region do_fault",
    # net/socket.c, net/core/dev.c, net/core/rtnetlink.c, net/netfilter/nfnetlink.c
    "sys_connect sys_bind sys_accept* sys_setsockopt sys_getsockopt sock_recvmsg* sock_do_ioctl",
    "*netif_receive_skb* rtnetlink_rcv_msg nfnetlink_rcv_msg",
)
"""Who hands out work: timers, interrupts, threads, system calls, and calls of files and sockets."""
