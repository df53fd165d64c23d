"""The way from today to a plan as legal placements in a row."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from models.legality import check, today_breaches
from models.placement import Placement
from models.resources import FunctionAddress
from models.topology import BarKey, bar_name
from solver.render.words import address as address_text
from solver.render.words import count
from solver.steps.ground import Ground
from solver.steps.layout import Layout, placement_at
from solver.steps.order import Mover, Order, changed_movers


@dataclass(frozen=True, slots=True)
class Leg:
    """From one legal placement to the next: ``moving`` change their place, ``arriving`` get their first one."""

    before: Placement
    after: Placement
    moving: tuple[FunctionAddress, ...]
    arriving: tuple[FunctionAddress, ...] = ()

    def title(self, ground: Ground) -> str:
        """What happens, in words."""
        if self.moving:
            who = [_who(ground, address) for address in self.moving]
            if len(who) > 2:
                return f"{count(len(who), 'function')} move together: {', '.join(self.moving)}"
            final = all(ground.planned.bars.get(key) == self.after.bars.get(key) for key in self._keys(ground))
            verb = ("moves" if len(who) == 1 else "move together") if final else "makes way"
            if self.gains(ground):
                verb = "gets more addresses"
            return f"{' and '.join(who)} {verb}: {self._changes(ground)}"
        if len(self.arriving) > 2:
            return f"{count(len(self.arriving), 'function')} get their first addresses"
        if self.arriving:
            who = [_who(ground, address) for address in self.arriving]
            return f"{' and '.join(who)} {'gets its' if len(who) == 1 else 'get their'} first addresses: " + (
                self._changes(ground)
            )
        changed = sum(self.before.windows.get(key) != self.after.windows.get(key) for key in ground.windows)
        return f"{count(changed, 'bridge window')} change" + ("s" if changed == 1 else "")

    def gains(self, ground: Ground) -> bool:
        """Whether what works keeps its addresses, and gets more of them."""
        keys = self._keys(ground)
        return bool(keys) and all(self.before.bars.get(key) is None for key in keys)

    def _keys(self, ground: Ground) -> list[BarKey]:
        moving = {*self.moving, *self.arriving}
        return [
            key
            for key in ground.bars
            if key.function in moving and self.before.bars.get(key) != self.after.bars.get(key)
        ]

    def _changes(self, ground: Ground) -> str:
        """``BAR 0 to 82200000``, with the function where there are two."""
        several = len(self.moving) + len(self.arriving) > 1
        words = []
        for key in self._keys(ground):
            name = str(key) if several else bar_name(key.index)
            at = address_text(self.after.bars.get(key), ground.bars[key].space)
            words.append(f"{name} {'at' if self.before.bars.get(key) is None else 'to'} {at}")
        return ", ".join(words) or "another window covers its BARs"


def find_legs(ground: Ground) -> tuple[list[Leg], Order]:
    """The legs, those of movers in the best order found, and last the functions that get their first addresses."""
    layout = Layout(ground)
    mover = Mover(ground, layout)
    order = mover.order()
    placements: list[Placement] = []
    for moment in order.moments:
        places = mover.places(moment)
        if moment == order.moments[-1]:  # what is planned, less what has not arrived yet
            placements.append(placement_at(ground, places, ground.planned.windows))
        else:
            placements.append(placement_at(ground, places, layout.windows(places) if placements else {}))
    tolerated = {(breach.rule, breach.parties) for breach in today_breaches(ground.topology)}
    legal = [
        (moment, placement)
        for number, (moment, placement) in enumerate(zip(order.moments, placements, strict=True))
        if number in (0, len(placements) - 1)
        or all((breach.rule, breach.parties) in tolerated for breach in check(ground.topology, placement))
    ]
    legs = [
        Leg(before, after, tuple(changed_movers(ground.movers, one, other)))
        for (one, before), (other, after) in itertools.pairwise(legal)
    ]
    last = legs[-1].after if legs else ground.today
    if last != ground.planned:
        legs.append(Leg(last, ground.planned, (), ground.arrivals))
    if len(legal) < len(placements):
        limits = f"{order.limits}; {count(len(placements) - len(legal), 'moment')} on the way would break a rule"
        order = Order(order.moments, False, limits)
    return legs, order


def _who(ground: Ground, address: FunctionAddress) -> str:
    driver = ground.functions[address].driver
    return f"{address} ({driver})" if driver else address
