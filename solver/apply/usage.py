"""Whether a function is in use by something that would not survive its driver being unbound, and by what."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from models.resources import FunctionAddress
from solver.apply.files import Files
from solver.apply.linux import DEVICES


def uses(files: Files, function: FunctionAddress) -> list[str]:
    """What uses the function, each in words; empty where nothing does.

    Mounted file systems, swap, members of RAID, LVM and the like (whatever holds a block device), network links that
    carry a default route, also through bridges, bonds and VLANs, and devices handed to guests through VFIO. What uses
    a virtual function uses the function that it is one of.
    """
    home = files.real(f"{DEVICES}/{function}")
    if home is None:
        return []
    found = list(dict.fromkeys([*_blocks_in_use(files, home), *_links_in_use(files, home)]))
    driver = files.real(f"{home}/driver")
    if driver is not None and posixpath.basename(driver) == "vfio-pci":
        found.append("it is bound to vfio-pci: a virtual machine may have it")
    for entry in files.names(home):
        vf = files.real(f"{home}/{entry}") if entry.startswith("virtfn") else None
        if vf is not None:
            name = posixpath.basename(vf)
            found += [f"its virtual function {name}: {use}" for use in uses(files, FunctionAddress(name))]
    return found


def _text(files: Files, path: str) -> str:
    try:
        return files.read(path).decode(errors="replace")
    except OSError:
        return ""


def _is_below(files: Files, path: str, home: str) -> bool:
    real = files.real(path)
    return real is not None and real.startswith(home + "/")


# -- block devices -----------------------------------------------------------------------------------------------------


def _blocks_in_use(files: Files, home: str) -> Iterator[str]:
    blocks = _blocks_of(files, home)
    if not blocks:
        return
    mounts = [line.split() for line in _text(files, "/proc/self/mountinfo").splitlines()]
    swaps = [line.split()[0] for line in _text(files, "/proc/swaps").splitlines()[1:]]
    for block in blocks:
        named = False
        for name, folder in _with_partitions(files, block):
            for use in _uses_of(files, name, folder, mounts, swaps):
                named = True
                yield use
        for name, _ in _with_partitions(files, block):
            # A partition that is in use keeps its whole drive.
            if not named and files.claimed(f"/dev/{name}"):
                named = True
                yield f"/dev/{name} is in use: a file system of several drives, or one mounted for others only"


def _uses_of(files: Files, name: str, folder: str, mounts: list[list[str]], swaps: list[str]) -> Iterator[str]:
    """What uses one block device, as far as the kernel's lists tell."""
    number = _text(files, f"{folder}/dev").strip()
    for words in mounts:
        if len(words) > 4 and (words[2] == number or _source(words) == f"/dev/{name}"):
            yield f"/dev/{name} is mounted on {words[4]}"
    if any(posixpath.basename(files.real(swap) or swap) == name for swap in swaps):
        yield f"/dev/{name} is swap"
    for holder in files.names(f"{folder}/holders"):
        yield f"/dev/{name} is part of {_holder(files, holder)}"


def _source(words: list[str]) -> str | None:
    """What a line of mountinfo says is mounted: btrfs has device numbers of its own."""
    behind = words[words.index("-") + 1 :] if "-" in words else []
    return behind[1] if len(behind) > 1 else None


def _holder(files: Files, holder: str) -> str:
    label = _text(files, f"/sys/block/{holder}/dm/name").strip()
    return f"/dev/mapper/{label}" if label else f"/dev/{holder}"


def _blocks_of(files: Files, home: str) -> list[str]:
    """Block devices below the function; a multipath NVMe drive stands elsewhere, and its controller leads there."""
    blocks = files.names("/sys/block")
    found = [block for block in blocks if _is_below(files, f"/sys/block/{block}", home)]
    controllers = {name for name in files.names("/sys/class/nvme") if _is_below(files, f"/sys/class/nvme/{name}", home)}
    for subsystem in files.names("/sys/class/nvme-subsystem"):
        inside = files.names(f"/sys/class/nvme-subsystem/{subsystem}")
        if controllers & set(inside):
            found += [name for name in inside if name in blocks and name not in found]
    return found


def _with_partitions(files: Files, block: str) -> Iterator[tuple[str, str]]:
    """A block device and its partitions, with their folders."""
    folder = f"/sys/block/{block}"
    yield block, folder
    for name in files.names(folder):
        if name.startswith(block):
            yield name, f"{folder}/{name}"


# -- network links -----------------------------------------------------------------------------------------------------


def _links_in_use(files: Files, home: str) -> Iterator[str]:
    links = [name for name in files.names("/sys/class/net") if _is_below(files, f"/sys/class/net/{name}", home)]
    if not links:
        return
    routed = _default_links(files)
    for link in links:
        for upper in _uppers(files, link):
            if upper in routed:
                through = "" if upper == link else f" through {upper}"
                yield f"{link} carries the default route{through}"


def _default_links(files: Files) -> set[str]:
    """Links of default routes, IPv4 and IPv6."""
    found = set()
    for line in _text(files, "/proc/net/route").splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[1] == "00000000" and words[7] == "00000000":
            found.add(words[0])
    for line in _text(files, "/proc/net/ipv6_route").splitlines():
        words = line.split()
        if len(words) > 9 and words[0] == "0" * 32 and words[1] == "00" and words[9] != "lo":
            found.add(words[9])
    return found


def _uppers(files: Files, link: str) -> list[str]:
    """The link and whatever stands on it: bridges, bonds, VLANs."""
    found = [link]
    for name in found:
        for entry in files.names(f"/sys/class/net/{name}"):
            if entry.startswith("upper_") and entry[6:] not in found:
                found.append(entry[6:])
    return found
