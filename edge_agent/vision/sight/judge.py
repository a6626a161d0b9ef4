"""Verdicts on a camera's pictures: one a second, told when they last."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.sight.alignment import Alignment, align
from edge_agent.vision.sight.appearance import AGREES, BEGINS_WITH, Appearance, Compared, Look, begin, look_at
from edge_agent.vision.sight.daily import SPAN_H
from edge_agent.vision.sight.measures import Figures, Grain, figures, grain
from edge_agent.vision.sight.memory import Memory
from edge_agent.vision.sight.picture import COLUMNS, ROWS, WIDTH_PX, Edges, Picture, SightPicture, by_cell, coarse
from shared.events import SightFault

MOST_APPEARANCES: Final = 4
"""By day, at dusk, by lamps, by infrared."""
_BEGINS_EVERY_S = 3.0
_CALM_EVERY_S, _CALM_AFTER_S = 2.0, 15.0
"""When nothing was amiss for some time, a picture is judged only so often. It halves what a camera costs; all that is
told lasts for longer."""
_UNJUDGED_S = 60.0
"""So long a camera that has just begun finds its focus, its exposure and its light."""

CONFIRMED_S: Final = {
    SightFault.FROZEN: 5.0,
    SightFault.DARK: 60.0,
    SightFault.GLARING: 60.0,
    SightFault.COVERED: 20.0,
    SightFault.MOVED: 30.0,
    SightFault.BLURRED: 45.0,
    SightFault.FAINT: 90.0,
    SightFault.DIRTY: 60.0,
    SightFault.COLOUR: 75.0,
    SightFault.NOISE: 90.0,
    SightFault.STRIPES: 60.0,
    SightFault.PLAIN: 600.0,
    SightFault.INFRARED: 600.0,
}
"""How long a verdict has to last."""
_ENDS_S = 15.0
_LONGEST_STEP_S = 10.0
_FORGIVES = 1.0
"""A second without the verdict takes away so many with it."""

_FROZEN_S = 30.0
_FROZEN_CELLS = 0.9
"""In a picture that stands still a clock may go on."""
_DIFFERENT = 0.005
"""Part of a cell's pixels that differ from the last second's, were it by one level. Noise alone makes more."""

_GONE = 0.5
"""Part of the cells that lost their edges."""
_PARTLY = 0.38
_PARTLY_ASIDE, _FITS, _FITS_BETTER, _FITS_WITHIN = 0.3, 0.2, 0.07, 0.15
"""So many cells gone, and the view fits elsewhere so well, and by so much better than in its place; farther away that
is chance."""
_IN_PLACE = 0.5
"""What still stands beside a cover fits so well."""
_SMOOTH = 0.62
"""What lies on a lens is out of focus: edges in its cells are weaker than this part of the usual ones."""
_SOFT = 0.5
"""Or they are edges, of folds perhaps, with so little that is fine beside what is coarse."""
_BLACK, _FLAT = 24.0, 0.3
_WHITE, _CLIPPED = 235.0, 0.5
_PARTLY_CLIPPED, _BRIGHTER = 0.3, 70.0
_FOG_S, _THICKENS_S = 60.0, 7200.0
"""Fog takes contrast away little by little, for longer than a minute, and at last all of it; paint is quicker."""
_SHARP = 0.45
_DULLED, _SURELY_DULLED, _LESS_SHARP = 0.4, 0.55, 0.55
"""Part of the known fine edges' energy that is nowhere any more."""
_TREMBLES_PX, _TREMBLES_FAR, _ASIDE, _NEARLY_STILL = 1.2, 0.015, 0.2, 0.006
"""Fine edges that are crisp and not in their places: a mast trembles in the wind, unless the view is aside by so much
of its width, or so many cells lost their coarse edges, too."""
_SLIPPED, _SLIPPED_S = 0.45, 900.0
"""Part of the cells that are not as they were for weeks, and for how long: what is parked there is less."""
_UNPROVEN_S = 600.0
"""A view that was never like what was seen next is begun anew after so long."""
_BESIDE_EVERY_S, _GRAIN_EVERY_S = 4.0, 3.0
_WORN_CELLS, _WORN_S = 0.08, 4 * 3600.0
"""Cells that lost their fine edges for good, beside the last days: drops, dirt, a web. Shadows and what stands there
take some away for an hour or two."""
_LEARNT_KEPT, _LEARNT_SHARP = 0.6, 0.7
_LEAST_USABLE = 8
_COLOURED, _GREY = 1.5, 0.35
_CAST = 20.0
_DAYLIGHT_H = range(10, 15)
"""At these hours it is day wherever people live, whatever their clocks say of the sun: no camera sees by infrared. At
others that is learnt."""
_NOISY, _NOISY_LEVELS = 3.0, 4.0
_STRIPED, _STRIPED_LEVELS = 2.2, 1.5
_NOTHING, _UNLIKE = 0.2, 0.15
_OTHER_LIGHT = 0.4
_OTHER_LIGHT_S = 60.0
_SAME_VIEW = 0.5
_SAME_LIGHT, _SAME_LEVEL = 0.7, 0.15
_BETTER = 0.15
"""What an appearance that is not in force must be more like the picture."""
_SWITCHING_S = 30.0
_SWITCHES_EVERY_S = 300.0
"""So long an infrared switch, or colour that is lost, may look like something else."""

