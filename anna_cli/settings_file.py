"""The commented `anna.yaml` that `anna init` writes: every setting with its default and what it means."""

import datetime as dt

from anna_core.durations import format_duration
from anna_resources.notify_settings import Notify
from anna_resources.production_settings import Image, Keep, Production
from anna_resources.settings import Limits, Settings

_TEXT = """\
# Settings of this ANNA deployment. Each can be overridden by an environment variable: ANNA_<NAME>,
# as in ANNA_WEBSERVER_PORT=3001 or ANNA_LIMITS__RUNS=4. Lines that begin with `#` show the default.
# `anna doctor` tells whether everything here makes sense. Restart `anna up` after a change.

# Months that ANNA keeps: the first (without it: the data's own first month, as far as it is more than a few stray rows)
# and the last (without it: the current month). A month is written 2024-03.
{start_month}
{end_month}

# The bank's time zone, in which the day of as_of begins: UTC, Europe/Moscow, Asia/Almaty …
time_zone: {time_zone}

# The folder of the domain files, and the folder where marts, models and scores are kept.
# domains: <this folder>/domains
# storage: <this folder>/storage

# Ports on this machine's loopback: the Dagster UI, and the MLflow server.
webserver_port: {webserver_port}
mlflow_port: {mlflow_port}

# A tracking server of your own, in place of the one that `anna up` starts.
# mlflow_url: http://mlflow.example:5000

# A file in the inbox is read once it has not changed for this many seconds.
inbox_settle_seconds: {inbox_settle_seconds:g}

# A file of a source is read once it has not changed for this many seconds.
source_settle_seconds: {source_settle_seconds:g}

# Share of a source's rows that may be left aside: without a client, or with a time or another value that cannot be
# read. They are counted on the pages of source and mart; where there are more, the month or the file is refused.
left_aside: {left_aside:g}

# Whether one person makes a launch the champion, or a second one has to approve (four_eyes), and after how many days an
# unanswered request ends.
approval: {approval}
request_days: {request_days}

# Production: each month, week or day is scored once it is over and every domain has events later than those that its
# scores may see, or once it has been over for so long; and from which figures on these are doubtful
# (docs/production.md).
production:
  cadence: {production.cadence} # or week, or day
  # grace: {grace} # by default; 1d of weeks, 6h of days
  drift: {{warn: {drift.warn:g}, error: {drift.error:g}, volume: {drift.volume:g}, coverage: {drift.coverage:g}}}

# The image of a champion: what builds it (none, buildah, podman, docker), what it begins from, where its name begins.
image:
  builder: {builder}
  base: {image.base}
  repository: {image.repository}
  push: {push}

# The address at which people open the Dagster UI, such as a proxy's, for what is sent to them.
# public_url: https://anna.example

# Who is told, by which of apprise's addresses, and of what (docs/production.md). A variable of the environment keeps a
# password out of this file: ${{NAME}} stands for its value. `anna notify --test` sends each a message.
# notify:
#   to:
#     all: ["${{ANNA_MAIL}}"] # such as mailtos://anna:password@mail.example?to=risk@mail.example
#     risk: ["mmosts://chat.example/${{CHAT_TOKEN}}"] # of the tasks of this owner alone
#   events: [{events}]
#   late: {late} # a period is scored late once it could have been scored for so long

# A second copy of the ledger: a bare git repository that it is pushed to (docs/production.md). No password in it: with
# ssh a key needs none, for https a file has the lines `username=…` and `password=…`.
# ledger: {{remote: "ssh://git@git.example/anna-ledger.git", credentials: ledger-credentials}}

# How long what is made is kept; without a time, for good. `anna prune` shows what is too old, and removes it with
# --yes; `nightly` does that each night. What a champion or an open request stands on stays (docs/production.md).
keep:
  launches: {launches} # the sequences and embeddings of a launch; its models, report and scores stay
  deleted: {deleted} # all of a sample whose partition and file were deleted, but its scores
  versions: {versions} # what an artifact held before it was last written
  dagster_runs: {dagster_runs} # with their logs, but those that made what is there now
  production_histories: {production_histories} # what was scored of weeks or days
  # candidates, retro_scores, production_scores, mlflow_runs: 3650d
  nightly: {nightly}

# How much may run at once; the rest waits in the queue.
limits:
  runs: {limits.runs} # runs of any kind: launches, refreshes, scoring
  launches: {limits.launches} # launches among them
  runs_per_owner: {limits.runs_per_owner} # launches of one owner
  hadoop: {limits.hadoop} # steps that read tables or write marts, sequences and histories; no Hadoop is needed
  memory: {memory} # that one of these steps works with, however large the tables are
  training: {limits.training} # steps that train; the cores are divided among them
  scoring: {limits.scoring} # steps that score
"""


_KEPT = ("launches", "deleted", "versions", "dagster_runs", "production_histories")  # for so long; all else for good


def render_settings(
    start_month: dt.date | None = None,
    end_month: dt.date | None = None,
    webserver_port: int | None = None,
    mlflow_port: int | None = None,
) -> str:
    """Write `anna.yaml`; None keeps a setting's default."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    return _TEXT.format(
        start_month=f"start_month: {start_month:%Y-%m}" if start_month else "# start_month: 2023-01",
        end_month=f"end_month: {end_month:%Y-%m}" if end_month else "# end_month: 2024-12",
        time_zone=defaults["time_zone"],
        webserver_port=webserver_port or defaults["webserver_port"],
        mlflow_port=mlflow_port or defaults["mlflow_port"],
        inbox_settle_seconds=defaults["inbox_settle_seconds"],
        source_settle_seconds=defaults["source_settle_seconds"],
        left_aside=defaults["left_aside"],
        approval=defaults["approval"].value,
        request_days=defaults["request_days"],
        production=Production(),
        grace=format_duration(Production().patience),
        drift=Production().drift,
        image=Image(),
        builder=Image().builder.value,
        push=str(Image().push).lower(),
        events=", ".join(Notify().events),
        late=format_duration(Notify().late),
        **{name: format_duration(getattr(Keep(), name)) for name in _KEPT},
        nightly=str(Keep().nightly).lower(),
        limits=Limits(),
        memory=Limits().memory.human_readable(),
    )
