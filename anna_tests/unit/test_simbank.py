"""The simulated bank: reproducible, streamed, honest about its own oracle."""

import datetime as dt
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from anna_simbank.bank import DOMAINS, BankSummary, SimulatedBank
from anna_simbank.bank_warehouse import BankError, write_text
from anna_simbank.calendar import Months
from anna_simbank.sample_book import TASKS
from anna_tests.conftest import ROOT

CLIENTS = 3_000
BANK = SimulatedBank(clients=CLIENTS, seed=7)
SMALL = SimulatedBank(clients=1_000, seed=1)
DOMAIN_FILES = ROOT / "domains"
COLUMNS = {
    "card_transactions": {
        "event_id": pl.Int64, "client_id": pl.Int64, "event_time": pl.Datetime("us"),
        "loaded_at": pl.Datetime("us"), "mcc": pl.String, "city": pl.String, "channel": pl.String,
        "currency": pl.String, "amount": pl.Float64, "is_online": pl.Boolean,
    },
    "account_transactions": {
        "event_id": pl.Int64, "client_id": pl.Int64, "event_time": pl.Datetime("us"),
        "loaded_at": pl.Datetime("us"), "operation": pl.String, "counterparty": pl.String,
        "direction": pl.String, "amount": pl.Float64, "balance": pl.Float64,
    },
    "credit_history": {
        "event_id": pl.Int64, "client_id": pl.Int64, "event_time": pl.Datetime("us"),
        "loaded_at": pl.Datetime("us"), "product": pl.String, "status": pl.String, "balance": pl.Float64,
        "credit_limit": pl.Float64, "payment": pl.Float64,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BankSummary, list[tuple[int, int, int]]]:
    home = tmp_path_factory.mktemp("bank")
    calls: list[tuple[int, int, int]] = []
    summary = BANK.write(home, lambda *call: calls.append(call))
    return home, summary, calls


@pytest.fixture(scope="module")
def home(written: tuple[Path, BankSummary, list[tuple[int, int, int]]]) -> Path:
    return written[0]


def source(home: Path, domain: str) -> pl.DataFrame:
    return pl.read_parquet(home / "warehouse" / domain / "**/*.parquet")


def sample(home: Path, task: str) -> pl.DataFrame:
    rows = pl.read_csv(home / "samples" / f"{task}.csv", try_parse_dates=True)
    oracle = pl.read_parquet(home / "oracle" / f"{task}.parquet")
    joined = rows.join(oracle, on=["client_id", "as_of"], how="inner", validate="1:1")
    assert len(joined) == len(rows) == len(oracle)
    return joined


def digests(home: Path) -> dict[str, str]:
    files = sorted(p for p in home.rglob("*") if p.is_file())
    return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def gini(target: pl.Series, score: pl.Series) -> float:
    """Compute 2·AUC - 1 from ranks (Mann-Whitney)."""
    positive = target.to_numpy() == 1
    ranks = score.rank("average").to_numpy()[positive]
    pairs = positive.sum() * (~positive).sum()
    return 2 * (ranks.sum() - positive.sum() * (positive.sum() + 1) / 2) / pairs - 1


def assert_calibrated(target: pl.Series, oracle: pl.Series) -> None:
    """Hold the mean of the residuals to four standard errors."""
    residual = target.to_numpy().astype(float) - oracle.to_numpy()
    assert abs(residual.mean()) < 4 * residual.std() / np.sqrt(len(residual))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("small")
    SMALL.write(home)
    return home


def test_same_settings_give_the_same_bytes_and_another_seed_does_not(small: Path, tmp_path: Path) -> None:
    first = digests(small)
    SMALL.write(small)  # again, over its own files
    assert digests(small) == first
    SimulatedBank(clients=1_000, seed=2).write(tmp_path)
    other = digests(tmp_path)
    assert first.keys() == other.keys()
    assert not {name for name in first if first[name] == other[name]}


def test_months_stream_and_the_summary_counts(
    written: tuple[Path, BankSummary, list[tuple[int, int, int]]],
) -> None:
    home, summary, calls = written
    for domain in DOMAINS:
        parts = sorted((home / "warehouse" / domain).rglob("part-*.parquet"))
        assert [p.parent.name for p in parts] == [f"load_month={y}-{m:02d}" for y in (2023, 2024) for m in range(1, 13)]
        assert summary.rows[domain] == len(source(home, domain))
    assert summary.files == len(list((home / "warehouse").rglob("*.parquet"))) == 72
    assert [call[:2] for call in calls] == [(m + 1, 24) for m in range(24)]
    counts = [call[2] for call in calls]
    assert counts == sorted(counts)
    assert counts[-1] == sum(summary.rows.values())
    assert summary.as_of == [dt.date(2024, 1, 1), dt.date(2024, 4, 1), dt.date(2024, 7, 1)]
    assert summary.samples == {task: len(sample(home, task)) for task in TASKS}
    noted = json.loads((home / "warehouse/simulated_bank.json").read_text())
    assert noted["complete"] is True
    assert noted["summary"]["rows"] == summary.rows


@pytest.mark.parametrize("domain", DOMAINS)
def test_sources_have_their_columns_keys_and_delivery_months(home: Path, domain: str) -> None:
    rows = source(home, domain)
    assert {name: rows.schema[name] for name in COLUMNS[domain]} == COLUMNS[domain]
    assert set(rows.columns) - set(COLUMNS[domain]) <= {"load_month"}
    assert (rows["loaded_at"] > rows["event_time"]).all()
    for part in sorted((home / "warehouse" / domain).rglob("part-*.parquet"))[:3]:
        label = part.parent.name.removeprefix("load_month=")
        assert (pl.read_parquet(part)["loaded_at"].dt.strftime("%Y-%m") == label).all()
    # every row with one id is the same row, but for the moment of delivery
    once = rows.select(pl.exclude("loaded_at")).unique()
    assert once["event_id"].is_unique().all()
    again = 1 - len(once) / len(rows)
    assert 0.001 < again < 0.006
    lag = dt.timedelta(days=DOMAINS[domain][1])
    late = (rows["loaded_at"] - rows["event_time"] > lag).mean()
    assert 0.005 < late < 0.02


@pytest.mark.parametrize("domain", DOMAINS)
def test_domain_files_fit_the_sources(home: Path, domain: str) -> None:
    spec = yaml.safe_load((DOMAIN_FILES / f"{domain}.yaml").read_text())
    assert spec["source"] == {"path": f"warehouse/{domain}", "format": "parquet"}
    named = set(spec["fields"]) | set(spec["columns"].values()) | set(spec["event_key"]) | {"loaded_at"}
    assert named == set(COLUMNS[domain])
    assert spec["availability_lag"] == f"{DOMAINS[domain][1]}d"


def test_histories_are_uneven_and_categories_long_tailed(home: Path) -> None:
    cards = source(home, "card_transactions").unique("event_id")
    lengths = cards.group_by("client_id").len()["len"]
    assert lengths.quantile(0.95) > 6 * lengths.quantile(0.05)
    codes = cards["mcc"].value_counts(sort=True)["count"]
    assert 350 <= len(codes) <= 400
    assert codes.tail(200).sum() < 0.15 * codes.sum()
    assert 120 <= cards["city"].n_unique() <= 150
    amounts = cards.filter(pl.col("amount") > 0)["amount"]
    assert amounts.mean() > 1.5 * amounts.median()
    assert amounts.max() > 50 * amounts.median()
    assert 0.001 < (cards["amount"] < 0).mean() < 0.02
    assert 8 < len(cards) / CLIENTS / 24 < 14
    accounts = source(home, "account_transactions")
    assert accounts["operation"].n_unique() == 25
    assert 0.01 < accounts["balance"].is_null().mean() < 0.05


def test_some_clients_are_missing_from_domains(home: Path) -> None:
    known = {domain: set(source(home, domain)["client_id"]) for domain in DOMAINS}
    assert 0.85 * CLIENTS < len(known["card_transactions"]) < 0.97 * CLIENTS
    assert 0.85 * CLIENTS < len(known["account_transactions"]) < 0.96 * CLIENTS
    assert 0.52 * CLIENTS < len(known["credit_history"]) < 0.65 * CLIENTS
    churn = sample(home, "churn")
    first = pl.concat(source(home, d).select("client_id", "event_time") for d in DOMAINS)
    first = first.group_by("client_id").agg(pl.col("event_time").min())
    known_first = churn.join(first, on="client_id", how="left")
    without_history = known_first.select(
        (pl.col("event_time").is_null() | (pl.col("event_time") >= pl.col("as_of"))).mean()
    ).item()
    assert 0 < without_history < 0.02  # rows whose client had no event at all before as_of
    assert churn.group_by("client_id").len()["len"].max() == 2


@pytest.mark.parametrize("column", ["target", "oracle"])
def test_spend_is_what_the_warehouse_says(home: Path, column: str) -> None:
    spend = sample(home, "spend")
    if column == "oracle":
        assert_calibrated(spend["target"], spend["oracle"])
        assert_calibrated(spend["target"].log1p(), spend["oracle_log1p"])
        log = spend["target"].log1p()
        assert 1 - ((log - spend["oracle_log1p"]) ** 2).mean() / log.var() > 0.7
        return
    cards = source(home, "card_transactions").unique("event_id").filter(pl.col("amount") > 0)
    in_window = spend.join(cards, on="client_id").filter(
        pl.col("event_time") >= pl.col("as_of"), pl.col("event_time") < pl.col("as_of") + pl.duration(days=30)
    )
    sums = in_window.group_by("client_id", "as_of").agg(pl.col("amount").sum())
    told = spend.join(sums, on=["client_id", "as_of"], how="left").with_columns(pl.col("amount").fill_null(0))
    np.testing.assert_allclose(told["target"], told["amount"], atol=0.006)


def test_binary_oracles_are_calibrated_and_sharp(home: Path) -> None:
    churn, overdue = sample(home, "churn"), sample(home, "overdue")
    assert 0.10 < churn["target"].mean() < 0.18
    assert 0.04 < overdue["target"].mean() < 0.09
    for rows in (churn, overdue):
        assert_calibrated(rows["target"], rows["oracle"])
        assert gini(rows["target"], rows["oracle"]) > 0.65


def test_the_other_oracles_are_calibrated(home: Path) -> None:
    products = sample(home, "next_products")
    for name in ("loan", "deposit", "insurance"):
        assert_calibrated(products[f"target_{name}"], products[f"oracle_{name}"])
        assert gini(products[f"target_{name}"], products[f"oracle_{name}"]) > 0.5
    stages = sample(home, "life_stage")
    names = ("student", "family", "professional", "retired")
    assert set(stages["target"]) == set(names)
    np.testing.assert_allclose(stages.select(pl.sum_horizontal(f"oracle_{n}" for n in names)), 1, atol=1e-9)
    for name in names:
        assert_calibrated(stages["target"] == name, stages[f"oracle_{name}"])


def test_churned_clients_fall_silent(home: Path) -> None:
    churn = sample(home, "churn")
    cards = source(home, "card_transactions").unique("event_id").select("client_id", "event_time")
    third_month = pl.col("as_of") + pl.duration(days=62)
    after = churn.join(cards, on="client_id").filter(
        pl.col("event_time") > third_month, pl.col("event_time") < third_month + pl.duration(days=28)
    )
    active = after.group_by("target").len().sort("target")["len"] / churn.group_by("target").len().sort("target")["len"]
    assert active[1] < 0.1 * active[0]


def test_overdue_clients_show_it_later(home: Path) -> None:
    overdue = sample(home, "overdue")
    statements = source(home, "credit_history").unique("event_id")
    window = overdue.join(statements, on="client_id").filter(
        pl.col("event_time") > pl.col("as_of"), pl.col("event_time") < pl.col("as_of") + pl.duration(days=90)
    )
    bad = window.group_by("client_id", "as_of", "target").agg(pl.col("status").is_in(["3", "4"]).any())
    assert bad.filter(pl.col("target") == 1)["status"].mean() > 0.85
    assert bad.filter(pl.col("target") == 0)["status"].mean() == 0


def test_order_tells_what_counts_do_not(home: Path) -> None:
    """Cash before groceries, or after: the habit moves churn, and the counts of both are the same."""
    churn = sample(home, "churn")
    cards = source(home, "card_transactions").unique("event_id").sort("client_id", "event_time")
    soon = pl.col("event_time").shift(-1).over("client_id") - pl.col("event_time") < pl.duration(minutes=50)
    kind = pl.when(pl.col("channel") == "atm").then(1).when(pl.col("mcc").str.starts_with("54")).then(-1)
    marked = cards.with_columns(kind=kind.otherwise(0), soon=soon).with_columns(
        following=pl.col("kind").shift(-1).over("client_id")
    )
    errands = marked.filter(pl.col("soon"), pl.col("kind") * pl.col("following") == -1)
    seen = churn.join(errands, on="client_id").filter(pl.col("event_time") < pl.col("as_of"))
    habit = seen.group_by("client_id", "as_of", "target").agg(pl.col("kind").mean(), pl.len())
    clear = habit.filter(pl.col("len") >= 8)
    cash_first, groceries_first = clear.filter(pl.col("kind") > 0.5), clear.filter(pl.col("kind") < -0.5)
    assert cash_first["target"].mean() > 2 * groceries_first["target"].mean()
    assert abs(cash_first["len"].mean() / groceries_first["len"].mean() - 1) < 0.1


def test_refuses_a_bank_older_than_calendars() -> None:
    with pytest.raises(BankError, match="100,000 months are too many: give 24 to 600"):
        SimulatedBank(months=100_000)


def test_refuses_to_mix_banks(small: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(small, home)
    with pytest.raises(BankError, match="other settings"):
        SimulatedBank(clients=1_000, seed=9).write(home)
    assert digests(home) == digests(small)
    stranger = home / "warehouse/card_transactions/load_month=2023-01/mine.parquet"
    stranger.write_bytes(b"")
    with pytest.raises(BankError, match=r"mine\.parquet"):
        SMALL.write(home)


@pytest.mark.parametrize("place", ["warehouse/credit_history/2023.parquet", "samples/churn.csv"])
def test_refuses_a_home_with_files_of_others(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_bytes(b"somebody's")
    with pytest.raises(BankError, match=file.name):
        SMALL.write(tmp_path)
    assert digests(tmp_path) == {place: hashlib.sha256(b"somebody's").hexdigest()}


def test_an_interrupted_bank_leaves_no_half_file_and_can_be_finished(small: Path, tmp_path: Path) -> None:
    def stop(done: int, months: int, events: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SMALL.write(tmp_path, stop)
    mark = tmp_path / "warehouse/simulated_bank.json"
    assert json.loads(mark.read_text())["complete"] is False
    assert all(pl.read_parquet(p).height for p in tmp_path.rglob("*.parquet"))
    SMALL.write(tmp_path)
    assert digests(tmp_path) == digests(small)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    write_text("old", path)

    def fail(self: Path, *args: object, **options: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="disk full"):
        write_text("new", path)
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    "settings",
    [{"clients": 999}, {"clients": 1_000_001}, {"months": 23}, {"start": dt.date(2023, 1, 2)}, {"seed": -1}],
)
def test_wrong_settings_are_refused(settings: dict[str, int | dt.date]) -> None:
    with pytest.raises(BankError):
        SimulatedBank(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("months", [24, 25, 31, 36])
def test_outcome_windows_lie_inside_the_simulation(months: int) -> None:
    calendar = Months(dt.date(2022, 11, 1), months)
    dates = calendar.as_of_months()
    assert len(dates) == 3
    assert all(m % 3 == 0 and 12 <= m <= months - 6 for m in dates)
