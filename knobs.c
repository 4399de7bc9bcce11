// SPDX-License-Identifier: GPL-2.0-only
/*
 * Knobs of zcache
 *
 * One table serves the boot line, the module parameters and debugfs. A bad
 * value changes nothing and gets one line in the log that says what is allowed.
 *
 * While the boot line is read only the form of a value can be checked;
 * zcache_knobs_ready() marks the moment from which setting a knob takes effect.
 *
 * Lock: zcache_knob_lock, around every change and what it starts.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/cleancache.h>
#include <linux/cleanup.h>
#include <linux/frontswap.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "zcache.h"

static DEFINE_MUTEX(zcache_knob_lock);
static bool zcache_is_ready;

bool zcache_enabled;
char zcache_compressor[CRYPTO_MAX_ALG_NAME] = ZCACHE_DEFAULT_COMPRESSOR;

/*
 * A safety limit, in percent of all memory. The best share depends on the load: for files
 * that are read again and again it is nearly all of memory (bench/ceiling.c).
 */
#define ZCACHE_MIN_PERCENT	1
#define ZCACHE_MAX_PERCENT	80
unsigned int zcache_max_pool_percent = 80;

/* As of zswap: when the pool is full, swap pages are written until it is not. */
#define ZCACHE_MIN_THRESHOLD	1
#define ZCACHE_MAX_THRESHOLD	100
unsigned int zcache_accept_threshold = 90;

bool zcache_writeback = IS_ENABLED(CONFIG_ZCACHE_WRITEBACK);

enum zcache_admission zcache_file_admission = ZCACHE_ADMIT_AUTO;
enum zcache_admission zcache_swap_admission = ZCACHE_ADMIT_AUTO;

static const char * const zcache_admission_names[] = {
	[ZCACHE_ADMIT_AUTO] = "auto",
	[ZCACHE_ADMIT_ALWAYS] = "always",
	[ZCACHE_ADMIT_NEVER] = "never",
};

static int zcache_set_enabled(const char *val)
{
	bool on;
	int err = 0;

	if (kstrtobool(val, &on)) {
		pr_err("enabled: '%s' is not allowed, 0 and 1 are\n", val);
		return -EINVAL;
	}
	if (zcache_is_ready && on)
		err = zcache_start();
	else if (zcache_is_ready)
		zcache_stop();
	if (!err)
		zcache_enabled = on;
	return err;
}

static int zcache_get_enabled(char *buf)
{
	return sysfs_emit(buf, "%d\n", zcache_enabled);
}

static int zcache_set_compressor(const char *val)
{
	int err;

	if (!*val || strlen(val) >= sizeof(zcache_compressor)) {
		pr_err("compressor: '%s' is no name of a compressor\n", val);
		return -EINVAL;
	}
	if (!strcmp(val, zcache_compressor))
		return 0;
	if (zcache_is_ready) {
		if (frontswap_state() != FRONTSWAP_OFF ||
		    cleancache_state() != CLEANCACHE_OFF) {
			pr_err("compressor: cannot change from %s to %s while pages may be stored: write 0 to enabled and wait until the state is off\n",
			       zcache_compressor, val);
			return -EBUSY;
		}
		err = zcache_compressor_check(val);
		if (err)
			return err;
	}
	strscpy(zcache_compressor, val);
	return 0;
}

static int zcache_get_compressor(char *buf)
{
	return sysfs_emit(buf, "%s\n", zcache_compressor);
}

static int zcache_set_number(const char *name, const char *val,
			     unsigned int first, unsigned int last,
			     unsigned int *number)
{
	unsigned int n;

	if (kstrtouint(val, 0, &n) || n < first || n > last) {
		pr_err("%s: '%s' is not allowed, %u to %u are\n", name, val,
		       first, last);
		return -EINVAL;
	}
	WRITE_ONCE(*number, n);
	return 0;
}

static int zcache_set_max_pool_percent(const char *val)
{
	int err = zcache_set_number("max_pool_percent", val, ZCACHE_MIN_PERCENT,
				    ZCACHE_MAX_PERCENT, &zcache_max_pool_percent);

	/* Down to a lower limit. */
	if (!err && zcache_is_ready)
		zcache_writeback_wake(false);
	return err;
}

