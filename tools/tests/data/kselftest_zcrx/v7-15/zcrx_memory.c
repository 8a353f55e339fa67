// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: memory to receive into.
 *
 * R16  the area is made of pages (EINVAL)
 * R17  the area is memory that can be written to (EFAULT)
 * R18  the area counts against RLIMIT_MEMLOCK (ENOMEM)
 * R60  nothing user space does with data on its way does harm
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ethtool.h"
#include "expect.h"
#include "link.h"
#include "netif.h"
#include "pools.h"
#include "receiver.h"
#include "stream.h"
#include "zcrx.h"

#include <sys/vfs.h>
#include <linux/magic.h>

#define PAGES		512
#define SIZE		(1024 * 1024ULL)
#define HUGE_PAGE	(2UL << 20)
#define NR_HUGEPAGES	"/proc/sys/vm/nr_hugepages"

static size_t area_size(void)
{
	return PAGES * PAGE;
}

static char *map_pages(int flags, int fd)
{
	return mmap(NULL, area_size(), PROT_READ | PROT_WRITE, flags, fd, 0);
}

/* That many huge pages of a file, or MAP_FAILED. */
static char *map_huge_pages(int fd, int count)
{
	char before[16] = "", more[16];
	char *memory;
	int pages;

	pages = open(NR_HUGEPAGES, O_RDONLY);
	if (pages < 0 || read(pages, before, sizeof(before) - 1) < 0)
		return MAP_FAILED;
	close(pages);
	snprintf(more, sizeof(more), "%d", atoi(before) + count);
	write_file(NR_HUGEPAGES, more);
	memory = mmap(NULL, count * HUGE_PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_POPULATE, fd, 0);
	/* Those that are in use go with their last user then. */
	write_file(NR_HUGEPAGES, before);
	return memory;
}

/* A file of that many huge pages, or -1. */
static int open_huge_file(int count)
{
	int fd = memfd_create("huge", MFD_HUGETLB);

	return ftruncate(fd, count * HUGE_PAGE) ? -1 : fd;
}

static char *map_huge_page(void)
{
	return map_huge_pages(open_huge_file(1), 1);
}

/* A file without a name, as large as the area, or -1. */
static int open_disk_file(void)
{
	struct statfs system;
	int fd;

	fd = open("/var/tmp", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		return -1;
	if (!fstatfs(fd, &system) && system.f_type != TMPFS_MAGIC &&
	    system.f_type != RAMFS_MAGIC && !ftruncate(fd, area_size()))
		return fd;
	close(fd);
	return -1;
}

static int open_memfd(void)
{
	int fd = memfd_create("area", 0);

	return ftruncate(fd, area_size()) ? -1 : fd;
}

/* A request to receive into that memory, and a sender that waits. */
static void open_in(struct __test_metadata *_metadata,
		    struct receiver *receiver, struct stream *stream,
		    struct link *link, void *memory, size_t len)
{
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, link_steer(link));
	ASSERT_EQ(0, stream_open(stream, link, AF_INET6, LINK_PORT, SIZE));
	ASSERT_EQ(0, receiver_prepare(receiver, PAGES));
	receiver_use(receiver, memory, len);
	ASSERT_EQ(0, receiver_register(receiver, link->rx.ifindex, LINK_QUEUE));
	receiver_request(receiver, stream->fd);
	ASSERT_EQ(0, uring_submit(&receiver->ring));
}

/* The device placed all of the stream, and the end was seen. */
static void close_in(struct __test_metadata *_metadata,
		     struct receiver *receiver, struct stream *stream,
		     const struct link *link)
{
	EXPECT_EQ(0, stream_close(stream));
	EXPECT_LE((long long)SIZE,
		  link_counter(link, LINK_QUEUE, "provider_bytes"));
	receiver_close(receiver);
}

/* Receive a stream into that memory, each byte checked. */
static void receive_into(struct __test_metadata *_metadata, struct link *link,
			 void *memory, size_t len)
{
	struct receiver receiver;
	struct stream stream;

	open_in(_metadata, &receiver, &stream, link, memory, len);
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_rest(_metadata, &receiver, 0));
	close_in(_metadata, &receiver, &stream, link);
}

