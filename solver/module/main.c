// SPDX-License-Identifier: GPL-2.0
/*
 * barplan_place: carries a placement of PCI BARs and bridge windows out on the running kernel, all of it or nothing.
 *
 * One write(2) to /dev/barplan is one plan, a line for each BAR and window that changes; reading the file tells what
 * came of the last one. README.md has the format and the order of events.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include "place.h"

#define MAX_PLAN	(1 << 20)
#define MAX_STATUS	(1 << 18)

/* Counted from 1 within one plan; 0 is never. For tests. */
static int fail_claim;
int fail_write;
module_param(fail_claim, int, 0600);
MODULE_PARM_DESC(fail_claim, "let the n-th claim of a plan fail");
module_param(fail_write, int, 0600);
MODULE_PARM_DESC(fail_write, "let the n-th register write of a plan have no effect");

static DEFINE_MUTEX(busy);
struct item *items;
struct change *changes;
int nitems, nchanges, writes;
static int claims;
static char *status;
static size_t status_len;

void say(struct item *it, const char *fmt, ...)
{
	size_t start = status_len;
	va_list args;

	va_start(args, fmt);
	if (it)
		status_len += scnprintf(status + status_len, MAX_STATUS - status_len, "line %d: ", it->line);
	status_len += vscnprintf(status + status_len, MAX_STATUS - status_len, fmt, args);
	status_len += scnprintf(status + status_len, MAX_STATUS - status_len, "\n");
	va_end(args);
	pr_info("%s", status + start);
}

/* --- the kernel's resource tree ------------------------------------------------------------------------------- */

static void release_all(bool (*wanted)(struct item *it))
{
	int i;

	for (i = nitems - 1; i >= 0; i--)
		if (wanted(&items[i]) && items[i].res->parent)
			release_resource(items[i].res);
}

static bool any(struct item *it)
{
	return true;
}

static bool is_claimed(struct item *it)
{
	return it->claimed;
}

/* A window goes to its new place with whatever stands in it and stays: all of that has to be inside. */
static int check_children(struct item *it)
{
	struct resource *child;

	for (child = it->res->child; child; child = child->sibling)
		if (!it->new_open || child->start < it->start || child->end > it->end) {
			say(it, "%s: %pR would be left outside", pci_name(it->dev), child);
			return -EBUSY;
		}
	return 0;
}

static int claim(struct item *it)
{
	struct resource *r = it->res;
	int rc = check_children(it);

	if (rc)
		return rc;
	if (!it->new_open) {
		r->start = r->end = r->flags = 0;	/* as the kernel leaves what it found no space for */
		return 0;
	}
	r->start = it->start;
	r->end = it->end;
	r->flags = it->flags;
	if (!r->name)
		r->name = it->window ? it->dev->subordinate->name : pci_name(it->dev);
	rc = ++claims == fail_claim ? -EAGAIN : pci_claim_resource(it->dev, it->index);
	it->claimed = !rc;
	if (rc)
		say(it, "the kernel does not let %s have %pR: error %d", pci_name(it->dev), r, rc);
	return rc;
}

static int take_tree_back(void)
{
	int i, rc = 0;

	release_all(is_claimed);
	for (i = 0; i < nitems; i++) {
		struct item *it = &items[i];

		it->claimed = false;
		it->res->start = it->old.start;
		it->res->end = it->old.end;
		it->res->flags = it->old.flags;
		it->res->name = it->old.name;
		if (it->old.parent && request_resource(it->old.parent, it->res)) {
			say(it, "%pR of %s cannot be put back", it->res, pci_name(it->dev));
			rc = -EIO;
		}
	}
	return rc;
}

/* --- one plan --------------------------------------------------------------------------------------------------- */

/* Windows before BARs, those nearer the root before those below. */
static int by_depth(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->window != y->window)
		return x->window ? -1 : 1;
	return x->depth != y->depth ? x->depth - y->depth : x->line - y->line;
}

static int apply(void)
{
	int i, rc = 0;

	release_all(any);
	for (i = 0; i < nitems && !rc; i++)
		rc = claim(&items[i]);
	if (!rc)
		rc = write_registers();
	if (!rc) {
		for (i = 0; i < nitems; i++)
			say(&items[i], "%s is at %pR", pci_name(items[i].dev), items[i].res);
		say(NULL, "done");
		return 0;
	}
	if (take_registers_back() | take_tree_back())
		say(NULL, "broken");
	else
		say(NULL, "restored");
	return rc;
}

static void forget(void)
{
	while (nitems--) {
		struct item *it = &items[nitems];

		if (it->locked)
			device_unlock(&it->dev->dev);
		if (it->awake)
			pm_runtime_put(&it->dev->dev);
		pci_dev_put(it->dev);
	}
	nitems = 0;
	kvfree(items);
	kvfree(changes);
}

static ssize_t place_write(struct file *file, const char __user *from, size_t count, loff_t *at)
{
	char *text, *c;
	int lines = 1, rc;

	if (!count || count > MAX_PLAN)
		return -E2BIG;
	text = kvmalloc(count + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_user(text, from, count)) {
		kvfree(text);
		return -EFAULT;
	}
	text[count] = '\0';
	for (c = text; *c; c++)
		lines += *c == '\n';
	mutex_lock(&busy);
	status_len = nitems = nchanges = claims = writes = 0;
	items = kvcalloc(lines, sizeof(*items), GFP_KERNEL);
	changes = kvcalloc(lines * WRITES_PER_ITEM, sizeof(*changes), GFP_KERNEL);
	rc = items && changes ? 0 : -ENOMEM;
	pci_lock_rescan_remove();
	rc = rc ?: parse(text);
	rc = rc ?: check();
	if (rc) {
		say(NULL, "refused");
	} else {
		sort(items, nitems, sizeof(*items), by_depth, NULL);
		rc = apply();
	}
	pci_unlock_rescan_remove();
	forget();
	mutex_unlock(&busy);
	kvfree(text);
	return rc ?: count;
}

static ssize_t place_read(struct file *file, char __user *to, size_t count, loff_t *at)
{
	ssize_t rc;

	mutex_lock(&busy);
	rc = simple_read_from_buffer(to, count, at, status, status_len);
	mutex_unlock(&busy);
	return rc;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.read = place_read,
	.write = place_write,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "barplan",
	.mode = 0600,
	.fops = &operations,
};

static int __init place_init(void)
{
	int rc;

	status = kvzalloc(MAX_STATUS, GFP_KERNEL);
	if (!status)
		return -ENOMEM;
	rc = misc_register(&device);
	if (rc)
		kvfree(status);
	return rc;
}

static void __exit place_exit(void)
{
	misc_deregister(&device);
	kvfree(status);
}

module_init(place_init);
module_exit(place_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Carries a placement of PCI BARs and bridge windows out, all of it or nothing");

