"""A real Linux kernel in QEMU as the judge: what it does with a machine, and whether it takes a plan."""
