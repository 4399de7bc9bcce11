// SPDX-License-Identifier: GPL-2.0
/* RAMster: what is configured wrong is refused, and nothing has changed. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ramster.h"

/* A value that must be refused leaves the one that was there. */
static void refused(const char *folder, const char *file, const char *value,
		    int expected)
{
	char before[256], after[256];
	int err;

	if (try_read(rs_path(folder, file), before, sizeof(before)) < 0)
		fail("cannot read %s", rs_path(folder, file));
	err = try_write(rs_path(folder, file), "%s", value);
	check(err < 0, "\"%.40s\" was taken for %s", value, rs_path(folder, file));
	check(!expected || err == expected, "\"%.40s\" for %s: %s", value,
	      rs_path(folder, file), strerror(-err));
	try_read(rs_path(folder, file), after, sizeof(after));
	check(!strcmp(before, after), "\"%.40s\" has changed %s", value,
	      rs_path(folder, file));
}

struct bad {
	const char *file;
	const char *values[10];
};

static void all_refused(const char *folder, const struct bad *bad,
			unsigned int nr)
{
	unsigned int i, j;

	for (i = 0; i < nr; i++)
		for (j = 0; j < ARRAY_SIZE(bad->values); j++)
			if (bad[i].values[j])
				refused(folder, bad[i].file, bad[i].values[j], 0);
}

static const char longer[] =
	"a-name-that-is-longer-than-any-name-of-a-machine-may-be-in-a-certificate-or-anywhere";

SCENARIO(rs_bad_config, 30, RS,
	 "settings that make no sense are refused, and nothing has changed")
{
	static const struct bad of_peers[] = {
		{ "address", { "\n", "1.2.3", "1.2.3.4.5", "300.1.1.1", "host",
			       "::1::", "0.0.0.0", "224.0.0.1" } },
		{ "port", { "\n", "0", "65536", "-1", "x", "99999999999" } },
		{ "security", { "\n", "none", "TLS!", "insecur" } },
		{ "soft_ms", { "\n", "0", "-5", "x", "99999999999" } },
		{ "hard_ms", { "\n", "0", "-5", "x", "99999999999" } },
		{ "quota", { "\n", "-1", "x", "99999999999999999999" } },
		{ "borrow", { "\n", "2", "-1", "yess" } },
		{ "servername", { longer } },
	};
	static const struct bad of_the_lender[] = {
		{ "listen", { "x", "1.2.3.4:99999", "1.2.3.4:0", "1.2.3.4:",
			      "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5",
			      "[::1", "1.2.3.4:20612x" } },
		{ "percent", { "\n", "0", "101", "-1", "x" } },
		{ "headroom_percent", { "\n", "101", "-1", "x" } },
		{ "threads", { "\n", "0", "-1", "100000", "x" } },
		{ "enabled", { "\n", "2", "-1", "x" } },
	};

	rs_ready();
	rs_peer_add(&(struct rs_peer){ .name = "bad", .address = RS_HERE });
	all_refused("bad", of_peers, ARRAY_SIZE(of_peers));
	all_refused("lender", of_the_lender, ARRAY_SIZE(of_the_lender));
	check(mkdir(rs_path("lender", ""), 0755) && errno == EEXIST,
	      "a peer could take the name of the lender");
	check(rmdir(rs_path("lender", "")), "the lender could be removed");
	check(mkdir(rs_path(longer, ""), 0755), "a name of any length is taken");
}

/* A value that is taken is shown as it was written, without the blanks around it. */
static void taken(const char *folder, const char *file, const char *value,
		  const char *shown)
{
	char after[256];
	int err = try_write(rs_path(folder, file), "%s", value);

	check(err >= 0, "\"%s\" was not taken for %s: %s", value,
	      rs_path(folder, file), strerror(-err));
	if (try_read(rs_path(folder, file), after, sizeof(after)) < 0)
		fail("cannot read %s", rs_path(folder, file));
	after[strcspn(after, "\n")] = 0;
	check(!strcmp(after, shown), "\"%s\" became \"%s\"", value, after);
}

