"""`hawkline keypad`: who may type which code at the keypads of a box."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.configuration.store import Store
from edge_agent.inputs.codes import Codes, Person
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Keypads of a box: who has a code.", no_args_is_help=True)
ConfigOption = Annotated[Path, typer.Option("--config", help="the agent's file")]
NameArgument = Annotated[str, typer.Argument(help="as the record of arming and disarming calls the person")]
_LONGEST = 32


@app.callback()
def keypad() -> None:
    """Keypads of a box: who has a code."""


@app.command(epilog="Example: hawkline keypad add 'Wang Fang' --config agent.toml")
def add(
    name: NameArgument,
    config: ConfigOption,
    duress: Annotated[
        bool, typer.Option("--duress", help="a second code: it disarms as the other, and rings at the centre")
    ] = False,
    code_file: Annotated[
        Path | None, typer.Option("--code-file", help="has the code in its first line; - is standard input")
    ] = None,
) -> None:
    """Give a person a code of 4 to 12 digits, or another one; it is asked for, and counts at once.

    The agent need not be started anew.
    """
    if not 1 <= len(name.strip()) <= _LONGEST:
        raise ConfigError(f"NAME = {name!r}: expected 1 to {_LONGEST} letters")
    person = Person(name.strip(), duress)
    codes = _codes(config)
    codes.add(person, _asked(person, code_file))
    say(f"{person.name} has a code{' of duress' if duress else ''} ({codes.path})")


@app.command("list", epilog="Example: hawkline keypad list --config agent.toml")
def list_(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """Who has a code; no code can be read."""
    people = sorted(_codes(config).people(), key=lambda each: (each.name, each.is_duress))
    print_rows(({"name": each.name, "duress": each.is_duress} for each in people), output, ("name", "duress"))


@app.command(epilog="Example: hawkline keypad remove 'Wang Fang' --config agent.toml")
def remove(name: NameArgument, config: ConfigOption) -> None:
    """Take a person's code back, and that of duress with it: from now on it opens nothing."""
    count = _codes(config).remove(name.strip())
    if not count:
        raise ConfigError(f"NAME = {name!r} has no code; `hawkline keypad list` says who has")
    say(f"{name.strip()} has no code any more ({count} taken back)")


def _codes(config: Path) -> Codes:
    settings = Store(config).in_force(only_look=True).settings
    return Codes(settings.data_dir / settings.inputs.codes_file)


def _asked(person: Person, file: Path | None) -> str:
    if file is not None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"--code-file {file}: cannot be read ({type(error).__name__})") from None
        return text.partition("\n")[0].strip()
    if not sys.stdin.isatty():
        raise ConfigError("there is nobody to ask for the code: name --code-file (- is standard input)")
    what = f"code{' of duress' if person.is_duress else ''} of {person.name}"
    return str(typer.prompt(what, hide_input=True, confirmation_prompt=True)).strip()
