"""Pictures to plates: find, straighten, look, decode_plate."""

from collections.abc import Collection

from models.onnx_session import CPU
from models.plate.decoding import Calibration, Plate, Reading, decode_plate
from models.plate.finder import Picture, PlateFinder
from models.plate.recogniser import CharacterScores, Recogniser, cuts, mean
from models.registry import Registry

DETECTOR, RECOGNISER = "plate-detector", "plate-recogniser"


class PlateReader:
    """Reads plates with two models.

    Args:
        finder: finds them.
        recogniser: looks at them.
        calibration: of the recogniser.
    """

    def __init__(self, finder: PlateFinder, recogniser: Recogniser, calibration: Calibration) -> None:
        self._finder, self._recogniser, self.calibration = finder, recogniser, calibration

    @classmethod
    def shipped(cls, providers: Collection[str] = CPU, registry: Registry | None = None) -> "PlateReader":
        """A reader with the models of the registry.

        Raises:
            ConfigError: a model or provider is missing.
            TamperedModelError: a model's file is not the one that the registry names.
        """
        registry = registry or Registry()
        return cls(
            PlateFinder(registry.open(DETECTOR, providers)),
            Recogniser(registry.open(RECOGNISER, providers)),
            Calibration.of(registry.find(RECOGNISER).calibration),
        )

    def read(self, picture: Picture) -> list[Plate]:
        """All plates of a scene, ordered by score × area."""
        found = self._finder.find(picture)
        crops = [crop for one in found for crop in cuts(picture, one)]
        seen, each = self._recogniser.look(crops), len(crops) // max(1, len(found))
        scores = [mean(seen[start : start + each]) for start in range(0, len(seen), each or 1)]
        plates = [
            Plate(one, of_one, decode_plate(of_one, self.calibration))
            for one, of_one in zip(found, scores, strict=True)
        ]
        return sorted(plates, key=lambda plate: -plate.reading.score * plate.found.area)

    def read_crop(self, crop: Picture) -> Reading:
        """A picture that is a plate already."""
        return decode_plate(self.look_at_crop(crop), self.calibration)

    def look_at_crop(self, crop: Picture) -> CharacterScores:
        """What is seen in it, for votes."""
        return self._recogniser.look([crop])[0]
