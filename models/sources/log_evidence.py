"""What a kernel log shows only by its consequences: the platform, claimed addresses, hotplug ports."""

from __future__ import annotations

import re

from models.resources import WINDOW_KINDS, FunctionAddress, WindowKind, split_function_address
from models.sources.kernel_log_boot import Boot, BusKey
from models.sources.kernel_log_stages import Decision, SeenStage, root_of
from models.sources.observation import SeenBar, SeenFunction


def is_x86(boot: Boot) -> bool:
    """By what only one family of platforms prints; in doubt by whether addresses of firmware were kept."""
    if boot.x86 is not None:
        return boot.x86
    return any(
        bar.initial and bar.initial == bar.address for function in boot.functions.values() for bar in _bars(function)
    )


def is_untouched(function: SeenFunction) -> bool:
    """Whether the kernel leaves its BARs as they are: it is of no defined class, or a host bridge."""
    return (function.class_code or "").startswith(("0000", "0600"))


def architecture(boot: Boot) -> str:
    """What a kernel engine takes for ``arch``."""
    return boot.family or ("x86" if is_x86(boot) else "generic")


def claims_firmware(boot: Boot, seen: SeenStage, root: BusKey) -> bool:
    """Whether the kernel takes the addresses that firmware gave below this root bus (x86 does, most boards do not).

    It does unless more of them were replaced, with nothing said against them, than stayed. What is said of BARs
    after a retry has released windows is no evidence: they had addresses until then.
    """
    spoken: dict[tuple[FunctionAddress, object], str] = {}
    for decision in seen.decisions:
        if root_of(boot, decision.function) != root:
            continue
        if decision.kind == "released" and _had_address(boot, decision):
            break
        spoken.setdefault((decision.function, decision.slot), decision.kind)
    kept = replaced = 0
    for address in seen.found:
        other = boot.functions.get(address)
        if other is None or is_untouched(other) or root_of(boot, address) != root:
            continue
        for bar in _bars(other):
            if bar.initial:
                kept += (address, bar.index) not in spoken
                replaced += spoken.get((address, bar.index)) in ("assigned", "failed")
    return kept >= replaced


def _had_address(boot: Boot, decision: Decision) -> bool:
    """Whether a window was open when it was found; one that is never used is released as well."""
    function = boot.functions.get(decision.function)
    return function is not None and any(
        window.kind == decision.slot and window.initial is not None for window in function.windows.values()
    )


def reserves_room(boot: Boot, seen: SeenStage, bridge: SeenFunction) -> bool:
    """A window that wants more than what is required behind it, and is optional there, has a hotplug reserve.

    ACPI may make a port hotpluggable after the boot, so only what was said until the stage ended counts.
    """
    domain = split_function_address(bridge.address)[0]
    behind = [
        function
        for address, function in boot.functions.items()
        if split_function_address(address)[:2] == (domain, bridge.secondary)
    ]
    bridges = [function for function in behind if function.header == 1]
    if not bridges and any(_is_for_nothing(seen, bridge, kind, behind) for kind in WINDOW_KINDS):
        return True
    for kind in WINDOW_KINDS:
        wanted = boot.enlarged.get((bridge.address, kind))
        if wanted is None or (seen.end is not None and wanted.line > seen.last_line):
            continue
        below = [boot.enlarged.get((function.address, kind)) for function in bridges]
        explained = wanted.size <= sum(other.size for other in below if other is not None)
        if not _has_optional(boot, kind, behind) and not (bridges and (explained or not wanted.empty)):
            return True
    return False


def _is_for_nothing(seen: SeenStage, bridge: SeenFunction, kind: WindowKind, behind: list[SeenFunction]) -> bool:
    """The kernel looked for a place for a window in which nothing could stand."""
    window = bridge.windows.get(kind)
    wide = window is not None and window.width == 64  # where no ROM can stand
    bars = [bar for function in behind for bar in function.bars.values() if bar.index != "rom" or not wide]
    stands = any((bar.space == "io") == (kind == "io") and (kind != "pref" or bar.prefetchable) for bar in bars)
    return not stands and any(
        (decision.function, decision.slot) == (bridge.address, kind) and decision.kind in ("assigned", "failed")
        for decision in seen.decisions
        if bridge.address in seen.found and window is not None and window.initial is None
    )


def _has_optional(boot: Boot, kind: WindowKind, functions: list[SeenFunction]) -> bool:
    """Whether BARs that a kernel may leave out would stand in a window of this kind; ROMs are such since 6.15."""
    bars = [bar for function in functions for bar in function.bars.values() if isinstance(bar.index, str)]
    version = re.match(r"(\d+)\.(\d+)", boot.kernel or "")
    roms = version is not None and (int(version[1]), int(version[2])) >= (6, 15)
    if kind == "mem":
        return any(roms if bar.index == "rom" else not bar.prefetchable for bar in bars)
    return kind == "pref" and any(bar.index != "rom" and bar.prefetchable for bar in bars)


def _bars(function: SeenFunction) -> list[SeenBar]:
    return [bar for bar in function.bars.values() if isinstance(bar.index, int) and not bar.fixed]
