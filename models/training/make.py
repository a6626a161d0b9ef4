"""From nothing to the shipped files: train, train five folds, calibrate, export, write the registry.

Every stage that is done is left as it is, and one that was interrupted goes on at its last checkpoint. A caller who
changes data, network or arguments gives another folder: what was made with the old ones is not made anew.

Example:
    HAWKLINE_DATA=../shared/data python -m models.training.make --out build/plates
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import tomli_w

from models.registry import FOLDER, Registry
from models.training import calibrate
from models.training.real import FOLDS


@dataclass(frozen=True, slots=True)
class Network:
    """What is trained, and how long.

    Attributes:
        name: of the module and the file.
        rounds: on drawn pictures alone, each a cycle of the rate from where the last one ended: steps and highest rate.
        steps: on real ones too, each fold.
        share: part of real ones.
        rate: for the folds.
        model: its name in the registry.
    """

    name: str
    rounds: tuple[tuple[int, float], ...]
    steps: int
    share: float
    rate: float
    model: str


NETWORKS = (
    Network("recogniser", ((6500, 3e-3), (3600, 2e-3)), 600, 0.5, 1e-3, "plate-recogniser"),
    Network("detector", ((2400, 3e-3), (3600, 2e-3)), 400, 0.7, 1e-3, "plate-detector"),
)


def train(network: Network, out: Path, fold: int, threads: int) -> None:
    """One fold, -1 for the network that is shipped; its rounds first."""
    command = [sys.executable, "-m", f"models.training.train_{network.name}", f"--threads={threads}"]
    start: list[str] = []
    for number, (steps, rate) in enumerate(network.rounds, 1):
        stage = out / network.name / f"round{number}"
        if not (stage / f"{network.name}.onnx").is_file():
            asked = [f"--out={stage}", f"--steps={steps}", f"--rate={rate}", f"--seed={number}"]
            subprocess.run([*command, *asked, *start], check=True)
        start = [f"--from={stage / 'last.pt'}"]
    stage = out / network.name / ("shipped" if fold < 0 else f"fold{fold}")
    if not (stage / f"{network.name}.onnx").is_file():
        more = [f"--steps={network.steps}", f"--share={network.share}", f"--rate={network.rate}", f"--fold={fold}"]
        subprocess.run([*command, f"--out={stage}", "--real", *start, f"--seed={fold + 10}", *more], check=True)


def ship(out: Path, to: Path) -> None:
    """Copy the shipped networks, calibrate them on the folds, and write the registry."""
    registry = {name: msgspec.to_builtins(model) for name, model in Registry(to).models.items()}
    numbers = calibrate.measure(out)
    sys.stdout.write(json.dumps(numbers) + "\n")
    registry["plate-recogniser"]["calibration"] = numbers
    for network in NETWORKS:
        file = to / registry[network.model]["file"]
        shutil.copyfile(out / network.name / "shipped" / f"{network.name}.onnx", file.with_suffix(".new"))
        file.with_suffix(".new").replace(file)
    for entry in registry.values():
        entry["sha256"] = hashlib.sha256((to / entry["file"]).read_bytes()).hexdigest()
    text = tomli_w.dumps({"models": list(registry.values())})
    heading = "# Models that Hawkline ships. `python -m models.training.make` writes files, hashes and calibration.\n\n"
    (to / "registry.toml").write_text(heading + text, encoding="utf-8")


def main() -> None:
    """The command."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--out", type=Path, required=True, help="folder of checkpoints; give the same to go on")
    ask.add_argument("--to", type=Path, default=FOLDER, help="folder of registry.toml")
    ask.add_argument("--threads", type=int, default=0)
    asked = ask.parse_args()
    for network in NETWORKS:
        for fold in [*range(FOLDS), -1]:
            train(network, asked.out, fold, asked.threads)
    ship(asked.out, asked.to)


if __name__ == "__main__":
    main()
