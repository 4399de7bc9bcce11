// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of a test guest: runs the scenarios that the kernel's command line
 * names and judges them. A scenario is right if it says so itself, the kernel
 * said nothing bad meanwhile, and nothing is left in zcache after it.
 *
 * What happened goes line by line to a port of its own (env.verdict), where
 * neither the kernel nor a scenario's chatter can imitate it:
 *
 *	begin NAME SECONDS		the limit
 *	fail NAME REASON
 *	end NAME ok|little|fail SECONDS VERIFIED HITS
 *	token NONCE OK FAILED VERIFIED	last of all, after the search for leaks
 *
 * No token means that the guest died, hung or was judged unfit to go on;
 * tools/vm.sh believes nothing without it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "ramster.h"

extern const struct scenario *const __start_scenarios[];
extern const struct scenario *const __stop_scenarios[];

static char cmdline[4096];
static int kmsg = -1;
static char kernel_said[256];	/* the first bad line of the kernel's log */

static const struct scenario *find(const char *name)
{
	const struct scenario *const *s;

	for (s = __start_scenarios; s < __stop_scenarios; s++)
		if (!strcmp((*s)->name, name))
			return *s;
	return NULL;
}

/* For the host: one line each, fields separated by tabs. */
static int list(void)
{
	const struct scenario *const *s;

	for (s = __start_scenarios; s < __stop_scenarios; s++)
		printf("%s\t%s\t%s\t%s\t%s\n", (*s)->name,
		       *(*s)->needs ? (*s)->needs : "-",
		       (*s)->expect ? (*s)->expect : "-",
		       (*s)->boot ? (*s)->boot : "-", (*s)->what);
	return 0;
}

/* The value of vm.KEY=VALUE on the kernel's command line, or NULL. */
static char *option(const char *key)
{
	static char copy[sizeof(cmdline)];
	char name[32], *word, *at;
	size_t len = snprintf(name, sizeof(name), "vm.%s=", key);

	strcpy(copy, cmdline);
	for (word = strtok_r(copy, " \n", &at); word;
	     word = strtok_r(NULL, " \n", &at))
		if (!strncmp(word, name, len))
			return word + len;
	return NULL;
}

static unsigned long option_number(const char *key, unsigned long otherwise)
{
	char *value = option(key);

	return value ? strtoul(value, NULL, 0) : otherwise;
}

static bool option_is(const char *key, const char *value)
{
	char *is = option(key);

	return is && !strcmp(is, value);
}

/* ---- The kernel's log ---- */

static bool is_bad(const char *line)
{
	static const char *const bad[] = {
		"BUG:", "WARNING:", "KASAN", "KFENCE", "Oops",
		"kernel BUG at", "INFO: possible", "INFO: rcu", "INFO: task",
		"inconsistent lock", "circular locking", "suspicious RCU",
		"bad unlock balance", "held lock freed", "lock held when",
		"still has locks held", "invalid wait context",
		"general protection", "unable to handle", "stack-protector",
		"Bad page", "Bad rss", "bad pte", "Bad swap", "swap_free",
		"swap_dup", "Unused swap", "list_add corruption",
		"list_del corruption", "refcount_t:", "soft lockup",
		"scheduling while atomic", "sleeping function",
		"page allocation failure",
		"UBSAN", "nobody cared", "double free",
		"Objects remaining",
	};
	unsigned int i;

	/* 64 KiB in a row for a stack, when a scenario has taken all memory. */
	if (strstr(line, "kthreadd: page allocation failure: order:4"))
		return false;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (strstr(line, bad[i]))
			return true;
	return false;
}

