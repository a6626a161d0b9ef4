"""What is watched at a gate, a fence, a yard, a shop, a checkpoint until somebody draws it as it is there."""

from collections.abc import Iterator

from provisioning.sites.plan import Camera, Line, Plan

_NIGHT = ("daily 22:00-06:00",)
_TEMPLATES: dict[str, tuple[dict[str, object], ...]] = {
    "gate": ({"line": "大门", "kind": "tripwire", "points": ((0.1, 0.7), (0.9, 0.7))},),
    "fence": ({"line": "围墙", "kind": "tripwire", "points": ((0.0, 0.72), (1.0, 0.72))},),
    "yard": (
        {
            "line": "院落",
            "kind": "intrusion",
            "points": ((0.05, 0.35), (0.95, 0.35), (0.95, 0.95), (0.05, 0.95)),
            "schedule": _NIGHT,
        },
    ),
    "shop": (
        {
            "line": "店内",
            "kind": "intrusion",
            "points": ((0.05, 0.2), (0.95, 0.2), (0.95, 0.95), (0.05, 0.95)),
            "schedule": _NIGHT,
            "priority": 1,
        },
        {
            "line": "门口",
            "kind": "loitering",
            "points": ((0.3, 0.55), (0.7, 0.55), (0.7, 0.95), (0.3, 0.95)),
            "schedule": _NIGHT,
            "priority": 3,
        },
    ),
    "checkpoint": (
        {"line": "左车道", "kind": "lane", "points": ((0.08, 0.62), (0.48, 0.62))},
        {"line": "右车道", "kind": "lane", "points": ((0.52, 0.62), (0.92, 0.62))},
    ),
}


def lines_of(plan: Plan) -> Iterator[Line]:
    """All lines: those that are drawn, and of a camera that has none those of its use."""
    yield from plan.lines
    drawn = {line.of for line in plan.lines}
    for camera in plan.cameras:
        if camera.name not in drawn:
            yield from _template(camera)


def _template(camera: Camera) -> Iterator[Line]:
    for values in _TEMPLATES.get(camera.use, ()):
        yield Line(row=camera.row, site=camera.site, box=camera.box, camera=camera.camera, **values)  # type: ignore[arg-type]
