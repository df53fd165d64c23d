"""lspci listings in the texts people post: hex dumps, mails, several listings, path views, and what is none."""

from __future__ import annotations

import textwrap

import pytest

from models.resources import KIB, MIB, FunctionAddress, Range
from models.sources.lspci import looks_like_lspci, read_lspci
from models.sources.observation import Observation, SeenFunction

ENDPOINT = """\
07:00.0 VGA compatible controller [0300]: Example Corp. Frame Store [1ab4:0c01] (rev a1) (prog-if 00 [VGA controller])
	Subsystem: Example Corp. Device [1ab4:0001]
	Control: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
	Region 0: Memory at e9000000 (32-bit, non-prefetchable) [size=16M]
	Region 1: Memory at 5100000000 (64-bit, prefetchable) [disabled] [size=256M]
	Region 3: Memory at <unassigned> (64-bit, prefetchable)
	Region 5: I/O ports at d100 [size=128]
	Expansion ROM at ea000000 [disabled] [size=512K]
	Capabilities: [b40 v1] Physical Resizable BAR
		BAR 1: current size: 256MB, supported: 64MB 128MB 256MB 8GB
	Kernel driver in use: framestore
	Kernel modules: framestore, otherdrv
"""


def read(text: str) -> Observation:
    return read_lspci(textwrap.dedent(text), "posted.txt")


def function(text: str, address: str) -> SeenFunction:
    return read(text).functions[FunctionAddress(address)]


class TestHexDump:
    def test_hex_only_gives_addresses_and_no_sizes(self) -> None:
        observation = read("""\
            0000:00:03.0 PCI bridge: Example Corp. Port
            00: b4 1a 03 00 07 00 10 00 00 00 04 06 10 00 01 00
            10: 00 00 00 00 00 00 00 00 00 01 02 00 71 71 00 00
            20: 10 cf 10 cf f1 ff 01 00 00 00 00 00 00 00 00 00
            30: 00 00 00 00 40 00 00 00 00 00 00 00 0f 01 07 00

            0000:01:00.0 SCSI storage controller: Example Corp. Disk
            00: b4 1a 72 00 47 05 10 00 03 00 00 01 10 00 80 00
            10: 01 70 00 00 04 00 11 cf 00 00 00 00 0c 00 00 d0
            20: 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
            30: 01 00 20 cf 50 00 00 00 00 00 00 00 0b 01 00 00
            """)
        port = observation.functions[FunctionAddress("0000:00:03.0")]
        assert (port.header, port.secondary, port.subordinate, port.class_code) == (1, 1, 2, "060400")
        assert port.windows["io"].range == Range(0x7000, 0x8000)
        assert port.windows["io"].width == 32
        assert port.windows["mem"].range == Range(0xCF100000, 0xCF200000)
        assert port.windows["pref"].closed
        disk = observation.functions[FunctionAddress("0000:01:00.0")]
        assert {index: found.address for index, found in disk.bars.items()} == {
            0: 0x7000,
            1: 0xCF110000,
            3: 0x80D0000000,
            "rom": 0xCF200000,
        }
        assert {found.size for found in disk.bars.values()} == {None}
        assert disk.bars["rom"].enabled is True

    def test_functions_that_read_as_all_ones_have_no_bars(self) -> None:
        observation = read("""\
            01:00.1 Audio device [0403]: Example Corp. Codec [1ab4:0bea] (rev ff) (prog-if ff)
            \t!!! Unknown header type 7f
            \tKernel driver in use: codec
            00: ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff
            10: ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff
            20: ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff
            30: ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff
            """)
        seen = observation.functions[FunctionAddress("0000:01:00.1")]
        assert (seen.bars, seen.header, seen.id, seen.class_code) == ({}, None, "1ab4:0bea", "0403")
        assert any("all ones" in note for note in observation.notes)


