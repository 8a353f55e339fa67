/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stands in for the kernel's header of this name: type checks test functions,
 * and prints the plan without running any of them.
 */
#ifndef TOY_HARNESS_H
#define TOY_HARNESS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct __test_metadata {
	int failed;
};

struct toy_test {
	const char *fixture;
	const char *name;
	struct toy_test *next;
};

static struct toy_test *toy_first, **toy_last = &toy_first;

#define TOY_LIST(fixture_name, test_name)				\
	static struct toy_test toy_##fixture_name##_##test_name = {	\
		#fixture_name, #test_name, NULL				\
	};								\
	__attribute__((constructor))					\
	static void toy_add_##fixture_name##_##test_name(void)		\
	{								\
		*toy_last = &toy_##fixture_name##_##test_name;		\
		toy_last = &toy_##fixture_name##_##test_name.next;	\
	}

#define FIXTURE(name)		struct toy_fixture_##name
#define FIXTURE_SETUP(name)						\
	void toy_setup_##name(struct __test_metadata *_metadata,	\
			      struct toy_fixture_##name *self);		\
	void toy_setup_##name(struct __test_metadata *_metadata,	\
			      struct toy_fixture_##name *self)
#define FIXTURE_TEARDOWN(name)	FIXTURE_TEARDOWN_PARENT(name)
#define FIXTURE_TEARDOWN_PARENT(name)					\
	void toy_teardown_##name(struct __test_metadata *_metadata,	\
				 struct toy_fixture_##name *self);	\
	void toy_teardown_##name(struct __test_metadata *_metadata,	\
				 struct toy_fixture_##name *self)

#define TEST_F(fixture_name, test_name)					\
	TOY_LIST(fixture_name, test_name)				\
	void toy_run_##fixture_name##_##test_name(			\
		struct __test_metadata *_metadata,			\
		struct toy_fixture_##fixture_name *self);		\
	void toy_run_##fixture_name##_##test_name(			\
		struct __test_metadata *_metadata,			\
		struct toy_fixture_##fixture_name *self)
#define TEST_F_TIMEOUT(fixture_name, test_name, timeout_s)		\
	TEST_F(fixture_name, test_name)

#define SKIP(statement, format, ...)					\
	do {								\
		fprintf(stderr, format "\n", ##__VA_ARGS__);		\
		statement;						\
	} while (0)
#define TH_LOG(format, ...)	fprintf(stderr, format "\n", ##__VA_ARGS__)

/* Both sides go through variables of their own types, as in the kernel. */
#define TOY_EXPECT(left, op, right)					\
	for (__typeof__(left) toy_left = (left),			\
	     *toy_once = &toy_left; toy_once; toy_once = NULL)		\
		for (__typeof__(right) toy_right = (right),		\
		     *toy_again = &toy_right; toy_again; toy_again = NULL) \
			while (!(toy_left op toy_right) && !_metadata->failed++)

#define ARRAY_SIZE(array)		(sizeof(array) / sizeof((array)[0]))

#define EXPECT_EQ(expected, seen)	TOY_EXPECT(expected, ==, seen)
#define EXPECT_NE(expected, seen)	TOY_EXPECT(expected, !=, seen)
#define EXPECT_LE(expected, seen)	TOY_EXPECT(expected, <=, seen)
#define EXPECT_LT(expected, seen)	TOY_EXPECT(expected, <, seen)
#define EXPECT_GE(expected, seen)	TOY_EXPECT(expected, >=, seen)
#define EXPECT_GT(expected, seen)	TOY_EXPECT(expected, >, seen)
#define ASSERT_EQ(expected, seen)	TOY_EXPECT(expected, ==, seen)
#define ASSERT_NE(expected, seen)	TOY_EXPECT(expected, !=, seen)
#define ASSERT_LE(expected, seen)	TOY_EXPECT(expected, <=, seen)
#define ASSERT_LT(expected, seen)	TOY_EXPECT(expected, <, seen)
#define ASSERT_TRUE(seen)		TOY_EXPECT(0, !=, seen)
#define EXPECT_TRUE(seen)		TOY_EXPECT(0, !=, seen)
#define EXPECT_FALSE(seen)		TOY_EXPECT(0, ==, seen)
#define EXPECT_STREQ(expected, seen)	TOY_EXPECT(0, ==, strcmp(expected, seen))

#define TEST_HARNESS_MAIN						\
	int main(void)							\
	{								\
		for (struct toy_test *t = toy_first; t; t = t->next)	\
			printf("%s.%s\n", t->fixture, t->name);		\
		return 0;						\
	}

#endif
