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

#define MAX_PLAN	(1 << 20)
#define MAX_STATUS	(1 << 18)
#define WRITES_PER_ITEM	10
#define IO_ALIGN(dev)	((dev)->io_window_1k ? 0x400ULL : 0x1000ULL)
#define IO_BITS(dev)	((dev)->io_window_1k ? 0xfc : 0xf0)
#define MEM_ALIGN	0x100000ULL
#define DECODE		(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)

/* Counted from 1 within one plan; 0 is never. For tests. */
static int fail_claim, fail_write;
module_param(fail_claim, int, 0600);
MODULE_PARM_DESC(fail_claim, "let the n-th claim of a plan fail");
module_param(fail_write, int, 0600);
MODULE_PARM_DESC(fail_write, "let the n-th register write of a plan have no effect");

struct item {			/* one line of the plan */
	int line, index, depth;
	bool window;
	struct pci_dev *dev;
	struct resource *res, old;
	bool old_open, new_open, claimed, awake;
	bool locked;		/* the first moving BAR of its function */
	u16 command;
	u64 old_start, old_end, start, end;
	unsigned long flags;	/* of the resource at its new place */
	int reg;		/* offset of its first register */
};

struct change {			/* one register write, to be taken back if need be */
	struct item *item;
	int reg, width;
	u32 old;
};

static DEFINE_MUTEX(busy);
static struct item *items;
static struct change *changes;
static int nitems, nchanges, claims, writes;
static char *status;
static size_t status_len;

static __printf(2, 3) void say(struct item *it, const char *fmt, ...)
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

#define refuse(it, err, fmt, ...) (say(it, "refused, " fmt, ##__VA_ARGS__), (err))

/* --- registers ------------------------------------------------------------------------------------------------ */

static u32 get(struct pci_dev *dev, int reg, int width)
{
	u32 value = 0;
	u16 word = 0;

	if (width == 4)
		pci_read_config_dword(dev, reg, &value);
	else if (!pci_read_config_word(dev, reg, &word))
		value = word;
	return value;
}

static void set(struct pci_dev *dev, int reg, int width, u32 value)
{
	if (width == 4)
		pci_write_config_dword(dev, reg, value);
	else
		pci_write_config_word(dev, reg, value);
}

/* Write a register if it differs in mask, remember what was there, and read it back. */
static int put(struct item *it, int reg, int width, u32 value, u32 mask)
{
	u32 old = get(it->dev, reg, width), now;

	if (!((old ^ value) & mask))
		return 0;
	if (WARN_ON_ONCE(nchanges == nitems * WRITES_PER_ITEM))
		return -ENOSPC;
	changes[nchanges++] = (struct change){ it, reg, width, old };
	if (++writes != fail_write)
		set(it->dev, reg, width, value);
	now = get(it->dev, reg, width);
	if (!((now ^ value) & mask))
		return 0;
	say(it, "register %#x of %s holds %#x and not %#x", reg, pci_name(it->dev), now, value);
	return -EIO;
}

static int take_registers_back(void)
{
	int rc = 0;

	while (nchanges--) {
		struct change *c = &changes[nchanges];

		set(c->item->dev, c->reg, c->width, c->old);
		if (get(c->item->dev, c->reg, c->width) != c->old) {
			say(c->item, "register %#x cannot be restored to %#x", c->reg, c->old);
			rc = -EIO;
		}
	}
	nchanges = 0;
	return rc;
}

/* Bus addresses of a CPU range of the kind that the item is of. */
static void to_bus(struct item *it, u64 start, u64 end, struct pci_bus_region *region)
{
	struct resource r = { .start = start, .end = end, .flags = it->flags };

	pcibios_resource_to_bus(it->dev->bus, region, &r);
}

/*
 * Write a window; open is false for one that shall decode nothing. Whatever a window holds while its registers are
 * written contains the smaller of the old and the new range: a window that shrinks gets its low halves first, one
 * that grows its upper halves.
 */
