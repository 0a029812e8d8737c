"""What an image does: scores histories to a file, or answers HTTP."""

import os
import sys
from pathlib import Path

import click

from anna_core.errors import AnnaError

_MODEL = "ANNA_MODEL"  # variable with the folder of the model, which the image sets


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar=_MODEL,
    required=True,
    help=f"The model's folder. [{_MODEL}]",
)
@click.pass_context
def serving(context: click.Context, model: Path) -> None:
    """The model of one launch of ANNA."""
    context.obj = model


@serving.command()
@click.option(
    "--histories",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="A folder with a history of each domain, such as storage/history of a deployment, or its "
    "storage/production/history of weeks or days.",
)
@click.option(
    "--period",
    metavar="YYYY-MM[-DD]",
    help="Where the histories are of several: a month, or the first day of a week or a day, as of whose end to score. "
    "Where both a week and a day begin then, week=YYYY-MM-DD or day=YYYY-MM-DD.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The Parquet file to write."
)
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default=True)
@click.pass_obj
def score(model: Path, histories: Path, period: str | None, out: Path, threads: int) -> None:
    """Score every client who has a history, as production does; the file appears once it is whole."""
    from anna_core.serving.batch import score_histories
    from anna_core.storage import write_file

    scores = score_histories(model, histories, period, threads)
    with write_file(out) as temporary:
        scores.write_parquet(temporary)
    click.echo(f"{len(scores):,} clients as of {scores['as_of'][0]}: {out}")


@serving.command()
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on; within a container, all.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default=True)
@click.pass_obj
def serve(model: Path, host: str, port: int, threads: int) -> None:
    """Answer HTTP: scores of clients whose raw events are sent along."""
    from anna_core.serving.http import serve

    serve(model, host, port, threads)


def main() -> None:
    """Run a command; a problem that ANNA can explain is one line and exit code 1."""
    try:
        serving(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (AnnaError, OSError) as error:
        click.echo(f"{error}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)


if __name__ == "__main__":
    main()
