"""Reads a Linux kernel log (dmesg, syslog, journal, console, a mail that quotes one).

The state of every BAR and bridge window is that of the last line about it; ``initial`` is what firmware had
set up. Of several boots in one text the last complete one counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from models.resources import split_function_address
from models.sources.kernel_log_boot import Boot, BusKey, Change
from models.sources.kernel_log_buses import complete, host_bridge, kernel_version, take_bus_line, take_platform_line
from models.sources.kernel_log_functions import take_function_line
from models.sources.kernel_log_lines import is_difference, origins, time_of, whole_lines
from models.sources.observation import Observation, SeenRootBus
from models.words import agree, count

Watch = Callable[[], Callable[[Boot, Change], None]]
"""Makes what follows one boot."""

_MARKS = re.compile(
    r"(?:pci|pcieport) [0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]: +(?:found )?"
    r"(?:\[[0-9a-f]{4}:[0-9a-f]{4}\] (?:type|class)|reg |(?:VF )?BAR ?\d|ROM \[|PCI bridge|bridge |can't claim)"
    r"|pci_bus [0-9a-f]{4,8}:[0-9a-f]{2}: (?:root bus )?resource "
    r"|PCI host bridge to bus [0-9a-f]{4,8}:[0-9a-f]{2}"
    r"| [0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]: BAR \d+(?: \[[^\]]*\])?: (?:assigned|releasing)"
)
_COMPLETE_SHARE = 0.6
"""A boot with fewer functions than this share of the fullest one was cut off."""

_DISORDER = 0.01
"""Seconds by which lines of one boot may be out of order."""


def looks_like_kernel_log(text: str) -> bool:
    """Whether the text holds lines with which Linux enumerates PCI, whatever stands before and around them."""
    return _MARKS.search(text) is not None


def read_kernel_log(text: str, source: str) -> Observation:
    """Read what a Linux kernel log says of the machine.

    Parameters
    ----------
    text
        The log, or a text with one in it.
    source
        File name, for messages.
    """
    boots = read_boots(text)
    boot = last_complete(boots)
    complete(boot)
    observation = Observation(
        kind="kernel log",
        source=source,
        machine=boot.machine or next((other.machine for other in boots if other.machine), None),
        kernel=boot.kernel or next((other.kernel for other in boots if other.kernel), None),
        functions=boot.functions,
        root_buses=boot.root_buses,
        reserved=list(dict.fromkeys(boot.reserved)),
        failures=boot.failures,
    )
    observation.notes.extend(_notes(text, source, boot, boots))
    return observation


def read_boots(text: str, watch: Watch | None = None) -> list[Boot]:
    """Every boot in the text, in order; ``watch`` makes what is called with the changes of one boot."""
    boots = _Boots(watch)
    for number, line in whole_lines(text):
        boots.clock(line)
        version = kernel_version(line)
        if version is not None:
            boots.kernel_starts(version, number)
        key = host_bridge(line)
        if key is not None:
            boots.root_found(key, number)
            continue
        boot = boots.boots[-1]
        boot.line = number
        platform = True
        for said in origins(number, line):
            platform = False
            if said.device is not None:
                take_function_line(boot, said)
            elif said.who.endswith("pci_bus"):
                take_bus_line(boot, said)
        if platform:
            take_platform_line(boot, line)
    return boots.boots


def last_complete(boots: list[Boot]) -> Boot:
    """The last boot that was not cut off."""
    fullest = max(len(boot.functions) for boot in boots)
    return next(boot for boot in reversed(boots) if len(boot.functions) >= _COMPLETE_SHARE * fullest)


def _notes(text: str, source: str, boot: Boot, boots: list[Boot]) -> list[str]:
    notes = []
    others = [other for other in boots if other is not boot and other.functions]
    if others:
        failures = sum(len(other.failures) for other in others)
        notes.append(
            f"{source} holds {len(others) + 1} boots: the last complete one, from line {boot.first_line} on, was read; "
            f"failures of the others left out: {failures}"
        )
    if is_difference(text):
        notes.append(f"{source} is a difference between two logs: the newer one ('+') was read")
    if boot.removed:
        gone = ", ".join(sorted(boot.removed)[:6]) + (", ..." if len(boot.removed) > 6 else "")
        were = f"{count(len(boot.removed), 'function')} {agree(len(boot.removed), 'was', 'were')}"
        notes.append(f"{were} removed again before {source} ends: {gone}")
    return notes


class _Boots:
    """The boots of a text, told apart as its lines go by."""

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self.boots: list[Boot] = []
        self._add(1)
        self._found: list[BusKey] = []
        self._time: float | None = None
        self._went_back = False

    def clock(self, line: str) -> None:
        """Note the time of a line, and whether time went back since the last root bus was found."""
        time = time_of(line)
        if time is not None:
            self._went_back = self._went_back or (self._time is not None and time < self._time - _DISORDER)
            self._time = time

    def kernel_starts(self, version: str, number: int) -> None:
        """``Linux version`` begins a boot, unless no PCI line came before it."""
        self._begin(number)
        self.boots[-1].kernel = version

    def root_found(self, key: BusKey, number: int) -> None:
        """A root bus that is enumerated a second time begins a boot, or was removed and added again.

        It was added again where time went on, or, in a text without times, where it is not the boot's first.
        """
        if key in self._found and not self._printed_twice(key):
            again = self._found[0] != key if self._time is None else not self._went_back
            if again:
                self.boots[-1].remove_root_bus(key)
            else:
                self._begin(number)
        if key not in self._found:
            self._found.append(key)
        self._went_back = False
        self.boots[-1].root_buses.setdefault(key, SeenRootBus(*key))

    def _printed_twice(self, key: BusKey) -> bool:
        """The root bus was the last thing found, so its line is there twice."""
        boot = self.boots[-1]
        return self._found[-1] == key and not any(
            split_function_address(address)[0] == key[0] for address in boot.functions
        )

    def _begin(self, number: int) -> None:
        if self.boots[-1].functions or self.boots[-1].root_buses:
            self._add(number)
        self._found.clear()

    def _add(self, number: int) -> None:
        boot = Boot(first_line=number)
        if self._watch is not None:
            boot.watch = self._watch()
        self.boots.append(boot)
