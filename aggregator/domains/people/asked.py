"""What commands about people are told: roles in places, passwords."""

from shared.ids import check_name


def role_there(text: str) -> dict[str, str | None]:
    """`ROLE` or `ROLE@PLACE`.

    Raises:
        ConfigError: it is neither.
    """
    role, at, place = text.partition("@")
    check_name(role, f"{text!r}: role")
    if at:
        check_name(place, f"{text!r}: place")
    return {"role": role, "place": place if at else None}
