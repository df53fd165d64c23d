"""Carries a plan out on a running kernel: step by step, with a journal, and back again where something fails."""
