// SPDX-License-Identifier: GPL-2.0
/* Configuration registers: written one by one, each read back and remembered. */
#include "place.h"

u32 get(struct pci_dev *dev, int reg, int width)
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

int take_registers_back(void)
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
void to_bus(struct item *it, u64 start, u64 end, struct pci_bus_region *region)
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
u64 probe(struct item *it, unsigned long *flags)
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

int write_registers(void)
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