static void read_kmsg(void)
{
	char record[8192], *text;
	ssize_t n;

	while ((n = read(kmsg, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;	/* overrun; the taint is still there */
		record[n] = '\0';
		text = strchr(record, ';');
		if (!text || kernel_said[0])
			continue;
		*strchrnul(++text, '\n') = '\0';
		if (is_bad(text))
			snprintf(kernel_said, sizeof(kernel_said), "%s", text);
	}
}

static bool kernel_fine(void)
{
	long taint;

	read_kmsg();
	if (kernel_said[0])
		return false;
	taint = read_number("/proc/sys/kernel/tainted");
	if (taint)
		snprintf(kernel_said, sizeof(kernel_said), "taint %ld", taint);
	return !taint;
}

/* ---- Phases ---- */

static void verdict(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static void verdict(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (write(env.verdict, line, n) != n)
		say("cannot write to the port for results: %s", strerror(errno));
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	fail("signal %d (%s) at address %p", sig, strsignal(sig),
	     info->si_addr);
}

static void become(const char *name, void (*fn)(void))
{
	struct sigaction action = {
		.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO,
	};

	setpgid(0, 0);
	prctl(PR_SET_NAME, name);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	if (exists("/sys/fs/cgroup/cgroup.procs")) {
		cgroup_make("scenario");
		cgroup_enter("scenario");
	}
	fn();
	_exit(0);
}

/* Where does everybody sleep? For the log of a scenario that hangs. */
static void show_tasks(void)
{
	char path[64], stack[4096], comm[32];
	int pid;

	try_write("/proc/sysrq-trigger", "w");
	for (pid = 2; pid < 2000; pid++) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		if (try_read(path, comm, sizeof(comm)) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stack", pid);
		if (try_read(path, stack, sizeof(stack)) > 0)
			dprintf(STDOUT_FILENO, "%d %s%s", pid, comm, stack);
	}
}

/* LITTLE: only zexpect() failed; UNFIT: this kernel proves nothing more. */
enum { DONE, LITTLE, FAILED, UNFIT };
static const char *const result_names[] = { "ok", "little", "fail", "fail" };

/* Run fn() in a process of its own, in bounded time, watching the kernel. */
static int phase(const char *name, void (*fn)(void), unsigned int seconds)
{
	struct pollfd fds = { .fd = kmsg, .events = POLLIN };
	struct box box = box_start(seconds);
	int pid, got, status;

	pid = fork();
	if (!pid)
		become(name, fn);
	for (;;) {
		read_kmsg();
		while ((got = waitpid(-1, &status, WNOHANG)) > 0 && got != pid)
			;	/* orphans */
		if (got == pid)
			break;
		if (!box_open(&box)) {
			verdict("fail %s hangs: not done after %u seconds\n",
				name, seconds);
			show_tasks();
			return UNFIT;
		}
		poll(&fds, 1, 50);
	}
	if (!kernel_fine()) {
		verdict("fail %s kernel: %s\n", name, kernel_said);
		return UNFIT;
	}
	if (WIFSIGNALED(status)) {
		verdict("fail %s killed by signal %d\n", name, WTERMSIG(status));
		return FAILED;
	}
	if (!WEXITSTATUS(status))
		return DONE;
	return shared->failed && !shared->wrong ? LITTLE : FAILED;
}

static const struct scenario *current;

static void after(void)
{
	if (!current->boot)
		settings_reset();
	rs_reset();
	/* What a failed scenario left: its pages would have to fit in memory. */
	umount(TEST_TMPFS);
	swap_off_all();
	umount(TEST_FILES);
	fs_reset();
	zc_empty("after the last swapoff");
	zc_validate();
	if (exists("/sys/fs/cgroup/scenario/memory.zswap.current"))
		check(!cgroup_charged("scenario"),
		      "%ld bytes are still charged, and nothing is stored",
		      cgroup_charged("scenario"));
}

static void kill_all(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int run(const struct scenario *s)
{
	unsigned long verified = shared->verified;
	int result, cleanup;
	double start = now();
	long hits;

	current = s;
	env.scenario = s->name;
	shared->failed = 0;
	shared->wrong = false;
	try_write("/dev/kmsg", "vm: begin %s\n", s->name);
	verdict("begin %s %u\n", s->name, s->seconds);
	/* What the boot line has set is just what is looked at. */
	result = s->boot ? DONE : phase(s->name, settings_reset, 60);
	hits = zc("hits") + zc_file("hits");
	if (result == DONE)
		result = phase(s->name, s->run, s->seconds);
	if (result != UNFIT && !s->expect) {
		kill_all();
		cleanup = phase(s->name, after, 60);
		if (cleanup > result)
			result = cleanup;
	}
	verdict("end %s %s %.1f %lu %ld\n", s->name,
		result_names[result], now() - start,
		shared->verified - verified, zc("hits") + zc_file("hits") - hits);
	env.scenario = "init";
	return result;
}

/* ---- Leaks ---- */

#define KMEMLEAK "/sys/kernel/debug/kmemleak"

/* Whoever leaked: kmemleak notes the name of the process, the scenario's. */
static bool leaks(void)
{
	char text[4096], *comm, *end;
	int i, n;

	if (!exists(KMEMLEAK))
		return false;
	/* It ignores what is younger than 5 s, and reports from the second
	 * scan on; a third one forgets what was only moving about.
	 */
	sleep(6);
	for (i = 0; i < 3; i++) {
		write_file(KMEMLEAK, "scan");
		n = try_read(KMEMLEAK, text, sizeof(text));
		if (i && !n)
			return false;
	}
	if (!n)
		return false;
	say("kmemleak:\n%s", text);
	dprintf(STDOUT_FILENO, "%s\n", text);
	comm = strstr(text, "comm \"");
	end = comm ? strchr(comm + 6, '"') : NULL;
	if (end)
		*end = '\0';
	verdict("fail %s kmemleak: memory that nothing refers to\n",
		end ? comm + 6 : "(leaks)");
	return true;
}

/* lockdep gives up silently when its tables are full. */
static bool lockdep_gave_up(void)
{
	char text[8192], *line;

	if (try_read("/proc/lockdep_stats", text, sizeof(text)) <= 0)
		return false;
	line = strstr(text, "debug_locks:");
	if (!line || strtol(line + 12, NULL, 10) == 1)
		return false;
	verdict("fail (lockdep) it has turned itself off\n");
	return true;
}

/* ---- Boot and shut down ---- */

static void mount_one(const char *type, const char *dir)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, 0, NULL) && errno != EBUSY)
		say("no %s on %s: %s", type, dir, strerror(errno));
}

static void mounts(void)
{
	mount_one("devtmpfs", "/dev");
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("debugfs", "/sys/kernel/debug");
	mount_one("cgroup2", "/sys/fs/cgroup");
	mount_one("tmpfs", "/tmp");
	if (exists("/sys/fs/cgroup/cgroup.controllers"))
		try_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
}

/* The same names for disks in all guests: vm.disks=vda,vdb,... */
static void name_disks(void)
{
	char *disk = option("disks"), *at, path[64], name[64];
	int i = 0;

	for (disk = strtok_r(disk, ",", &at); disk;
	     disk = strtok_r(NULL, ",", &at)) {
		snprintf(path, sizeof(path), "/dev/%s", disk);
		snprintf(name, sizeof(name), "/dev/swap%d", i++);
		if (symlink(path, name) && errno != EEXIST)
			say("no %s: %s", name, strerror(errno));
		/* One of each sort: slots are allocated differently. */
		snprintf(path, sizeof(path), "/sys/block/%s/queue/rotational",
			 disk);
		if (i <= 2)
			try_write(path, "%d", i == 1);
	}
}

/* File systems have names: vm.fs=ext4:vdd,xfs:vde,... */
static void name_file_systems(void)
{
	char *word = option("fs"), *at, *disk, path[64], name[64];

	for (word = strtok_r(word, ",", &at); word;
	     word = strtok_r(NULL, ",", &at)) {
		disk = strchr(word, ':');
		if (!disk)
			continue;
		*disk++ = '\0';
		snprintf(path, sizeof(path), "/dev/%s", disk);
		snprintf(name, sizeof(name), "/dev/fs-%s", word);
		if (symlink(path, name) && errno != EEXIST)
			say("no %s: %s", name, strerror(errno));
	}
}

static int open_port(void)
{
	const char *port = option("verdict");
	struct termios raw;
	int fd = open(port ? port : "/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && !tcgetattr(fd, &raw)) {
		cfmakeraw(&raw);
		tcsetattr(fd, TCSANOW, &raw);
	}
	return fd;
}

static void setup(void)
{
	int console;

	mounts();
	console = open("/dev/console", O_RDWR);
	if (console >= 0) {
		dup2(console, 0);
		dup2(console, 1);
		dup2(console, 2);
	}
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE,
		      -1, 0);
	try_read("/proc/cmdline", cmdline, sizeof(cmdline));
	env.seed = option_number("seed", 1);
	env.box = option_number("box", env.box);
	env.plain = option_number("plain", 0);
	env.cpus = sysconf(_SC_NPROCESSORS_ONLN);
	env.uml = option_number("uml", 0);
	env.net = strdup(option("net") ?: "");
	env.verdict = open_port();
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	name_disks();
	name_file_systems();
	/* An emulated CPU is slow, and its host may have other work. */
	try_write("/proc/sys/kernel/watchdog_thresh", "60");
	try_write("/proc/sys/kernel/hung_task_timeout_secs", "120");
	/*
	 * UML's disk driver allocates per request and takes long to recover.
	 * With KASAN it needs kernel stacks of 64 KiB as well: what a boosted
	 * watermark keeps free is then refused to new kernel threads.
	 */
	if (env.uml) {
		try_write("/proc/sys/vm/min_free_kbytes", "16384");
		try_write("/proc/sys/vm/watermark_boost_factor", "0");
	}
	if (option("lru") &&
	    try_write("/sys/kernel/mm/lru_gen/enabled", "%s", option("lru")))
		say("this kernel has no multi-generational LRU");
}

