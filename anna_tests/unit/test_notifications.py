"""Messages: who gets them, what they say, and that no password is told on the way."""

import datetime as dt
import logging
import traceback

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from anna_cli.checks.findings import Verdict
from anna_cli.checks.notify import check_notify
from anna_cli.checks.variables import misspelt_variables
from anna_cli.commands.notify import NotifyError, notify
from anna_core.errors import ArtifactError
from anna_resources import settings
from anna_resources.ledger.champions import Champions, Turn
from anna_resources.ledger.presses import Pressed, heads, presses
from anna_resources.ledger.repository import Repository
from anna_resources.notifications import delivery
from anna_resources.notifications.addresses import Address, AddressError, NotSentError, addresses_of, all_addresses
from anna_resources.notifications.delivery import deliver
from anna_resources.notifications.message import Kind, Message
from anna_resources.notifications.state import DAY, State, StateFile
from anna_resources.notify_settings import Event, Notify
from anna_resources.settings import SettingsError, hand_on, load_settings
from anna_tests.receivers import webhook
from anna_tests.unit.test_ledger_champions import ask

SECRET = "sesame1234"
NOON = dt.datetime(2024, 4, 1, 12, tzinfo=dt.UTC)
MESSAGE = Message(
    event=Event.DRIFT, kind=Kind.WARNING, task="churn", owner="risk", title="ANNA: churn 2024-03: warning of volume",
    sentence="+30.0% clients against the month before.", facts={"month": "2024-03", "launch": "", "psi": "score\n0.2"},
    page="https://anna.bank/x", advice="Look.", at=NOON,
)  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    monkeypatch.setenv(settings.HANDED_ON, "")
    settings._load.cache_clear()
    yield tmp_path
    settings._load.cache_clear()


def address(text):
    return Address("notify.to.all, address 1", text)


def test_a_message_is_plain_text_with_a_fact_a_line():
    assert MESSAGE.text() == (
        "+30.0% clients against the month before.\n\n"
        "event: drift\ntask: churn\nowner: risk\nmonth: 2024-03\npsi: score 0.2\nat: 2024-04-01 12:00 UTC\n"
        "page: https://anna.bank/x\n\nLook."
    )


def test_an_owner_is_told_at_its_own_addresses_and_those_of_all_each_once():
    found = Notify.model_validate({"to": {"risk": ["json://a", "json://b"], "all": ["json://b", "json://c"]}})
    places = [(one.place, one.text) for one in addresses_of(found, "risk")]
    assert places == [
        ("notify.to.risk, address 1", "json://a"),
        ("notify.to.risk, address 2", "json://b"),
        ("notify.to.all, address 2", "json://c"),
    ]
    assert [one.text for one in addresses_of(found, "cards")] == ["json://b", "json://c"]
    assert [one.text for one in all_addresses(found)] == ["json://a", "json://b", "json://c"]
    state = State()
    state.post(
        [MESSAGE, MESSAGE.model_copy(update={"event": Event.DECLINED})],
        found.model_copy(update={"events": (Event.DRIFT,)}),
    )
    assert [letter.message.event for letter in state.letters] == [Event.DRIFT] * 3


