"""The one command `hawkline`: finds the nouns that the installed parts register."""

import sys
from importlib.metadata import EntryPoint, entry_points

import typer

from shared.child_process import end_with_parent
from shared.errors import HawklineError
from shared.logs import log_to_stderr
from shared.output import bear_all_letters, say

GROUP = "hawkline.commands"


def build(noun: str = "") -> typer.Typer:
    """Assemble the command from every installed part.

    Args:
        noun: that was asked for: where a part registers it, only that is loaded, for a command shall not wait for all
            the others. Help and slips want all of them.
    """
    app = typer.Typer(
        name="hawkline",
        help="Hawkline (鹰线): watch lines at the edge, raise ranked alerts in the centre.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    for entry in [each for each in entries if each.name == noun] or entries:
        _attach(app, entry)
    return app


def _attach(app: typer.Typer, entry: EntryPoint) -> None:
    try:
        app.add_typer(entry.load(), name=entry.name)
    except ModuleNotFoundError as error:
        # A part whose extra is not installed stays visible: the command says what to install.
        part, missing = entry.module.split(".")[0], error.name

        @app.command(name=entry.name, help=f"(not installed: {missing} is missing)")
        def absent(
            _arguments: list[str] = typer.Argument(default=None, hidden=True),
        ) -> None:
            extra = {"edge_agent": "edge", "models": "edge"}.get(part, part)
            file = "edge" if extra == "edge" else "aggregator"
            raise HawklineError(
                f"{missing} is not installed, which the extra {extra!r} brings; "
                f"pip install --require-hashes -r {file}.txt, from a release or requirements/ (docs/guide-installer.md)"
            )


OUR_PARTS = "shared", "edge_agent", "aggregator", "provisioning", "models"


def main() -> None:
    """Entry point: run, and turn what went wrong into one line and an exit code."""
    log_to_stderr()
    bear_all_letters()
    end_with_parent()
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else "")()
    except HawklineError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        # A command that loads a part only when it is asked: the same words as for a part that is absent.
        if error.name and error.name.split(".")[0] in OUR_PARTS:
            raise
        say(f"error: {error.name} is not installed, which another part needs; install what requirements/ has for it")
        sys.exit(HawklineError.exit_code)
    except UnicodeEncodeError as error:
        # The last resort: such a name is read and shown, and cannot stand in a file or an address.
        say(f"error: {error.object!r}: this name is not UTF-8 and cannot be written down; rename the file or folder")
        sys.exit(HawklineError.exit_code)