class TestTextAroundIt:
    def test_quoted_and_wrapped_mail(self) -> None:
        text = """\
            On Monday, somebody wrote:
            > Hello, the card at 03:00.0 does not work. Regards: me
            >
            > 00:1c.0 PCI bridge: Example Corporation PCI Express Root Port with a long
            > name (rev 01) (prog-if 01 [Subtractive decode])
            >          Flags: bus master, fast devsel, latency 0, IRQ 202
            >          Bus: primary=00, secondary=03, subordinate=03, sec-latency=0
            >          Memory behind bridge: 18100000-182fffff [size=2M] [32-bit]
            >
            > 03:00.0 Network controller: Example Corporation Wireless (rev 01)
            >          Flags: bus master, fast devsel, latency 0, IRQ 201
            >          Memory at 18100000 (64-bit, non-prefetchable) [virtual] [disabled]
            > [size=128K]
            >          Kernel driver in use: radio

            The log says: [    1.0] pci 0000:03:00.0: BAR 0: assigned
            """
        observation = read(text)
        assert list(observation.functions) == ["0000:00:1c.0", "0000:03:00.0"]
        assert observation.functions[FunctionAddress("0000:00:1c.0")].subtractive is True
        radio = observation.functions[FunctionAddress("0000:03:00.0")]
        assert radio.bars[0].size == 128 * KIB
        assert radio.driver == "radio"

    def test_double_spaced_and_unindented(self) -> None:
        seen = function(
            "0a:04.0 USB controller: Example Corp. Hub\n\nFlags: fast devsel\n\n"
            "Memory at d0004000 (32-bit, non-prefetchable) [size=4K]\n\nKernel driver in use: hub_hcd\n\n",
            "0000:0a:04.0",
        )
        assert (seen.bars[0].size, seen.driver) == (4 * KIB, "hub_hcd")

    def test_the_fuller_of_two_listings_is_taken_with_what_the_other_adds(self) -> None:
        verbose = ENDPOINT.replace(" [0300]", "").replace(" [1ab4:0c01]", "")
        brief = "07:00.0 VGA compatible controller [0300]: Example Corp. Frame Store [1ab4:0c01] (rev a1)\n"
        for text in (verbose + "\n$ lspci -nn\n" + brief, brief + "\n$ lspci -vv\n" + verbose):
            observation = read(text)
            seen = observation.functions[FunctionAddress("0000:07:00.0")]
            assert seen.id == "1ab4:0c01"
            assert seen.bars[0].size == 16 * MIB
            assert any("listed more than once" in note for note in observation.notes)

    def test_path_view_with_bus_numbers(self) -> None:
        observation = read("""\
            00:1c.4 PCI bridge: Example Corp. Port
            00:1c.4/01:00.0 PCI bridge: Example Corp. Upstream
            00:1c.4/01:00.0/02:03.0 Ethernet controller: Example Corp. NIC
            """)
        nic = observation.functions[FunctionAddress("0000:02:03.0")]
        assert nic.parent == "0000:01:00.0"
        assert observation.functions[FunctionAddress("0000:00:1c.4")].parent is None

    def test_path_view_without_bus_numbers_follows_the_bridges(self) -> None:
        observation = read("""\
            0003:00:1c.4 PCI bridge: Example Corp. Port
            \tFlags: fast devsel
            \tBus: primary=00, secondary=0a, subordinate=0b, sec-latency=0
            0003:00:1c.4/00.0 Ethernet controller: Example Corp. NIC
            0003:00:1d.0/00.0 Ethernet controller: Example Corp. NIC
            """)
        assert list(observation.functions) == ["0003:00:1c.4", "0003:0a:00.0"]
        assert observation.functions[FunctionAddress("0003:0a:00.0")].parent == "0003:00:1c.4"
        assert any("-PP" in note for note in observation.notes)


class TestRecognition:
    @pytest.mark.parametrize(
        "text",
        [
            ENDPOINT,
            "> " + ENDPOINT.replace("\n", "\n> "),
            "00:00.0 0600: 8086:2f00 (rev 02)\n\tFlags: fast devsel\n",
            "00:00.0 Host bridge: Example\n00:01.0 PCI bridge: Example\n",
            "0000:00:00.0 class=0x060000 vendor=0x1ab4 device=0x3407\n00: b4" + " 00" * 15 + "\n",
        ],
    )
    def test_listings(self, text: str) -> None:
        assert looks_like_lspci(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "The card 03:00.0 VGA compatible controller: Example is broken\n",
            "03:00.0 Network controller: Example Corp. Wireless\nis what I have.\n",
            "[    0.5] pci 0000:00:1c.0: [1ab4:1c00] type 01 class 0x060400\n",
            "  e0000000-efffffff : 0000:00:02.0\n",
            "-[0000:00]-+-00.0  Example\n           +-01.0-[01]--\n",
        ],
    )
    def test_other_texts(self, text: str) -> None:
        assert not looks_like_lspci(text)

    def test_garbled_lines_are_skipped(self) -> None:
        observation = read("""\
            00:1c.0 PCI bridge: Example Corp. Port
            \tFlags: bus master, fast devsel
            \tBus: primary=00, secondary=0x, subordinate=zz, sec-latency=0
            \tMemory behind bridge: zzz
            \tMemory at zzz (64-bit, prefetchable) [size=16M]
            \tMemory at ffffffffffffffffff (64-bit, prefetchable) [size=16M]
            \tCapabilities: [bb0 v1] Physical Resizable BAR
            \t\tBAR 0: current size: 16MB, supported: 16MBc 32MB
            """)
        seen = observation.functions[FunctionAddress("0000:00:1c.0")]
        assert (seen.secondary, seen.windows["mem"].range) == (None, None)
        assert [found.address for found in seen.bars.values()] == [None]
        assert seen.bars[0].sizes == (32 * MIB,)

    def test_nothing_comes_of_an_empty_text(self) -> None:
        assert read_lspci("", "empty").functions == {}
