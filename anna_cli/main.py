"""Entry of the `anna` command. Commands are imported when they are called, so that `anna --help` is quick."""

import importlib
import os
import sys
from pathlib import Path

import click
from rich.text import Text

from anna_cli.console import COMPLAINTS, print_any_sign
from anna_core.errors import AnnaError

# Name → what `anna --help` says of it; the command `x-y` is the function `x_y` of `anna_cli.commands.x_y`.
COMMANDS = {
    "init": "Make a deployment's folder.",
    "up": "Run the platform on this machine until Ctrl-C.",
    "submit": "Bring a sample: ANNA trains on it.",
    "status": "Follow uploads and launches as they go.",
    "report": "Show a launch's leaderboard.",
    "retro": "Score past months with a trained model.",
    "promote": "Make a launch the champion, which scores in production.",
    "approve": "Agree to what another person asked for.",
    "decline": "Refuse what was asked for.",
    "rollback": "Go back to the champion before.",
    "challenge": "Let a launch score along with the champion, unpublished.",
    "stand-down": "Let nobody score along any more.",
    "champions": "Show who scores in production, and who did.",
    "scores": "Show where production's scores are.",
    "notify": "Show who is told what happens, or send a test.",
    "reproduce": "Make a launch once more, and say whether it is the same.",
    "prune": "Show what is too old to be kept, and remove it.",
    "demo-bank": "Simulate a bank: warehouse, samples, oracle.",
    "demo": "The whole story on a simulated bank.",
    "doctor": "Find what is wrong with a deployment.",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"anna_cli.commands.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The deployment's folder. [ANNA_HOME, or ~/.anna]"
)
@click.version_option(package_name="anna-platform", message="%(version)s")
def anna(home: Path | None) -> None:
    """ANNA: neural networks on bank events, without a data scientist's hands."""
    if home is not None:
        # Settings, and every process that a command starts, find the deployment by this variable.
        os.environ["ANNA_HOME"] = str(home.expanduser().resolve())


def main(arguments: list[str] | None = None) -> None:
    """Run the command; a problem that ANNA can explain is one red paragraph and its exit code, mostly 1."""
    print_any_sign()
    try:
        anna.main(arguments, prog_name="anna", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except AnnaError as error:
        COMPLAINTS.print(Text(str(error), style="red"), soft_wrap=True)
        sys.exit(error.exit_code)
    except PermissionError as error:
        if error.filename is None:  # not of a file: nothing that we could explain
            raise
        told = f"{error.filename}: this user has no right to it ({error.strerror})."
        told += " Give the right, or use another --home."
        COMPLAINTS.print(Text(told, style="red"), soft_wrap=True)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)  # as shells count it: 128 + SIGINT
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)


if __name__ == "__main__":
    main()
