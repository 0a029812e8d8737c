"""`anna submit`: bring a sample, and ANNA trains on it."""

import click
from rich.text import Text

from anna_cli.console import CONSOLE
from anna_cli.follow import check_finished, follow
from anna_cli.graphql import GraphQLClient
from anna_cli.identity import connect
from anna_cli.launch import Launch, State
from anna_cli.launch_reader import LaunchReader
from anna_cli.launch_view import standing
from anna_cli.options import Options, parse_options
from anna_cli.stopped import told_of_a_stop
from anna_cli.submission import follow_intake, key_of, locate, register
from anna_cli.upload_reader import Upload
from anna_core.errors import TaskError
from anna_core.samples.inbox import check_metric_at
from anna_core.tasks.task import TaskType, parse_request
from anna_resources.settings import load_settings

_SAFE = "  It is in the inbox. Ctrl-C ends this command alone, from now on: its launch comes by itself."


@click.command()
@click.argument("file")
@click.option("--task", required=True, help="Name of the business problem, as in churn.")
@click.option("--sample", help="Name of this sample. [the file's name without its ending]")
@click.option("--type", "task_type", type=click.Choice([kind.value for kind in TaskType]), help="[guessed]")
@click.option("--metric", help="Metric that decides which model is best. [by the type]")
@click.option("--owner", help="Who answers for the task; launches of one owner share a limit.")
@click.option("--option", "texts", multiple=True, help="Any other setting, as in training.epochs=5; may be repeated.")
@click.option(
    "--wait", is_flag=True, help="Follow the launch until it ends; exit code 1 if it fails, 75 if ANNA is stopped."
)
def submit(
    file: str, task: str, sample: str | None, task_type: str | None, metric: str | None, owner: str | None,
    texts: tuple[str, ...], wait: bool,
) -> None:  # fmt: skip
    """Bring the sample FILE (CSV or Parquet: client_id, as_of, target); ANNA trains on it once its marts are fresh.

    FILE is a path on this machine or a URL that the platform can read.
    """
    options = task_options(parse_options(texts), {"type": task_type, "metric": metric, "owner": owner})
    place, key = locate(file), str(key_of(file, task, sample))
    settings = load_settings()
    client = connect(settings)
    run_id = register(client, place, task, sample, options)
    said = ": the sample is being checked and brought to the inbox; training follows."
    CONSOLE.print(Text.assemble((key, "bold"), said), soft_wrap=True)
    CONSOLE.print(f"  Watch it here   anna status {key}")
    CONSOLE.print(f"  or in the UI    {settings.webserver_url}/runs/{run_id}", soft_wrap=True)
    CONSOLE.print(f"  The result      anna report {key}")
    with told_of_a_stop(f"the launch of {key}", f"`anna status {key}`."):
        answer = await_answer(client, run_id, key, wait)
    launches = LaunchReader(client).read(key, answer.run_id) if answer.run_id else []
    CONSOLE.print(Text(told(answer, launches)), soft_wrap=True)
    for warning in answer.warnings:
        CONSOLE.print(Text(f"Warning: {warning}", style="yellow"), soft_wrap=True)
    if wait:
        with told_of_a_stop(f"the launch of {key}", f"`anna status {key}`."):
            launches = follow(LaunchReader(client), CONSOLE, key, answer.run_id)
        check_finished(launches)


def await_answer(client: GraphQLClient, run_id: str, key: str, launched: bool) -> Upload:
    """Wait for the intake's answer, and show what it is at; raises what `follow_intake` does.

    Args:
        client: of the instance.
        run_id: of the run that takes the sample in.
        key: of the sample.
        launched: wait until it is launched; otherwise an answer is also that it waits for something.
    """
    answer, said, is_safe = Upload(key), "", False
    with CONSOLE.status("Waiting for the launch …") as waiting:
        for answer in follow_intake(client, run_id, key):
            if answer.content and not is_safe:
                is_safe = True
                CONSOLE.print(_SAFE, soft_wrap=True)
            now = f"{answer.state}: {answer.reason}"
            waiting.update(Text(now))
            if now != said and not CONSOLE.is_terminal and answer.state is not State.LAUNCHED:
                CONSOLE.print(Text(f"  {now}"), soft_wrap=True)
            said = now
            if answer.state is State.WAITING and not launched:
                break
    return answer


def told(answer: Upload, launches: list[Launch]) -> str:
    """The intake's answer as a sentence, and how the launch stands where it has one: the latest of its attempts."""
    if answer.state is State.WAITING:
        return f"{answer.key} is waiting: {answer.reason} Its launch begins by itself then."
    run = f"run {answer.run_id[:8]}" + "".join(f", {standing(launch)}" for launch in launches[-1:])
    return f"{answer.key} is launched: {run}." if not answer.reason else f"{answer.key}: {answer.reason} It is {run}."


def task_options(options: Options, named: Options) -> Options:
    """Join `--option` with the options that have names of their own, and check the whole.

    Raises:
        TaskError: something is given in two ways, or is not a setting of a task; also a metric that there is not.
    """
    given = {name: value for name, value in named.items() if value is not None}
    if twice := sorted(given.keys() & options.keys()):
        raise TaskError(f"--{twice[0]} and --option {twice[0]}=… are both given; keep one.")
    joined = {**options, **given}
    request = parse_request(joined, "options")
    check_metric_at(request.metric, request.type, "--metric" if "metric" in given else "--option metric")
    return joined
