import pytest
import typer

from gis_supervision import errors
from gis_supervision.cli.entry import EXIT_CODES, app, exit_code, main, translate_help
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


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command line as the program does; returns exit code and what it said on stderr."""

    def told(language, *arguments):
        monkeypatch.setenv("GIS_SUPERVISION_LANGUAGE", language)
        monkeypatch.setenv("GIS_SUPERVISION_HOME", str(tmp_path / "home"))
        monkeypatch.setattr("sys.argv", ["gis-supervision", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return told


CATALOGUE_CHECK = ("catalogue", "check", "--no-database")


@pytest.mark.parametrize(
    ("arguments", "code", "english", "chinese"),
    [
        (("import", "run"), 2, "Missing argument 'mapping'.", "缺少参数 'mapping'。"),
        (("serve", "--port", "x"), 2, "Invalid value for '--port'", "'--port' 的值无效：应为整数"),
        (("serve", "--port"), 2, "Option '--port' requires an argument.", "'--port' 须带一个值"),
        (("import", "batches", "--most", "0"), 2, "equal to 1", "'--most' 的值无效：应不小于 1"),
        (("status", "--nothing"), 2, "No such option: --nothing", "没有选项 --nothing"),
        (("status", "x"), 2, "Got unexpected extra argument(s) (x)", "有多余的参数（x）"),
        (("nothing",), 2, "No such command 'nothing'.", "没有命令 'nothing'。"),
        (("import", "run", "x.toml", "--mode", "y"), 2, "expected refuse or reject", "应为 refuse"),
        (("days", "roads", "x", "--as-of", "1"), 2, "No such option: --as-of", "没有选项 --as-of"),
    ],
)
def test_errors_of_the_command_line_speak_both_languages(run, arguments, code, english, chinese):
    for language, text in (("en", english), ("zh_CN", chinese)):
        ended, said = run(language, *arguments)
        assert (ended, text in said) == (code, True), said


def test_a_wrong_setting_is_told_in_a_language_that_is_there(run, monkeypatch):
    monkeypatch.setenv("GIS_SUPERVISION_LOG_LEVEL", "loud")
    wrong = "Input should be 'debug', 'info', 'warning' or 'error' (got 'loud')"
    text = f"gis-supervision: settings: GIS_SUPERVISION_LOG_LEVEL: {wrong}\n"
    assert run("en", "status") == (2, text)
    assert "设置：GIS_SUPERVISION_LOG_LEVEL：应为 'debug'" in run("zh_CN", "status")[1]
    assert "设置：GIS_SUPERVISION_LANGUAGE：应为 'zh_CN'" in run("fr", "status")[1]


def test_what_ends_a_command_early_keeps_its_exit_code(run, tmp_path):
    assert run("en", *CATALOGUE_CHECK, str(tmp_path / "nowhere")) == (2, "")
    assert run("en", *CATALOGUE_CHECK) == (0, "")
    assert run("en", "--version") == (0, "")
