/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the user interface that the generated tests use, for a toy kernel tree. */
#ifndef TOY_NETDEV_H
#define TOY_NETDEV_H

#define NETDEV_FAMILY_NAME		"netdev"
#define NETDEV_CMD_PAGE_POOL_GET	5

#endif
