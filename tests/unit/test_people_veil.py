"""The detector that is shipped finds the people of a real picture, and nobody can be recognised who is found."""

from pathlib import Path

import numpy as np

from edge_agent.vision.people_veil import PeopleVeil
from provisioning.lab.edge import people_rows


def test_the_heads_of_a_crowd_are_left_in_a_few_squares(real_video: Path, object_model: None) -> None:
    veil, crowd = PeopleVeil.shipped(), people_rows.CLIPS[-1]
    hidden, coarse = list[bool](), list[bool]()
    for picture, heads in people_rows.pictures(crowd, real_video, 260):
        covered, after = people_rows.hidden_in(picture, veil), veil.cover(picture)
        hidden += [bool(covered[head].mean() > 0.95) for head in heads]
        coarse += [people_rows.squares(after[head]) <= people_rows.SQUARES for head in heads]
        assert np.mean(covered) < 0.7, "not everything is blurred"
    assert len(hidden) >= 15
    assert np.mean(hidden) >= 0.95
    assert np.mean(coarse) >= 0.95
