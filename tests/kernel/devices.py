"""Whether devices in a guest work: drives keep data, memory keeps words, registers answer, VFs come up."""

from __future__ import annotations

from models.resources import FunctionAddress
from tests.kernel.guest import Guest, GuestError
from tests.kernel.state import Listed, State

NVME, SHARED_MEMORY, EDU, ADAPTER = "1b36:0010", "1af4:1110", "1234:11e8", "1234:1111"
LEGACY_NETWORK = "1af4:1000"
"""A virtio network card whose registers are I/O ports alone."""
KNOWN = (NVME, SHARED_MEMORY, EDU, ADAPTER, LEGACY_NETWORK)
EDU_ID = "010000ed"

_BLOCK = "b=$(ls /sys/bus/pci/devices/{0}/nvme/nvme*/ 2>/dev/null | grep -m1 'nvme.*n1$'); [ -n \"$b\" ]"
_DRIVE = (
    "[ $(cat /sys/bus/pci/devices/{0}/nvme/nvme*/state) = live ] || exit 1; "
    + _BLOCK
    + " || exit 0; dd if=/dev/urandom of=/tmp/written bs=64k count=4 2>/dev/null"
    " && dd if=/tmp/written of=/dev/$b bs=64k seek=900 oflag=direct 2>/dev/null"
    " && dd if=/dev/$b of=/tmp/read bs=64k skip=900 count=4 iflag=direct 2>/dev/null && cmp /tmp/written /tmp/read"
)
"""The controller runs; with a drive behind it (one with VFs has none here), what is written is read."""
_NETWORK = "[ $(cat /sys/bus/pci/devices/{0}/virtio*/status) = 0x00000007 ]"
"""The device status (virtio 1.1, 2.1), which the kernel reads from a port of the card: its driver runs."""
_VFS = (
    "cd /sys/bus/pci/devices/{0} && echo 2 >sriov_numvfs && [ -e virtfn1 ] && lspci -s $(basename $(readlink virtfn1)) "
    "&& [ $(awk 'NR==1 && $1 != \"0x0000000000000000\"' virtfn1/resource | wc -l) = 1 ]; "
    "s=$?; echo 0 >sriov_numvfs; exit $s"
)


def working(guest: Guest, state: State) -> dict[FunctionAddress, bool]:
    """Every endpoint that can be asked, and whether it works; what has no address does not."""
    return {
        address: _works(guest, listed)
        for address, listed in state.functions.items()
        if listed.id in KNOWN and "virtual" not in listed.values
    }


def how(guest: Guest, listed: Listed) -> str:
    """What :func:`working` and :func:`vfs_come_up` ask of a function."""
    words = {
        SHARED_MEMORY: "words at addresses all over its memory are kept",
        ADAPTER: "words at addresses all over its memory are kept",
        EDU: "its ID register answers",
        LEGACY_NETWORK: "its status port says that its driver runs",
    }
    drive = "256 KiB are written and read back" if block_device(guest, listed.address) else "its controller is live"
    vfs = "; 2 VFs come up with addresses" if listed.values.get("sriov_totalvfs", "0") != "0" else ""
    return words.get(listed.id, drive) + vfs


def block_device(guest: Guest, function: FunctionAddress) -> str | None:
    """The drive of an NVMe function, ``nvme0n1``."""
    try:
        return guest.run(_BLOCK.format(function) + " && echo $b").strip()
    except GuestError:
        return None


def vfs_come_up(guest: Guest, function: FunctionAddress) -> bool:
    """Whether two VFs of an NVMe function appear, with addresses."""
    return _succeeds(guest, _VFS.format(function))


def _works(guest: Guest, listed: Listed) -> bool:
    if listed.id == NVME:
        # One whose registers do not answer keeps whoever asks it waiting for a minute.
        return listed.range(0) is not None and _succeeds(guest, _DRIVE.format(listed.address))
    row = 2 if listed.id == SHARED_MEMORY else 0
    held = listed.range(row)
    if held is None:
        return False
    config = f"/sys/bus/pci/devices/{listed.address}/config"
    if listed.id == LEGACY_NETWORK:
        return _succeeds(guest, _NETWORK.format(listed.address))
    on = f"printf '\\006' | dd of={config} bs=1 seek=4 conv=notrunc 2>/dev/null\n"
    if listed.id == EDU:
        return _succeeds(guest, f"{on}[ $(mmio read {held.start:#x}) = {EDU_ID} ]")
    return _succeeds(guest, f"{on}mmio test {held.start:#x} {held.size:#x}")


def _succeeds(guest: Guest, script: str) -> bool:
    try:
        guest.run(script)
    except GuestError as error:
        if not str(error).startswith("status"):
            raise
        return False
    return True
