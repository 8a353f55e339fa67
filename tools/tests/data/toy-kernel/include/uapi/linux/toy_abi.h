/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_TOY_ABI_H
#define _UAPI_LINUX_TOY_ABI_H

#define TOY_BUDGET 64

#endif
