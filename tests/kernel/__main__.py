"""``python -m tests.kernel``: set the kernels up, make captures and records."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.kernel.apply import apply_scenario, keep
from tests.kernel.apply_faults import KINDS, apply_faults, keep_faults
from tests.kernel.apply_scenarios import SCENARIOS
from tests.kernel.apply_verdicts import judge_scenario, keep_judged
from tests.kernel.capture import capture
from tests.kernel.collect import collect, live_records
from tests.kernel.debian import META_PACKAGES, Kernel, default_root, install_tools, kernels, set_up, why_not_ready
from tests.kernel.guest import GuestError, QemuCrashedError
from tests.kernel.judge import judge, machine_of, record_of
from tests.kernel.module import fetch_headers, why_not_buildable
from tests.kernel.pitfalls import MACHINES
from tests.kernel.record import RECORDS, Record
from tests.kernel.scenarios import SAMPLES
from tests.kernel.topologies import random_machine, random_plug
from tests.kernel.verdicts import CRASHED, REFUSED, incomplete


def main() -> int:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel", description=__doc__)
    parser.add_argument("--root", type=Path, default=default_root(), help="folder of the kernels (%(default)s)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    setup = verbs.add_parser("setup", help="download and unpack Debian kernels, and make them bootable")
    setup.add_argument("--install", action="store_true", help="install QEMU and its like with apt-get first, as root")
    setup.add_argument("--module", action="store_true", help="also what kernel modules are built with")
    one = verbs.add_parser("capture", help="boot a machine, play its scenario and write what the guest shows")
    one.add_argument("machine", choices=sorted(SAMPLES))
    one.add_argument("folder", type=Path)
    one.add_argument("--kernel", choices=sorted(META_PACKAGES), default="6.1")
    collected = verbs.add_parser("collect", help="make records of folders of captures")
    collected.add_argument("captures", type=Path)
    collected.add_argument("--output", type=Path, default=RECORDS)
    recorded = verbs.add_parser("record", help="boot random machines and make records of what the kernel does")
    recorded.add_argument("kind", choices=("boot", "plug", "pitfall"))
    recorded.add_argument("first", type=int, nargs="?", default=0, help="first seed, or number of the first pitfall")
    recorded.add_argument("last", type=int, nargs="?", help="last one; none = all pitfalls")
    recorded.add_argument("--kernel", choices=sorted(META_PACKAGES), default="6.1")
    recorded.add_argument("--output", type=Path, default=RECORDS)
    judged = verbs.add_parser("judge", help="put cp-sat's plans before the kernel; rows that are there are kept")
    judged.add_argument("first", type=int, nargs="?", help="first seed of random machines; none = machines with a name")
    judged.add_argument("last", type=int, nargs="?", help="last seed")
    judged.add_argument("--plug", action="store_true", help="recorded hot-adds that failed, instead of boots")
    judged.add_argument("--kernel", choices=sorted(META_PACKAGES), default="6.1")
    applied = verbs.add_parser("apply", help="carry plans out on real kernels; rows in apply.jsonl are replaced")
    applied.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{', '.join(SCENARIOS)}; none = all")
    applied.add_argument("--route", choices=("live", "kexec"), default="live")
    applied.add_argument("--faults", action="store_true", help="let everything fail in turn instead")
    applied.add_argument("--fault", action="append", choices=KINDS, help="of --faults; repeatable, none = all kinds")
    applied.add_argument("--referee", action="store_true", help="put the plans before a booting kernel instead")
    applied.add_argument("--kernel", choices=sorted(META_PACKAGES), default="6.1")
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
    if arguments.verb == "judge":
        return _judge(arguments)
    if arguments.verb == "apply":
        return _apply(arguments)
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
        if arguments.module:
            try:
                fetch_headers(kernel, arguments.root)
            except RuntimeError as error:
                print(f"no module for {kernel.release}: {error}", file=sys.stderr)
    return 0


def _record(arguments: argparse.Namespace) -> None:
    """One line for each record; a machine that QEMU or the kernel cannot handle is named and left out."""
    first, last = arguments.first, len(MACHINES) - 1 if arguments.last is None else arguments.last
    if arguments.kind == "pitfall":
        machines = list(MACHINES.values())[first : last + 1]
    else:
        make = random_machine if arguments.kind == "boot" else random_plug
        machines = [make(seed) for seed in range(first, last + 1)]
    arguments.output.mkdir(parents=True, exist_ok=True)
    for machine in machines:
        try:
            for record in live_records(machine, kernels(arguments.root)[arguments.kernel]):
                (arguments.output / f"{record.name}.json").write_text(record.dump())
                missing = [str(key) for key, address in record.result.bars.items() if address is None]
                print(record.name, record.parameters, "without an address:", ", ".join(missing) or "none", flush=True)
        except GuestError as error:
            print(f"{machine.name}: {str(error).splitlines()[0]}", flush=True)


def _apply(arguments: argparse.Namespace) -> int:
    """One line for each scenario; 1 if something was not as planned."""
    kernel = kernels(arguments.root)[arguments.kernel]
    if arguments.referee:
        return _judge_scenarios(arguments, kernel)
    missing = why_not_buildable(kernel, arguments.root)
    if missing:
        print(missing, file=sys.stderr)
        return 1
    wrong = 0
    for name in arguments.scenarios or SCENARIOS:
        if arguments.faults:
            faults = apply_faults(SCENARIOS[name], kernel, arguments.fault or KINDS)
            keep_faults(faults)
            bad = [f"{fault.kind} {fault.point}: {fault.said}" for fault in faults if not fault.restored]
            print(name, f"{len(faults)} faults,", f"{len(bad)} not as before", flush=True)
        else:
            row = apply_scenario(SCENARIOS[name], kernel, route=arguments.route)
            keep(row)
            bad = [*row.refused, *row.tree, *row.broken]
            print(
                name,
                f"moved {row.moved_bars} (proved {row.proved}),",
                "; ".join(map(str, bad)) or "as planned",
                flush=True,
            )
        wrong += bool(bad)
    return 1 if wrong else 0


def _judge_scenarios(arguments: argparse.Namespace, kernel: Kernel) -> int:
    refused = 0
    for name in arguments.scenarios or SCENARIOS:
        judged = judge_scenario(SCENARIOS[name], kernel)
        keep_judged(judged)
        print(name, f"{judged.ranges} ranges:", judged.verdict, *judged.words, flush=True)
        refused += judged.verdict == REFUSED
    return 1 if refused else 0


def _judge(arguments: argparse.Namespace) -> int:
    """One line for each plan; 1 if one was refused."""
    kernel = kernels(arguments.root)[arguments.kernel]
    verdicts: Counter[str] = Counter()
    for name in _judged_names(arguments):
        try:
            record = Record.load(RECORDS / f"{name}.json") if arguments.plug else record_of(machine_of(name), kernel)
            for row in judge(record, kernel):
                verdicts[row.verdict] += 1
                print(row.record, row.start, row.minimize, row.values, row.verdict, row.words, flush=True)
        except QemuCrashedError:
            verdicts[CRASHED] += 1
            print(f"{name}: {CRASHED}, no verdict", flush=True)
        except GuestError as error:
            print(f"{name}: {str(error).splitlines()[0]}", flush=True)
    print(dict(verdicts))
    return 1 if verdicts[REFUSED] else 0


def _judged_names(arguments: argparse.Namespace) -> list[str]:
    if arguments.first is None:
        # The referee knows root bus 0000:00 under qboot alone.
        named = (*SAMPLES.values(), *MACHINES.values())
        return [machine.name for machine in named if machine.firmware == "qboot" and not machine.plugs]
    seeds = range(arguments.first, (arguments.first if arguments.last is None else arguments.last) + 1)
    if not arguments.plug:
        return [f"random-{seed}" for seed in seeds]
    # What firmware of its own left is not what qboot leaves.
    found = [path.stem for seed in seeds for path in RECORDS.glob(f"plug-{seed}_{arguments.kernel}_qboot_*hp-*.json")]
    return [name for name in found if incomplete(Record.load(RECORDS / f"{name}.json"))]


if __name__ == "__main__":
    sys.exit(main())
