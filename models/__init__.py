"""What a machine is, and what a legal placement of its BARs is.

``models`` knows no engine: it imports neither ortools nor click nor pandas.
"""
