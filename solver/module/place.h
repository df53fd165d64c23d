/* SPDX-License-Identifier: GPL-2.0 */
/* One plan while it is carried out: its lines, and what the parts of the module offer each other. */
#ifndef BARPLAN_PLACE_H
#define BARPLAN_PLACE_H
#include <linux/pci.h>

#define WRITES_PER_ITEM	10
#define IO_BITS(dev)	((dev)->io_window_1k ? 0xfc : 0xf0)
#define DECODE		(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)

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

extern struct item *items;
extern struct change *changes;
extern int nitems, nchanges, writes, fail_write;

/* main.c: what is to be told of a line, or of all */
__printf(2, 3) void say(struct item *it, const char *fmt, ...);

#define refuse(it, err, fmt, ...) (say(it, "refused, " fmt, ##__VA_ARGS__), (err))

/* plan.c */
int parse(char *text);
int check(void);

/* registers.c */
u32 get(struct pci_dev *dev, int reg, int width);
void to_bus(struct item *it, u64 start, u64 end, struct pci_bus_region *region);
u64 probe(struct item *it, unsigned long *flags);
int write_registers(void);
int take_registers_back(void);

static inline bool moves(const struct item *it)
{
	return it->old_open != it->new_open || it->old_start != it->start || it->old_end != it->end;
}

#endif
