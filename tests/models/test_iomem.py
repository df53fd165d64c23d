from __future__ import annotations

from models.resources import Range
from models.sources.iomem import looks_like_iomem, pci_bus_name, read_iomem

MEMORY = """\
00000000-00000fff : Reserved
00001000-0009ffff : System RAM
000a0000-000fffff : Reserved
  000a0000-000bffff : PCI Bus 0000:00
b0000000-dfffffff : PCI Bus 0000:00
  b0000000-b00fffff : PCI Bus 0000:01
    b0000000-b0003fff : 0000:01:00.0
      b0000000-b0003fff : nvme
e0000000-efffffff : PCI MMCONFIG 0000 [bus 00-ff]
"""

PORTS = """\
0000-0cf7 : PCI Bus 0000:00
  0070-0071 : rtc0
0cf8-0cff : PCI conf1
0d00-ffff : PCI Bus 0000:00
  3000-3fff : PCI Bus 0000:01
"""


def windows(observation: object, key: tuple[int, int]) -> list[tuple[str, str]]:
    return [(w.space, str(w.range)) for w in observation.root_buses[key].windows]  # type: ignore[attr-defined]


def test_memory_ranges_keep_nesting_and_are_half_open() -> None:
    observation = read_iomem(MEMORY, "iomem")
    assert observation.kind == "iomem"
    nvme = observation.ranges[-2]
    assert (nvme.name, nvme.depth, nvme.range) == ("nvme", 3, Range(0xB0000000, 0xB0004000))


def test_outermost_bus_ranges_are_root_windows_even_inside_reserved() -> None:
    observation = read_iomem(MEMORY, "iomem")
    assert windows(observation, (0, 0)) == [("mem", "000a0000-000bffff"), ("mem", "b0000000-dfffffff")]
    assert (0, 1) not in observation.root_buses


def test_four_digits_are_ports() -> None:
    observation = read_iomem(PORTS, "a.txt")
    assert observation.kind == "ioports"
    assert windows(observation, (0, 0)) == [("io", "00000000-00000cf7"), ("io", "00000d00-0000ffff")]


def test_eight_digit_ports_are_told_by_file_name_or_size() -> None:
    text = "00000000-0000ffff : PCI Bus 0001:00\n  00001000-00001fff : PCI Bus 0001:01\n"
    assert read_iomem(text, "ioports.txt").kind == "ioports"
    assert read_iomem(text, "x.txt").kind == "ioports"
    assert read_iomem(text, "iomem.txt").kind == "iomem"


def test_mail_with_both_listings_quoted_and_indented() -> None:
    text = "Hello,\n\n" + "".join(f"> {line}\n" for line in PORTS.splitlines())
    text += "and the memory\nmap of it\nis\nthis one:\n\n" + "".join(f"    {line}\n" for line in MEMORY.splitlines())
    observation = read_iomem(text, "mail.txt")
    assert observation.kind == "ioports+iomem"
    assert [seen.depth for seen in observation.ranges if seen.space == "io"] == [0, 1, 0, 0, 1]
    assert len(observation.root_buses[(0, 0)].windows) == 4


def test_last_of_two_listings_counts() -> None:
    second = MEMORY.replace("b0000000-dfffffff", "b0000000-cfffffff")
    observation = read_iomem(MEMORY + "\n\nafter the hotplug\nit\nis\nthis:\n\n" + second, "iomem")
    assert windows(observation, (0, 0))[-1] == ("mem", "b0000000-cfffffff")
    assert len(observation.ranges) == 9


def test_hidden_addresses_become_a_note() -> None:
    text = "00000000-00000000 : System RAM\n00000000-00000000 : PCI Bus 0000:00\n"
    assert looks_like_iomem(text)
    observation = read_iomem(text, "iomem")
    assert observation.ranges == []
    assert "hides" in observation.notes[0]


def test_one_line_is_no_listing() -> None:
    assert not looks_like_iomem("b0000000-b0003fff : nvme\n")
    assert not looks_like_iomem("BIOS-e820: [mem 0x00000000-0x0009ffff] usable\n" * 3)


def test_bus_names_of_old_and_new_kernels() -> None:
    assert pci_bus_name("PCI Bus 10000:e1") == (0x10000, 0xE1)
    assert pci_bus_name("PCI Bus #0a") == (0, 10)
    assert pci_bus_name("PCI MMCONFIG 0000 [bus 00-ff]") is None
