import datetime as dt
import errno
import gzip
import os
import re
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from anna_cli.submission import locate
from anna_core.errors import SampleError, TaskError
from anna_core.keys import sample_key
from anna_core.samples import origins, reading
from anna_core.samples.inbox import read_upload_request, upload_lock
from anna_core.samples.listing import list_inbox
from anna_core.samples.origins import sample_name, staged_ending
from anna_core.samples.reading import read_parquet
from anna_core.samples.resting import stamps_of
from anna_core.samples.staging import stage_sample
from anna_core.tasks.task import TaskRequest

KEY = sample_key("churn", "2024.q1")
FRAME = pl.DataFrame(
    {"client_id": [f"c{i}" for i in range(10)], "as_of": [dt.date(2024, 3, 31)] * 10, "target": [0, 1] * 5}
)


@pytest.fixture
def inbox(tmp_path):
    return tmp_path / "inbox"


def stage(inbox, origin, **options):
    return stage_sample(str(origin), KEY, options, inbox, stamps_of(str(origin)))


def files(inbox):
    return sorted(path.name for path in inbox.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_a_file_is_copied_as_it_is_under_its_key(tmp_path, inbox, name):
    origin = tmp_path / name
    FRAME.write_csv(origin) if name == "s.csv" else FRAME.write_parquet(origin)
    sample = stage(inbox, origin)
    assert (len(sample), sample.key) == (10, "churn.2024.q1")
    staged = inbox / "churn" / f"2024.q1{origin.suffix}"
    assert staged.read_bytes() == origin.read_bytes()
    assert files(inbox) == [staged.name]


@pytest.mark.parametrize(
    ("error", "writer"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), (shutil, "copyfile")),
        (pl.exceptions.ComputeError("parquet: IO error: Disk quota (os error 122)"), (pl.DataFrame, "write_parquet")),
    ],
)
def test_a_full_disk_of_the_inbox_is_not_told_of_what_is_read(tmp_path, inbox, monkeypatch, error, writer):
    (tmp_path / "t").mkdir()
    FRAME.write_parquet(tmp_path / "t" / "0.parquet")

    def full(*_, **__):
        raise error

    monkeypatch.setattr(*writer, full)
    with pytest.raises(OSError, match=rf"{inbox}/churn") as told:
        stage(inbox, tmp_path / "t" if writer[0] is pl.DataFrame else tmp_path / "t" / "0.parquet")
    assert told.value.errno in (errno.ENOSPC, errno.EDQUOT)
    assert files(inbox) == []


def test_a_folder_of_parquet_files_becomes_one(tmp_path, inbox):
    for part in range(2):
        (tmp_path / "t" / f"p={part}").mkdir(parents=True)
        FRAME[part * 5 : part * 5 + 5].write_parquet(tmp_path / "t" / f"p={part}" / "0.parquet")
    assert len(stage(inbox, tmp_path / "t")) == 10
    assert files(inbox) == ["2024.q1.parquet"]


def test_a_delta_table_becomes_a_file(tmp_path, inbox):
    FRAME.write_delta(str(tmp_path / "delta"))
    assert len(stage(inbox, tmp_path / "delta")) == 10
    assert [upload.name for upload in list_inbox(inbox).uploads] == ["churn/2024.q1"]


def test_options_lie_beside_the_sample(tmp_path, inbox):
    FRAME.write_csv(tmp_path / "s.csv")
    sample = stage(inbox, tmp_path / "s.csv", metric="gini", seed=5)
    assert (sample.task.metric, sample.task.seed) == ("gini", 5)
    assert yaml.safe_load((inbox / "churn" / "2024.q1.yaml").read_text()) == {"metric": "gini", "seed": 5}
    assert read_upload_request(inbox / "churn" / "2024.q1.csv") == TaskRequest(metric="gini", seed=5)


def test_staging_again_replaces_file_kind_and_options(tmp_path, inbox):
    FRAME.write_csv(tmp_path / "s.csv")
    FRAME.write_parquet(tmp_path / "s.parquet")
    stage(inbox, tmp_path / "s.csv", seed=5)
    stage(inbox, tmp_path / "s.parquet")
    assert files(inbox) == ["2024.q1.parquet"]


def test_a_bad_sample_leaves_nothing_behind(tmp_path, inbox):
    (tmp_path / "s.csv").write_text("client_id,as_of,target\na,yesterday,1\n")
    with pytest.raises(SampleError, match="as_of is not a whole day") as caught:
        stage(inbox, tmp_path / "s.csv", seed=5)
    assert files(inbox) == []
    assert str(caught.value).startswith(f"{tmp_path / 's.csv'}: ")  # not the name of a temporary copy