/* Whether all of it is 0, which no word of a stream is. */
static bool is_untouched(const char *memory, size_t len)
{
	return !memory[0] && !memcmp(memory, memory + 1, len - 1);
}

FIXTURE(memory)
{
	struct link link;
};

FIXTURE_SETUP(memory)
{
	const char *missing = link_missing() ?: zcrx_missing();
	int ret;

	if (missing)
		SKIP(return, "%s", missing);
	ret = link_open(&self->link);
	if (ret == -EOPNOTSUPP)
		SKIP(return, NETIF_IS_NO_NIC);
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN_PARENT(memory)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R17: A huge page can be received into. */
TEST_F_TIMEOUT(memory, huge_page, 180)
{
	char *memory = map_huge_page();

	if (memory == MAP_FAILED)
		SKIP(return, "there is no huge page to be had");
	receive_into(_metadata, &self->link, memory, HUGE_PAGE);
}

/* R16: So can a few pages in the middle of a huge one. */
TEST_F_TIMEOUT(memory, part_of_huge_page, 180)
{
	char *memory = map_huge_page();

	if (memory == MAP_FAILED)
		SKIP(return, "there is no huge page to be had");
	receive_into(_metadata, &self->link, memory + 100 * PAGE, 300 * PAGE);
	EXPECT_TRUE(is_untouched(memory, 100 * PAGE));
	EXPECT_TRUE(is_untouched(memory + 400 * PAGE, 112 * PAGE));
}

/* R18: Who has one page of a huge page pinned is charged for all of it. */
TEST_F_TIMEOUT(memory, huge_page_charged, 180)
{
	char *memory = map_huge_page();
	struct receiver receiver;

	if (memory == MAP_FAILED)
		SKIP(return, "there is no huge page to be had");
	ASSERT_EQ(0, receiver_prepare(&receiver, PAGES));
	receiver_use(&receiver, memory + 100 * PAGE, PAGE);
	ASSERT_EQ(0, receiver_register(&receiver, self->link.rx.ifindex,
				       LINK_QUEUE));
	EXPECT_EQ((long)HUGE_PAGE / 1024, pinned_kb());
	/* All but the memory, of which it is a part. */
	ASSERT_EQ(0, munmap(receiver.refill, refill_size(&receiver.reg)));
	uring_close(&receiver.ring);
	EXPECT_EQ(0, pinned_settle(WAIT_MS));
}

/* R18: A huge page that is in the area twice is charged once. */
TEST_F_TIMEOUT(memory, huge_page_charged_once, 180)
{
	const int fd = open_huge_file(2);
	char *memory = map_huge_pages(fd, 2);
	struct receiver receiver;
	char *area;

	if (memory == MAP_FAILED)
		SKIP(return, "there are no huge pages to be had");
	/* The first page, the second one, and the first one again. */
	area = mmap(NULL, 4 * HUGE_PAGE, PROT_NONE, MAP_PRIVATE |
		    MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, area);
	area += HUGE_PAGE - (uintptr_t)area % HUGE_PAGE;
	ASSERT_EQ(area, mmap(area, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, fd, 0));
	ASSERT_EQ(area + 2 * HUGE_PAGE,
		  mmap(area + 2 * HUGE_PAGE, HUGE_PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, 0));
	ASSERT_EQ(0, receiver_prepare(&receiver, PAGES));
	receiver_use(&receiver, area, 3 * HUGE_PAGE);
	ASSERT_EQ(0, receiver_register(&receiver, self->link.rx.ifindex,
				       LINK_QUEUE));
	EXPECT_EQ(2 * (long)HUGE_PAGE / 1024, pinned_kb());
}

/* R17: Memory that the kernel may join to huge pages. */
TEST_F_TIMEOUT(memory, transparent_huge_page, 180)
{
	char *memory;

	memory = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	memory += HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE;
	if (madvise(memory, HUGE_PAGE, MADV_HUGEPAGE))
		SKIP(return, "the kernel has no transparent huge pages");
	receive_into(_metadata, &self->link, memory, HUGE_PAGE);
}

/* R17: A file in memory can be received into. */
TEST_F_TIMEOUT(memory, memfd, 180)
{
	receive_into(_metadata, &self->link,
		     map_pages(MAP_SHARED, open_memfd()), area_size());
}

/* R17: What is placed in shared memory is seen through its other mapping. */
TEST_F_TIMEOUT(memory, memfd_mapped_twice, 180)
{
	int fd = open_memfd();
	char *other = map_pages(MAP_SHARED, fd);
	struct io_uring_cqe *cqe;
	struct receiver receiver;
	struct stream stream;
	__u64 position = 0;
	char *data;

	ASSERT_NE(MAP_FAILED, other);
	open_in(_metadata, &receiver, &stream, &self->link,
		map_pages(MAP_SHARED, fd), area_size());
	ASSERT_EQ(0, stream_start(&stream));
	while (is_piece_next(_metadata, &receiver)) {
		cqe = uring_wait(&receiver.ring, WAIT_MS);
		data = receiver_data(&receiver, cqe);
		ASSERT_NE(NULL, data);
		ASSERT_TRUE(stream_matches(other + (data - receiver.memory),
					   position, cqe->res));
		position += expect_unread(_metadata, &receiver);
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(SIZE, position);
	close_in(_metadata, &receiver, &stream, &self->link);
}

/*
 * R17: A file system on a disk has to know who writes to its files, and
 * cannot.
 */
TEST_F_TIMEOUT(memory, file_on_disk, 180)
{
	struct receiver receiver;
	int fd = open_disk_file();

	if (fd < 0)
		SKIP(return, "/var/tmp is not on a disk");
	ASSERT_EQ(0, receiver_prepare(&receiver, PAGES));
	receiver_use(&receiver, map_pages(MAP_SHARED, fd), area_size());
	EXPECT_EQ(-EFAULT, receiver_register(&receiver, self->link.rx.ifindex,
					     LINK_QUEUE));
	EXPECT_EQ(0, pinned_kb());
	receiver_use(&receiver, map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1),
		     area_size());
	EXPECT_EQ(0, receiver_register(&receiver, self->link.rx.ifindex,
				       LINK_QUEUE));
}

/* R17: A private mapping of a file is memory of its own. */
TEST_F_TIMEOUT(memory, private_file_on_disk, 180)
{
	int fd = open_disk_file();
	char *file;

	if (fd < 0)
		SKIP(return, "/var/tmp is not on a disk");
	receive_into(_metadata, &self->link, map_pages(MAP_PRIVATE, fd),
		     area_size());
	file = map_pages(MAP_SHARED, fd);
	ASSERT_NE(MAP_FAILED, file);
	EXPECT_TRUE(is_untouched(file, area_size()));
}

/* R18: Two rings may have the same memory, which is then pinned twice. */
TEST_F_TIMEOUT(memory, two_rings, 180)
{
	const long area_kb = area_size() / 1024;
	struct receiver first, second;
	struct stream stream;

	open_in(_metadata, &first, &stream, &self->link,
		map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1), area_size());
	ASSERT_EQ(0, receiver_prepare(&second, PAGES));
	receiver_use(&second, first.memory, area_size());
	ASSERT_EQ(0, receiver_register(&second, self->link.rx.ifindex, 0));
	EXPECT_EQ(2 * area_kb, pinned_kb());
	/* All but the memory, which is the first one's as well. */
	ASSERT_EQ(0, munmap(second.refill, refill_size(&second.reg)));
	uring_close(&second.ring);
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_rest(_metadata, &first, 0));
	close_in(_metadata, &first, &stream, &self->link);
	EXPECT_EQ(0, pinned_settle(WAIT_MS));
}

