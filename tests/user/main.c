// SPDX-License-Identifier: GPL-2.0
/*
 * Runs KUnit suites in user space.
 *
 * usage: tests [SUITE.CASE | SUITE | NAME=NUMBER]...
 *
 * Without a suite all run. NAME=NUMBER sets a parameter of every suite that
 * has it (seed=, rounds=, ops=). Exit status 0 only if something ran, nothing
 * failed, and neither pages nor slab objects are left.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>

#define MAX_SUITES	8
#define MAX_PARAMS	32

static struct kunit_suite *suites[MAX_SUITES];
static int nr_suites;

static struct {
	const char *name;
	unsigned long *value;
} params[MAX_PARAMS];
static int nr_params;

struct kunit_action {
	struct kunit_action *next;
	void (*action)(void *arg);
	void *arg;
};

void user_add_suite(struct kunit_suite *suite)
{
	suites[nr_suites++] = suite;
}

void user_add_param(const char *name, unsigned long *value)
{
	params[nr_params].name = name;
	params[nr_params++].value = value;
}

void user_fail(struct kunit *test, const char *file, int line, bool leave,
	       const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("    # %s: failed at %s:%d: ", test->name, file, line);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	test->failed = true;
	if (leave)
		longjmp(test->abort, 1);
}

void user_skip(struct kunit *test, const char *why)
{
	printf("    # %s: skipped: %s\n", test->name, why);
	test->skipped = true;
	longjmp(test->abort, 1);
}

int kunit_add_action_or_reset(struct kunit *test, void (*action)(void *arg),
			      void *arg)
{
	struct kunit_action *a = malloc(sizeof(*a));

	if (!a)
		exit(1);
	*a = (struct kunit_action) { test->actions, action, arg };
	test->actions = a;
	return 0;
}

static void free_action(void *obj)
{
	kfree(obj);
}

void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	void *obj = kmalloc(size, gfp);

	if (obj)
		kunit_add_action_or_reset(test, free_action, obj);
	return obj;
}

static void run_actions(struct kunit *test)
{
	struct kunit_action *a;

	while ((a = test->actions)) {
		test->actions = a->next;
		a->action(a->arg);
		free(a);
	}
}

/* One case with one parameter. */
static bool run_case(struct kunit_suite *suite, struct kunit_case *c,
		     const char *name, const void *value)
{
	struct kunit test = { .name = name, .param_value = value };

	if (!setjmp(test.abort)) {
		if (suite->init && suite->init(&test))
			user_fail(&test, __FILE__, __LINE__, true, "no init");
		c->run_case(&test);
	}
	if (suite->exit)
		suite->exit(&test);
	run_actions(&test);
	rcu_barrier();
	if (user_slab_in_use() || user_pages_in_use())
		user_fail(&test, __FILE__, __LINE__, false,
			  "%ld objects and %ld pages were not freed",
			  user_slab_in_use(), user_pages_in_use());
	printf("%s %s.%s\n", test.failed ? "not ok" :
	       test.skipped ? "skip  " : "ok    ", suite->name, name);
	return !test.failed;
}

static unsigned int run_params(struct kunit_suite *suite, struct kunit_case *c)
{
	char what[KUNIT_PARAM_DESC_SIZE] = "", name[2 * KUNIT_PARAM_DESC_SIZE];
	unsigned int failed = 0;
	const void *value;

	if (!c->generate_params)
		return !run_case(suite, c, c->name, NULL);
	for (value = c->generate_params(NULL, what); value;
	     value = c->generate_params(value, what)) {
		snprintf(name, sizeof(name), "%s (%s)", c->name, what);
		failed += !run_case(suite, c, name, value);
	}
	return failed;
}

static bool set_param(const char *arg)
{
	const char *value = strchr(arg, '=');
	bool found = false;
	char *end;
	int i;

	if (!value)
		return false;
	for (i = 0; i < nr_params; i++) {
		if (strncmp(params[i].name, arg, value - arg) ||
		    params[i].name[value - arg])
			continue;
		*params[i].value = strtoul(value + 1, &end, 0);
		if (!value[1] || *end) {
			fprintf(stderr, "%s: not a number\n", arg);
			exit(2);
		}
		found = true;
	}
	if (!found) {
		fprintf(stderr, "%s: no suite has this parameter\n", arg);
		exit(2);
	}
	return true;
}

static bool wanted(int argc, char **argv, const char *suite, const char *name)
{
	size_t len = strlen(suite);
	bool any = true;
	int i;

	for (i = 1; i < argc; i++) {
		if (strchr(argv[i], '='))
			continue;
		any = false;
		if (strncmp(argv[i], suite, len))
			continue;
		if (!argv[i][len] || (argv[i][len] == '.' &&
				      !strcmp(argv[i] + len + 1, name)))
			return true;
	}
	return any;
}

int main(int argc, char **argv)
{
	unsigned int ran = 0, failed = 0;
	struct kunit_case *c;
	int i;

	setlinebuf(stdout);
	for (i = 1; i < argc; i++)
		set_param(argv[i]);
	for (i = 0; i < nr_suites; i++) {
		for (c = suites[i]->test_cases; c->run_case; c++) {
			if (!wanted(argc, argv, suites[i]->name, c->name))
				continue;
			failed += run_params(suites[i], c);
			ran++;
		}
	}
	if (!ran) {
		fprintf(stderr, "no such test\n");
		return 2;
	}
	printf("%u tests, %u failed\n", ran, failed);
	return failed ? 1 : 0;
}

/* Threads */

static int nr_threads;

void user_before_lock(void)
{
	static __thread unsigned int locks;

	if (__atomic_load_n(&nr_threads, __ATOMIC_RELAXED) && ++locks % 16 == 0)
		sched_yield();
}

static void *user_thread(void *arg)
{
	struct task_struct *task = arg;

	__atomic_add_fetch(&nr_threads, 1, __ATOMIC_RELAXED);
	task->fn(task->data);
	__atomic_sub_fetch(&nr_threads, 1, __ATOMIC_RELAXED);
	free(task);
	return NULL;
}

struct task_struct *user_kthread_run(int (*fn)(void *data), void *data)
{
	struct task_struct *task = malloc(sizeof(*task));
	pthread_t thread;

	if (!task)
		return ERR_PTR(-ENOMEM);
	task->fn = fn;
	task->data = data;
	if (pthread_create(&thread, NULL, user_thread, task)) {
		free(task);
		return ERR_PTR(-EAGAIN);
	}
	pthread_detach(thread);
	return task;
}

void init_completion(struct completion *x)
{
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->cond, NULL);
	x->done = false;
}

void complete(struct completion *x)
{
	pthread_mutex_lock(&x->lock);
	x->done = true;
	pthread_cond_broadcast(&x->cond);
	pthread_mutex_unlock(&x->lock);
}

void wait_for_completion(struct completion *x)
{
	pthread_mutex_lock(&x->lock);
	while (!x->done)
		pthread_cond_wait(&x->cond, &x->lock);
	pthread_mutex_unlock(&x->lock);
}
