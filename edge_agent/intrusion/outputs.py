"""Outputs: why each is on, and how long at most."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from edge_agent.intrusion.plan import Cause, OutputPlan

_CHIME_S = 1.0
_TEST_S = 2.0
_TEST = "test"


@dataclass(frozen=True, slots=True)
class Switch:
    """An output shall be on, or off, from now on.

    Attributes:
        output: its name.
        is_on: on.
        tested_by: who has it sounded to hear whether it does; empty: it is no test.
    """

    output: str
    is_on: bool
    tested_by: str = ""


class Outputs:
    """All outputs of a box. What rings has a holder, a partition or a sensor, and falls silent with that.

    Args:
        plans: of them.
    """

    def __init__(self, plans: Sequence[OutputPlan]) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._causes: dict[str, dict[tuple[str, Cause | None], float]] = {plan.name: {} for plan in plans}
        """Of each output, who holds it on and why, and until when."""
        self._on = dict.fromkeys(self._causes, False)
        self._tests = dict[str, str]()

    def ring(
        self, partition: str, cause: Cause, now_s: float, until_s: float = float("inf"), *, holder: str = ""
    ) -> None:
        """Something has happened in a partition; what rings already rings anew.

        Args:
            partition: where; empty: in none, so that every output hears of it.
            cause: what.
            now_s: monotonic.
            until_s: not longer than that.
            holder: what it falls silent with; by default the partition.
        """
        for name, plan in self._plans.items():
            if cause in plan.on and (not partition or not plan.partitions or partition in plan.partitions):
                most_s = _CHIME_S if cause is Cause.CHIME else plan.seconds
                end_s = float("inf") if cause is Cause.ARMED else min(until_s, now_s + most_s)
                self._causes[name][holder or partition, cause] = end_s

    def hush(self, holder: str, causes: Collection[Cause]) -> None:
        """What it holds on for these causes is over."""
        for held in self._causes.values():
            for cause in causes:
                held.pop((holder, cause), None)

    def test(self, output: str, by: str, now_s: float) -> bool:
        """Sound one for two seconds; False where there is none of that name."""
        if output not in self._causes:
            return False
        self._causes[output][_TEST, None] = now_s + _TEST_S
        self._tests[output], self._on[output] = by, False  # told anew, though it may be on
        return True

    def due(self, now_s: float) -> Iterator[Switch]:
        """What has to be switched by now."""
        for name, held in self._causes.items():
            for why in [why for why, until_s in held.items() if until_s <= now_s]:
                del held[why]
            if bool(held) is not self._on[name]:
                self._on[name] = bool(held)
                yield Switch(name, bool(held), self._tests.pop(name, ""))

    @property
    def next_s(self) -> float:
        """When the next one falls silent, monotonic."""
        return min((until_s for held in self._causes.values() for until_s in held.values()), default=float("inf"))