static void __attribute__((noreturn)) leave(void)
{
	sync();
	tcdrain(env.verdict);
	/* The emulator is told to exit instead of rebooting. */
	reboot(env.uml ? RB_POWER_OFF : RB_AUTOBOOT);
	for (;;)
		pause();
}

static void __attribute__((noreturn)) become_shell(void)
{
	int tty;

	/* A terminal of its own, or Ctrl-C would not reach what runs in it. */
	setsid();
	tty = open("/dev/ttyS0", O_RDWR);
	if (tty >= 0) {
		ioctl(tty, TIOCSCTTY, 1);
		dup2(tty, 0);
		dup2(tty, 1);
		dup2(tty, 2);
	}
	setenv("PATH", "/bin", 1);
	setenv("PS1", "guest# ", 1);
	execl("/bin/busybox", "sh", NULL);
	say("no shell in this image: %s", strerror(errno));
	_exit(1);
}

static void shell(void)
{
	static char *const install[] = {
		"/bin/busybox", "--install", "-s", "/bin", NULL,
	};

	if (!fork())
		_exit(execv(install[0], install));
	wait(NULL);
	swap_start(disk0);
	say("zcache: /sys/kernel/debug/zcache, /sys/module/zcache/parameters");
	if (!fork())
		become_shell();
	while (wait(NULL) > 0)
		;
}

