// SPDX-License-Identifier: GPL-2.0-only
/*
 * RAMster in configfs: which machines borrow and lend
 *
 *	ramster/		durability
 *	ramster/lender/		listen percent headroom_percent threads enabled
 *	ramster/<peer>/		address port security servername soft_ms hard_ms
 *				quota borrow state stats
 *
 * A peer is another machine, whichever way pages go: borrow=1 sends ours to it, a
 * quota lends memory to it. What works with the settings of a folder is made from a
 * copy of them when one of its switches (borrow, quota, enabled) is turned on, and
 * is gone when the write that turns it off returns. No setting can change while a
 * switch is on. A value that is not allowed changes nothing, and a line in the log
 * says what is.
 *
 * Locks: one mutex per folder, around every access. configfs keeps rmdir apart from
 * reads and writes of the same folder (frag_sem), so nobody else is in a folder that
 * is being dropped; it holds its su_mutex then. Nobody takes su_mutex, or the lock of
 * another folder, under ours. What is waited for under these locks ends by itself:
 * calls to a lender that is dead end after hard_ms.
 *
 * Documented in Documentation/ABI/testing/configfs-ramster.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/cleanup.h>
#include <linux/configfs.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sunrpc/addr.h>
#include <linux/sysfs.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include "proto.h"
#include "ramster.h"

/* The longest value: RAMSTER_MAX_LISTEN of [IPv6 address%interface]:port. */
#define RAMSTER_VALUE_LEN	320

/* The longest text that rpc_pton() takes, and [] around it. */
#define RAMSTER_ADDR_LEN	(INET6_ADDRSTRLEN + IPV6_SCOPE_ID_LEN + sizeof("[]"))

#define RAMSTER_SECURITY_LEN	sizeof("insecure")

/* What the settings allow. */
#define RAMSTER_MIN_MS		10
#define RAMSTER_MAX_MS		60000
#define RAMSTER_MAX_PERCENT	90
#define RAMSTER_MAX_THREADS	64
#define RAMSTER_MAX_QUOTA	(16 << 20)	/* MiB */

/**
 * struct ramster_folder - what all folders have in common
 * @group: in configfs
 * @lock: for everything in the folder
 * @name: for messages
 * @switches: files that must be 0 before a setting is changed, for messages
 * @nr_on: how many of them are not
 */
struct ramster_folder {
	struct config_group group;
	struct mutex lock;	/* see above */
	const char *name;
	const char *switches;
	unsigned int nr_on;
};

/**
 * struct ramster_lender_folder - the lender
 * @folder: in configfs
 * @conf: settings
 * @listen: those of them that are no numbers, as they were written
 * @enabled: the service runs
 */
struct ramster_lender_folder {
	struct ramster_folder folder;
	struct ramster_lender_conf conf;
	char listen[RAMSTER_VALUE_LEN];
	unsigned int enabled;
};

/**
 * struct ramster_peer_folder - a peer
 * @folder: in configfs
 * @conf: settings; the port in its address is not used but @port
 * @address: of the settings, as it was written
 * @security: of the settings, as it was written
 * @port: which may be set before the address is
 * @borrow: we borrow from it
 * @quota: MiB that are lent to it
 * @peer: NULL unless @borrow
 * @client: NULL unless @quota
 */
struct ramster_peer_folder {
	struct ramster_folder folder;
	struct ramster_peer_conf conf;
	char address[RAMSTER_ADDR_LEN];
	char security[RAMSTER_SECURITY_LEN];
	unsigned int port;
	unsigned int borrow;
	unsigned int quota;
	struct ramster_peer *peer;
	struct ramster_client *client;
};

/**
 * struct ramster_file - a file in a folder
 * @name: its name
 * @offset: of its value in the folder, an unsigned int or a text
 * @first: the least that the number may be
 * @last: the most
 * @turn: it is a switch: makes that happen, or says in the log why not
 * @size: room for the text, 0: it is a number
 * @set: looks what the text means, or says in the log why it is not allowed
 */
struct ramster_file {
	const char *name;
	size_t offset;
	unsigned int first;
	unsigned int last;
	int (*turn)(struct ramster_folder *folder, unsigned int on);
	size_t size;
	int (*set)(struct ramster_folder *folder, const char *name, char *val);
};

