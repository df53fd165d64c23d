"""The choices that coreboot leaves to whoever builds it, read from a request's options in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from models.errors import InputError
from models.resources import KIB, MIB, Size, parse_number

Above4G = Literal["none", "prefetchable", "all"]

SOURCE = "coreboot option"
"""What an error about an option names as its source."""


@dataclass(frozen=True, slots=True)
class Options:
    """Build-time choices of coreboot.

    Attributes
    ----------
    top_down
        Search from the top of the address space (RESOURCE_ALLOCATION_TOP_DOWN, on by default in coreboot since 2022).
    above_4g
        Which 64-bit BARs may stand above 4 GiB; ``prefetchable`` is the scheme that coreboot's developers announced
        on their mailing list on 25 June 2022.
    hotplug
        Pad hotplug ports; none is padded unless asked for.
    hotplug_io, hotplug_mem, hotplug_pref
        The padding of a hotplug port (device/Kconfig: 2 KiB, 8 MiB, 256 MiB).
    """

    top_down: bool = True
    above_4g: Above4G = "prefetchable"
    hotplug: bool = False
    hotplug_io: Size = 2 * KIB
    hotplug_mem: Size = 8 * MIB
    hotplug_pref: Size = 256 * MIB


def parse_options(options: Mapping[str, str]) -> Options:
    """The choices that the options spell.

    Raises
    ------
    InputError
        If an option is unknown, or its value is none that it takes.
    """
    result = Options()
    for name, value in options.items():
        if name == "top_down":
            result = replace(result, top_down=_switch(name, value))
        elif name == "hotplug":
            result = replace(result, hotplug=_switch(name, value))
        elif name == "above_4g":
            result = replace(result, above_4g=cast("Above4G", _word(name, value, get_args(Above4G))))
        elif name == "hotplug_io":
            result = replace(result, hotplug_io=_size(name, value))
        elif name == "hotplug_mem":
            result = replace(result, hotplug_mem=_size(name, value))
        elif name == "hotplug_pref":
            result = replace(result, hotplug_pref=_size(name, value))
        else:
            known = ", ".join(Options.__dataclass_fields__)
            raise InputError(f"unknown option {name!r}, expected one of {known}", source=SOURCE)
    return result


def _word(name: str, value: str, words: tuple[str, ...]) -> str:
    if value not in words:
        raise InputError(f"expected one of {', '.join(words)}, found {value!r}", source=SOURCE, where=name)
    return value


def _switch(name: str, value: str) -> bool:
    return _word(name, value, ("on", "off")) == "on"


def _size(name: str, value: str) -> Size:
    try:
        size = parse_number(value)
    except ValueError as error:
        raise InputError(str(error), source=SOURCE, where=name) from None
    if size < 0:
        raise InputError(f"expected a size, found {value!r}", source=SOURCE, where=name)
    return size
