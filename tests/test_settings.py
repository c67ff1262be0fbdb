"""Settings: where they come from, and how mistakes are told."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from gis_supervision import settings
from gis_supervision.errors import InvalidInputError


def test_without_an_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    found = settings.load()
    assert (found.host, found.port, found.language) == ("127.0.0.1", 8000, "zh_CN")
    assert found.database_url is None
    expected = (
        "/var/lib/gis-supervision"
        if os.geteuid() == 0
        else "/home/somebody/.local/share/gis-supervision"
    )
    assert found.home == Path(expected)


def test_the_environment_is_read_when_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIS_SUPERVISION_PORT", "9000")
    monkeypatch.setenv("GIS_SUPERVISION_HOME", "~/data/../food")
    monkeypatch.setenv("GIS_SUPERVISION_LANGUAGE", "EN")
    monkeypatch.setenv("HOME", "/home/somebody")
    found = settings.load()
    assert (found.port, found.language) == (9000, "en")
    assert found.home == Path("/home/somebody/food")


def test_options_win_over_the_environment_and_none_is_no_option(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIS_SUPERVISION_PORT", "9000")
    monkeypatch.setenv("GIS_SUPERVISION_HOST", "::1")
    found = settings.load(port=9001, host=None)
    assert (found.port, found.host) == (9001, "::1")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIS_SUPERVISION_DATABASE_URL", "")
    monkeypatch.setenv("GIS_SUPERVISION_PORT", "")
    assert settings.load().database_url is None
    assert settings.load().port == 8000


@pytest.mark.parametrize(
    "url", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"]
)
def test_every_spelling_of_the_database_url_gets_the_driver(url: str):
    assert settings.load(database_url=url).database_url == "postgresql+psycopg2://u:p@h/d"


def test_every_mistake_is_named_with_its_variable_and_no_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIS_SUPERVISION_PORT", "eighty")
    monkeypatch.setenv("GIS_SUPERVISION_LANGUAGE", "fr")
    monkeypatch.setenv("GIS_SUPERVISION_DATABASE_URL", "mysql://root:hunter2@db/food")
    monkeypatch.setenv("GIS_SUPERVISION_BASEMAP_URL", "https://tiles.example/{z}/{x}.png")
    with pytest.raises(InvalidInputError) as caught:
        settings.load()
    message = str(caught.value)
    for name in ("PORT", "LANGUAGE", "DATABASE_URL", "BASEMAP_URL"):
        assert f"GIS_SUPERVISION_{name}" in message
    assert "eighty" in message
    assert "hunter2" not in message


def test_secrets_are_not_shown():
    found = settings.load(database_url="postgresql://u:hunter2@h/d", tianditu_key="k3y")
    assert "hunter2" not in repr(found)
    assert "k3y" not in repr(found)


def test_working_days_stand_beside_the_rule_pack_unless_another_table_is_named(tmp_path):
    assert settings.load().working_days_file is None
    pack = tmp_path / "rules.toml"
    assert settings.load(rules_path=pack).working_days_file is None
    beside = tmp_path / "working_days.toml"
    beside.touch()
    assert settings.load(rules_path=pack).working_days_file == beside
    other = tmp_path / "other.toml"
    assert settings.load(rules_path=pack, working_days_path=other).working_days_file == other


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        settings.load().port = 1


def test_each_setting_is_described():
    for name, field in settings.Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


@pytest.mark.parametrize("name", ["alembic", "layers", "maps"])
def test_the_project_s_directories(name: str):
    assert settings.project_dir(name).is_dir()
    assert settings.project_dir(name).name == name
