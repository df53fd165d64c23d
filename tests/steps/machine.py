"""A machine that exists in memory only: registers, the kernel's resource tree, drivers, and the kernel module.

It fails the test the moment two decoding ranges overlap on a bus (unless they did from the start), or a running
function is no longer reached at its address. Every operation is numbered, and a fault can be made to happen at each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from models.placement import Placement
from models.resources import FunctionAddress, Range, Space, WindowKind
from models.topology import BarIndex, BarKey, Function, Topology, WindowKey
from solver.steps.access import AccessError
from solver.steps.ground import Ground
from tests.steps.config_space import BITS, COMMAND, SRIOV, VF_ENABLE, VF_MEMORY, ConfigSpace
from tests.steps.place_module import PlaceModule


class Interrupted(BaseException):  # no error: nothing may catch it as one
    """The process was killed."""


Fault = Callable[[int, str], str | None]
"""From the number of an operation and its name to what goes wrong: ``lost`` (a write has no effect), ``error`` (it is
refused), ``vanish`` (the function is gone from now on), ``kill`` (the process ends here); ``None`` = nothing."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a running function relies on: a BAR's place, and the bridge windows that lead there."""

    space: Space
    range: Range
    bridges: tuple[FunctionAddress, ...]


class SimulatedMachine:
    """Implements :class:`solver.steps.access.Access`.

    Parameters
    ----------
    fault
        What goes wrong, and when.
    drivers
        Drivers the kernel has for functions that have none bound.
    vfs
        Virtual functions that are enabled at the start.
    """

    def __init__(
        self,
        topology: Topology,
        *,
        fault: Fault | None = None,
        drivers: dict[FunctionAddress, str] | None = None,
        vfs: dict[FunctionAddress, int] | None = None,
    ) -> None:
        self.topology, self.fault = topology, fault
        self.ground = Ground(topology, Placement.today(topology))
        self.known = self.ground.functions
        self.log: list[str] = []
        self.operations = 0
        self.gone: set[FunctionAddress] = set()
        self.removed: set[FunctionAddress] = set()
        self.space = {a: ConfigSpace(f, self.ground.root[a]) for a, f in self.known.items()}
        self.kernel_bars = {key: bar.range for key, bar in self.ground.bars.items() if bar.range is not None}
        self.kernel_windows = {k: w.range for k, w in self.ground.windows.items() if w.range is not None}
        self.driver = {a: f.driver if f.driver_known else "unknown_driver" for a, f in self.known.items()}
        self.matching = {**{a: name for a, name in self.driver.items() if name is not None}, **(drivers or {})}
        self.numvfs = dict(vfs or {})
        for address in self.numvfs:
            self.space[address].write(SRIOV + 8, 2, VF_ENABLE | VF_MEMORY)
        self.tolerated = {frozenset((one, other)) for one, other in self._overlaps()}
        self.promises: dict[FunctionAddress, list[Promise]] = {}
        for address in self.known:
            self._promise(address)
        self.module = PlaceModule(self)
        self.on_write: Callable[[], None] = lambda: None

    # -- Access -----------------------------------------------------------------------------------------------------

    def functions(self) -> list[FunctionAddress]:
        return [address for address in self.known if self.present(address)]

    def present(self, function: FunctionAddress) -> bool:
        return function in self.known and function not in self.gone | self.removed

    def read_config(self, function: FunctionAddress, offset: int, width: int) -> int:
        self._operation(f"read {function} {offset:x}")
        return self.raw_read(function, offset, width)

    def write_config(self, function: FunctionAddress, offset: int, width: int, value: int) -> None:
        if self._operation(f"write {function} {offset:x} {width} {value:x}") != "lost":
            self.raw_write(function, offset, width, value)

    def driver_of(self, function: FunctionAddress) -> str | None:
        self._known(function)
        return self.driver[function]

    def unbind(self, function: FunctionAddress) -> None:
        self._known(function)
        self._operation(f"unbind {function}")
        if self.driver[function] is None:
            raise AccessError(f"{function} has no driver")
        self.driver[function] = None
        self.promises.pop(function, None)
        if self.numvfs.get(function):
            raise AssertionError(f"{function} loses its driver while it has VFs")

    def bind(self, function: FunctionAddress, driver: str) -> None:
        self._known(function)
        self._operation(f"bind {function} {driver}")
        if self.matching.get(function) != driver:
            raise AccessError(f"{driver} does not take {function}")
        self._start(function, driver)

    def probe(self, function: FunctionAddress) -> None:
        self._known(function)
        self._operation(f"probe {function}")
        if function in self.matching and self.driver[function] is None:
            self._start(function, self.matching[function])

    def vfs(self, function: FunctionAddress) -> int:
        return self.numvfs.get(function, 0)

    def set_vfs(self, function: FunctionAddress, count: int) -> None:
        self._operation(f"vfs {function} {count}")
        if count and self.driver[function] is None:
            raise AccessError(f"{function} has no driver that could enable VFs")
        self.raw_write(function, SRIOV + 8, 2, VF_ENABLE | VF_MEMORY if count else 0)
        self.numvfs[function] = count

    def transaction(self, text: str) -> None:
        self._operation("transaction")
        self.module.write(text)

    def remove(self, function: FunctionAddress) -> None:
        self._known(function)
        self._operation(f"remove {function}")
        for address in (function, *self.ground.below(function)):
            self.driver[address] = None
            self.promises.pop(address, None)
            self.removed.add(address)
            for bar in self.known[address].bars:
                self.kernel_bars.pop(BarKey(address, bar.index), None)
            for kind in ("io", "mem", "pref"):
                self.kernel_windows.pop(WindowKey(address, kind), None)

    def rescan(self, bridge: FunctionAddress | None) -> None:
        raise AccessError("a rescan places everything anew, which is not modelled")

    def bars(self, function: FunctionAddress) -> dict[BarIndex, Range]:
        self._known(function)
        return {key.index: range_ for key, range_ in self.kernel_bars.items() if key.function == function}

    def windows(self, function: FunctionAddress) -> dict[WindowKind, Range]:
        self._known(function)
        return {key.kind: range_ for key, range_ in self.kernel_windows.items() if key.bridge == function}

    # -- beyond a running kernel ------------------------------------------------------------------------------------

    def raw_read(self, function: FunctionAddress, offset: int, width: int) -> int:
        """What port I/O reads, whatever the kernel knows."""
        if function in self.gone or function not in self.known:
            return (1 << 8 * width) - 1
        return self.space[function].read(offset, width)

    def raw_write(self, function: FunctionAddress, offset: int, width: int, value: int) -> None:
        """What port I/O writes; what it leads to is looked at."""
        if function in self.gone or function not in self.known:
            return
        self.log.append(f"{function} {offset:x}.{width}={value:x}")
        self.space[function].write(offset, width, value)
        self.look()

    def kexec(self) -> None:
        """A new kernel claims what it finds in the registers, and drivers bind."""
        self._operation("kexec")
        self.promises.clear()
        self.removed.clear()
        self.kernel_bars.clear()
        self.kernel_windows.clear()
        found = self.registers()
        for key, at in found.bars.items():
            if at is not None:
                self.kernel_bars[key] = Range.of(at, self.ground.bars[key].span)
        self.kernel_windows.update({key: range_ for key, range_ in found.windows.items() if range_ is not None})
        self.driver = {address: self.matching.get(address) for address in self.known}
        for address in self.known:
            self._promise(address)

    def registers(self) -> Placement:
        """The placement that stands in the registers."""
        bars = {
            key: None if (range_ := self.space[key.function].bar(bar)) is None else range_.start
            for key, bar in self.ground.bars.items()
        }
        return Placement(bars, {key: self.space[key.bridge].window(w) for key, w in self.ground.windows.items()})

    def kernel(self) -> Placement:
        """The placement as the kernel sees it."""
        return Placement(
            {key: range_.start if (range_ := self.kernel_bars.get(key)) else None for key in self.ground.bars},
            {key: self.kernel_windows.get(key) for key in self.ground.windows},
        )

    def stop(self, function: FunctionAddress) -> None:
        """Nobody relies on a function without driver any more."""
        self.promises.pop(function, None)

    def start(self, function: FunctionAddress) -> None:
        """Somebody relies on a function without driver again."""
        self._promise(function)

    def running(self) -> set[FunctionAddress]:
        """Functions that answer at an address."""
        return {address for address, promises in self.promises.items() if promises}

    # -- what must never happen -------------------------------------------------------------------------------------

    def look(self) -> None:
        """Fail the test if something is wrong at this moment."""
        self.on_write()
        for one, other in self._overlaps():
            if frozenset((one, other)) not in self.tolerated:
                raise AssertionError(f"{one} and {other} decode the same addresses, after {self.log[-1]}")
        for address, promises in self.promises.items():
            if address in self.gone:
                continue
            for promise in promises:
                if not self._reached(address, promise):
                    raise AssertionError(f"{address} is cut off at {promise.range}, after {self.log[-1]}")

    def _overlaps(self) -> Iterator[tuple[str, str]]:
        for addresses in self.ground.on_bus.values():
            items = sorted(
                (range_, space, name)
                for address in addresses
                if address not in self.gone
                for name, space, range_ in self._decoding(self.known[address])
            )
            open_: list[tuple[Range, Space, str]] = []
            for item in items:
                open_ = [other for other in open_ if other[0].end > item[0].start]
                yield from ((other[2], item[2]) for other in open_ if other[1] == item[1])
                open_.append(item)

    def _decoding(self, function: Function) -> Iterator[tuple[str, Space, Range]]:
        yield from self.space[function.address].decoded()
        if function.bridge is not None:
            for number, window in enumerate(function.bridge.cardbus):
                yield f"{function.address} CardBus window {number}", window.space, window.range

    def _reached(self, address: FunctionAddress, promise: Promise) -> bool:
        if not any(s == promise.space and r == promise.range for _, s, r in self.space[address].decoded()):
            return False
        return all(self._passes(bridge, promise.space, promise.range) for bridge in promise.bridges)

    def _passes(self, bridge: FunctionAddress, space: Space, range_: Range) -> bool:
        return any(
            name.endswith("window") and s == space and r.contains(range_) for name, s, r in self.space[bridge].decoded()
        )

    def _promise(self, address: FunctionAddress) -> None:
        """From now on the function runs where it is."""
        self.promises[address] = [
            Promise(
                space,
                range_,
                tuple(b.address for b in self.ground.above[address] if self._passes(b.address, space, range_)),
            )
            for name, space, range_ in self.space[address].decoded()
            if not name.endswith("window")
        ]

    # -- helpers ----------------------------------------------------------------------------------------------------

    def _operation(self, what: str) -> str | None:
        self.operations += 1
        happens = self.fault(self.operations, what) if self.fault else None
        if happens == "kill":
            raise Interrupted
        if happens == "vanish":
            self.gone.add(FunctionAddress(what.split()[1]))
        if happens == "error":
            raise AccessError(f"{what}: refused")
        return happens

    def _known(self, function: FunctionAddress) -> None:
        if not self.present(function):
            raise AccessError(f"there is no function {function}")

    def _start(self, function: FunctionAddress, driver: str) -> None:
        """A driver enables decoding; it insists on the BARs that had an address from the start."""
        bits = 0
        for bar in self.known[function].bars:
            if isinstance(bar.index, str):
                continue
            if BarKey(function, bar.index) in self.kernel_bars:
                bits |= BITS[bar.space]
            elif bar.address is not None:
                raise AccessError(f"{driver} finds no address in BAR {bar.index} of {function}")
        command = self.space[function].read(COMMAND, 2)
        for key, range_ in self.kernel_bars.items():
            if key.function == function and self.space[function].bar(self.ground.bars[key]) != range_:
                raise AssertionError(f"{key} is not where the kernel has it")
        self.driver[function] = driver
        self.raw_write(function, COMMAND, 2, command | bits)
        self._promise(function)
