"""Texts of plates, drawn from the grammar."""

import numpy as np

from shared.plates import ORDERS, PROVINCES, Kind

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_AGENCY = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"


def draw(kind: Kind, rng: np.random.Generator) -> str:
    """A text of a kind; every province and character as often as any other, so that rare ones are learnt."""

    def pick(characters: str) -> str:
        return characters[int(rng.integers(len(characters)))]

    def serial(order: str) -> str:
        return "".join(pick(_LETTERS if place == "L" else _DIGITS) for place in order)

    head = pick(PROVINCES) + pick(_AGENCY)
    match kind.name:
        case "small new energy":
            return head + pick("DABCEFGHJK") + pick(_LETTERS + _DIGITS) + serial("DDDD")
        case "large new energy":
            return head + serial("DDDDD") + pick("DF")
        case "trailer":
            return head + serial(pick_order(rng)[:4]) + "挂"
        case "driving school":
            return head + serial(pick_order(rng)[:4]) + "学"
        case "police":
            return head + serial(pick_order(rng)[:4]) + "警"
        case "Hong Kong and Macao":
            return "粤Z" + serial(pick_order(rng)[:4]) + pick("港澳")
        case "embassy":
            return serial("DDDDDD") + "使"
        case "consulate":
            return (pick(PROVINCES) + serial("DDDDD") if rng.random() < 0.5 else head + serial("DDDD")) + "领"
        case _:
            return head + serial(pick_order(rng))


def pick_order(rng: np.random.Generator) -> str:
    """One of the orders of digits and letters; the plain ones are no commoner than the others."""
    return ORDERS[int(rng.integers(len(ORDERS)))]