static int put_window(struct item *it, bool open, u64 start, u64 end, bool grow)
{
	struct pci_bus_region at = { 0 };
	u32 low, wide, bits = IO_BITS(it->dev);
	int rc = 0;

	if (open)
		to_bus(it, start, end, &at);
	if (it->reg == PCI_IO_BASE) {
		low = open ? (at.end >> 8 & bits) << 8 | (at.start >> 8 & bits) : 0x00f0;
		wide = (u32)(at.end >> 16) << 16 | (at.start >> 16 & 0xffff);
		if (grow && it->flags & PCI_IO_RANGE_TYPE_32)
			rc = put(it, PCI_IO_BASE_UPPER16, 4, wide, ~0U);
		rc = rc ?: put(it, PCI_IO_BASE, 2, low, bits << 8 | bits);
		if (!grow && it->flags & PCI_IO_RANGE_TYPE_32)
			rc = rc ?: put(it, PCI_IO_BASE_UPPER16, 4, wide, ~0U);
		return rc;
	}
	low = open ? (at.end & 0xfff00000) | (at.start >> 16 & 0xfff0) : 0xfff0;
	wide = it->reg == PCI_PREF_MEMORY_BASE && it->flags & IORESOURCE_MEM_64;
	if (wide && grow) {
		rc = put(it, PCI_PREF_BASE_UPPER32, 4, upper_32_bits(at.start), ~0U);
		rc = rc ?: put(it, PCI_PREF_LIMIT_UPPER32, 4, upper_32_bits(at.end), ~0U);
	}
	rc = rc ?: put(it, it->reg, 4, low, 0xfff0fff0);
	if (wide && !grow) {
		rc = rc ?: put(it, PCI_PREF_LIMIT_UPPER32, 4, upper_32_bits(at.end), ~0U);
		rc = rc ?: put(it, PCI_PREF_BASE_UPPER32, 4, upper_32_bits(at.start), ~0U);
	}
	return rc;
}

static int put_bar(struct item *it)
{
	struct pci_bus_region at = { 0 };
	u32 mask = it->flags & IORESOURCE_IO ? PCI_BASE_ADDRESS_IO_MASK : PCI_BASE_ADDRESS_MEM_MASK;
	u32 keep;
	int rc;

	if (it->new_open)
		to_bus(it, it->start, it->end, &at);
	if (it->index == PCI_ROM_RESOURCE) {
		mask = PCI_ROM_ADDRESS_MASK;
		if (!(get(it->dev, it->reg, 4) & PCI_ROM_ADDRESS_ENABLE))
			return 0;	/* written when it is enabled; some chips share one decoder between ROM and BAR */
	}
	keep = get(it->dev, it->reg, 4) & ~mask;
	rc = put(it, it->reg, 4, lower_32_bits(at.start) | keep, mask);
	if (it->flags & IORESOURCE_MEM_64)
		rc = rc ?: put(it, it->reg + 4, 4, upper_32_bits(at.start), ~0U);
	return rc;
}