@pytest.mark.parametrize(
    ("options", "error"),
    [({"metric": "r2"}, TaskError), ({"type": "regression", "metric": "auc"}, TaskError)],
)
def test_a_bad_request_leaves_what_was_there(tmp_path, inbox, options, error):
    FRAME.write_csv(tmp_path / "s.csv")
    stage(inbox, tmp_path / "s.csv", seed=5)
    before = {name: (inbox / "churn" / name).read_bytes() for name in files(inbox)}
    FRAME.write_parquet(tmp_path / "s.parquet")
    with pytest.raises(error):
        stage(inbox, tmp_path / "s.parquet", **options)
    assert {name: (inbox / "churn" / name).read_bytes() for name in files(inbox)} == before


def test_a_target_that_does_not_fit_the_type_is_refused_at_the_door(tmp_path, inbox):
    FRAME.with_columns(target=pl.lit("abc")).with_row_index("i").with_columns(
        target=pl.col("target") + pl.col("i").cast(pl.String)
    ).drop("i").write_csv(tmp_path / "s.csv")
    with pytest.raises(SampleError, match=r"target holds 'abc0' in row 1 .*a regression needs numbers"):
        stage(inbox, tmp_path / "s.csv", type="regression", metric="r2")
    assert files(inbox) == []


@pytest.mark.parametrize("origin", ["nowhere.csv", "nowhere"])
def test_what_is_not_there_is_told_with_what_could_be(tmp_path, inbox, origin):
    with pytest.raises(
        SampleError, match=r"no such file. Give the absolute path of a .csv or .parquet file, a folder of"
    ):
        stage(inbox, tmp_path / origin)
    assert files(inbox) == []


def test_an_empty_folder_and_a_broken_table_are_told(tmp_path, inbox):
    (tmp_path / "empty").mkdir()
    (tmp_path / "delta" / "_delta_log").mkdir(parents=True)
    for origin in ("empty", "delta"):
        with pytest.raises(SampleError, match=r"cannot be read as a (sample|Delta table)"):
            stage(inbox, tmp_path / origin)
    assert files(inbox) == []


def test_a_sample_may_be_registered_from_the_inbox_itself(tmp_path, inbox):
    (inbox / "churn").mkdir(parents=True)
    path = inbox / "churn" / "2024.q1.csv"
    FRAME.write_csv(path)
    stage(inbox, path, seed=1)
    assert files(inbox) == ["2024.q1.csv", "2024.q1.yaml"]
    assert os.listdir(inbox) == ["churn"]


def test_options_are_laid_over_the_tasks_settings_block_by_block(tmp_path, inbox):
    FRAME.write_csv(tmp_path / "s.csv")
    (inbox / "churn").mkdir(parents=True)
    (inbox / "churn" / "task.yaml").write_text("metric: gini\ntraining: {preset: fast, budget: 60}\n")
    sample = stage(inbox, tmp_path / "s.csv", training={"epochs": 5})
    assert sample.task.metric == "gini"
    assert (sample.task.training.epochs, sample.task.training.folds, sample.task.training.budget) == (5, 1, 60)


def test_wrong_settings_of_the_task_are_told_before_the_sample_is_taken(tmp_path, inbox):
    FRAME.write_csv(tmp_path / "s.csv")
    (inbox / "churn").mkdir(parents=True)
    (inbox / "churn" / "task.yaml").write_text("metrik: gini\n")
    with pytest.raises(TaskError, match=r"task\.yaml: metrik"):
        stage(inbox, tmp_path / "s.csv", seed=5)
    assert files(inbox) == ["task.yaml"]


def test_client_ids_that_pandas_made_floats_of_are_refused(tmp_path, inbox):
    FRAME.with_columns(client_id=pl.lit("17.0")).head(1).write_csv(tmp_path / "s.csv")
    with pytest.raises(SampleError, match=r"write 17, not 17\.0"):
        stage(inbox, tmp_path / "s.csv")
    ids = pl.Series(range(10)).cast(pl.Decimal(20, 10))
    FRAME.with_columns(client_id=ids).write_parquet(tmp_path / "s.parquet")
    with pytest.raises(SampleError, match="column 'client_id' is Decimal"):
        stage(inbox, tmp_path / "s.parquet")


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("/x/2024q1.csv", "2024q1"),
        ("a#1.parquet", "a#1"),
        ("/tables/v1.1/", "v1.1"),
        ("/tables/churn.2024q1", "churn.2024q1"),
        ("s3://bank/y.parquet?versionId=7", "y"),
    ],
)
def test_a_sample_is_called_as_its_file_or_folder(origin, name):
    assert sample_name(origin) == name


