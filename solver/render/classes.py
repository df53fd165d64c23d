"""Names of PCI class codes, as lspci prints them (PCI Code and ID Assignment, base class and sub-class)."""

from __future__ import annotations

_CLASSES = {
    "0100": "SCSI storage controller",
    "0101": "IDE interface",
    "0104": "RAID bus controller",
    "0105": "ATA controller",
    "0106": "SATA controller",
    "0107": "Serial Attached SCSI controller",
    "0108": "Non-Volatile memory controller",
    "0180": "Mass storage controller",
    "0200": "Ethernet controller",
    "0207": "Infiniband controller",
    "0280": "Network controller",
    "0300": "VGA compatible controller",
    "0302": "3D controller",
    "0380": "Display controller",
    "0400": "Multimedia video controller",
    "0401": "Multimedia audio controller",
    "0403": "Audio device",
    "0480": "Multimedia controller",
    "0500": "RAM memory",
    "0580": "Memory controller",
    "0600": "Host bridge",
    "0601": "ISA bridge",
    "0604": "PCI bridge",
    "0607": "CardBus bridge",
    "0609": "Semi-transparent PCI-to-PCI bridge",
    "0680": "Bridge",
    "0700": "Serial controller",
    "0703": "Modem",
    "0780": "Communication controller",
    "0800": "PIC",
    "0801": "DMA controller",
    "0803": "RTC",
    "0805": "SD Host controller",
    "0806": "IOMMU",
    "0880": "System peripheral",
    "0c00": "FireWire (IEEE 1394)",
    "0c03": "USB controller",
    "0c05": "SMBus",
    "0c80": "Serial bus controller",
    "0d11": "Bluetooth",
    "1000": "Network and computing encryption device",
    "1080": "Encryption controller",
    "1101": "Performance counters",
    "1180": "Signal processing controller",
    "1200": "Processing accelerators",
    "1300": "Non-Essential Instrumentation",
}

_BASES = {
    "01": "Mass storage controller",
    "02": "Network controller",
    "03": "Display controller",
    "04": "Multimedia controller",
    "05": "Memory controller",
    "06": "Bridge",
    "07": "Communication controller",
    "08": "Generic system peripheral",
    "0b": "Processor",
    "0c": "Serial bus controller",
    "0d": "Wireless controller",
    "11": "Signal processing controller",
    "12": "Processing accelerators",
    "ff": "Unassigned class",
}


def class_name(code: str | None) -> str:
    """The name of a class code such as ``030000`` or ``0300``; empty where it is unknown."""
    if not code:
        return ""
    code = code.lower().removeprefix("0x")
    return _CLASSES.get(code[:4]) or _BASES.get(code[:2], f"Class {code[:4]}")
