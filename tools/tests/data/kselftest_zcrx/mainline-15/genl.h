/* SPDX-License-Identifier: GPL-2.0 */
/* Generic netlink, as much of it as tests need. */
#ifndef GENL_H
#define GENL_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct genl {
	int	fd;
	__u16	family;
};

struct genl_request {
	struct nlmsghdr		nlh;
	struct genlmsghdr	genl;
	char			attributes[256];
};

/* Talk to a family of the caller's namespace. Returns 0 or -1. */
int genl_open(struct genl *genl, const char *family);
void genl_close(struct genl *genl);

/* A request without attributes, and one more attribute in it. */
void genl_begin(struct genl_request *request, __u8 command);
void genl_put(struct genl_request *request, __u16 type, const void *value,
	      size_t size);

/* Attributes up to the end are inside of this one. */
struct nlattr *genl_nest(struct genl_request *request, __u16 type);
void genl_nest_end(struct genl_request *request, struct nlattr *nest);

/* Have a request carried out. Returns 0 or a negative error. */
int genl_do(struct genl *genl, struct genl_request *request);

/* The same, and see() what it gives. */
int genl_ask(struct genl *genl, struct genl_request *request,
	     void (*see)(const struct nlmsghdr *nlh, void *data), void *data);

/*
 * See each of the objects that a command of a family lists, or only count them
 * without see(). Returns how many there are, or -1.
 */
int genl_list(const char *family, __u8 command,
	      void (*see)(const struct nlmsghdr *nlh, void *data), void *data);

/* The value of an attribute, as much of it as there is room for. */
bool genl_get(const struct nlmsghdr *nlh, __u16 type, void *value, size_t size);

#endif /* GENL_H */
