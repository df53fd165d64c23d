from __future__ import annotations

import pytest

from models.errors import InputError
from models.sources.detect import decode, is_topology_document, kinds_of, refusal

LOG = """\
[    0.401000] PCI host bridge to bus 0000:00
[    0.401010] pci_bus 0000:00: root bus resource [mem 0xb0000000-0xbfffffff window]
[    0.402000] pci 0000:00:02.0: [1234:5678] type 00 class 0x020000
[    0.402100] pci 0000:00:02.0: reg 0x10: [mem 0xb0000000-0xb00fffff]
"""

LISTING = """\
00:02.0 Ethernet controller [0200]: Example Corporation Device [1234:5678] (rev 01)
\tControl: I/O- Mem+ BusMaster+
\tRegion 0: Memory at b0000000 (32-bit, non-prefetchable) [size=1M]
\tKernel driver in use: example
"""

MEMORY = """\
b0000000-bfffffff : PCI Bus 0000:00
  b0000000-b00fffff : 0000:00:02.0
"""

FREEBSD = """\
Copyright (c) 1992-2021 The FreeBSD Project.
FreeBSD 12.9-RELEASE GENERIC amd64
pcib0: <ACPI Host-PCI bridge> port 0xcf8-0xcff on acpi0
found->\tvendor=0x1234, dev=0x5678, revid=0x01
"""


def names(text: str) -> list[str]:
    return [kind.name for kind in kinds_of(text)]


@pytest.mark.parametrize(("text", "expected"), [(LOG, "kernel log"), (LISTING, "lspci"), (MEMORY, "iomem")])
def test_one_kind(text: str, expected: str) -> None:
    assert names(text) == [expected]


def test_a_mail_is_of_every_kind_in_it() -> None:
    mail = f"Hello,\n\n{LOG}\nand lspci:\n\n{LISTING}\nand memory:\n\n{MEMORY}\nRegards\n"
    assert names(mail) == ["lspci", "iomem", "kernel log"]


def test_prose_is_of_no_kind() -> None:
    assert names("The PCI host bridge at 00:1f.0 is fine.\nRegards\n") == []


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (FREEBSD, "FreeBSD"),
        ("vgapci0@pci0:0:2:0:\tclass=0x030000 card=0x12345678 chip=0x56781234 rev=0x01 hdr=0x00\n", "pciconf"),
        ("35: PCI 02.0: 0200 Ethernet\n  [Created at pci.386]\n  SysFS BusID: 0000:00:02.0\n", "hwinfo"),
        ("example\n  *-core\n    description: Motherboard\n    bus info: pci@0000:00:02.0\n", "lshw"),
        ("rootbridge(addr(0, 0, 0), childbus(0, 7), mem(3556769792, 3690987519)).\n", "Barrelfish"),
        ("-[0000:00]-+-00.0\n           \\-02.0\n", "lspci -t"),
    ],
)
def test_refused_forms_are_named(text: str, form: str) -> None:
    assert kinds_of(text) == []
    found = refusal(text)
    assert found is not None
    assert form in found.refusal
    assert "barplan reads Linux kernel logs" in found.refusal


def test_a_readable_text_that_quotes_a_refused_form_is_read() -> None:
    text = LOG + "\n-[0000:00]-+-00.0\n"
    assert names(text) == ["kernel log"]
    assert refusal(text) is None


def test_a_freebsd_log_is_refused_whatever_else_it_looks_like() -> None:
    assert names(FREEBSD + MEMORY) == []


def test_documents_are_told_by_their_format() -> None:
    assert is_topology_document('\ufeff\n{ "format" : "barplan-topology/1"}')
    assert not is_topology_document('{"format": "barplan-plan/1"}')
    assert not is_topology_document('see {"format": "barplan-topology/1"}')


def test_undecodable_bytes_are_replaced_and_byte_order_marks_honoured() -> None:
    assert decode(b"caf\xe9 au lait\n", "x") == "caf\ufffd au lait\n"
    assert decode("\ufeffabc".encode("utf-16"), "x").strip("\ufeff") == "abc"
    assert decode(b"a long enough kernel log line with one stray NUL" * 30 + b"\0", "x").endswith("NUL")


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\x7fELF\0\0\0\1" * 20, b"\xfb\xfe\xfd\xfc\xfb" * 20])
def test_data_that_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="expected Linux kernel logs"):
        decode(data, "x")