/* R60: What is mapped in place of the area afterwards is not written to. */
TEST_F_TIMEOUT(memory, mapped_anew, 180)
{
	struct receiver receiver;
	struct stream stream;

	open_in(_metadata, &receiver, &stream, &self->link,
		map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1), area_size());
	ASSERT_EQ(receiver.memory,
		  mmap(receiver.memory, area_size(), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_unread(_metadata, &receiver));
	EXPECT_TRUE(is_untouched(receiver.memory, area_size()));
	close_in(_metadata, &receiver, &stream, &self->link);
}

/* R60: Every second page of the area is unmapped. */
TEST_F_TIMEOUT(memory, partly_unmapped, 180)
{
	__u64 position = 0, seen = 0;
	struct io_uring_cqe *cqe;
	size_t page;
	struct receiver receiver;
	struct stream stream;

	open_in(_metadata, &receiver, &stream, &self->link,
		map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1), area_size());
	for (page = 0; page < PAGES; page += 2)
		ASSERT_EQ(0, munmap(receiver.memory + page * PAGE, PAGE));
	ASSERT_EQ(0, stream_start(&stream));
	while (is_piece_next(_metadata, &receiver)) {
		cqe = uring_wait(&receiver.ring, WAIT_MS);
		if (receiver_offset(cqe) / PAGE % 2 == 0) {
			position += expect_unread(_metadata, &receiver);
			continue;
		}
		seen += cqe->res;
		position += expect_piece(_metadata, &receiver, position);
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(SIZE, position);
	EXPECT_LT(0ULL, seen);
	EXPECT_LT(seen, SIZE);
	close_in(_metadata, &receiver, &stream, &self->link);
}