def test_settings_keep_addresses_secret_and_hand_them_on(home, monkeypatch):
    (home / "anna.yaml").write_text(f"notify:\n  to: {{all: 'json://u:{SECRET}@h'}}\n  events: [drift]\n  late: 2d\n")
    found = load_settings()
    assert found.notify.to == {"all": (SecretStr(f"json://u:{SECRET}@h"),)}
    assert (found.notify.events, found.notify.late) == ((Event.DRIFT,), dt.timedelta(days=2))
    assert SECRET not in f"{found} {found!r} {all_addresses(found.notify)}"
    hand_on(found)
    assert load_settings().notify == found.notify
    monkeypatch.setenv("ANNA_NOTIFY__TO", '{"risk": ["json://other"]}')
    monkeypatch.setenv(settings.HANDED_ON, "")
    settings._load.cache_clear()
    places = {one.place: one.text for one in all_addresses(load_settings().notify)}
    assert places["notify.to.risk, address 1"] == "json://other"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("notify: '{}'", "notify: should hold settings of its own, as in {name: value} (found ****)"),
        ("notify: ['{}']", "notify: should hold settings of its own"),
        ("notify: {{'{}': 1}}", "notify.json://…: is not a known setting"),
        ("notify: {{to: '{}'}}", "notify.to: should hold settings of its own"),
        ("notify: {{to: {{all: ['{}': 1]}}}}", "notify.to.all.0: Input should be a valid string (found ****)"),
        ("notify: {{to: {{all: '{}', risk: 17}}}}", "notify.to.risk: should be a list, as in [a, b] (found ****)"),
        ("notify: {{to: {{all: '{}'}}, events: [drifts]}}", "notify.events.0: Input should be 'launch_ended'"),
        ("notify: {{to: {{all: '{}'", "cannot be read as YAML"),
        ("notify: {{to: {{all: '{}'}}}}\nlimits: {{runs: x}}", "limits.runs: should be a whole number (found 'x')"),
    ],
)
def test_what_is_said_of_a_mistake_holds_no_secret(home, text, told):
    (home / "anna.yaml").write_text(text.format(f"json://u:{SECRET}@h"))
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert told in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("url", ["anna.bank", "ftp://anna.bank", "https://"])
def test_a_public_address_is_one_of_the_web(home, url):
    (home / "anna.yaml").write_text(f"public_url: '{url}'\n")
    with pytest.raises(SettingsError, match="public_url: should look like"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"nope://{SECRET}", "apprise cannot read it as an address of the kind `nope`."),
        (SECRET, "apprise cannot read it as an address, as in mailtos:// or json://."),
        (f"mailto://{SECRET}", "apprise cannot use it: Invalid ~From~ email specified."),
        (f"slack://{SECRET}/b", "apprise cannot use it: "),
        ("json://u:${PASSWORD}@${GONE}", "the variable GONE is not set: set it where `anna up` is started."),
        ("json://u:${PASS-WORD}@h", "a variable is written as ${NAME}, of letters, digits and _."),
    ],
)
def test_what_is_wrong_with_an_address_is_told_without_it(monkeypatch, text, told):
    monkeypatch.setenv("PASSWORD", SECRET)
    with pytest.raises(AddressError) as caught:
        address(text).check()
    assert str(caught.value).startswith(f"notify.to.all, address 1: {told}")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert address(text).label() == "notify.to.all, address 1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"mailtos://user:{SECRET}@mail.bank.ru:587?to=a@bank.ru", "mailtos://mail.bank.ru"),
        (f"json://user:{SECRET}@h:8080/{SECRET}/x?+X-Key={SECRET}", "json://h:8080"),
        (f"tgram://123456789:{SECRET}abcdefghijklmnopqrstuvwxy/12315544/", "tgram://1...y"),
        (f"mmost://h/{SECRET}abcdefghijklmnopqrst", "mmost://h"),
        ("${HOOK}", "jsons://h"),
        ("json://u:${ODD}@h", "json://h"),
    ],
)
def test_no_more_of_an_address_than_kind_and_host_is_shown(monkeypatch, text, shown):
    monkeypatch.setenv("HOOK", f"jsons://u:{SECRET}@h")
    monkeypatch.setenv("ODD", "p@ss/w:r?d#%")
    assert address(text).label() == f"notify.to.all, address 1 ({shown})"


def test_a_password_from_a_variable_is_read_as_it_is(monkeypatch):
    monkeypatch.setenv("ODD", "p@ss/w:r?d#%41")
    assert address("json://user:${ODD}@h")._service().password == "p@ss/w:r?d#%41"


