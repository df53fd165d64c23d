// SPDX-License-Identifier: GPL-2.0
/* The text of a plan: read, and checked against the machine before anything is touched. */
#include <linux/pm_runtime.h>
#include "place.h"

#define IO_ALIGN(dev)	((dev)->io_window_1k ? 0x400ULL : 0x1000ULL)
#define MEM_ALIGN	0x100000ULL

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

int parse(char *text)
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

/* Nothing is touched before all of this passed, but that a device without driver may be asked for a BAR's size. */
int check(void)
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