static struct ramster_folder *to_ramster_folder(struct config_item *item)
{
	return container_of(to_config_group(item), struct ramster_folder, group);
}

static struct ramster_lender_folder *to_ramster_lender(struct ramster_folder *folder)
{
	return container_of(folder, struct ramster_lender_folder, folder);
}

static struct ramster_peer_folder *to_ramster_peer(struct ramster_folder *folder)
{
	return container_of(folder, struct ramster_peer_folder, folder);
}

/*
 * Files
 */

static void *ramster_file_value(struct ramster_folder *folder,
				const struct ramster_file *file)
{
	return (void *)folder + file->offset;
}

static int ramster_set_number(struct ramster_folder *folder,
			      const struct ramster_file *file, const char *val)
{
	unsigned int *number = ramster_file_value(folder, file);
	unsigned int n;
	int err = 0;

	if (kstrtouint(val, 10, &n) || n < file->first || n > file->last) {
		pr_err("%s: %s: '%s' is not allowed, %u to %u are\n", folder->name,
		       file->name, val, file->first, file->last);
		return -EINVAL;
	}
	if (file->turn && n && *number && n != *number) {
		pr_err("%s: %s: is %u and in use, write 0 to it first\n", folder->name,
		       file->name, *number);
		return -EBUSY;
	}
	if (file->turn && n != *number) {
		err = file->turn(folder, n);
		if (!err)
			folder->nr_on += n ? 1 : -1;
	}
	if (!err)
		*number = n;
	return err;
}

/*
 * It is kept as it was written, so that it can be compared with what is to be set. No
 * text that is allowed is too long for that.
 */
static int ramster_set_text(struct ramster_folder *folder,
			    const struct ramster_file *file, const char *page, char *val)
{
	char *text = ramster_file_value(folder, file);
	int err = file->set(folder, file->name, val);

	if (err)
		return err;
	strscpy(text, skip_spaces(page), file->size);
	strim(text);
	return 0;
}

static ssize_t ramster_file_show(struct config_item *item,
				 const struct ramster_file *file, char *page)
{
	struct ramster_folder *folder = to_ramster_folder(item);
	void *value = ramster_file_value(folder, file);

	guard(mutex)(&folder->lock);
	if (file->size)
		return sysfs_emit(page, "%s\n", (char *)value);
	return sysfs_emit(page, "%u\n", *(unsigned int *)value);
}

static ssize_t ramster_file_store(struct config_item *item,
				  const struct ramster_file *file, const char *page,
				  size_t count)
{
	struct ramster_folder *folder = to_ramster_folder(item);
	char buf[RAMSTER_VALUE_LEN];
	char *val;

	/* What is longer, or has a NUL in it, differs in length. */
	if (strscpy(buf, page) != count) {
		pr_err("%s: %s: is too long, up to %zu characters are allowed\n",
		       folder->name, file->name, sizeof(buf) - 1);
		return -EINVAL;
	}
	val = strim(buf);
	guard(mutex)(&folder->lock);
	if (!file->turn && folder->nr_on) {
		pr_err("%s: %s: cannot be changed in use, write 0 to %s first\n",
		       folder->name, file->name, folder->switches);
		return -EBUSY;
	}
	if (file->size)
		return ramster_set_text(folder, file, page, val) ?: count;
	return ramster_set_number(folder, file, val) ?: count;
}

/* configfs does not tell its callbacks which file they are called for. */
#define RAMSTER_FILE(kind, name, ...)						\
static const struct ramster_file ramster_##kind##_##name##_file = {		\
	#name, __VA_ARGS__							\
};										\
										\
