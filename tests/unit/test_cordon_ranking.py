"""In which order checkpoints close a place off."""

from itertools import pairwise

from aggregator.domains.lists.ranking import Spot, ranked

KM = 1 / 111.2
"""Degrees of latitude."""


def on_road(name: str, road: str, km: float, east: float = 0.0) -> Spot:
    return Spot(name, "gate", 30.0 + km * KM, 120.0 + east * KM, road, km)


def order(spots: list[Spot], site: str) -> list[str]:
    return [each.spot.site for each in ranked(spots, site)]


def test_the_next_ones_on_both_sides_come_before_the_second_ones() -> None:
    road = [on_road(f"k{km}", "G1", km) for km in (-9, -4, 0, 3, 7, 8)]
    assert order(road, "k0")[:3] == ["k0", "k3", "k-4"]
    found = order(road, "k0")
    assert found.index("k7") < found.index("k-9"), "both are second ones, and it is nearer"
    assert found.index("k-9") < found.index("k8"), "a third one counts three times"
    assert len(found) == len(road)


def test_another_road_near_by_comes_before_a_second_one_far_along_this_one() -> None:
    spots = [on_road("here", "G1", 0), on_road("near", "G1", 2), on_road("far", "G1", 6), on_road("side", "S2", 0, 5)]
    assert order(spots, "here") == ["here", "near", "side", "far"]


def test_distances_are_as_the_crow_flies() -> None:
    spots = [on_road("here", "", 0), on_road("there", "", 10), on_road("aside", "", 0, 10)]
    kms = {each.spot.site: each.km for each in ranked(spots, "here")}
    assert kms["here"] == 0
    assert abs((kms["there"] or 0) - 10) < 0.02
    assert abs((kms["aside"] or 0) - 10 * 0.866) < 0.05, "a degree of longitude is shorter up here"


def test_where_nobody_has_said_where_they_stand_the_tree_of_places_ranks() -> None:
    spots = [
        Spot("far", "gate", above=("south", "city")),
        Spot("other", "gate", above=("city",)),
        Spot("next", "gate", above=("north", "city")),
        Spot("here", "gate", above=("north", "city")),
        Spot("here", "yard", above=("north", "city")),
    ]
    names = [(each.spot.site, each.spot.agent) for each in ranked(spots, "here", "gate", ("north", "city"))]
    assert names[:3] == [("here", "gate"), ("here", "yard"), ("next", "gate")]
    assert {each.km for each in ranked(spots, "here")} == {None}
    beside = [each.spot.site for each in ranked(spots, "village", "", ("north", "city"))]
    assert beside[:3] == ["here", "here", "next"], "a site without a checkpoint has neighbours, too"
    assert {each.spot.site for each in ranked(spots, "north")[:3]} == {"here", "next"}, "its own come first"


def test_those_of_known_position_come_before_those_of_which_nothing_is_known() -> None:
    spots = [Spot("unknown", "gate"), on_road("known", "G1", 400), on_road("here", "G1", 0)]
    assert order(spots, "here") == ["here", "known", "unknown"]


def test_a_place_without_checkpoints_of_its_own_is_closed_off_all_the_same() -> None:
    assert order([Spot("one", "gate"), Spot("two", "gate")], "elsewhere") == ["one", "two"]
    assert ranked([], "elsewhere") == []


def test_who_stands_at_a_road_without_a_kilometre_counts_by_distance_alone() -> None:
    spots = [on_road("here", "G1", 0), Spot("odd", "gate", 30.0 + 1 * KM, 120.0, "G1"), on_road("near", "G1", 2)]
    assert order(spots, "here") == ["here", "odd", "near"]
    weights = [each.km or 0.0 for each in ranked(spots, "here")]
    assert all(a <= b for a, b in pairwise(weights))
