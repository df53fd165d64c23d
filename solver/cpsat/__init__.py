"""The exact engine: CP-SAT models of placement problems, their search, and the proof."""
