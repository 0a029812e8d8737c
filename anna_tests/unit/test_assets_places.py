"""Where files lie, as pages tell it."""

from anna_assets.places import place


def test_what_lies_in_the_deployment_s_folder_is_told_as_seen_from_there(monkeypatch, tmp_path):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    report = tmp_path / "storage" / "report" / "churn.q1" / "report.html"
    assert place(report).value == "storage/report/churn.q1/report.html"
    assert place(tmp_path.parent / "elsewhere").value == str(tmp_path.parent / "elsewhere")
