// SPDX-License-Identifier: GPL-2.0
/*
 * RAMster: TLS with real certificates, and the real tlshd of Debian 13.
 *
 * Two machines, each with a tlshd of its own. The near one is alpha and borrows, the
 * far one is beta and lends. tools/tlshd.sh has made their certificates and
 * configurations as the admin guide says, and others that are wrong in one way each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "ramster.h"

#define TLSHD_NEEDS	RS " tlshd"

/* A certificate that expires is valid for one day. */
#define DAY		(24 * 60 * 60)

/**
 * struct trial - two machines that shall come together, or not
 * @borrower: folder of its certificate and tlshd.conf
 * @lender: of the same
 * @who: the one of the two whose tlshd refuses
 * @says: why, as the admin guide has it
 * @error: that the kernel of the borrower reports
 * @servername: that the certificate of the lender must have
 * @days: that have gone since the certificates were made
 */
struct trial {
	const char *borrower;
	const char *lender;
	const char *who;
	const char *says;
	int error;
	const char *servername;
	int days;
};

static const struct trial *trial;

static const char *log_of(const char *machine)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/%s.log", machine);
	return path;
}

static bool tlshd_said(const char *machine, const char *text)
{
	char log[32768];

	return try_read(log_of(machine), log, sizeof(log)) > 0 &&
	       strstr(log, text);
}