/* What the register decodes, by writing ones: for a BAR whose resource the kernel dropped when it found no space. */
static u64 probe(struct item *it, unsigned long *flags)
{
	u16 command = get(it->dev, PCI_COMMAND, 2);
	u32 low = get(it->dev, it->reg, 4), high = 0, ones_low, ones_high = ~0U;
	bool io = low & PCI_BASE_ADDRESS_SPACE_IO;
	bool wide = !io && (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
	u64 size;

	set(it->dev, PCI_COMMAND, 2, command & ~DECODE);
	set(it->dev, it->reg, 4, ~0U);
	ones_low = get(it->dev, it->reg, 4);
	set(it->dev, it->reg, 4, low);
	if (wide) {
		high = get(it->dev, it->reg + 4, 4);
		set(it->dev, it->reg + 4, 4, ~0U);
		ones_high = get(it->dev, it->reg + 4, 4);
		set(it->dev, it->reg + 4, 4, high);
	}
	set(it->dev, PCI_COMMAND, 2, command);
	if (io) {
		ones_low |= 0xffff0000;
		*flags = (low & ~PCI_BASE_ADDRESS_IO_MASK) | IORESOURCE_IO | IORESOURCE_SIZEALIGN;
	} else {
		*flags = (low & ~PCI_BASE_ADDRESS_MEM_MASK) | IORESOURCE_MEM | IORESOURCE_SIZEALIGN;
		if (low & PCI_BASE_ADDRESS_MEM_PREFETCH)
			*flags |= IORESOURCE_PREFETCH;
		if (wide)
			*flags |= IORESOURCE_MEM_64;
	}
	ones_low &= io ? PCI_BASE_ADDRESS_IO_MASK : PCI_BASE_ADDRESS_MEM_MASK;
	size = (u64)ones_high << 32 | ones_low;
	return ones_low || ones_high != ~0U ? size & -size : 0;
}

/* --- the plan: read it, check it ------------------------------------------------------------------------------ */

static int sriov(struct pci_dev *dev)
{
	return pci_find_ext_capability(dev, PCI_EXT_CAP_ID_SRIOV);
}

/* Where and which resource a name stands for; -1 if there is none of this name. */
static int locate(struct item *it, const char *name)
{
	int number = name[0] - '0', last = it->dev->hdr_type == PCI_HEADER_TYPE_BRIDGE ? 1 : 5;

	if (it->window) {
		static const char * const kinds[] = { "io", "mem", "pref" };
		static const int regs[] = { PCI_IO_BASE, PCI_MEMORY_BASE, PCI_PREF_MEMORY_BASE };
		int kind = match_string(kinds, ARRAY_SIZE(kinds), name);

		if (kind < 0 || !it->dev->subordinate || it->dev->hdr_type != PCI_HEADER_TYPE_BRIDGE)
			return -1;
		it->reg = regs[kind];
		return PCI_BRIDGE_RESOURCES + kind;
	}
	if (!strcmp(name, "rom")) {
		it->reg = it->dev->rom_base_reg;
		return it->reg ? PCI_ROM_RESOURCE : -1;
	}
#ifdef CONFIG_PCI_IOV
	if (!strncmp(name, "vf", 2)) {
		number = name[2] - '0';
		if (!sriov(it->dev) || number < 0 || number > 5 || name[3])
			return -1;
		it->reg = sriov(it->dev) + PCI_SRIOV_BAR + 4 * number;
		return PCI_IOV_RESOURCES + number;
	}
#endif
	if (number < 0 || number > last || name[1] || it->dev->hdr_type > PCI_HEADER_TYPE_BRIDGE)
		return -1;
	it->reg = PCI_BASE_ADDRESS_0 + 4 * number;
	return number;
}

static bool range(const char *text, u64 *start, u64 *end, bool *open)
{
	char tail;

	*open = strcmp(text, "-");
	return !*open || (sscanf(text, "%llx-%llx%c", start, end, &tail) == 2 && *start <= *end);
}

/* KIND FUNCTION NAME FROM TO */
static int parse_line(struct item *it, char *line)
{
	unsigned int domain, bus, slot, function;
	char what[5], name[6], from[40], to[40], tail[2];

	if (sscanf(line, "%4s %x:%x:%x.%x %5s %39s %39s %1s", what, &domain, &bus, &slot, &function, name, from, to,
		   tail) != 8 ||
	    bus > 0xff || slot > 0x1f || function > 7 || (strcmp(what, "bar") && strcmp(what, "win")))
		return refuse(it, -EINVAL, "expected bar or win, function, name, from and to");
	it->window = what[0] == 'w';
	if (!range(from, &it->old_start, &it->old_end, &it->old_open) ||
	    !range(to, &it->start, &it->end, &it->new_open) || !(it->window || it->old_open || it->new_open))
		return refuse(it, -EINVAL, "expected first-last in hex or - for from and to");
	it->dev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, function));
	if (!it->dev)
		return refuse(it, -ENODEV, "no such function");
	it->index = locate(it, name);
	if (it->index < 0)
		return refuse(it, -EINVAL, "%s has no %s %s", pci_name(it->dev), what, name);
	it->res = &it->dev->resource[it->index];
	return 0;
}

static int parse(char *text)
{
	char *line;
	int number = 0, rc;
	bool ended = false;

	while ((line = strsep(&text, "\n"))) {
		struct item *it = &items[nitems];

		number++;
		if (!*line || *line == '#')
			continue;
		if (ended || (number == 1) != !strcmp(line, "barplan-place 1")) {
			say(NULL, "line %d: refused, expected barplan-place 1 first and end last", number);
			return -EINVAL;
		}
		ended = !strcmp(line, "end");
		if (number == 1 || ended)
			continue;
		it->line = number;
		nitems++;
		rc = parse_line(it, line);
		if (rc)
			return rc;
	}
	if (!ended || !nitems) {
		say(NULL, "refused, the plan %s", ended ? "is empty" : "has no end line: part of it is missing");
		return -EINVAL;
	}
	return 0;
}

