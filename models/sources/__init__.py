"""Readers of real machines: one file per kind of text, one detector, one assembler.

A reader turns a text into an :class:`~models.sources.observation.Observation`
(flat facts, nothing guessed); :mod:`models.sources.assemble` merges the
observations of one machine into a topology and says what it had to estimate.
"""
