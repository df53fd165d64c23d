"""Kinds of devices one can plug in, by their BARs, each with the public source of its figures.

The tables are in :mod:`models.profiles_cards`, :mod:`models.profiles_gpus` and :mod:`models.profiles_trees`; a TOML
file can add more (:mod:`models.profiles_file`).
"""

from __future__ import annotations

from models.profiles_cards import CARDS
from models.profiles_gpus import GPUS
from models.profiles_shapes import Profile
from models.profiles_trees import TREES

__all__ = ["PROFILES", "Profile"]

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (*CARDS, *GPUS, *TREES)}
"""Profiles by name."""