_STRUCTURE: Final = (
    SightFault.FROZEN,
    SightFault.DARK,
    SightFault.GLARING,
    SightFault.COVERED,
    SightFault.MOVED,
    SightFault.BLURRED,
    SightFault.FAINT,
    SightFault.DIRTY,
    SightFault.PLAIN,
)
"""Of these one at a time: each but the last hides all others."""


_HARMLESS: Final = frozenset((SightFault.DIRTY, SightFault.INFRARED))
"""These last for days; meanwhile the light goes on to change, and is learnt."""
_OF_NIGHTS: Final = _HARMLESS | {SightFault.NOISE, SightFault.STRIPES}
"""Beside these another light is learnt as such: infrared and dusk are noisy."""
_LIKE_A_SWITCH: Final = (
    SightFault.MOVED,
    SightFault.BLURRED,
    SightFault.FAINT,
    SightFault.DIRTY,
    SightFault.COLOUR,
)


_LIKE_NOISE: Final = (SightFault.MOVED, SightFault.BLURRED, SightFault.DIRTY)
_HIDING: Final = _STRUCTURE[:-2]
_BLINDING: Final = frozenset(_HIDING) - {SightFault.MOVED}
_TROUBLED_S, _TROUBLE_STAYS = 120.0, 0.3
"""Pictures that are by turns covered, moved and well are told after so long; each well one takes away so much of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is the matter with one picture, and by how much: a part of 0 to 1, or what the fault's own unit is."""

    fault: SightFault
    figure: float


@dataclass(frozen=True, slots=True)
class Change:
    """A fault that is certain now, or over."""

    fault: SightFault
    active: bool
    figure: float


