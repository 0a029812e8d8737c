"""Where files lie, as pages tell it."""

from anna_assets.places import place
from anna_resources.places import place_meant


def test_a_path_names_the_deployment_s_folder_and_is_found_again(monkeypatch, tmp_path):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    report, elsewhere = tmp_path / "storage" / "report.html", tmp_path.parent / "elsewhere"
    assert place(report).value == "$ANNA_HOME/storage/report.html"
    assert place(elsewhere).value == str(elsewhere)
    assert [place_meant(str(place(path).value), tmp_path) for path in (report, elsewhere)] == [report, elsewhere]
    assert place_meant("storage/report.html", tmp_path) == report  # as it was told once
