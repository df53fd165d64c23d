"""GPUs, by what their largest BAR is, each with the public source of its figures."""

from __future__ import annotations

from models.profiles_shapes import Profile, card, io, mem32, nvidia, pref, rom, vf, vf32
from models.resources import GIB, KIB, MIB

GPUS: tuple[Profile, ...] = (
    card(
        "gpu-256m",
        "GPU with a 256 MiB aperture (NVIDIA Quadro RTX 8000)",
        "10de:1e30",
        "030000",
        (*nvidia(256 * MIB), io(5, 128), rom(512 * KIB)),
        "https://github.com/geerlingguy/raspberry-pi-pcie-devices/issues/480, "
        "I/O size of the same vendor's https://github.com/pciutils/pciutils/issues/151",
    ),
    card(
        "gpu-rebar",
        "GPU with 24 GiB and a Resizable BAR, 256 MiB now (NVIDIA RTX 3090)",
        "10de:2204",
        "030000",
        (*nvidia(256 * MIB, [64 * MIB << shift for shift in range(10)]), io(5, 128), rom(512 * KIB)),
        "https://lore.kernel.org/linux-pci/91ddf3e3-6203-4851-8007-9e9a24841e61@bakke.com/ and the listing in "
        "https://lore.kernel.org/linux-pci/ee971d86-5fe4-4e0e-9eb2-21272e793974@bakke.com/",
    ),
    card(
        "gpu-8g",
        "GPU with 8 GiB (AMD Radeon Pro WX 8100)",
        None,
        "030000",
        (pref(0, 8 * GIB), pref(2, 2 * MIB), io(4, 256), mem32(5, 512 * KIB), rom(128 * KIB)),
        "https://github.com/ROCm/legacy-rocm-build/issues/787",
    ),
    card(
        "gpu-16g",
        "GPU with 16 GiB and 31 VFs (Intel Data Center GPU Flex)",
        "8086:56c0",
        "038000",
        (
            pref(0, 16 * MIB),
            pref(2, 16 * GIB),
            rom(2 * MIB),
            vf("vf0", 16 * MIB, 31),
            vf("vf2", 8 * GIB, 31),
        ),
        "https://lore.kernel.org/linux-pci/Y4SYBtaP1hTWGsYn@black.fi.intel.com/",
    ),
    card(
        "gpu-32g",
        "GPU with a BAR of 32 GiB (Intel Battlemage G21)",
        None,
        "030000",
        (pref(0, 16 * MIB), pref(2, 32 * GIB), rom(2 * MIB)),
        "https://github.com/xCuri0/ReBarUEFI/issues/384",
    ),
    card(
        "gpu-40g",
        "GPU with 40 GiB (NVIDIA A100 PCIe 40GB)",
        "10de:20f1",
        "030200",
        nvidia(64 * GIB),
        "https://github.com/kata-containers/kata-containers/pull/4358",
    ),
    card(
        "gpu-48g",
        "GPU with 48 GiB (NVIDIA RTX 6000 Ada)",
        "10de:26b1",
        "030000",
        (*nvidia(64 * GIB), io(5, 128), rom(512 * KIB)),
        "https://github.com/NVIDIA/gds-nvidia-fs/issues/60",
    ),
    card(
        "gpu-80g",
        "GPU with 80 GiB (NVIDIA H100)",
        None,
        "030200",
        (pref(0, 16 * MIB), pref(2, 128 * GIB), pref(4, 32 * MIB)),
        "https://github.com/fastfetch-cli/fastfetch/issues/1658",
    ),
    card(
        "gpu-192g",
        "GPU with 192 GiB, a BAR of 256 GiB and one VF (AMD Instinct MI300X)",
        "1002:74a1",
        "120000",
        (
            pref(0, 256 * GIB),
            pref(2, 2 * MIB),
            mem32(5, 2 * MIB),
            rom(128 * KIB),
            vf("vf0", 256 * GIB, 1),
            vf("vf2", 2 * MIB, 1),
            vf32("vf5", 2 * MIB, 1),
        ),
        "https://lore.kernel.org/linux-pci/9b2154e86ab240dcba530b6620100139@wistron.com/",
    ),
)
"""GPUs with BARs from 256 MiB to 256 GiB."""
