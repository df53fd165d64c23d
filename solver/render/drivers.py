"""The driver table, and the drivers of a machine, for a person and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from models.drivers import DriverTable
from models.mobility import Mobility
from models.topology import BarKey, Function, Topology
from solver.render.classes import class_name
from solver.render.columns import columns
from solver.render.words import count


@dataclass(frozen=True, slots=True)
class Holder:
    """A function with the BARs of it that have an address.

    Attributes
    ----------
    movable
        How many of them may move.
    stays
        How many stay, by reason.
    """

    function: Function
    movable: int
    stays: dict[str, int]

    @property
    def words(self) -> str:
        """What becomes of its BARs, in one phrase."""
        if not self.movable and not self.stays:
            return "no BAR with an address"
        may = [f"{count(self.movable, 'BAR')} may move"] if self.movable else []
        stay = [f"{count(n, 'BAR')} {'stays' if n == 1 else 'stay'}: {why}" for why, n in self.stays.items()]
        return ", ".join(may + stay)


def holders(topology: Topology, movement: Mobility) -> dict[str | None, list[Holder]]:
    """The functions of a machine by driver; ``""`` where none is bound, ``None`` where that is unknown."""
    found: dict[str | None, list[Holder]] = {}
    for function, _ in topology.functions():
        keys = [BarKey(function.address, bar.index) for bar in function.bars if bar.address is not None]
        reasons = [movement.reasons.get(key) for key in keys]
        stays = dict(Counter(reason for reason in reasons if reason is not None))
        driver = (function.driver or "") if function.driver_known else None
        found.setdefault(driver, []).append(Holder(function, reasons.count(None), stays))
    return dict(sorted(found.items(), key=lambda entry: (not entry[0], entry[0] is None, entry[0] or "")))


def table_text(table: DriverTable) -> str:
    """The table, one line for each driver."""
    rows = [("driver", "hooks", "verified", "source")]
    rows += [(name, _yes(row.has_hooks), _yes(row.verified), row.source) for name, row in sorted(table.rows.items())]
    text = columns(rows, indent="")
    return text + "Every other driver counts as unable to survive a BAR move (--drivers FILE.toml says otherwise).\n"


def holders_text(found: dict[str | None, list[Holder]], table: DriverTable) -> str:
    """The drivers of a machine, each with its functions and what becomes of their BARs."""
    text = ""
    for driver, functions in found.items():
        text += f"\n{_title(driver, table)}\n"
        text += columns(
            [(str(one.function.address), class_name(one.function.class_code), one.words) for one in functions]
        )
    return text


def _title(driver: str | None, table: DriverTable) -> str:
    if driver is None:
        return "driver unknown: counts as unable to survive a BAR move"
    if not driver:
        return "no driver: nothing has to survive a BAR move"
    row = table.knowledge(driver)
    hooks = "has hooks, " if row.has_hooks else ""
    verified = "verified to survive a BAR move" if row.verified else "not verified"
    return f"{driver}: {hooks}{verified}"


def drivers_document(table: DriverTable, found: dict[str | None, list[Holder]] | None) -> dict[str, Any]:
    """Table and drivers as ``barplan-drivers/1``; ``found`` is ``None`` where no machine was named."""
    document: dict[str, Any] = {
        "format": "barplan-drivers/1",
        "drivers": {
            name: {"hooks": row.has_hooks, "verified": row.verified, "source": row.source}
            for name, row in sorted(table.rows.items())
        },
    }
    if found is not None:
        document["functions"] = [
            {
                "address": one.function.address,
                "class": one.function.class_code,
                "driver": one.function.driver,
                "driver_known": one.function.driver_known,
                "movable_bars": one.movable,
                "immovable_bars": [{"why": why, "bars": number} for why, number in one.stays.items()],
            }
            for functions in found.values()
            for one in functions
        ]
    return document


def _yes(value: bool) -> str:
    return "yes" if value else "no"