@pytest.mark.parametrize("origin", ["", "/", "http://", "s3://bank/", "."])
def test_an_origin_without_a_name_gives_a_sample_none(origin):
    with pytest.raises(SampleError, match=rf"^'{origin}' names no file, .* Name it, or give the path or URL"):
        sample_name(origin)


def test_an_old_sample_stays_until_its_new_file_is_there(tmp_path, inbox, monkeypatch):
    FRAME.write_parquet(tmp_path / "s.parquet")
    FRAME.write_csv(tmp_path / "s.csv")
    stage(inbox, tmp_path / "s.parquet")

    def fail(*_):
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="the disk is gone"):
            stage(inbox, tmp_path / "s.csv", seed=5)
    assert files(inbox) == ["2024.q1.parquet"]
    stage(inbox, tmp_path / "s.csv")
    assert files(inbox) == ["2024.q1.csv"]


def test_a_file_that_the_platform_may_not_read_is_told(tmp_path, inbox, monkeypatch):
    FRAME.write_csv(tmp_path / "s.csv")

    def refuse(*_):
        raise PermissionError("Permission denied")  # root, whom tests may run as, is refused nothing

    monkeypatch.setattr("anna_core.samples.origins.shutil.copyfile", refuse)
    with pytest.raises(SampleError, match=r"s\.csv: the platform's user may not read it"):
        stage(inbox, tmp_path / "s.csv")


def test_an_error_names_the_file_that_was_brought_and_has_no_other_cause(tmp_path, inbox):
    FRAME.with_columns(target=pl.lit("NA")).write_csv(tmp_path / "s.csv")
    with pytest.raises(SampleError, match=r"/s\.csv: column target is empty") as caught:
        stage(inbox, tmp_path / "s.csv")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_settings_that_cannot_be_written_leave_the_old_file_with_the_old_ones(tmp_path, inbox):
    FRAME.write_csv(tmp_path / "s.csv")
    stage(inbox, tmp_path / "s.csv", seed=5)
    before = {name: (inbox / "churn" / name).read_bytes() for name in files(inbox)}
    FRAME.head(8).write_csv(tmp_path / "s.csv")
    with pytest.raises(yaml.representer.RepresenterError):
        stage(inbox, tmp_path / "s.csv", description=_Unwritable("x"))
    assert {name: (inbox / "churn" / name).read_bytes() for name in files(inbox)} == before


class _Unwritable(str):
    """A text that YAML's safe writer does not know."""


def test_two_uploads_of_one_key_keep_their_own_settings(tmp_path, inbox):
    """Many times two writers and a reader, in all orders: what the reader sees under the lock belongs together."""
    for seed in (1, 2):
        FRAME.head(8 + seed).write_csv(tmp_path / f"s{seed}.csv")
    locks, seen = tmp_path / "locks", []
    path = inbox / "churn" / "2024.q1.csv"

    def write(seed):
        for _ in range(10):
            with upload_lock(locks, str(KEY)):
                stage(inbox, tmp_path / f"s{seed}.csv", seed=seed)

    def read():
        for _ in range(40):
            with upload_lock(locks, str(KEY)):
                if path.exists():
                    seen.append((pl.read_csv(path).height, read_upload_request(path).seed))

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(write, 1), pool.submit(write, 2), pool.submit(read)]:
            done.result()
    read()
    assert set(seen) <= {(9, 1), (10, 2)}


@pytest.mark.parametrize("name", ["q1.csv", "q1.CSV", "q1.parquet"])
def test_a_file_behind_a_url_is_brought_as_it_is(tmp_path, inbox, name):
    origin = tmp_path / name
    FRAME.write_parquet(origin) if name.endswith("parquet") else FRAME.write_csv(origin)
    assert len(stage(inbox, origin.as_uri())) == 10
    assert files(inbox) == [f"2024.q1{origin.suffix.lower()}"]


def test_a_csv_behind_a_url_is_read_as_strictly(tmp_path, inbox):
    (tmp_path / "q1.csv").write_text("client_id,as_of,target\na,2024-03-31,1,2\n")
    with pytest.raises(SampleError, match=r"^file://.*q1\.csv, line 2: 4 fields below a header of 3"):
        stage(inbox, (tmp_path / "q1.csv").as_uri())
    with pytest.raises(SampleError, match=r"^file://.*none\.csv: cannot be read as a sample"):
        stage(inbox, (tmp_path / "none.csv").as_uri())