static void test(void)
{
	char names[2048], *name, *at;
	unsigned int ok = 0, failed = 0;
	const struct scenario *s;
	int result;

	snprintf(names, sizeof(names), "%s", option("run") ?: "");
	say("seed %lu, %u CPUs, %lu MiB available", (unsigned long)env.seed,
	    env.cpus, mem_available() / 256);
	if (!kernel_fine()) {
		verdict("fail (boot) kernel: %s\n", kernel_said);
		return;
	}
	for (name = strtok_r(names, ",", &at); name;
	     name = strtok_r(NULL, ",", &at)) {
		s = find(name);
		if (!s) {
			verdict("fail %s there is no such scenario\n", name);
			return;
		}
		result = run(s);
		if (result == UNFIT)
			return;
		if (result == DONE)
			ok++;
		else
			failed++;
	}
	if (leaks() || lockdep_gave_up())
		return;
	if (!kernel_fine()) {
		verdict("fail (end) kernel: %s\n", kernel_said);
		return;
	}
	verdict("token %s %u %u %lu\n", option("nonce") ?: "-", ok, failed,
		shared->verified);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 3 && !strcmp(argv[1], "--make-files"))
		return files_make(argv[2]);
	if (getpid() != 1) {
		fprintf(stderr, "usage: %s --list | --make-files DIR; everything else as PID 1 of a guest (tools/vm.sh)\n",
			argv[0]);
		return 2;
	}
	setup();
	if (option_is("run", "(shell)"))
		shell();
	else
		test();
	leave();
}
