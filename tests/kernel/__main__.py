"""``python -m tests.kernel``: set the kernels up, and make captures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.kernel.capture import capture
from tests.kernel.debian import META_PACKAGES, default_root, kernels, set_up, why_not_ready
from tests.kernel.scenarios import SAMPLES


def main() -> int:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel", description=__doc__)
    parser.add_argument("--root", type=Path, default=default_root(), help="folder of the kernels (%(default)s)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("setup", help="download and unpack Debian kernels, and make them bootable")
    one = verbs.add_parser("capture", help="boot a machine, play its scenario and write what the guest shows")
    one.add_argument("machine", choices=sorted(SAMPLES))
    one.add_argument("folder", type=Path)
    one.add_argument("--kernel", choices=sorted(META_PACKAGES), default="6.1")
    arguments = parser.parse_args()
    if arguments.verb == "setup":
        for kernel in set_up(arguments.root).values():
            print(f"{kernel.series}: {kernel.release}")
        return 0
    missing = why_not_ready(arguments.root)
    if missing:
        print(missing, file=sys.stderr)
        return 1
    capture(SAMPLES[arguments.machine], kernels(arguments.root)[arguments.kernel], arguments.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