@pytest.fixture
def server(monkeypatch):
    """A socket that listens; a connection to it is made, and nothing is said until a test says it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def url_of(server):
    return f"http://127.0.0.1:{server.getsockname()[1]}/q1.csv"


def answer(server, text):
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(text)


def test_a_web_server_that_says_nothing_is_not_waited_for_for_ever(inbox, server, monkeypatch):
    monkeypatch.setattr(origins, "_SILENCE_SECONDS", 0.1)
    said = r"q1\.csv: cannot be read as a sample: its server said nothing for 0\.1 s; try again, or give the path"
    with pytest.raises(SampleError, match=said):
        stage(inbox, url_of(server))
    assert files(inbox) == []


def test_a_storage_of_google_s_that_is_not_reached_is_not_tried_for_ever(inbox, server, monkeypatch):
    monkeypatch.setattr(origins, "_SILENCE_SECONDS", 0.1)
    place = f"127.0.0.1:{server.getsockname()[1]}"
    server.close()
    url = f"gs://anonymous@bank/q1.csv?scheme=http&endpoint_override={place}"
    with pytest.raises(SampleError, match=r"q1\.csv.*: cannot be read as a sample: .*Retry policy exhausted"):
        stage(inbox, url)


def test_a_file_of_azure_is_refused_before_its_library_ends_the_process(inbox):
    with pytest.raises(SampleError, match=r"q1\.csv: files of Azure are not read by abfss://\. Give the file's https"):
        stage(inbox, "abfss://bank@lake.dfs.core.windows.net/q1.csv")
    assert files(inbox) == []


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ("http://[::1/x.csv", r"is no URL \(Invalid IPv6 URL\); correct it, or give the path of a copy\."),
        ("~nobodyhere/x.csv", r"names nobody's home \(.*\)\. Write the whole path\."),
    ],
)
def test_what_is_neither_a_url_nor_a_path_is_told(origin, reason):
    told = f"^{re.escape(origin)}: {reason}$"
    for door in (stamps_of, staged_ending, locate):
        with pytest.raises(SampleError, match=told):
            door(origin)


@pytest.mark.parametrize(
    ("head", "error"),
    [
        ("Content-Length: {more}", "its last 7 bytes did not arrive; try again, or give the path of a copy"),
        ("Transfer-Encoding: chunked", "cannot be read as a sample: "),
        ("Content-Length: {all}", None),
    ],
)
def test_a_file_from_the_web_is_whole_or_refused(inbox, server, head, error):
    body = FRAME.write_csv().encode()
    head = head.format(all=len(body), more=len(body) + 7)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(answer, server, f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)
        if error is None:
            assert len(stage(inbox, url_of(server))) == 10
            return
        with pytest.raises(SampleError, match=error):
            stage(inbox, url_of(server))
    assert files(inbox) == []


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("more.csv", "more.csv is not Parquet, and is not read. Bring a folder that holds the sample's parts alone."),
        ("notes.txt", "notes.txt is no Parquet file, and is not read."),
        ("_load=1/1.parquet", "_load=1/1.parquet is out of sight, as what begins with '.' or '_' is not finished"),
        (
            "split=test/1.parquet",
            "the folder split=test holds a column in its name, which is not read.",
        ),
    ],
)
def test_nothing_of_a_folder_is_left_out_without_a_word(tmp_path, inbox, part, told):
    file = tmp_path / "t" / part
    file.parent.mkdir(parents=True)
    FRAME[:5].write_parquet(tmp_path / "t" / "0.parquet")
    FRAME[5:].write_parquet(file)
    with pytest.raises(SampleError, match=re.escape(told)):
        stage(inbox, tmp_path / "t")


@pytest.mark.parametrize(
    ("name", "leads_to", "told"),
    [
        ("more", "elsewhere", "more is a link to a folder; links are not followed. Bring a folder that holds"),
        ("_more", "elsewhere", "_more is a link to a folder; links are not followed. Bring a folder that holds"),
        ("1.parquet", "gone/1.parquet", "1.parquet is a link that leads nowhere; bring what it led to, or remove it."),
    ],
)
def test_parts_behind_links_are_not_left_out_without_a_word(tmp_path, inbox, name, leads_to, told):
    for folder, rows in {"t": FRAME[:5], "elsewhere": FRAME[5:]}.items():
        (tmp_path / folder).mkdir()
        rows.write_parquet(tmp_path / folder / "0.parquet")
    (tmp_path / "t" / name).symlink_to(tmp_path / leads_to)
    with pytest.raises(SampleError, match=re.escape(told)):
        stage(inbox, tmp_path / "t")
    assert files(inbox) == []


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (
            pl.lit("unknown").alias("group_id"),
            "the sample has no valid and no test rows. .* 0 of 1 groups .* Group 'unknown' has 10 of 10 rows",
        ),
        (pl.Series("split", ["train", "valid"] * 5), "the sample has no test rows. .* own split column is used"),
    ],
)
def test_a_sample_of_which_a_part_would_be_empty_is_refused_at_the_door(tmp_path, inbox, column, told):
    FRAME.with_columns(column).write_csv(tmp_path / "s.csv")
    with pytest.raises(SampleError, match=rf"/s\.csv: {told}.* Bring more clients, or a column split"):
        stage(inbox, tmp_path / "s.csv")
    assert files(inbox) == []


def test_a_link_to_a_part_is_that_part(tmp_path, inbox):
    (tmp_path / "t").mkdir()
    FRAME[5:].write_parquet(tmp_path / "1.parquet")
    FRAME[:5].write_parquet(tmp_path / "t" / "0.parquet")
    (tmp_path / "t" / "1.parquet").symlink_to(tmp_path / "1.parquet")
    assert len(stage(inbox, tmp_path / "t")) == 10


def test_a_folder_that_the_platform_may_not_enter_is_told(tmp_path, inbox, monkeypatch):
    (tmp_path / "t" / "m").mkdir(parents=True)
    FRAME[:5].write_parquet(tmp_path / "t" / "0.parquet")
    FRAME[5:].write_parquet(tmp_path / "t" / "m" / "1.parquet")
    scan = os.scandir

    def refuse(path):  # root, whom tests may run as, is refused nothing
        if str(path).endswith("/m"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SampleError, match=r"t: .*/t/m cannot be looked into: Permission denied\. Give ANNA's user"):
        stage(inbox, tmp_path / "t")


@pytest.mark.parametrize(
    ("log", "brought", "told"),
    [
        ("t/_delta_log/00000000000000000000.json", ".", "t is a Delta table, .* Bring the table's own folder."),
        ("t/metadata/v2.metadata.json", "t/data", "t is an Iceberg table, .* Bring its rows of today as Parquet"),
        ("t/.hoodie/hoodie.properties", "t", "t is a Hudi table, whose Parquet files also hold rows that were"),
        ("t/base_0000002/000000_0", "t", "t is a transactional Hive table, .* Bring its rows of today as Parquet"),
        ("t/delta_0000001_0000001_0000/0.parquet", "t/delta_0000001_0000001_0000", "t is a transactional Hive table"),
        ("t/_spark_metadata/0", "t/data", "t is written by a stream of Spark's, .* Bring its rows of today as Parquet"),
    ],
)
def test_files_of_a_table_that_says_itself_which_of_them_count_are_no_parts(tmp_path, inbox, log, brought, told):
    for file in (log, "t/data/0.parquet"):
        (tmp_path / "bank" / file).parent.mkdir(parents=True, exist_ok=True)
        FRAME.write_parquet(tmp_path / "bank" / file)
    if log.endswith(".metadata.json"):
        (tmp_path / "bank" / log).write_bytes(gzip.compress(b'{"format-version": 2, "location": "s3://bank/dwh/t"}'))
    with pytest.raises(SampleError, match=told):
        stage(inbox, tmp_path / "bank" / brought)


@pytest.mark.parametrize(
    "log", ["_delta_log/0.json", ".hoodie/hoodie.properties", "metadata/v2.metadata.json", "base_0000002/0.parquet"]
)
def test_a_table_that_is_out_of_sight_stops_no_sample(tmp_path, inbox, log):
    for file in ("t/0.parquet", "t/.old/t/data/0.parquet", f"t/.old/t/{log}"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        FRAME.write_parquet(tmp_path / file)
    assert len(stage(inbox, tmp_path / "t")) == len(FRAME)
    FRAME.write_parquet(tmp_path / "t" / ".old" / "1.parquet")  # no table's, and perhaps not finished
    with pytest.raises(SampleError, match=r"\.old/1\.parquet is out of sight"):
        stage(inbox, tmp_path / "t")


@pytest.mark.parametrize("sub", [True, False])
def test_a_folder_that_may_be_listed_but_not_entered_is_told_with_the_right_that_it_lacks(tmp_path, inbox, close, sub):
    (tmp_path / "t" / "sub").mkdir(parents=True)
    FRAME.write_parquet(tmp_path / "t" / "0.parquet")
    FRAME.write_parquet(tmp_path / "t" / "sub" / "1.parquet")
    close(tmp_path / "t" / "sub" if sub else tmp_path / "t")
    told = f"Permission denied. Give ANNA's user the right to enter the folder {tmp_path / 't'}{'/sub' * sub}."
    for bring in (lambda: stamps_of(str(tmp_path / "t")), lambda: stage(inbox, tmp_path / "t")):
        with pytest.raises(SampleError, match=re.escape(told)):
            bring()
    with pytest.raises(SampleError, match="Permission denied"):
        stamps_of(str(tmp_path / "t" / "sub" / "1.parquet"))
    with pytest.raises(SampleError, match=re.escape(told)):
        staged_ending(str(tmp_path / "t" / "sub" / "1.parquet"))


def test_marks_of_writers_are_no_parts_of_a_folder(tmp_path, inbox):
    (tmp_path / "t").mkdir()
    FRAME.write_parquet(tmp_path / "t" / "0.parquet")
    for mark in ("_SUCCESS", ".0.parquet.crc", "_committed_17"):
        (tmp_path / "t" / mark).touch()
    assert len(stage(inbox, tmp_path / "t")) == 10


def test_parts_may_have_their_columns_in_any_order_and_those_without_rows_any_types(tmp_path, inbox):
    (tmp_path / "t").mkdir()
    frame = FRAME.with_columns(pl.Series("*", range(10)), pl.Series("^a.*$", range(10)))
    frame[:0].cast(pl.Null).write_parquet(tmp_path / "t" / "0.parquet")
    frame[:5].write_parquet(tmp_path / "t" / "1.parquet")
    frame[5:][frame.columns[::-1]].write_parquet(tmp_path / "t" / "2.parquet")
    assert len(stage(inbox, tmp_path / "t")) == 10


@pytest.mark.parametrize("folder", [True, False])
def test_a_zone_that_nobody_knows_stops_no_file(tmp_path, inbox, folder):
    file = tmp_path / ("t/0.parquet" if folder else "t.parquet")
    file.parent.mkdir(exist_ok=True)
    moments = pa.array([0] * len(FRAME), pa.timestamp("us", tz="MSK"))
    pq.write_table(FRAME.to_arrow().append_column("loaded_at", moments), file)
    assert len(stage(inbox, tmp_path / "t" if folder else file)) == len(FRAME)


def test_a_folder_of_parts_that_differ_names_the_part(tmp_path, inbox):
    (tmp_path / "t").mkdir()
    FRAME[:5].write_parquet(tmp_path / "t" / "0.parquet")
    FRAME[5:].drop("target").write_parquet(tmp_path / "t" / "1.parquet")
    with pytest.raises(
        SampleError, match=r"1\.parquet: its columns and types are .* write all parts of a sample alike"
    ):
        stage(inbox, tmp_path / "t")


def test_a_panic_without_words_is_told_by_its_kind(tmp_path, monkeypatch):
    def panic(files):
        raise pl.exceptions.PanicException

    monkeypatch.setattr(reading, "scan_parquet", panic)
    FRAME.write_parquet(tmp_path / "q.parquet")
    with pytest.raises(SampleError, match=r"q\.parquet: it has a column of a type that cannot be read \(PanicExc"):
        read_parquet(tmp_path / "q.parquet")


@pytest.mark.parametrize(
    ("task", "options", "told"),
    [
        ("owner: retail", {"metric": "rocauc", "type": "binary"}, "^the settings of the sample: there is no metric"),
        ("type: binary", {"metric": "rocauc"}, r"task\.yaml and the settings of the sample: there is no metric"),
        ("type: regression\nmetric: r2", {"metric": "rocauc", "type": "binary"}, "^the settings of the sample: there"),
    ],
)
def test_a_metric_that_there_is_not_is_told_where_it_was_said_with_the_one_that_is_meant(
    tmp_path, inbox, task, options, told
):
    FRAME.write_csv(tmp_path / "s.csv")
    (inbox / "churn").mkdir(parents=True)
    (inbox / "churn" / "task.yaml").write_text(task)
    with pytest.raises(TaskError, match=rf"{told}.* Is roc_auc meant\?$"):
        stage(inbox, tmp_path / "s.csv", **options)