static int zcache_get_max_pool_percent(char *buf)
{
	return sysfs_emit(buf, "%u\n", zcache_max_pool_percent);
}

/* The first @nr of the names are allowed, in words: @allowed. */
static int zcache_set_admission(const char *name, const char *val, size_t nr,
				const char *allowed,
				enum zcache_admission *admission)
{
	int n = match_string(zcache_admission_names, nr, val);

	if (n < 0) {
		pr_err("%s: '%s' is not allowed, %s are\n", name, val, allowed);
		return -EINVAL;
	}
	WRITE_ONCE(*admission, n);
	return 0;
}

static int zcache_set_file_admission(const char *val)
{
	return zcache_set_admission("file_admission", val,
				    ARRAY_SIZE(zcache_admission_names),
				    "auto, always and never",
				    &zcache_file_admission);
}

static int zcache_get_file_admission(char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  zcache_admission_names[zcache_file_admission]);
}

/* Not never: that is what nofrontswap is for. */
static int zcache_set_swap_admission(const char *val)
{
	return zcache_set_admission("swap_admission", val, ZCACHE_ADMIT_NEVER,
				    "auto and always", &zcache_swap_admission);
}

static int zcache_get_swap_admission(char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  zcache_admission_names[zcache_swap_admission]);
}

static int zcache_set_accept_threshold(const char *val)
{
	return zcache_set_number("accept_threshold_percent", val,
				 ZCACHE_MIN_THRESHOLD, ZCACHE_MAX_THRESHOLD,
				 &zcache_accept_threshold);
}

static int zcache_get_accept_threshold(char *buf)
{
	return sysfs_emit(buf, "%u\n", zcache_accept_threshold);
}

static int zcache_set_writeback(const char *val)
{
	bool on;

	if (kstrtobool(val, &on)) {
		pr_err("writeback: '%s' is not allowed, 0 and 1 are\n", val);
		return -EINVAL;
	}
	if (on && !IS_ENABLED(CONFIG_ZCACHE_WRITEBACK)) {
		pr_err("writeback: this kernel has none, CONFIG_ZCACHE_WRITEBACK is not set\n");
		return -EOPNOTSUPP;
	}
	WRITE_ONCE(zcache_writeback, on);
	return 0;
}

static int zcache_get_writeback(char *buf)
{
	return sysfs_emit(buf, "%d\n", zcache_writeback);
}

static int zcache_set_drain(const char *val)
{
	unsigned int percent;
	int err;

	err = zcache_set_number("drain", val, 0, 100, &percent);
	if (!err)
		zcache_writeback_drain(totalram_pages() * percent / 100);
	return err;
}

static int zcache_get_drain(char *buf)
{
	return sysfs_emit(buf, "%lu\n", zcache_frame_pages(TMEM_PERSISTENT) *
			  100 / totalram_pages());
}

const struct zcache_knob zcache_knobs[] = {
	{ "enabled", zcache_set_enabled, zcache_get_enabled },
	{ "compressor", zcache_set_compressor, zcache_get_compressor },
	{ "max_pool_percent", zcache_set_max_pool_percent,
	  zcache_get_max_pool_percent },
	{ "file_admission", zcache_set_file_admission,
	  zcache_get_file_admission },
	{ "accept_threshold_percent", zcache_set_accept_threshold,
	  zcache_get_accept_threshold },
	{ "writeback", zcache_set_writeback, zcache_get_writeback },
	{ "drain", zcache_set_drain, zcache_get_drain },
	{ "swap_admission", zcache_set_swap_admission,
	  zcache_get_swap_admission },
};

const unsigned int zcache_nr_knobs = ARRAY_SIZE(zcache_knobs);

/**
 * zcache_knob_set() - set a knob
 * @knob: the knob
 * @val: the new value, surrounding white space is ignored
 *
 * Context: May sleep.
 * Return: 0, or -errno with nothing changed and a line in the log.
 */
