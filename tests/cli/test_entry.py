import pytest
import typer

from gis_supervision import errors
from gis_supervision.cli.entry import EXIT_CODES, app, exit_code, translate_help
from gis_supervision.language import translator


def every_command(command, path=()):
    yield path, command
    names = command.list_commands(None) if hasattr(command, "list_commands") else ()
    for name in names:
        yield from every_command(command.get_command(None, name), (*path, name))


@pytest.fixture
def tree():
    return typer.main.get_command(app)


def test_every_command_and_option_has_help(tree):
    for path, command in every_command(tree):
        assert command.help, path
        for parameter in command.params:
            assert getattr(parameter, "help", None), (path, parameter.name)


def test_help_speaks_chinese(tree, monkeypatch):
    monkeypatch.setenv("GIS_SUPERVISION_LANGUAGE", "zh_CN")
    translate_help(tree, translator("zh_CN"))
    for path, command in every_command(tree):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in command.help), path


def test_every_kind_of_error_has_an_exit_code_of_its_own():
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SupervisionError)
    ]
    codes = {kind: exit_code(kind("x")) for kind in kinds}
    assert codes.pop(errors.SupervisionError) == 1
    assert codes == EXIT_CODES
    assert len(set(codes.values())) == len(codes)
