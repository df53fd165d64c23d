"""The greedy of the "movable BARs" work on Linux (v9, December 2020): release all but what is fixed, assign again.

Sizing, ordering and first fit are those of the kernel it was written for (:mod:`solver.kernel`); this package adds what
that work added: anchors and hulls, windows placed around them, and the ladder of fallbacks.
"""
