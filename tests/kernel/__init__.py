"""A real Linux kernel in QEMU as the judge: what it does with a machine, and whether it takes a plan.

``python -m tests.kernel setup`` downloads two Debian kernels (60 MB), unpacks them in ``~/.cache/barplan-kernel`` (or
``BARPLAN_KERNEL_ROOT``) and builds an initramfs for each; nothing is compiled, and nothing but QEMU is installed.
Guests run without KVM, about five seconds to a boot.

``pytest tests/kernel`` then boots a few; ``--kernel=all`` boots all, ``--kernel=none`` leaves it at the records in
``tests/data/kernel``: what those kernels did with a machine, once, so that an engine is compared without QEMU.
``python -m tests.kernel record`` makes more of them from random machines, named by their seeds, and from the pitfalls
of greedy allocation; ``python -m tests.kernel judge`` puts plans before a kernel and keeps what it says of each in
``verdicts.csv``.
"""