static bool moves(const struct item *it)
{
	return it->old_open != it->new_open || it->old_start != it->start || it->old_end != it->end;
}

static int depth(struct pci_bus *bus)
{
	return bus->parent ? depth(bus->parent) + 1 : 0;
}

/* What the kernel holds has to be what the plan starts from. */
static int check_today(struct item *it)
{
	struct resource *r = it->res;

	if (it->old_open != !!r->parent)
		return refuse(it, -ESTALE, "%s is %s in the kernel: %pR", pci_name(it->dev),
			      r->parent ? "placed" : "not placed", r);
	if (it->old_open && (r->start != it->old_start || r->end != it->old_end))
		return refuse(it, -ESTALE, "%s is at %pR in the kernel", pci_name(it->dev), r);
	if (!it->window && r->child)
		return refuse(it, -EBUSY, "%s: %pR is held by %s", pci_name(it->dev), r, r->child->name ?: "?");
	return 0;
}

static int check_window(struct item *it)
{
	bool io = it->reg == PCI_IO_BASE, pref = it->reg == PCI_PREF_MEMORY_BASE;
	u64 align = io ? IO_ALIGN(it->dev) : MEM_ALIGN, limit = io ? 0xffff : U32_MAX;
	unsigned long type = get(it->dev, it->reg, 2) & 0xf;
	struct pci_bus_region at;

	if ((io && !it->dev->io_window) || (pref && !it->dev->pref_window))
		return refuse(it, -EINVAL, "%s does not implement this window", pci_name(it->dev));
	it->flags = type | (io ? IORESOURCE_IO : IORESOURCE_MEM) | (pref ? IORESOURCE_PREFETCH : 0);
	if (pref && type == PCI_PREF_RANGE_TYPE_64) {
		it->flags |= IORESOURCE_MEM_64;
		limit = U64_MAX;
	} else if (io && type == PCI_IO_RANGE_TYPE_32) {
		limit = U32_MAX;
	}
	if (!it->new_open)
		return 0;
	to_bus(it, it->start, it->end, &at);
	if (at.start & (align - 1) || (at.end + 1) & (align - 1))
		return refuse(it, -EINVAL, "a window of %s starts or ends off its granularity", pci_name(it->dev));
	if (at.end > limit)
		return refuse(it, -ERANGE, "a window of %s ends beyond its registers", pci_name(it->dev));
	return 0;
}

static int check_bar(struct item *it)
{
	struct resource *r = it->res;
	u64 size = it->new_open ? it->end - it->start + 1 : it->old_end - it->old_start + 1;
	u64 known = resource_size(r), one = size;
	struct pci_bus_region at;
	bool vf = it->index > PCI_ROM_RESOURCE;

	if (it->dev->driver)
		return refuse(it, -EBUSY, "%s is bound to %s", pci_name(it->dev), it->dev->driver->name);
	if (r->flags & IORESOURCE_PCI_FIXED)
		return refuse(it, -EPERM, "%s: %pR cannot move", pci_name(it->dev), r);
	if (vf) {
		u16 total = get(it->dev, sriov(it->dev) + PCI_SRIOV_TOTAL_VF, 2);

		if (get(it->dev, sriov(it->dev) + PCI_SRIOV_CTRL, 2) & (PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE))
			return refuse(it, -EBUSY, "virtual functions of %s are enabled", pci_name(it->dev));
		if (!total || size % total)
			return refuse(it, -EINVAL, "%s has %u virtual functions", pci_name(it->dev), total);
		one = size / total;
	}
	it->flags = r->flags & ~(IORESOURCE_UNSET | IORESOURCE_DISABLED | IORESOURCE_STARTALIGN);
	if (!r->flags) {
		if (it->index == PCI_ROM_RESOURCE)
			return refuse(it, -ENODEV, "the kernel knows no ROM of %s", pci_name(it->dev));
		known = probe(it, &it->flags) * (size / one);
	}
	if (size != known || !is_power_of_2(one))
		return refuse(it, -EINVAL, "%s has %#llx bytes there, not %#llx", pci_name(it->dev), known, size);
	if (!it->new_open)
		return 0;
	to_bus(it, it->start, it->end, &at);
	if (at.start & (one - 1))
		return refuse(it, -EINVAL, "%s would be off its alignment", pci_name(it->dev));
	if (at.end > U32_MAX && !(it->flags & IORESOURCE_MEM_64))
		return refuse(it, -ERANGE, "%s would end beyond 4 GiB, its register has 32 bits", pci_name(it->dev));
	return 0;
}

