"""Single-function devices that are no GPU, each with the public source of its figures."""

from __future__ import annotations

from models.profiles_shapes import NVME_BARS, Profile, card, io, mem32, mem64, pref, rom, vf
from models.resources import GIB, KIB, MIB

CARDS: tuple[Profile, ...] = (
    card(
        "nvme",
        "NVMe SSD (Phison E16)",
        "1987:5016",
        "010802",
        NVME_BARS,
        "https://github.com/edk2-porting/edk2-rk3588/issues/91",
    ),
    card(
        "usb3",
        "USB 3.0 controller (Renesas uPD720201)",
        "1912:0014",
        "0c0330",
        (mem64(0, 8 * KIB),),
        "https://github.com/morrownr/mt76/issues/29",
    ),
    card(
        "sas",
        "SAS host bus adapter (Broadcom SAS3008)",
        "1000:0097",
        "010700",
        (io(0, 256), mem64(1, 64 * KIB), mem64(3, 256 * KIB), rom(MIB)),
        "https://github.com/Seagate/openSeaChest/issues/118",
    ),
    card(
        "nic-1g",
        "1 Gbit/s Ethernet controller (Intel I210)",
        "8086:1533",
        "020000",
        (mem32(0, MIB), io(2, 32), mem32(3, 16 * KIB), rom(MIB)),
        "https://github.com/coreos/fedora-coreos-tracker/issues/549",
    ),
    card(
        "nic-10g",
        "10 Gbit/s Ethernet controller with 64 VFs (Intel 82599)",
        "8086:10fb",
        "020000",
        (
            mem64(0, MIB),
            io(2, 32),
            mem64(4, 16 * KIB),
            rom(512 * KIB),
            vf("vf0", 16 * KIB, 64),
            vf("vf3", 16 * KIB, 64),
        ),
        "https://lore.kernel.org/linux-scsi/68b68394-f244-c839-0207-456ebfd3acf2@molgen.mpg.de/",
    ),
    card(
        "nic-sriov",
        "10 Gbit/s Ethernet controller with 64 VFs (Intel X710)",
        "8086:1572",
        "020000",
        (
            pref(0, 8 * MIB),
            pref(3, 32 * KIB),
            rom(512 * KIB),
            vf("vf0", 64 * KIB, 64),
            vf("vf3", 16 * KIB, 64),
        ),
        "https://github.com/OpenVPN/ovpn-dco/issues/46",
    ),
    card(
        "nic-25g",
        "25 Gbit/s Ethernet controller with 64 VFs (Intel XXV710)",
        "8086:158b",
        "020000",
        (pref(0, 16 * MIB), pref(3, 32 * KIB), rom(512 * KIB), vf("vf0", 64 * KIB, 64), vf("vf3", 16 * KIB, 64)),
        "https://github.com/venkataanil/ovshwoffloadMellanox (its lspci -vvv; two of these ports side by side give the "
        "sizes of the VF BARs), https://github.com/k8snetworkplumbingwg/sriov-network-operator/issues/672",
    ),
    card(
        "nic-100g",
        "100 Gbit/s Ethernet controller with 8 VFs (Mellanox ConnectX-5)",
        "15b3:1017",
        "020000",
        (pref(0, 32 * MIB), vf("vf0", MIB, 8)),
        "https://github.com/venkataanil/ovshwoffloadMellanox (its lspci -vvv, with VFs enabled)",
    ),
    card(
        "fpga",
        "FPGA card (AMD Alveo V80)",
        "10ee:50b4",
        "120000",
        (pref(0, 256 * MIB),),
        "https://github.com/Xilinx/AVED/issues/24",
    ),
    card(
        "fpga-128g",
        "FPGA card with a window of 128 GiB (AWS F2, its application function)",
        "1d0f:f010",
        "058000",
        (pref(0, 64 * MIB), pref(2, 64 * KIB), pref(4, 128 * GIB)),
        "https://awsdocs-fpga-f2.readthedocs-hosted.com/latest/hdk/docs/AWS-Fpga-Pcie-Memory-Map.html",
    ),
    card(
        "cxl",
        "CXL 2.0 memory device (Intel 8086:0ddb)",
        "8086:0ddb",
        "050210",
        (mem32(0, 2 * MIB), pref(2, 128 * KIB)),
        "https://github.com/pmem/ndctl/issues/246",
    ),
)
"""Network, storage, FPGA and CXL devices."""