def test_what_apprise_says_of_a_failure_is_told_without_the_address_and_logged_nowhere(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")
    with webhook() as found:
        found.refuses = True
        text = f"json://user:{SECRET}@127.0.0.1:{found.port}/hooks/{SECRET}?+X-Key={SECRET}x"
        with pytest.raises(NotSentError) as caught:
            address(text).send("title", "body", Kind.INFO)
    assert f"(json://127.0.0.1:{found.port}): Failed to send JSON POST notification" in str(caught.value)
    assert "error=503" in str(caught.value)
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    out, err = capfd.readouterr()
    assert SECRET not in said + out + err


def test_a_receiver_that_never_takes_one_message_gets_the_others(tmp_path, monkeypatch):
    to = address("json://h")
    notify, file, state, taken = Notify(to={"all": (SecretStr("json://h"),)}), StateFile(tmp_path), State(), []

    def send(sent_to, title, body, kind):
        if title == "too long":
            raise NotSentError("no")
        taken.append(title)

    monkeypatch.setattr(Address, "send", send)
    state.post([MESSAGE.model_copy(update={"title": title}) for title in ("too long", "a", "b")], notify)
    assert deliver(file, state, [to]) == ["3 messages still to be sent. no"]
    file.pause(to.key).end()
    assert deliver(file, state, [to]) == ["1 message still to be sent. no"]
    assert taken == ["a", "b"]
    assert file.read() == state
    assert deliver(file, state, []) == ["1 message not sent, as the address is in the settings no more."]
    assert state.letters == []


def test_a_look_does_not_send_without_end(tmp_path, monkeypatch):
    notify, file, state, taken = Notify(to={"all": (SecretStr("json://h"),)}), StateFile(tmp_path), State(), []
    monkeypatch.setattr(Address, "send", lambda *said: taken.append(said))
    monkeypatch.setattr(delivery, "_SENDING_SECONDS", 0.0)
    state.post([MESSAGE], notify)
    assert (
        "1 message still to be sent to notify.to.all, address 1 (json://h), and will be"
        in deliver(file, state, all_addresses(notify))[0]
    )
    assert taken == []


def test_what_is_told_once_in_a_while_is_forgotten_in_time(monkeypatch):
    state, now = State(), [0.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    assert [state.is_news("a", DAY), state.is_news("a", DAY), state.is_news("b", DAY)] == [True, False, True]
    now[0] = DAY
    assert state.is_news("a", DAY)
    now[0] = 60 * DAY
    assert state.is_news("c", DAY)
    assert list(state.told) == ["c"]


def test_a_damaged_state_is_named_with_what_to_do(tmp_path):
    (tmp_path / "state.json").write_text('{"letters": [')
    with pytest.raises(ArtifactError, match=r"state.json: .* Remove it: what happened until then"):
        StateFile(tmp_path).read()


def test_presses_are_read_from_the_ledger_as_they_were_made(tmp_path):
    champions = Champions(Repository(tmp_path / "ledger", tmp_path / "heads.json"))
    champions.make(ask("churn.q1"), "r1")
    [(task, first)] = heads(champions).items()
    champions.ask(ask("churn.q2", "churn.q1", asked_by="boris", why="newer"))
    request = champions.request("churn")
    champions.decline("churn", request, "vera", "not now\n\nreally", "r0")
    champions.ask(request)
    champions.make(request, "r2", "vera", "now")
    champions.make(ask("churn.q1", "churn.q2", turn=Turn.ROLLED_BACK, why="bad"), "r3")
    head = heads(champions)["churn"]
    found = [(one.pressed, one.ask.tag, one.by, one.why) for one in presses(champions, task, head, first)]
    assert found == [
        (Pressed.ASKED, "churn.q2", "boris", "newer"),
        (Pressed.DECLINED, "churn.q2", "vera", "not now\n\nreally"),
        (Pressed.ASKED, "churn.q2", "boris", "newer"),
        (Pressed.PROMOTED, "churn.q2", "boris", "newer"),
        (Pressed.ROLLED_BACK, "churn.q1", "anna", "bad"),
    ]
    assert next(one.pressed for one in presses(champions, task, head)) is Pressed.PROMOTED
    assert list(presses(champions, task, head, head)) == []


def test_the_doctor_tells_what_is_wrong_with_whom_and_what_waits(home, monkeypatch):
    (home / "anna.yaml").write_text("notify: {to: {all: ['json://127.0.0.1:9', '${ANNA_MLFLOW_MAIL}', 'nope://x']}}\n")
    found = load_settings()
    state = State()
    state.post([MESSAGE], found.notify)
    state.given_up[all_addresses(found.notify)[0].key] = 2
    StateFile(found.notifications).write(state)
    findings = list(check_notify(found))
    assert [finding.verdict for finding in findings[:3]] == [Verdict.GOOD, Verdict.BAD, Verdict.BAD]
    assert "the variable ANNA_MLFLOW_MAIL is not set" in findings[1].text
    assert findings[3].verdict is Verdict.WARNING
    assert "(json://127.0.0.1:9): 1 message still to be sent, 2 messages given up" in findings[3].text
    monkeypatch.setenv("ANNA_MLFLOW_MAIL", "json://127.0.0.1:9/x")
    monkeypatch.setenv("ANNA_PUBLIC_URI", "x")
    assert list(misspelt_variables(found)) == [("ANNA_PUBLIC_URI", "ANNA_PUBLIC_URL")]


def test_the_command_sends_each_a_test_and_says_which_failed(home, monkeypatch):
    with webhook() as good, webhook() as bad:
        bad.refuses = True
        monkeypatch.setenv("BAD", f"json://u:{SECRET}@127.0.0.1:{bad.port}/{SECRET}")
        (home / "anna.yaml").write_text(f"notify: {{to: {{risk: 'json://127.0.0.1:{good.port}', all: '${{BAD}}'}}}}\n")
        shown = CliRunner().invoke(notify)
        assert shown.exit_code == 0
        assert f"notify.to.risk, address 1 (json://127.0.0.1:{good.port}): nothing waits" in shown.output
        tested = CliRunner().invoke(notify, ["--test"])
    assert isinstance(tested.exception, NotifyError)
    assert str(tested.exception) == "1 of 2 addresses cannot be used."
    assert f"✓ notify.to.risk, address 1 (json://127.0.0.1:{good.port}): taken" in tested.output
    assert f"✗ notify.to.all, address 1 (json://127.0.0.1:{bad.port}): Failed to send" in tested.output
    assert SECRET not in tested.output + shown.output
    assert [(got["title"], "event: test" in got["message"]) for got in good.got] == [("ANNA: a test", True)]


def test_the_command_says_where_nobody_is_told(home):
    assert isinstance(CliRunner().invoke(notify).exception, NotifyError)