int zcache_knob_set(const struct zcache_knob *knob, const char *val)
{
	char copy[ZCACHE_KNOB_LEN];

	/* On the stack: there is no slab yet when the boot line is read. */
	if (strscpy(copy, val) < 0) {
		pr_err("%s: the value is too long\n", knob->name);
		return -EINVAL;
	}
	guard(mutex)(&zcache_knob_lock);
	return knob->set(strim(copy));
}

/**
 * zcache_knob_get() - print the value of a knob
 * @knob: the knob
 * @buf: PAGE_SIZE bytes
 *
 * Context: May sleep.
 * Return: the length.
 */
int zcache_knob_get(const struct zcache_knob *knob, char *buf)
{
	guard(mutex)(&zcache_knob_lock);
	return knob->get(buf);
}

static int zcache_param_set(const char *val, const struct kernel_param *kp)
{
	return zcache_knob_set(kp->arg, val);
}

static int zcache_param_get(char *buf, const struct kernel_param *kp)
{
	return zcache_knob_get(kp->arg, buf);
}

static const struct kernel_param_ops zcache_param_ops = {
	.set = zcache_param_set,
	.get = zcache_param_get,
};

module_param_cb(enabled, &zcache_param_ops, (void *)&zcache_knobs[0], 0644);
module_param_cb(compressor, &zcache_param_ops, (void *)&zcache_knobs[1], 0644);
module_param_cb(max_pool_percent, &zcache_param_ops, (void *)&zcache_knobs[2],
		0644);
module_param_cb(file_admission, &zcache_param_ops, (void *)&zcache_knobs[3],
		0644);
module_param_cb(accept_threshold_percent, &zcache_param_ops,
		(void *)&zcache_knobs[4], 0644);
module_param_cb(writeback, &zcache_param_ops, (void *)&zcache_knobs[5], 0644);
module_param_cb(drain, &zcache_param_ops, (void *)&zcache_knobs[6], 0644);
module_param_cb(swap_admission, &zcache_param_ops, (void *)&zcache_knobs[7],
		0644);

static bool __init zcache_is_one_of(const char *arg, const char * const *list)
{
	for (; *list; list++)
		if (!strcasecmp(arg, *list))
			return true;
	return false;
}

static void __init zcache_unknown_parameter(const char *name)
{
	unsigned int i, len = 0;
	char known[128];

	for (i = 0; i < zcache_nr_knobs; i++)
		len += scnprintf(known + len, sizeof(known) - len, " zcache.%s",
				 zcache_knobs[i].name);
	pr_warn("there is no parameter zcache%s; known are:%s\n", name, known);
}

/*
 * zcache, zcache=0, zcache=1, zcache=<compressor>. Parameters of the form
 * zcache.name have been taken before, so whatever comes here with a dot is
 * unknown.
 */
static int __init zcache_boot(char *arg)
{
	static const char * const yes[] = {
		"", "1", "y", "yes", "on", "true", NULL
	};
	static const char * const no[] = {
		"0", "n", "no", "off", "false", NULL
	};

	if (*arg == '.') {
		zcache_unknown_parameter(arg);
		return 1;
	}
	if (*arg && *arg != '=')
		return 0;
	if (*arg)
		arg++;

	if (zcache_is_one_of(arg, yes))
		zcache_enabled = true;
	else if (zcache_is_one_of(arg, no))
		zcache_enabled = false;
	else
		zcache_enabled = !zcache_set_compressor(arg);
	return 1;
}
__setup("zcache", zcache_boot);

/**
 * zcache_knobs_ready() - from now on knobs take effect
 *
 * Starts zcache if the boot line asked for it. A compressor that cannot be used
 * is replaced by the default.
 */
void __init zcache_knobs_ready(void)
{
	guard(mutex)(&zcache_knob_lock);
	zcache_is_ready = true;
	if (!zcache_enabled)
		return;
	if (zcache_compressor_check(zcache_compressor))
		strscpy(zcache_compressor, ZCACHE_DEFAULT_COMPRESSOR);
	zcache_enabled = !zcache_start();
}
