"""What is whose, where a role was given for some kinds of alerts only."""

from aggregator.api.feed import _Ear
from aggregator.feed.message import Message
from aggregator.people.principal import Grant, Identity
from aggregator.people.rights import ROLES, Right
from aggregator.store.scope import EVERYWHERE, Scope

OPERATOR, EAST, WEST = ROLES["operator"], Scope(frozenset({"east"})), Scope(frozenset({"west"}))


def test_kinds_narrow_rights_about_alerts_and_no_others() -> None:
    li = Identity("li", [Grant(OPERATOR, EAST), Grant(OPERATOR, WEST, frozenset({"camera", "smoke"}))])
    alerts, boxes = li.scope_of(Right.ALERTS_READ), li.scope_of(Right.BOXES_READ)
    assert alerts is not None
    assert boxes == Scope(frozenset({"east", "west"}))
    assert (alerts.cut, alerts.narrow_cut) == (["east"], ["west/camera", "west/smoke"])
    assert alerts.of_kinds({"camera", "blind"}).cut == ["east", "west"]
    assert alerts.of_kinds({"line", "tripwire"}).cut == ["east"]
    assert alerts.of_any_kind.cut == ["east", "west"]
    assert li.scope_of(Right.PEOPLE_READ) is None


def test_everywhere_for_one_kind_is_not_everywhere() -> None:
    li = Identity("li", [Grant(OPERATOR, EVERYWHERE, frozenset({"sensor"})), Grant(OPERATOR, EAST)])
    alerts = li.scope_of(Right.ALERTS_READ)
    assert alerts is not None
    assert not alerts.is_everywhere
    assert alerts.narrow_cut == ["*/sensor"]
    assert alerts.of_kinds({"sensor"}).is_everywhere
    more = Identity("li", [*li.grants, Grant(OPERATOR, EVERYWHERE)])
    assert more.scope_of(Right.ALERTS_READ) == EVERYWHERE


def message(kinds: tuple[str, ...], *sites: str) -> Message:
    return Message(1, "alert", frozenset(sites) if sites else None, kinds, b"whole", b"cut")


def test_an_ear_hears_of_its_kinds() -> None:
    ear = _Ear({})
    ear.learn(
        {"alert": frozenset({"a"}), "box": frozenset({"a", "b"})},
        {"camera": frozenset({"a", "b"}), "smoke": None},
    )
    assert ear.hear(message(("camera", "blind"), "b")) == b"whole"
    assert ear.hear(message(("line", "tripwire"), "b")) == b""
    assert ear.hear(message(("line", "tripwire"), "a", "b")) == b"cut"
    assert ear.hear(message(("camera", "blind"), "a", "b")) == b"whole"
    assert ear.hear(message(("sensor", "smoke"), "z")) == b"whole"
    assert ear.hear(message(("sensor", "door"), "z")) == b""
    assert ear.hear(message(("job", "job_stuck"))) == b"", "of the centre itself"
    ear.learn({"alert": frozenset({"a"})}, {})
    assert ear.hear(message(("camera", "blind"), "b")) == b"", "what was taken away is not remembered"
