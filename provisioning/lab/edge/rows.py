"""Rows of benches that judge figures by bars."""

Row = dict[str, object]


def judged(what: str, case: str, met: bool | None, figure: str, note: str = "") -> Row:
    """A figure; `met` is None where there is no bar."""
    verdict = "" if met is None else "met" if met else "missed"
    return {"what": what, "case": case, "verdict": verdict, "figure": figure, "note": note}