static void show_log(const char *machine)
{
	char log[32768], *line, *at;

	if (try_read(log_of(machine), log, sizeof(log)) <= 0)
		return;
	for (line = strtok_r(log, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
		say("%s: %s", machine, line);
}

/* Nothing of it is swapped, as the guide says: it would wait for itself. */
static void become_tlshd(void *machine)
{
	char conf[64];
	int log = open(log_of(machine), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	cgroup_make("tlshd");
	cgroup_set("tlshd", "memory.swap.max", "0");
	cgroup_enter("tlshd");
	snprintf(conf, sizeof(conf), "/%s/tlshd.conf", (const char *)machine);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	if (chroot(fs_path(fs_find("tlshd"), "")) || chdir("/"))
		fail_errno("no root for tlshd");
	execl("/usr/sbin/tlshd", "tlshd", "-s", "-c", conf, NULL);
	fail_errno("tlshd");
}

/* Does anybody listen to the kernel's requests in this network namespace? */
static bool tlshd_listens(void)
{
	unsigned int protocol, groups;
	char line[256];
	bool found = false;
	FILE *f = fopen("/proc/net/netlink", "re");

	if (!f)
		fail_errno("/proc/net/netlink");
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %u %*u %x", &protocol, &groups) == 2 &&
			protocol == NETLINK_GENERIC && groups;
	fclose(f);
	return found;
}

static int tlshd_start(const char *machine)
{
	struct box box = box_start(20);
	int pid = spawn(become_tlshd, (void *)machine);

	while (!tlshd_listens()) {
		check(box_open(&box), "tlshd of %s does not start", machine);
		nap(20);
	}
	return pid;
}

/* So many days after the certificates were made. */
static void clock_at(int days)
{
	struct timespec time = { 0 };
	struct stat st;

	if (stat(fs_path(fs_find("tlshd"), "alpha/alpha.pem"), &st))
		fail_errno("no certificate");
	time.tv_sec = st.st_mtime + days * DAY;
	if (clock_settime(CLOCK_REALTIME, &time))
		fail_errno("cannot set the clock");
}

static void far_starts(void)
{
	tlshd_start(trial->lender);
	rs_lend(RS_FAR);
}

/*
 * Named after the scenario, so that what the kernel says of it is not of another one.
 * Handshakes take their time here: the limits are those of real machines.
 */
static void lender_add(void)
{
	const char *name = env.scenario;
	const struct rs_peer lender = {
		.name = name, .address = RS_FAR, .security = "tls",
	};

	rs_peer_add(&lender);
	write_file(rs_path(name, "hard_ms"), "5000");
	write_file(rs_path(name, "soft_ms"), "1000");
	write_file(rs_path(name, "servername"), "%s\n", trial->servername);
	write_file(rs_path(name, "borrow"), "1");
}

static int machines_start(const struct trial *these)
{
	static const struct rs_peer borrower = {
		.name = "borrower", .address = RS_NEAR, .security = "tls",
		.quota = 64,
	};
	int pid;

	trial = these;
	fs_mount(fs_find("tlshd"));
	clock_at(trial->days);
	rs_ready();
	pid = tlshd_start(trial->borrower);
	rs_far_begin(far_starts);
	rs_peer_add(&borrower);
	lender_add();
	return pid;
}

static void expect_up(void)
{
	if (rs_peer_up(env.scenario, 20))
		return;
	show_log(trial->borrower);
	show_log(trial->lender);
	fail("the lender does not come up");
}

/* Some kernels know the names of errors. */
static bool is_refused(void)
{
	char number[32], name[32];

	snprintf(number, sizeof(number), " is down: -%d", trial->error);
	snprintf(name, sizeof(name), " is down: -%s",
		 strerrorname_np(trial->error));
	return tlshd_said(trial->who, trial->says) &&
	       (said_by_kernel(env.scenario, number) ||
		said_by_kernel(env.scenario, name));
}

static void refused(const struct trial *these)
{
	struct box box;

	machines_start(these);
	box = box_start(20);
	while (!is_refused() && box_open(&box))
		check(!rs_peer_up(env.scenario, 0.5), "they have come together");
	if (!is_refused()) {
		show_log(trial->borrower);
		show_log(trial->lender);
		fail("tlshd of %s or the kernel does not say why", trial->who);
	}
	rs_nothing_leaves(env.scenario);
}

/* Records that the kernel has sealed and opened itself. */
static long records(const char *counter)
{
	char text[1024], *at;

	if (try_read("/proc/net/tls_stat", text, sizeof(text)) <= 0)
		fail("the kernel counts no TLS");
	at = strstr(text, counter);
	check(at, "no %s", counter);
	return strtol(at + strlen(counter), NULL, 10);
}

static const struct trial good = {
	"alpha", "beta", .servername = "beta", .days = 2,
};

SCENARIO(rs_tlshd, 90, TLSHD_NEEDS,
	 "certificates of both sides are good: swap and file pages leave and come back")
{
	struct region r;
	struct file f;

	machines_start(&good);
	expect_up();
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, 4 * RS_POOL, TEXT);
	rs_push_and_verify(&r);
	file_create_large(&f, fs_start("ext4"), "large", 4 * RS_POOL, HEAP | TEXT);
	file_verify(&f, READ);
	rs_evict(&f);
	file_verify(&f, READ);
	rs_report();
	zexpect(rs_since("hits") > 100, "only %ld hits", rs_since("hits"));
	rs_never_forged();
	check(records("TlsTxSw") > 0 && records("TlsRxSw") > 0, "without TLS");
	check(!rs_since("lent_rejected"), "%ld calls were rejected",
	      rs_since("lent_rejected"));
}

#define REFUSED(id, text, ...)						\
	SCENARIO(id, 90, TLSHD_NEEDS, text)				\
	{								\
		static const struct trial these = {			\
			__VA_ARGS__, .servername = "beta", .days = 2,	\
		};							\
									\
		refused(&these);					\
	}

REFUSED(rs_tlshd_other_lender,
	"the certificate of the lender is of another authority",
	"alpha", "beta-other", "alpha",
	"The certificate issuer is unknown", EACCES)

REFUSED(rs_tlshd_other_borrower,
	"the certificate of the borrower is of another authority",
	"alpha-other", "beta", "beta",
	"The certificate issuer is unknown", EACCES)

REFUSED(rs_tlshd_old_lender,
	"the certificate of the lender has expired",
	"alpha", "beta-expired", "alpha",
	"The certificate chain uses expired certificate", EACCES)

REFUSED(rs_tlshd_old_borrower,
	"the certificate of the borrower has expired",
	"alpha-expired", "beta", "beta",
	"The certificate chain uses expired certificate", EACCES)

REFUSED(rs_tlshd_wrong_name,
	"the certificate of the lender is that of another machine",
	"alpha", "gamma", "alpha",
	"The name in the certificate does not match the expected", EACCES)

REFUSED(rs_tlshd_no_lender,
	"the lender has no certificate",
	"alpha", "beta-nothing", "beta-nothing",
	"Handshake with 'alpha' (192.0.2.1) failed", ETIMEDOUT)

REFUSED(rs_tlshd_no_borrower,
	"the borrower has no certificate",
	"alpha-nothing", "beta", "alpha-nothing",
	"Handshake with 'beta' (192.0.2.2) failed", EACCES)

SCENARIO(rs_tlshd_clock, 90, TLSHD_NEEDS,
	 "the clock is wrong, then right; the lender is known by its address")
{
	static const struct trial by_address = {
		"alpha", "beta", "alpha",
		"The certificate chain uses not yet valid certificate",
		EACCES, .servername = "", .days = -1000,
	};
	struct box box = box_start(20);

	machines_start(&by_address);
	while (!is_refused()) {
		check(!rs_peer_up(env.scenario, 0.5), "they have come together");
		check(box_open(&box), "tlshd or the kernel does not say why");
	}
	clock_at(2);
	expect_up();
}

SCENARIO(rs_tlshd_restart, 120, TLSHD_NEEDS,
	 "tlshd ends: connections stay, new ones are made when it is back")
{
	struct region r;
	int pid = machines_start(&good);

	expect_up();
	kill(pid, SIGKILL);
	join_status(pid);
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, 4 * RS_POOL, TEXT);
	rs_push_and_verify(&r);
	rs_report();
	zexpect(rs_since("hits") > 100, "only %ld hits", rs_since("hits"));
	rs_never_forged();
	write_file(rs_path(env.scenario, "borrow"), "0");
	write_file(rs_path(env.scenario, "borrow"), "1");
	check(!rs_peer_up(env.scenario, 3), "a connection without a handshake");
	tlshd_start("alpha");
	expect_up();
	region_verify(&r);
}