static ssize_t ramster_##kind##_##name##_show(struct config_item *item,		\
					      char *page)			\
{										\
	return ramster_file_show(item, &ramster_##kind##_##name##_file, page);	\
}										\
										\
static ssize_t ramster_##kind##_##name##_store(struct config_item *item,	\
					       const char *page, size_t count)	\
{										\
	return ramster_file_store(item, &ramster_##kind##_##name##_file, page,	\
				  count);					\
}										\
CONFIGFS_ATTR(ramster_##kind##_, name)

#define RAMSTER_OFFSET(kind, field)						\
	offsetof(struct ramster_##kind##_folder, field)

/*
 * Texts
 */

/* ASCII letters, digits and what is in @more, fewer than @size; or nothing. */
static bool ramster_is_name(const char *val, const char *more, size_t size)
{
	const char *c;

	for (c = val; *c; c++)
		if (!isascii(*c) || (!isalnum(*c) && !strchr(more, *c)))
			return false;
	return c - val < size;
}

/*
 * Why an address cannot be one of a machine; NULL: it can. All the addresses that
 * this machine has (@any) can be listened to, but are nobody's.
 */
static const char *ramster_addr_objection(const struct sockaddr_storage *addr, bool any)
{
	const struct sockaddr_in6 *sin6 = (const void *)addr;
	__be32 ipv4 = ((const struct sockaddr_in *)addr)->sin_addr.s_addr;
	int type;

	if (addr->ss_family == AF_INET) {
		if (ipv4_is_multicast(ipv4) || ipv4_is_lbcast(ipv4))
			return "is not one of a single machine";
		return ipv4 == htonl(INADDR_ANY) && !any ? "is no machine's" : NULL;
	}
	type = ipv6_addr_type(&sin6->sin6_addr);
	if (type & IPV6_ADDR_MULTICAST)
		return "is not one of a single machine";
	if (type & IPV6_ADDR_MAPPED)
		return "is an IPv4 address, to be written as one";
	if (type & IPV6_ADDR_LINKLOCAL && !sin6->sin6_scope_id)
		return "needs an interface, as in fe80::1%eth0";
	return type == IPV6_ADDR_ANY && !any ? "is no machine's" : NULL;
}

/*
 * ADDR, [ADDR], and with @port, ADDR:PORT (IPv4 only) and [ADDR]:PORT; @port is
 * what it is without. Names are not looked up: that can take for ever, and whoever
 * answers would decide where pages go.
 */
static int ramster_addr(const char *who, const char *what, const char *val,
			unsigned int *port, struct sockaddr_storage *addr)
{
	struct net *net = current->nsproxy->net_ns;
	size_t len = strlen(val);
	const char *text = val, *colon = NULL;
	struct sockaddr_storage ss = {};
	const char *why;

	if (*val == '[') {
		text = val + 1;
		len = strcspn(text, "]");
		if (text[len] == ']' && text[len + 1])
			colon = text + len + 1;
		if (text[len] != ']' || !memchr(text, ':', len))
			goto bad;
	} else if (strchr(val, ':') && strchr(val, ':') == strrchr(val, ':')) {
		colon = strchr(val, ':');
		len = colon - val;
	}
	if (!rpc_pton(net, text, len, (struct sockaddr *)&ss, sizeof(ss)))
		goto bad;
	if (colon && (!port || *colon != ':' || kstrtouint(colon + 1, 10, port) ||
		      !*port || *port > U16_MAX))
		goto bad;
	why = ramster_addr_objection(&ss, port);
	if (why) {
		pr_err("%s: %s: '%s' is not allowed, it %s\n", who, what, val, why);
		return -EINVAL;
	}
	if (port)
		rpc_set_port((struct sockaddr *)&ss, *port);
	*addr = ss;
	return 0;
bad:
	pr_err("%s: %s: '%s' is not allowed, IPv4 and IPv6 addresses %s are, no names\n",
	       who, what, val,
	       port ? "as 192.0.2.1:20612 and [2001:db8::1]:20612, or without a port," :
	       "without a port");
	return -EINVAL;
}

/*
 * The lender
 */

/* All of them or none. */
static int ramster_set_listen(struct ramster_folder *folder, const char *name, char *val)
{
	struct ramster_lender_conf *conf = &to_ramster_lender(folder)->conf;
	struct sockaddr_storage listen[RAMSTER_MAX_LISTEN];
	unsigned int port, i, nr = 0;
	char *one;
	int err;

	while ((one = strsep(&val, " \t\n"))) {
		if (!*one)
			continue;
		if (nr == RAMSTER_MAX_LISTEN) {
			pr_err("%s: %s: up to %d addresses are allowed\n", folder->name,
			       name, RAMSTER_MAX_LISTEN);
			return -EINVAL;
		}
		port = RAMSTER_PORT;
		err = ramster_addr(folder->name, name, one, &port, &listen[nr]);
		if (err)
			return err;
		for (i = 0; i < nr; i++) {
			if (!rpc_cmp_addr_port((struct sockaddr *)&listen[i],
					       (struct sockaddr *)&listen[nr]))
				continue;
			pr_err("%s: %s: '%s' is there twice\n", folder->name, name, one);
			return -EINVAL;
		}
		nr++;
	}
	memcpy(conf->listen, listen, nr * sizeof(*listen));
	conf->nr_listen = nr;
	return 0;
}

static int ramster_turn_lender(struct ramster_folder *folder, unsigned int on)
{
	struct ramster_lender_conf *conf = &to_ramster_lender(folder)->conf;
	int err;

	if (!on) {
		ramster_lender_stop();
		return 0;
	}
	if (!conf->nr_listen) {
		pr_err("lender: enabled: write first to listen where it is to listen\n");
		return -EINVAL;
	}
	err = ramster_lender_start(conf);
	if (err)
		pr_err("lender: enabled: cannot start: %pe\n", ERR_PTR(err));
	return err;
}

RAMSTER_FILE(lender, listen, RAMSTER_OFFSET(lender, listen), .size = RAMSTER_VALUE_LEN,
	     .set = ramster_set_listen);
RAMSTER_FILE(lender, percent, RAMSTER_OFFSET(lender, conf.percent), 1, RAMSTER_MAX_PERCENT);
RAMSTER_FILE(lender, headroom_percent, RAMSTER_OFFSET(lender, conf.headroom_percent),
	     0, RAMSTER_MAX_PERCENT);
RAMSTER_FILE(lender, threads, RAMSTER_OFFSET(lender, conf.threads), 1, RAMSTER_MAX_THREADS);
RAMSTER_FILE(lender, enabled, RAMSTER_OFFSET(lender, enabled), 0, 1, ramster_turn_lender);

static struct configfs_attribute *ramster_lender_attrs[] = {
	&ramster_lender_attr_listen,
	&ramster_lender_attr_percent,
	&ramster_lender_attr_headroom_percent,
	&ramster_lender_attr_threads,
	&ramster_lender_attr_enabled,
	NULL,
};

static const struct config_item_type ramster_lender_type = {
	.ct_attrs = ramster_lender_attrs,
	.ct_owner = THIS_MODULE,
};

/*
 * A peer
 */

static int ramster_set_address(struct ramster_folder *folder, const char *name, char *val)
{
	return ramster_addr(folder->name, name, val, NULL,
			    &to_ramster_peer(folder)->conf.addr);
}

static const char * const ramster_securities[] = {
	[RAMSTER_TLS] = "tls",
	[RAMSTER_INSECURE] = "insecure",
};

static int ramster_set_security(struct ramster_folder *folder, const char *name, char *val)
{
	int n = match_string(ramster_securities, ARRAY_SIZE(ramster_securities), val);

	if (n < 0) {
		pr_err("%s: %s: '%s' is not allowed, tls and insecure are\n",
		       folder->name, name, val);
		return -EINVAL;
	}
	to_ramster_peer(folder)->conf.security = n;
	if (n == RAMSTER_INSECURE)
		pr_warn("%s: INSECURE: whoever has its address can take its place; only for networks that nobody else can reach\n",
			folder->name);
	return 0;
}

static int ramster_set_servername(struct ramster_folder *folder, const char *name, char *val)
{
	if (ramster_is_name(val, "-_.:", RAMSTER_NAME_LEN))
		return 0;
	pr_err("%s: %s: '%s' is not allowed, up to %d letters, digits and -_.: are\n",
	       folder->name, name, val, RAMSTER_NAME_LEN - 1);
	return -EINVAL;
}

static int ramster_turn_borrow(struct ramster_folder *folder, unsigned int on)
{
	struct ramster_peer_folder *p = to_ramster_peer(folder);
	struct ramster_peer_conf conf = p->conf;
	struct ramster_peer *peer;

	if (!on) {
		ramster_peer_stop(p->peer);
		p->peer = NULL;
		return 0;
	}
	if (!conf.addr.ss_family) {
		pr_err("%s: borrow: write first to address where it is\n", folder->name);
		return -EINVAL;
	}
	if (conf.hard_ms < conf.soft_ms) {
		pr_err("%s: borrow: hard_ms (%u) must not be less than soft_ms (%u)\n",
		       folder->name, conf.hard_ms, conf.soft_ms);
		return -EINVAL;
	}
	rpc_set_port((struct sockaddr *)&conf.addr, p->port);
	if (!*conf.servername)
		snprintf(conf.servername, sizeof(conf.servername), "%pISc", &conf.addr);
	peer = ramster_peer_start(&conf);
	if (IS_ERR(peer)) {
		pr_err("%s: borrow: cannot start: %pe\n", folder->name, peer);
		return PTR_ERR(peer);
	}
	p->peer = peer;
	return 0;
}

static int ramster_turn_quota(struct ramster_folder *folder, unsigned int quota)
{
	struct ramster_peer_folder *p = to_ramster_peer(folder);
	struct ramster_client *client;

	if (!quota) {
		ramster_client_deny(p->client);
		p->client = NULL;
		return 0;
	}
	if (!p->conf.addr.ss_family) {
		pr_err("%s: quota: write first to address where it is\n", folder->name);
		return -EINVAL;
	}
	client = ramster_client_allow(folder->name, &p->conf.addr, p->conf.security,
				      (unsigned long)quota << (20 - PAGE_SHIFT));
	if (IS_ERR(client)) {
		pr_err("%s: quota: cannot lend: %pe\n", folder->name, client);
		return PTR_ERR(client);
	}
	p->client = client;
	return 0;
}

static ssize_t ramster_peer_state_show(struct config_item *item, char *page)
{
	struct ramster_folder *folder = to_ramster_folder(item);
	struct ramster_peer *peer;

	guard(mutex)(&folder->lock);
	peer = to_ramster_peer(folder)->peer;
	return sysfs_emit(page, "%s\n", peer ? ramster_peer_state(peer) : "off");
}

static ssize_t ramster_peer_stats_show(struct config_item *item, char *page)
{
	struct ramster_folder *folder = to_ramster_folder(item);
	/* All that printing into one takes: what does not fit is left out. */
	struct seq_file seq = { .buf = page, .size = PAGE_SIZE };
	struct ramster_peer *peer;

	guard(mutex)(&folder->lock);
	peer = to_ramster_peer(folder)->peer;
	if (peer)
		ramster_peer_show(peer, &seq);
	return seq.count;
}

RAMSTER_FILE(peer, address, RAMSTER_OFFSET(peer, address), .size = RAMSTER_ADDR_LEN,
	     .set = ramster_set_address);
RAMSTER_FILE(peer, port, RAMSTER_OFFSET(peer, port), 1, U16_MAX);
RAMSTER_FILE(peer, security, RAMSTER_OFFSET(peer, security), .size = RAMSTER_SECURITY_LEN,
	     .set = ramster_set_security);
RAMSTER_FILE(peer, servername, RAMSTER_OFFSET(peer, conf.servername),
	     .size = RAMSTER_NAME_LEN, .set = ramster_set_servername);
RAMSTER_FILE(peer, soft_ms, RAMSTER_OFFSET(peer, conf.soft_ms), RAMSTER_MIN_MS, RAMSTER_MAX_MS);
RAMSTER_FILE(peer, hard_ms, RAMSTER_OFFSET(peer, conf.hard_ms), RAMSTER_MIN_MS, RAMSTER_MAX_MS);
RAMSTER_FILE(peer, borrow, RAMSTER_OFFSET(peer, borrow), 0, 1, ramster_turn_borrow);
RAMSTER_FILE(peer, quota, RAMSTER_OFFSET(peer, quota), 0, RAMSTER_MAX_QUOTA, ramster_turn_quota);
CONFIGFS_ATTR_RO(ramster_peer_, state);
CONFIGFS_ATTR_RO(ramster_peer_, stats);

static struct configfs_attribute *ramster_peer_attrs[] = {
	&ramster_peer_attr_address,
	&ramster_peer_attr_port,
	&ramster_peer_attr_security,
	&ramster_peer_attr_servername,
	&ramster_peer_attr_soft_ms,
	&ramster_peer_attr_hard_ms,
	&ramster_peer_attr_borrow,
	&ramster_peer_attr_quota,
	&ramster_peer_attr_state,
	&ramster_peer_attr_stats,
	NULL,
};

static void ramster_peer_release(struct config_item *item)
{
	kfree(to_ramster_peer(to_ramster_folder(item)));
}

static struct configfs_item_operations ramster_peer_ops = {
	.release = ramster_peer_release,
};

static const struct config_item_type ramster_peer_type = {
	.ct_item_ops = &ramster_peer_ops,
	.ct_attrs = ramster_peer_attrs,
	.ct_owner = THIS_MODULE,
};

/*
 * The folder of all
 */

static struct config_group *ramster_make_peer(struct config_group *group, const char *name)
{
	struct ramster_peer_folder *p;

	if (!ramster_is_name(name, "-_.", RAMSTER_NAME_LEN)) {
		pr_err("'%s' cannot be the name of a peer, up to %d letters, digits and -_. are allowed\n",
		       name, RAMSTER_NAME_LEN - 1);
		return ERR_PTR(-EINVAL);
	}
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return ERR_PTR(-ENOMEM);
	mutex_init(&p->folder.lock);
	strscpy(p->conf.name, name);
	p->conf.security = RAMSTER_TLS;
	strscpy(p->security, ramster_securities[RAMSTER_TLS]);
	p->conf.soft_ms = RAMSTER_SOFT_MS;
	p->conf.hard_ms = RAMSTER_HARD_MS;
	p->port = RAMSTER_PORT;
	p->folder.name = p->conf.name;
	p->folder.switches = "borrow and quota";
	config_group_init_type_name(&p->folder.group, name, &ramster_peer_type);
	return &p->folder.group;
}

/*
 * rmdir. Our own pages first: none goes there any more, and what is there is read
 * from the device or the file again. Then those that the peer has here; to it they
 * are misses. Neither needs the consent of the other machine.
 */
static void ramster_drop_peer(struct config_group *group, struct config_item *item)
{
	struct ramster_folder *folder = to_ramster_folder(item);

	scoped_guard(mutex, &folder->lock) {
		if (to_ramster_peer(folder)->borrow)
			ramster_turn_borrow(folder, 0);
		if (to_ramster_peer(folder)->quota)
			ramster_turn_quota(folder, 0);
	}
	config_item_put(item);
}

static const char * const ramster_durabilities[] = {
	[RAMSTER_BACKED] = "backed",
	[RAMSTER_MIRROR] = "mirror",
};

static ssize_t ramster_root_durability_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", ramster_durabilities[ramster_durability()]);
}

static ssize_t ramster_root_durability_store(struct config_item *item, const char *page,
					     size_t count)
{
	int n = __sysfs_match_string(ramster_durabilities,
				     ARRAY_SIZE(ramster_durabilities), page);

	if (n < 0) {
		pr_err("durability: '%.*s' is not allowed, backed and mirror are\n",
		       (int)min(strcspn(page, "\n"), RAMSTER_NAME_LEN), page);
		return -EINVAL;
	}
	if (n == RAMSTER_MIRROR)
		pr_warn("durability: swap pages that leave are only in the memory of two lenders: if both are lost at once, so are they\n");
	ramster_set_durability(n);
	return count;
}
CONFIGFS_ATTR(ramster_root_, durability);

static struct configfs_attribute *ramster_root_attrs[] = {
	&ramster_root_attr_durability,
	NULL,
};

static struct configfs_group_operations ramster_root_ops = {
	.make_group = ramster_make_peer,
	.drop_item = ramster_drop_peer,
};

static const struct config_item_type ramster_root_type = {
	.ct_group_ops = &ramster_root_ops,
	.ct_attrs = ramster_root_attrs,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem ramster_subsystem = {
	.su_group.cg_item = {
		.ci_namebuf = "ramster",
		.ci_type = &ramster_root_type,
	},
	.su_mutex = __MUTEX_INITIALIZER(ramster_subsystem.su_mutex),
};

static struct ramster_lender_folder ramster_lender = {
	.folder = {
		.lock = __MUTEX_INITIALIZER(ramster_lender.folder.lock),
		.name = "lender",
		.switches = "enabled",
	},
	.conf = {
		.percent = 20,
		.headroom_percent = 10,
		.threads = 4,
	},
};

/**
 * ramster_config_start() - make the folders
 *
 * Return: 0, or what configfs says.
 */
int __init ramster_config_start(void)
{
	struct config_group *root = &ramster_subsystem.su_group;
	struct config_group *lender = &ramster_lender.folder.group;

	config_group_init(root);
	config_group_init_type_name(lender, "lender", &ramster_lender_type);
	configfs_add_default_group(lender, root);
	return configfs_register_subsystem(&ramster_subsystem);
}
