"""coreboot's resource allocator (version 4), a baseline in the manner of firmware: from scratch, with no retries.

Offsets within bridge windows are fixed from the leaves up (:mod:`solver.coreboot.packing`), then the windows and BARs
of each root bus are placed (:mod:`solver.coreboot.domain`); :mod:`solver.coreboot.fixed` says what stays.
"""