/* R60: An area whose pages are thrown away is no longer seen. */
TEST_F_TIMEOUT(memory, discarded, 180)
{
	struct receiver receiver;
	struct stream stream;

	open_in(_metadata, &receiver, &stream, &self->link,
		map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1), area_size());
	ASSERT_EQ(0, madvise(receiver.memory, area_size(), MADV_DONTNEED));
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_unread(_metadata, &receiver));
	EXPECT_TRUE(is_untouched(receiver.memory, area_size()));
	close_in(_metadata, &receiver, &stream, &self->link);
}

/* R60: An area that is made read-only goes on being received into. */
TEST_F_TIMEOUT(memory, read_only, 180)
{
	struct receiver receiver;
	struct stream stream;

	open_in(_metadata, &receiver, &stream, &self->link,
		map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1), area_size());
	ASSERT_EQ(0, mprotect(receiver.memory, area_size(), PROT_READ));
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_rest(_metadata, &receiver, 0));
	close_in(_metadata, &receiver, &stream, &self->link);
}

/* R60: What is placed in an area that is moved is found at the new place. */
TEST_F_TIMEOUT(memory, moved, 180)
{
	char *place = map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct receiver receiver;
	struct stream stream;

	open_in(_metadata, &receiver, &stream, &self->link,
		map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1), area_size());
	ASSERT_EQ(place, mremap(receiver.memory, area_size(), area_size(),
				MREMAP_MAYMOVE | MREMAP_FIXED, place));
	receiver.memory = place;
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_rest(_metadata, &receiver, 0));
	close_in(_metadata, &receiver, &stream, &self->link);
}

/* R60: The file that is the area is cut off. */
TEST_F_TIMEOUT(memory, truncated, 180)
{
	int fd = open_memfd();
	struct receiver receiver;
	struct stream stream;

	open_in(_metadata, &receiver, &stream, &self->link,
		map_pages(MAP_SHARED, fd), area_size());
	ASSERT_EQ(0, ftruncate(fd, 0));
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_unread(_metadata, &receiver));
	/* What it is made as long as again is another memory. */
	ASSERT_EQ(0, ftruncate(fd, area_size()));
	EXPECT_TRUE(is_untouched(receiver.memory, area_size()));
	close_in(_metadata, &receiver, &stream, &self->link);
}

/* R60: A child process has a copy of the area, and the parent the area. */
TEST_F_TIMEOUT(memory, child_writes, 180)
{
	int done[2], written[2], status;
	pid_t pid;
	char byte;
	struct receiver receiver;
	struct stream stream;

	open_in(_metadata, &receiver, &stream, &self->link,
		map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1), area_size());
	ASSERT_EQ(0, pipe(done));
	ASSERT_EQ(0, pipe(written));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(done[1]);
		memset(receiver.memory, 0xff, area_size());
		_exit(write(written[1], "", 1) != 1 ||
		      read(done[0], &byte, 1));
	}
	ASSERT_EQ(1, read(written[0], &byte, 1));
	EXPECT_TRUE(is_untouched(receiver.memory, area_size()));
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_rest(_metadata, &receiver, 0));
	close(done[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close_in(_metadata, &receiver, &stream, &self->link);
}

TEST_HARNESS_MAIN
