"""How placements are found: problems, engines, results, and the command line.

An engine is a function from topology and request to a result;
:mod:`solver.engines` is the table of them.
"""