class SightJudge:
    """Of one camera. Takes one picture a second; while nothing is amiss it judges every other one.

    Attributes:
        active: what is the matter, each with its last figure.
        suspected: whether the last picture had anything: pictures before are the sound ones.
        blinded_s: when a picture last looked as if something hid the view, certain or not.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = memory or Memory([])
        self._known = self.memory.appearances
        self._now: Appearance | None = self._known[0].wake() if self._known else None
        self._beginning: list[Picture] = []
        self._begun_s: float | None = None
        self._started_s: float | None = None
        self._last: Picture | None = None
        self._time_s = 0.0
        self._unsound_s = -_CALM_AFTER_S
        self._still_s = 0.0
        self._scores = dict.fromkeys(SightFault, 0.0)
        self._sound_s = dict.fromkeys(SightFault, 0.0)
        self._other_light_s = self._switching_s = 0.0
        self._switched_s = -_SWITCHES_EVERY_S
        self._faint_at_s, self._faint_s = -_THICKENS_S, 0.0
        self._troubled_s = self._unlearnt_s = 0.0
        self._doubted = False
        self._grain: Grain | None = None
        self._grain_s = 0.0
        self._beside: Verdict | None = None
        self._beside_s = -_BESIDE_EVERY_S
        self._was_coloured: bool | None = None
        self._colour_unsaid = False
        self._has_edges = self._had_edges = False
        """Whether the view that is known has edges, and whether one had them that a person said was another now."""
        self.blinded_s = -_CALM_AFTER_S
        self.active = self.memory.slow.active
        self.suspected = False
        self.shift = 0.0, 0.0
        """Of a view that moved: how far, in parts of the width, where that can be told."""

    @property
    def stands_still(self) -> bool:
        """Whether the last pictures were one and the same: it may be frozen, though that is not certain yet."""
        return self._still_s > 0

    def wants(self, time_s: float) -> bool:
        """Whether it would judge a picture of this time; `step` leaves others alone."""
        calm = self._now is not None and not self.active and time_s - self._unsound_s > _CALM_AFTER_S
        return not (calm and 0 <= time_s - self._time_s < _CALM_EVERY_S)

    @property
    def is_judging(self) -> bool:
        """Whether the view is known and the camera has found its light."""
        begun = self._started_s is not None and self._time_s - self._started_s >= _UNJUDGED_S
        return begun and (self._now is not None or bool(self.active))

    def begin_anew(self) -> None:
        """The view in force is another appearance's from now on."""
        self._now, self._beginning, self._begun_s, self._unlearnt_s = None, [], None, 0.0

    def forget(self) -> list[Change]:
        """A person confirms the view as it is now: it is seen anew.

        Returns:
            What is over with that.
        """
        over = [self._end(fault) for fault in list(self.active)]
        self.memory = Memory([])
        self.active = self.memory.slow.active
        self._known, self._now, self._beginning, self._begun_s = self.memory.appearances, None, [], None
        self._scores = dict.fromkeys(SightFault, 0.0)
        self._faint_s = self._troubled_s = 0.0
        self._beside = None
        self._had_edges, self._has_edges = self._has_edges or self._had_edges, False
        return over

    def step(self, picture: SightPicture, time_s: float, hour: int = 12) -> list[Change]:
        """Judge the picture of a second.

        Args:
            picture: the newest one.
            time_s: grows.
            hour: of the camera's local time, 0 to 23.

        Returns:
            What is certain from now on, and what is over.
        """
        if not self.wants(time_s):
            return []
        if self._started_s is None:
            self._started_s, self._time_s = time_s, time_s - 1
        dt_s = min(_LONGEST_STEP_S, max(0.0, time_s - self._time_s))
        self._time_s = time_s
        small = coarse(picture.grey)
        if self._grain is None or not 0 <= time_s - self._grain_s < _GRAIN_EVERY_S:
            self._grain, self._grain_s = grain(picture.grey), time_s
        figure = figures(picture, small, self._grain)
        look = look_at(picture.grey, small, figure.noise)
        frozen = self._is_frozen(picture.grey, dt_s)
        verdicts = self._verdicts(picture, figure, look, dt_s, hour, frozen=frozen)
        if picture.chroma is not None:
            grey = figure.colour < _GREY
            only_dirt = all(verdict.fault is SightFault.DIRTY for verdict in verdicts)
            if grey and self.memory.is_coloured_at(hour) and only_dirt:
                verdicts.append(Verdict(SightFault.INFRARED, figure.level))
            self.memory.note(hour, grey=grey, dt_s=dt_s)
        self.suspected = bool(verdicts)
        if verdicts or self.stands_still:
            self._unsound_s = time_s
        if any(verdict.fault in _BLINDING for verdict in verdicts):
            self.blinded_s = time_s
        return self._told(verdicts, dt_s)

    def _is_frozen(self, grey: Picture, dt_s: float) -> bool:
        """Whether nothing outside a clock has changed for long."""
        last, self._last = self._last, grey
        if last is None:
            self._still_s = 0.0
            return False
        differs = cv2.compare(grey, last, cv2.CMP_NE)
        if cv2.countNonZero(differs) > differs.size // 2:
            self._still_s = 0.0
            return False
        parts = cv2.resize(differs, (4 * COLUMNS, 4 * ROWS), interpolation=cv2.INTER_AREA)
        cells = by_cell(parts.astype(np.float32)) / 255
        still = np.count_nonzero(cells < _DIFFERENT) / cells.size
        self._still_s = self._still_s + dt_s if still >= _FROZEN_CELLS else 0.0
        return self._still_s >= _FROZEN_S

    def _verdicts(
        self, picture: SightPicture, figure: Figures, look: Look, dt_s: float, hour: int, *, frozen: bool
    ) -> list[Verdict]:
        self._colour_unsaid = False
        if absolute := _absolute(figure):
            return absolute  # a picture that is white all over stands still, too
        if frozen:
            return [Verdict(SightFault.FROZEN, self._still_s)]
        if self._now is None:
            self._begin(picture, figure)
            return []
        known, compared = self._best(look)
        usable = int(np.count_nonzero(compared.usable))
        if usable < _LEAST_USABLE:
            self._now.learn(look, self._time_s)
            _follow(self._now, figure, picture, compared)
            if not self._had_edges:
                return [Verdict(SightFault.PLAIN, usable)]
            # It had something to see: what a person confirmed was a hand before it. It begins anew until that is gone.
            self._begin(picture, figure)
            if self._now is not known:
                self._known[:] = [each for each in self._known if each is not known]
            return [Verdict(SightFault.COVERED, 1.0)]
        self._has_edges, self._had_edges = True, False
        structure = self._structure(known, compared, figure, look, hour, dt_s)
        self._colour_unsaid = figure.colour < _GREY and not _in_same_light(known, compared, figure)
        self._switching_s = max(0.0, self._switching_s - dt_s)
        if not _GREY <= figure.colour <= _COLOURED:  # between the two nothing can be said
            if self._was_coloured is (figure.colour < _GREY) and self._time_s - self._switched_s > _SWITCHES_EVERY_S:
                self._switching_s, self._switched_s = _SWITCHING_S, self._time_s
            self._was_coloured = figure.colour > _COLOURED
        spoilt = _spoilt(known, figure)
        # Noise and stripes are edges where none were; but where nothing is left of what was there, the view moved.
        moved_away = _kept(compared) < _NOTHING and compared.alike < _UNLIKE
        if spoilt and structure and structure.fault in _LIKE_NOISE and not moved_away:
            structure = None
        rest = spoilt + self._colour(known, compared, picture, figure, hour) if structure is None else []
        verdicts = ([structure] if structure else []) + rest
        amiss = {*self.active, *(verdict.fault for verdict in verdicts)}
        if _OF_NIGHTS.issuperset(amiss):
            self._other_light_s = self._other_light_s + dt_s if self._in_another_light(known, compared, figure) else 0.0
            if self._other_light_s > _OTHER_LIGHT_S:
                self._begin(picture, figure)
            elif _HARMLESS.issuperset(amiss):
                self._beginning = []
                if _agrees(known, compared):
                    learnt_s, self._unlearnt_s = known.learn(look, self._time_s), 0.0
                    if learnt_s and self.memory.slow.slipped_s <= 0:  # in doubt, other days are not made like this one
                        self.memory.daily.follow(hour, known, look, learnt_s, doubted=self._doubted)
                elif not verdicts and not known.is_proven:
                    self._unlearnt_s += dt_s
                    if self._unlearnt_s > _UNPROVEN_S:  # it began when something stood there that is gone
                        self._known[:] = [each for each in self._known if each is not known]
                        self.begin_anew()
                _follow(known, figure, picture, compared)
        return verdicts

    def _best(self, look: Look) -> tuple[Appearance, Compared]:
        """The known appearance that the picture is most like: the one in force unless another is better by far."""
        assert self._now is not None  # noqa: S101 - asked only then
        compared = self._now.compare(look)
        if _kept(compared) > 0.75 and compared.alike > 0.6:
            return self._now, compared
        best, score = self._now, self._now.likeness(look)[0] + _BETTER
        for other in self._known:
            likeness, cells = other.likeness(look) if other is not self._now else (0.0, 0)
            if likeness > score and cells >= _LEAST_USABLE:
                best, score = other, likeness
        if best is self._now:
            return best, compared
        self._now.sleep()
        self._now = best.wake()
        self._known.sort(key=lambda each: each is not best)
        return best, best.compare(look)

    def _structure(
        self, known: Appearance, compared: Compared, figure: Figures, look: Look, hour: int, dt_s: float
    ) -> Verdict | None:
        usable = compared.usable
        gone = usable & (compared.kept < AGREES)
        part = float(np.count_nonzero(gone)) / max(1, int(np.count_nonzero(usable)))
        standing = usable & ~gone
        weak = not standing.any() or float(np.median(compared.strength[standing])) < _FLAT
        if figure.brightest < _BLACK or (figure.level < known.level and weak and part < _PARTLY and figure.level < 60):
            return Verdict(SightFault.DARK, figure.level)
        if (figure.level > _WHITE and part > 0.3) or figure.clipped > max(_CLIPPED, 0.2 + _clipped_usually(known)):
            return Verdict(SightFault.GLARING, figure.clipped)
        if figure.clipped > _PARTLY_CLIPPED and figure.level > known.level + _BRIGHTER:
            return Verdict(SightFault.GLARING, figure.clipped)
        faint = weak and part < _PARTLY
        self._faint_s = min(_FOG_S, max(0.0, self._faint_s + (dt_s if faint else 0.0 if weak else -dt_s)))
        if faint:
            self._faint_at_s = self._time_s
        if faint or (weak and self._faint_s >= _FOG_S and self._time_s - self._faint_at_s < _THICKENS_S):
            return Verdict(SightFault.FAINT, float(np.median(compared.strength[usable])))
        if part >= _PARTLY_ASIDE:
            fit = align(known.coarse, look.coarse)
            if _TREMBLES_FAR < fit.far < _FITS_WITHIN and fit.there > max(_FITS, fit.here + _FITS_BETTER):
                return self._moved(fit)
            if part >= _PARTLY and self._is_soft(known, compared, look, gone, figure):
                return Verdict(SightFault.COVERED, part)
            if part >= _GONE or (part >= _PARTLY and compared.alike < _IN_PLACE):
                return self._moved(fit)
            if part >= _PARTLY:
                return None
        sharpness = compared.sharpness / known.sharpness
        # What is always there beside the known edges, such as noise, stays when they go.
        dulled = known.crispness - compared.crispness
        dulled = dulled if dulled > known.crisp_unrest else 0.0
        if sharpness < (_SHARP if dulled < _SURELY_DULLED else _LESS_SHARP):
            fit = align(known.coarse, look.coarse)
            if dulled > _DULLED or (fit.far * WIDTH_PX < _TREMBLES_PX and part < _ASIDE):
                return Verdict(SightFault.BLURRED, sharpness)
            return self._moved(fit) if fit.far > (_TREMBLES_FAR if part < _ASIDE else _NEARLY_STILL) else None
        return self._beside_other_days(known, look, usable, hour)

    def _beside_other_days(self, known: Appearance, look: Look, usable: NDArray[np.bool_], hour: int) -> Verdict | None:
        """What came so slowly that each picture is like the last ones."""
        dt_s = min(_LONGEST_STEP_S, self._time_s - self._beside_s)
        if 0 <= dt_s < _BESIDE_EVERY_S:
            return self._beside
        self._beside_s, dt_s = self._time_s, max(0.0, dt_s)
        daily, slow = self.memory.daily, self.memory.slow
        told = next((fault for fault in (SightFault.MOVED, SightFault.COVERED) if fault in self.active), None)
        gone = daily.gone(hour, look)
        slipped = None
        if gone is None:  # what was certain at the hours before stays so
            slipped = Verdict(told, self.active[told]) if told and slow.slipped_s > 0 else None
        self._doubted = gone is not None and gone[0] >= _PARTLY_ASIDE
        if gone is not None and self._doubted:
            slipped = self._aside(daily.spans[hour // SPAN_H].edges, look, *gone)
        worn = np.count_nonzero(usable & daily.dulled(hour, known, look)) / max(1, int(np.count_nonzero(usable)))
        if gone is not None:
            slow.slipped_s = min(2 * _SLIPPED_S, max(0.0, slow.slipped_s + (dt_s if slipped else -dt_s)))
        slow.worn_s = min(2 * _WORN_S, max(0.0, slow.worn_s + (dt_s if worn >= _WORN_CELLS else -dt_s)))
        if slipped and slow.slipped_s >= (1.0 if told else _SLIPPED_S):
            self._beside = slipped
        elif slow.worn_s >= (1.0 if SightFault.DIRTY in self.active else _WORN_S):
            self._beside = Verdict(SightFault.DIRTY, worn)
        else:
            self._beside = None
        return self._beside

    def _aside(self, usual: Edges, look: Look, part: float, strength: float) -> Verdict | None:
        """What the matter is where so many of other days' edges are gone, if it is anything."""
        fit = align(usual, look.doubled)
        if fit.far > _TREMBLES_FAR and fit.there > fit.here + _FITS_BETTER:
            return self._moved(fit)
        if part >= _SLIPPED and strength < _SMOOTH:
            return Verdict(SightFault.COVERED, part)
        return self._moved(fit) if part >= _GONE else None  # turned about its own axis, it fits nowhere

    @staticmethod
    def _is_soft(known: Appearance, compared: Compared, look: Look, gone: NDArray[np.bool_], figure: Figures) -> bool:
        if float(np.median(compared.strength[gone])) < _SMOOTH:
            return True
        return not _spoilt(known, figure) and known.softness(look, gone) < _SOFT

    def _moved(self, fit: Alignment) -> Verdict:
        self.shift = fit.right, fit.down
        return Verdict(SightFault.MOVED, fit.far)

    def _colour(
        self, known: Appearance, compared: Compared, picture: SightPicture, figure: Figures, hour: int
    ) -> list[Verdict]:
        """Colour that is gone by day while all else is as it was, or that is another one all over the picture."""
        if known.chroma is None or picture.chroma is None:
            return []
        usual = float(np.abs(known.chroma - 128).mean())
        cast = float(np.abs((picture.chroma - known.chroma).mean(axis=(1, 2))).max())
        by_day = hour in _DAYLIGHT_H or self.memory.is_coloured_at(hour)
        cast = cast if usual > _COLOURED else 0.0  # of a view that is known by infrared colour says nothing
        lost = usual > _COLOURED and figure.colour < _GREY and _in_same_light(known, compared, figure) and by_day
        return [Verdict(SightFault.COLOUR, figure.colour)] if lost or cast > _CAST else []

    def _in_another_light(self, known: Appearance, compared: Compared, figure: Figures) -> bool:
        """Whether the view is the same and looks so different that it is another appearance."""
        usually = known.chroma is not None and float(np.abs(known.chroma - 128).mean()) > _COLOURED
        return _kept(compared) > _SAME_VIEW and (compared.alike < _OTHER_LIGHT or (usually and figure.colour < _GREY))

    def _begin(self, picture: SightPicture, figure: Figures) -> None:
        if self._begun_s is not None and self._time_s - self._begun_s < _BEGINS_EVERY_S and self._beginning:
            return
        self._begun_s = self._time_s
        self._beginning.append(picture.grey)
        if len(self._beginning) < BEGINS_WITH:
            return
        for each in self._known:
            each.sleep()
        self._now = Appearance(
            **begin(self._beginning),
            level=figure.level,
            chroma=picture.chroma,
            noise=figure.noise,
            stripes=figure.stripes,
            learnt_s=self._time_s,
        )
        self._known[:] = [self._now, *self._known][:MOST_APPEARANCES]
        self._beginning, self._other_light_s = [], 0.0

    def _told(self, verdicts: list[Verdict], dt_s: float) -> list[Change]:
        assert self._started_s is not None  # noqa: S101 - asked only then
        found = {verdict.fault: verdict.figure for verdict in verdicts}
        hidden = any(fault in found for fault in _HIDING)
        changes = list[Change]()
        for fault, confirmed_s in CONFIRMED_S.items():
            if fault in found:
                self._sound_s[fault] = 0.0
                settling = self._switching_s > 0 and fault in _LIKE_A_SWITCH
                self._scores[fault] = min(confirmed_s, self._scores[fault] + (0.0 if settling else dt_s))
            # A lamp that sweeps over a grey picture does not say that it has its colour back.
            elif not (hidden and fault in self.active) and not (fault is SightFault.COLOUR and self._colour_unsaid):
                self._scores[fault] = max(0.0, self._scores[fault] - _FORGIVES * dt_s)
                self._sound_s[fault] += dt_s
        certain = [fault for fault in found if self._scores[fault] >= CONFIRMED_S[fault]]
        self._troubled_s = min(_TROUBLED_S, max(0.0, self._troubled_s + (dt_s if hidden else -_TROUBLE_STAYS * dt_s)))
        told = any(fault in _HIDING for fault in self.active)
        if hidden and not certain and not told and self._troubled_s >= _TROUBLED_S:
            # Now covered, now turned, now well again: whichever it is mostly.
            certain = [max((fault for fault in found if fault in _HIDING), key=lambda fault: self._scores[fault])]
        if self._time_s - self._started_s < _UNJUDGED_S:
            return []
        for fault in certain:
            if fault not in self.active:
                changes += [self._end(other) for other in list(self.active) if fault in _HIDING]
                changes.append(Change(fault, True, found[fault]))
            self.active[fault] = found[fault]
        changes += [self._end(fault) for fault in list(self.active) if self._sound_s[fault] >= _ENDS_S]
        return changes

    def _end(self, fault: SightFault) -> Change:
        return Change(fault, False, self.active.pop(fault))


def _kept(compared: Compared) -> float:
    """Part of the usable cells that show their edges."""
    usable = compared.usable
    return float(np.count_nonzero(usable & (compared.kept >= AGREES))) / max(1, int(np.count_nonzero(usable)))


def _in_same_light(known: Appearance, compared: Compared, figure: Figures) -> bool:
    return compared.alike > _SAME_LIGHT and abs(figure.level - known.level) < _SAME_LEVEL * max(20.0, known.level)


def _spoilt(known: Appearance, figure: Figures) -> list[Verdict]:
    verdicts = []
    if figure.noise > max(_NOISY * known.noise, known.noise + _NOISY_LEVELS):
        verdicts.append(Verdict(SightFault.NOISE, figure.noise))
    if figure.stripes > max(_STRIPED * known.stripes, known.stripes + _STRIPED_LEVELS):
        verdicts.append(Verdict(SightFault.STRIPES, figure.stripes))
    return verdicts


def _absolute(figure: Figures) -> list[Verdict]:
    """What can be said of a view that is not known."""
    if figure.brightest < _BLACK:
        return [Verdict(SightFault.DARK, figure.level)]
    if figure.level > _WHITE and figure.clipped > _CLIPPED:
        return [Verdict(SightFault.GLARING, figure.clipped)]
    return []


def _clipped_usually(known: Appearance) -> float:
    """A view that is always half white is not glaring."""
    return 0.8 if known.level > 180 else 0.0


def _agrees(known: Appearance, compared: Compared) -> bool:
    """Whether a picture may be learnt of: what is slightly amiss must not become usual."""
    return _kept(compared) > _LEARNT_KEPT and compared.sharpness > _LEARNT_SHARP * known.sharpness


def _follow(known: Appearance, figure: Figures, picture: SightPicture, compared: Compared) -> None:
    rate = 1 / 120
    if not _agrees(known, compared):
        return
    known.sharpness += rate * (min(3.0, max(0.3, compared.sharpness)) - known.sharpness)
    off = min(9.0, max(0.3, compared.crispness)) - known.crispness
    known.crispness += rate * off
    known.crisp_unrest += rate * (abs(off) - known.crisp_unrest)
    known.level += rate * (figure.level - known.level)
    known.noise += rate * (figure.noise - known.noise)
    known.stripes += rate * (figure.stripes - known.stripes)
    if known.chroma is not None and picture.chroma is not None and known.chroma.shape == picture.chroma.shape:
        known.chroma += rate * (picture.chroma - known.chroma)
