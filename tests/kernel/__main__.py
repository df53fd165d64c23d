"""``python -m tests.kernel``: set the kernels up, make captures and records."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.kernel.capture import capture
from tests.kernel.collect import collect, live_records
from tests.kernel.debian import META_PACKAGES, default_root, install_tools, kernels, set_up, why_not_ready
from tests.kernel.guest import GuestError
from tests.kernel.record import RECORDS
from tests.kernel.scenarios import SAMPLES
from tests.kernel.topologies import random_machine, random_plug


def main() -> int:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel", description=__doc__)
    parser.add_argument("--root", type=Path, default=default_root(), help="folder of the kernels (%(default)s)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    setup = verbs.add_parser("setup", help="download and unpack Debian kernels, and make them bootable")
    setup.add_argument("--install", action="store_true", help="install QEMU and its like with apt-get first, as root")
    one = verbs.add_parser("capture", help="boot a machine, play its scenario and write what the guest shows")
    one.add_argument("machine", choices=sorted(SAMPLES))
    one.add_argument("folder", type=Path)
    one.add_argument("--kernel", choices=sorted(META_PACKAGES), default="6.1")
    collected = verbs.add_parser("collect", help="make records of folders of captures")
    collected.add_argument("captures", type=Path)
    collected.add_argument("--output", type=Path, default=RECORDS)
    recorded = verbs.add_parser("record", help="boot random machines and make records of what the kernel does")
    recorded.add_argument("kind", choices=("boot", "plug"))
    recorded.add_argument("first", type=int, help="first seed")
    recorded.add_argument("last", type=int, help="last seed")
    recorded.add_argument("--kernel", choices=sorted(META_PACKAGES), default="6.1")
    recorded.add_argument("--output", type=Path, default=RECORDS)
    arguments = parser.parse_args()
    if arguments.verb == "collect":
        print(f"{len(collect(arguments.captures, arguments.output))} records in {arguments.output}")
        return 0
    if arguments.verb == "setup":
        return _set_up(arguments)
    missing = why_not_ready(arguments.root)
    if missing:
        print(missing, file=sys.stderr)
        return 1
    if arguments.verb == "record":
        _record(arguments)
        return 0
    capture(SAMPLES[arguments.machine], kernels(arguments.root)[arguments.kernel], arguments.folder)
    return 0


def _set_up(arguments: argparse.Namespace) -> int:
    try:
        if arguments.install:
            install_tools()
        ready = set_up(arguments.root)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    for kernel in ready.values():
        print(f"{kernel.series}: {kernel.release}")
    return 0


def _record(arguments: argparse.Namespace) -> None:
    """One line for each record; a machine that QEMU or the kernel cannot handle is named and left out."""
    make = random_machine if arguments.kind == "boot" else random_plug
    arguments.output.mkdir(parents=True, exist_ok=True)
    for seed in range(arguments.first, arguments.last + 1):
        try:
            for record in live_records(make(seed), kernels(arguments.root)[arguments.kernel]):
                (arguments.output / f"{record.name}.json").write_text(record.dump())
                missing = [str(key) for key, address in record.result.bars.items() if address is None]
                print(record.name, record.parameters, "without an address:", ", ".join(missing) or "none", flush=True)
        except GuestError as error:
            print(f"{arguments.kind} {seed}: {str(error).splitlines()[0]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