/* Windows before BARs, those nearer the root before those below. */
static int by_depth(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->window != y->window)
		return x->window ? -1 : 1;
	return x->depth != y->depth ? x->depth - y->depth : x->line - y->line;
}

/* Nothing is touched before all of this passed, but that a device without driver may be asked for a BAR's size. */
static int check(void)
{
	int i, j, rc = 0;

	for (i = 0; i < nitems && !rc; i++) {
		struct item *it = &items[i];

		for (j = 0; j < i; j++)
			if (items[j].res == it->res)
				return refuse(it, -EINVAL, "the same as line %d", items[j].line);
		it->depth = depth(it->dev->bus);
		it->awake = pm_runtime_get_sync(&it->dev->dev) >= 0;
		if (!it->awake)
			pm_runtime_put_noidle(&it->dev->dev);
		if (!pci_device_is_present(it->dev))
			return refuse(it, -ENODEV, "%s does not answer", pci_name(it->dev));
		if (!it->window && moves(it)) {
			/* Until the end nobody binds a driver. The first line of a function locks it for all. */
			for (j = 0; j < i && !(items[j].dev == it->dev && items[j].locked); j++)
				;
			if (j == i) {
				it->locked = device_trylock(&it->dev->dev);
				if (!it->locked)
					return refuse(it, -EBUSY, "%s is being bound or removed", pci_name(it->dev));
			}
		}
		rc = check_today(it);
		if (!rc && it->window)
			rc = check_window(it);
		else if (!rc && moves(it))
			rc = check_bar(it);
		else if (!rc)
			it->flags = it->res->flags;
		it->old = *it->res;
	}
	return rc;
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

/* --- doing it ------------------------------------------------------------------------------------------------- */

/* Of a window that changes, what is in both its old and its new range; nothing if it is open only once. */
static bool common(struct item *it, u64 *start, u64 *end)
{
	*start = max(it->old_start, it->start);
	*end = min(it->old_end, it->end);
	return it->old_open && it->new_open && *start <= *end;
}

/* What a function may no longer answer to: the spaces of BARs that lose their address. */
static u16 dropped(struct pci_dev *dev)
{
	u16 bits = 0;
	int i;

	for (i = 0; i < nitems; i++)
		if (items[i].dev == dev && !items[i].window && !items[i].new_open)
			bits |= items[i].flags & IORESOURCE_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
	return bits;
}

static int write_registers(void)
{
	int i, rc = 0;
	u64 start, end;
	bool open;

	for (i = 0; i < nitems && !rc; i++)		/* what moves stops answering */
		if (items[i].locked) {
			items[i].command = get(items[i].dev, PCI_COMMAND, 2);
			rc = put(&items[i], PCI_COMMAND, 2, items[i].command & ~DECODE, DECODE);
		}
	for (i = nitems - 1; i >= 0 && !rc; i--)	/* windows shrink, from below, to what they keep */
		if (items[i].window) {			/* one that the kernel has closed may be open in the registers */
			open = common(&items[i], &start, &end);
			rc = put_window(&items[i], open, start, end, false);
		}
	for (i = 0; i < nitems && !rc; i++) {		/* and grow, from above: at no time do two overlap */
		struct item *it = &items[i];

		if (it->window && it->new_open)
			rc = put_window(it, true, it->start, it->end, true);
		else if (!it->window && moves(it))
			rc = put_bar(it);
	}
	for (i = 0; i < nitems && !rc; i++) {
		struct item *it = &items[i];
		u16 bit = it->flags & IORESOURCE_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;

		/* A port whose window was closed may have been switched off. */
		if (it->window && it->new_open)
			rc = put(it, PCI_COMMAND, 2, get(it->dev, PCI_COMMAND, 2) | bit, bit);
		else if (it->locked)
			rc = put(it, PCI_COMMAND, 2, it->command & ~dropped(it->dev), DECODE);
	}
	return rc;
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

