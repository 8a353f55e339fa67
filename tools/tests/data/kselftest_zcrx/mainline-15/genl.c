// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "genl.h"

/* Messages are aligned for the first one. */
union reply {
	struct nlmsghdr	first;
	char		bytes[32768];
};

static int genl_send(const struct genl *genl, struct genl_request *request,
		     int flags)
{
	size_t size = request->nlh.nlmsg_len;

	request->nlh.nlmsg_type = genl->family;
	request->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	return send(genl->fd, request, size, 0) == (ssize_t)size ? 0 : -errno;
}

void genl_begin(struct genl_request *request, __u8 command)
{
	memset(request, 0, sizeof(*request));
	request->nlh.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	request->genl.cmd = command;
	request->genl.version = 1;
}

static struct nlattr *genl_end(struct genl_request *request)
{
	return (void *)request + request->nlh.nlmsg_len;
}

void genl_put(struct genl_request *request, __u16 type, const void *value,
	      size_t size)
{
	struct nlattr *attribute = genl_end(request);

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + size;
	memcpy((char *)attribute + NLA_HDRLEN, value, size);
	request->nlh.nlmsg_len += NLA_ALIGN(attribute->nla_len);
}

struct nlattr *genl_nest(struct genl_request *request, __u16 type)
{
	struct nlattr *nest = genl_end(request);

	genl_put(request, type | NLA_F_NESTED, NULL, 0);
	return nest;
}

void genl_nest_end(struct genl_request *request, struct nlattr *nest)
{
	nest->nla_len = (char *)genl_end(request) - (char *)nest;
}

bool genl_get(const struct nlmsghdr *nlh, __u16 type, void *value, size_t size)
{
	size_t at = NLMSG_LENGTH(GENL_HDRLEN), len;
	const struct nlattr *attribute;

	for (; at + NLA_HDRLEN < nlh->nlmsg_len;
	     at += NLA_ALIGN(attribute->nla_len)) {
		attribute = (const void *)nlh + at;
		if ((attribute->nla_type & NLA_TYPE_MASK) != type)
			continue;
		len = attribute->nla_len - NLA_HDRLEN;
		memset(value, 0, size);
		memcpy(value, (const void *)(attribute + 1),
		       len < size ? len : size);
		return true;
	}
	return false;
}

/* The number that a reply of generic netlink itself tells, or 0. */
static __u16 family_id(const union reply *reply)
{
	__u16 id = 0;

	genl_get(&reply->first, CTRL_ATTR_FAMILY_ID, &id, sizeof(id));
	return id;
}

int genl_open(struct genl *genl, const char *family)
{
	static union reply reply;
	struct genl_request request;
	ssize_t got;

	genl->family = GENL_ID_CTRL;
	genl->fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (genl->fd < 0)
		return -1;
	genl_begin(&request, CTRL_CMD_GETFAMILY);
	genl_put(&request, CTRL_ATTR_FAMILY_NAME, family, strlen(family) + 1);
	genl_send(genl, &request, 0);
	got = recv(genl->fd, &reply, sizeof(reply), 0);
	if (got > 0 && NLMSG_OK(&reply.first, got) &&
	    reply.first.nlmsg_type == GENL_ID_CTRL)
		genl->family = family_id(&reply);
	if (genl->family && genl->family != GENL_ID_CTRL)
		return 0;
	close(genl->fd);
	return -1;
}

void genl_close(struct genl *genl)
{
	close(genl->fd);
}

int genl_ask(struct genl *genl, struct genl_request *request,
	     void (*see)(const struct nlmsghdr *nlh, void *data), void *data)
{
	static union reply reply;
	const struct nlmsgerr *answer = NLMSG_DATA(&reply.first);
	ssize_t got;
	int ret;

	ret = genl_send(genl, request, NLM_F_ACK);
	if (ret)
		return ret;
	/* What the request gives comes before how it ended. */
	for (;;) {
		got = recv(genl->fd, &reply, sizeof(reply), 0);
		if (got < 0)
			return -errno;
		if (!NLMSG_OK(&reply.first, got))
			return -EBADMSG;
		if (reply.first.nlmsg_type == NLMSG_ERROR)
			return answer->error;
		if (reply.first.nlmsg_type != genl->family)
			return -EBADMSG;
		if (see)
			see(&reply.first, data);
	}
}

int genl_do(struct genl *genl, struct genl_request *request)
{
	return genl_ask(genl, request, NULL, NULL);
}

static int list(const struct genl *genl, struct genl_request *request,
		void (*see)(const struct nlmsghdr *nlh, void *data), void *data)
{
	static union reply reply;
	const struct nlmsghdr *nlh;
	int count = 0;
	ssize_t got;

	if (genl_send(genl, request, NLM_F_DUMP))
		return -1;
	for (;;) {
		got = recv(genl->fd, &reply, sizeof(reply), 0);
		if (got < 0)
			return -1;
		for (nlh = &reply.first; NLMSG_OK(nlh, got);
		     nlh = NLMSG_NEXT(nlh, got)) {
			if (nlh->nlmsg_type == NLMSG_DONE)
				return count;
			if (nlh->nlmsg_type != genl->family)
				return -1;
			if (see)
				see(nlh, data);
			count++;
		}
	}
}

int genl_list(const char *family, __u8 command,
	      void (*see)(const struct nlmsghdr *nlh, void *data), void *data)
{
	struct genl_request request;
	struct genl genl;
	int count;

	if (genl_open(&genl, family))
		return -1;
	genl_begin(&request, command);
	count = list(&genl, &request, see, data);
	genl_close(&genl);
	return count;
}
