"""A user's files on the drives of a guest: written before, read afterwards, at work in between."""

from __future__ import annotations

from contextlib import suppress

from models.resources import FunctionAddress
from tests.kernel.devices import block_device
from tests.kernel.guest import Guest, GuestError

_FILL = """
    mke2fs /dev/{0} 32768 >/dev/null 2>&1 && mount -t ext4 /dev/{0} /mnt &&
    for n in 1 2 3 4 5 6 7 8; do dd if=/dev/urandom of=/mnt/file$n bs=64k count=8 2>/dev/null; done &&
    sync && umount /mnt
"""
_LOAD = """
    rm -f /load.*; mkdir -p /stay; mount -t ext4 /dev/{0} /stay && cd /stay && md5sum file* >/load.sums && cd /
    ( cd /stay; n=0
      while [ ! -e /load.stop ]; do
        name=load$((n % 4))
        dd if=/dev/urandom of=/load.written bs=64k count=8 2>/dev/null
        dd if=/load.written of=$name bs=64k conv=fsync 2>/dev/null || echo wrong
        echo 3 >/proc/sys/vm/drop_caches
        cmp /load.written $name && md5sum -c -s /load.sums || echo wrong
        n=$((n + 1))
      done
      md5sum load? >/load.new; echo $n passes ) >/load.out 2>&1 &
"""
"""Memory keeps nothing of what was written or read: the drive has to answer."""
_STOP = """
    touch /load.stop; while ! grep -q passes /load.out; do sleep 0.1; done
    umount /stay && mount -t ext4 -o ro,noload /dev/{0} /stay && cd /stay &&
    md5sum -c -s /load.sums && md5sum -c -s /load.new || echo wrong; cd /; umount /stay; cat /load.out
"""


def fill(guest: Guest) -> dict[FunctionAddress, str]:
    """A file system with files on every drive, unmounted again; the checksums of each drive's files."""
    if not guest.machine.disks:
        return {}
    guest.run("sh /opt/file-system 2>/dev/null; mkdir -p /mnt")
    found = {}
    for address in sorted(guest.functions()):
        function = FunctionAddress(address)
        block = block_device(guest, function)
        if block is not None:
            guest.run(_FILL.format(block))
            found[function] = sums(guest, function)
    return found


def sums(guest: Guest, function: FunctionAddress) -> str:
    """Checksums of the files, through a mount that only reads."""
    block = block_device(guest, function)
    if block is None:
        return "no drive"
    with suppress(GuestError):
        return guest.run(f"mount -t ext4 -o ro,noload /dev/{block} /mnt && md5sum /mnt/file* && umount /mnt")
    return "not readable"


class Load:
    """Somebody at work on a mounted drive: files are written and read back, those that were there are read.

    Parameters
    ----------
    stays
        Functions that are not taken down; the first one with a drive is worked on, if there is any.
    """

    def __init__(self, guest: Guest, stays: list[FunctionAddress]) -> None:
        self.guest = guest
        self.block = next((block for one in stays if (block := block_device(guest, one))), None)
        if self.block is not None:
            guest.run(_LOAD.format(self.block))

    def stop(self) -> int | None:
        """Number of rounds, after a look through a fresh mount; -1 where a file was wrong, ``None`` without a drive."""
        if self.block is None:
            return None
        text = self.guest.run(_STOP.format(self.block))
        return -1 if "wrong" in text else int(text.split()[-2])
