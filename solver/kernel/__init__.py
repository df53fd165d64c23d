"""The Linux kernel's greedy allocator, one implementation for every generation.

What differs between generations is a row of named rules (:mod:`solver.kernel.rules`); everything else is shared.
:func:`solver.kernel.driver.allocate` runs it, :mod:`solver.kernel.engine` wraps it as engines.
"""
