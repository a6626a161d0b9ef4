"""What is filed with the public security organ: decree 799, section 14 (unit, places, number and kinds, retention)."""

from collections import Counter
from collections.abc import Iterator

from provisioning.sites.plan import MOUNTED, Camera, Place, Plan
from provisioning.sites.words import Language


def filed(plan: Plan, kept_days: int, serving_since: str, language: Language) -> Iterator[dict[str, object]]:
    """A row for each unit, place and kind of place where cameras are mounted.

    Args:
        plan: without a fault.
        kept_days: for how long pictures are kept.
        serving_since: when the system went into service, as it is filed.
        language: of the kinds.
    """
    places, units = {each.place: each for each in plan.places}, {each.unit: each for each in plan.units}
    of_boxes = {each.name: each.unit for each in plan.boxes}
    counted = Counter((_unit(camera, of_boxes, places), camera.site, camera.mounted) for camera in plan.cameras)
    for (unit, site, mounted), number in sorted(counted.items()):
        answers, place = units.get(unit), places.get(site)
        kind = MOUNTED.get(mounted, "") if language is Language.CHINESE else mounted
        yield {
            "unit": answers.title if answers and answers.title else unit,
            "person": answers.person if answers else "",
            "phone": answers.phone if answers else "",
            "place": place.title if place and place.title else site,
            "region": _region(site, places),
            "mounted": kind,
            "cameras": number,
            "kept_days": kept_days,
            "serving_since": serving_since,
        }


def _unit(camera: Camera, of_boxes: dict[tuple[str, str], str], places: dict[str, Place]) -> str:
    found, site = camera.unit or of_boxes.get(camera.on, ""), camera.site
    while not found and site in places:
        found, site = places[site].unit, places[site].above
    return found


def _region(site: str, places: dict[str, Place]) -> str:
    while site in places:
        if places[site].region:
            return places[site].region
        site = places[site].above
    return ""
