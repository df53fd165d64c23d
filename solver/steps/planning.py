"""From a machine and a plan to steps: the one entry."""

from __future__ import annotations

from models.document import topology_sha256
from models.errors import InputError
from models.legality import new_breaches
from models.placement import Placement
from models.plan import Plan, Status
from models.topology import Topology
from solver.steps.ground import Ground
from solver.steps.step import Route, Steps


def steps_for(topology: Topology, plan: Plan, route: Route = "live", *, source: str = "plan") -> Steps:
    """The steps that carry ``plan`` out on ``topology``.

    Raises
    ------
    InputError
        As :func:`make_steps`, and if the document holds no plan or one for another machine.
    """
    if plan.status not in (Status.OPTIMAL, Status.FEASIBLE):
        raise InputError(f"holds no plan to carry out: its status is {plan.status}", source=source, where="status")
    if plan.topology_sha256 != topology_sha256(topology):
        raise InputError("was made for another topology", source=source, where="topology_sha256")
    return make_steps(topology, plan.placement, route, source=source)


def make_steps(topology: Topology, placement: Placement, route: Route = "live", *, source: str = "plan") -> Steps:
    """The steps from today's placement of ``topology`` to ``placement``.

    Raises
    ------
    InputError
        If the placement breaks a rule, or the route cannot reach it.
    """
    breaches = new_breaches(topology, placement)
    if breaches:
        more = "" if len(breaches) == 1 else f" (and {len(breaches) - 1} more)"
        raise InputError(f"breaks a rule and is not carried out: {breaches[0]}{more}", source=source)
    if any(size != bar.size for key, bar in topology.bars() if (size := placement.sizes.get(key)) is not None):
        raise InputError(
            "resizes a BAR, which is to be done before addresses are planned; expected a plan made without --resize",
            source=source,
        )
    ground = Ground(topology, placement)
    for key, window in ground.windows.items():
        wanted = ground.planned.windows.get(key)
        if wanted is not None and wanted != window.range and (wanted.start | wanted.end) % window.granularity:
            raise InputError(f"gives the {key} {wanted}, which its registers cannot hold", source=source)
    sha256 = topology_sha256(topology)
    if route == "live":
        from solver.steps.live import live_steps

        return live_steps(ground, sha256)
    if route == "kexec":
        from solver.steps.kexec import kexec_steps

        return kexec_steps(ground, sha256)
    from solver.steps.firmware import firmware_steps

    return firmware_steps(ground, sha256)