SCENARIO(rs_good_config, 30, RS,
	 "settings are understood in all the forms that are documented")
{
	rs_ready();
	if (mkdir(rs_path("good", ""), 0755))
		fail_errno("mkdir");
	taken("good", "address", "192.0.2.1", "192.0.2.1");
	taken("good", "address", " 192.0.2.2 \n", "192.0.2.2");
	taken("good", "address", "2001:db8:0::0001", "2001:db8:0::0001");
	taken("good", "address", "[2001:db8::2]", "[2001:db8::2]");
	taken("good", "address", "fe80::1%lo", "fe80::1%lo");
	refused("good", "address", "fe80::1", -EINVAL);
	refused("good", "address", "fe80::1%nowhere", -EINVAL);
	refused("good", "address", "::ffff:192.0.2.1", -EINVAL);
	refused("good", "address", "[192.0.2.1]", -EINVAL);
	refused("good", "address", "[2001:db8::1]:5", -EINVAL);
	refused("good", "address", "192.0.2.1:5", -EINVAL);
	refused("good", "address", "ff02::1", -EINVAL);
	refused("good", "address", "::", -EINVAL);
	taken("good", "address", "[fe80:0000:0000:0000:0000:0000:0000:0001%0000000001]",
	      "[fe80:0000:0000:0000:0000:0000:0000:0001%0000000001]");
	taken("good", "security", "insecure\n", "insecure");
	taken("good", "security", " tls", "tls");
	taken("good", "port", "4000", "4000");
	taken("good", "servername", "lender.example.org", "lender.example.org");
	refused("good", "servername", "a b", -EINVAL);
	taken("good", "servername", "\n", "");
	taken("lender", "listen",
	      "192.0.2.2  [2001:db8::2]:4000\t2001:db8::3 [::]",
	      "192.0.2.2  [2001:db8::2]:4000\t2001:db8::3 [::]");
	refused("lender", "listen", "192.0.2.2 192.0.2.2:20612", -EINVAL);
	refused("lender", "listen", "192.0.2.3 2001:db8::1:", -EINVAL);
	taken("lender", "listen", "\n", "");
	refused("good", "state", "up", 0);
	rs_peer_remove("good");
}

SCENARIO(rs_late_config, 30, RS,
	 "what is in use cannot be changed, and what is missing cannot be used")
{
	rs_ready();
	refused("lender", "enabled", "1", 0);	/* where? */
	if (mkdir(rs_path("late", ""), 0755))
		fail_errno("mkdir");
	refused("late", "borrow", "1", 0);	/* from whom? */
	refused("late", "quota", "1", 0);
	rs_peer_remove("late");
	rs_self();
	refused("self", "address", "127.0.0.2", 0);
	refused("self", "port", "1000", 0);
	refused("self", "security", "tls", 0);
	refused("self", "soft_ms", "77", 0);
	refused("self", "hard_ms", "7777", 0);
	refused("lender", "listen", "127.0.0.2", 0);
	refused("lender", "percent", "11", 0);
	refused("lender", "threads", "3", 0);
	check(rs_peer_up("self", 1), "refusals have disturbed the lender");
	/* The same again is no change. */
	write_file(rs_path("self", "borrow"), "0");
	write_file(rs_path("self", "borrow"), "1");
	check(rs_peer_up("self", 5), "the lender does not come up again");
}

SCENARIO(rs_many_peers, 60, RS,
	 "more peers than there may be; all go again")
{
	unsigned int made = 0, i;
	char name[16];

	rs_ready();
	rs_lend(RS_HERE);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "peer%u", i);
		if (mkdir(rs_path(name, ""), 0755))
			break;
		made++;
		write_file(rs_path(name, "address"), "127.0.%u.%u", i / 250,
			   i % 250 + 1);
		write_file(rs_path(name, "security"), "insecure");
		if (i % 50 == 0)
			write_file(rs_path(name, "quota"), "1");
		if (i % 50 == 0)
			try_write(rs_path(name, "borrow"), "1");
	}
	say("%u peers", made);
	for (i = 0; i < made; i++) {
		snprintf(name, sizeof(name), "peer%u", i);
		rs_peer_remove(name);
	}
	check(made >= 200, "only %u peers", made);
}

SCENARIO_FULL(rs_off, 30, RS, NULL, "zcache=1 ramster=0",
	 "not asked for on the boot line: nothing is there")
{
	if (mount("configfs", "/sys/kernel/config", "configfs", 0, NULL))
		fail_errno("configfs");
	check(!exists("/sys/kernel/config/ramster"), "it is configurable");
	check(!exists(RS_DEBUG), "it has counters");
}
