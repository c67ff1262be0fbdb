"""House rules as code: what no linter tells."""

import ast
import importlib.util
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gis_supervision import errors
from gis_supervision.cli.entry import app as cli
from gis_supervision.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
LOCKS = (
    "requirements.lock",
    ".ci/test-requirements.lock",
    ".ci/javascript-requirements.lock",
)
TOP_LEVEL = {
    *("gis_supervision", "layers", "maps", "tests", "alembic", "benchmarks", ".ci"),
    *("pyproject.toml", "README.md", "LICENSE", "Makefile", "compose.yaml"),
    *("requirements.lock", ".gitignore"),
}
CODE_LINES = 400
LONGER = {
    # declarations of one schema, which belong together
    "gis_supervision/storage/tables.py": 500,
    # one file that anyone can run
    "gis_supervision/domain/verify_draw.py": 820,
}
DATA = {".gz", ".geojson", ".png", ".parquet", ".gpkg", ".xlsx"}


def listed():
    """Every file of the project, those not yet committed included."""
    output = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    names = [Path(name) for name in output.decode().split("\0") if name]
    return sorted(name for name in names if (ROOT / name).is_file())


FILES = listed()
TEXTS = [file for file in FILES if file.suffix not in DATA]
MODULES = [file for file in FILES if file.suffix == ".py" and file.parts[0] == "gis_supervision"]


def read(file):
    return (ROOT / file).read_text(encoding="utf-8")


def found(pattern, files):
    """Every place where a pattern occurs, as ``file:line: text``."""
    expression = re.compile(pattern)
    return [
        f"{file}:{number}: {line.strip()[:120]}"
        for file in files
        for number, line in enumerate(read(file).splitlines(), start=1)
        if expression.search(line)
    ]


def nodes(kind, files=MODULES):
    for file in files:
        for node in ast.walk(ast.parse(read(file))):
            if isinstance(node, kind):
                yield file, node


def test_the_rules_see_the_project():
    assert len(MODULES) > 30
    assert {"README.md", "pyproject.toml", "Makefile"} <= {str(file) for file in TEXTS}


def test_the_top_level_holds_nothing_else():
    assert {file.parts[0] for file in FILES} <= TOP_LEVEL


def test_no_file_fetches_from_a_public_host():
    hosts = [
        *("pypi.org", "pythonhosted.org", "npmjs.org", "npmjs.com", "crates.io", "debian.org"),
        *("unpkg.com", "jsdelivr.net", "cdnjs.cloudflare.com", "googleapis.com", "gstatic.com"),
        *("bootstrapcdn.com", "fontawesome.com", "rawgit.com", "raw.githubusercontent.com"),
        *("tile.openstreetmap.org", "basemaps.cartocdn.com", "code.jquery.com", "docker.io"),
    ]
    pattern = "|".join(re.escape(host) for host in hosts)
    assert found(pattern, [file for file in TEXTS if file.name != Path(__file__).name]) == []


def test_no_file_names_a_place_of_one_machine():
    place = r"(?<![\w.])/(?:work|root|Users)/\w|(?<![\w.])/home/(?!linuxbrew|somebody)\w"
    # a temporary directory may be named where the linter's warning was answered with a reason
    place += r"|(?<![\w.])/tmp/\w(?!.*noqa: S108 - )"
    assert found(place, [file for file in TEXTS if file.name != Path(__file__).name]) == []


def test_nothing_is_left_to_do():
    pattern = r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b"
    assert found(pattern, TEXTS) == []


def lines_of_code(file):
    """Lines besides docstrings, comments and empty ones: describing a function costs nothing."""
    described = {
        number
        for _, node in nodes(ast.Expr, [file])
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, node.end_lineno + 1)
    }
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in described
        for number, line in enumerate(read(file).splitlines(), start=1)
    )


def test_modules_are_short():
    lengths = {str(file): lines_of_code(file) for file in MODULES}
    long = {name: n for name, n in lengths.items() if n > LONGER.get(name, CODE_LINES)}
    assert long == {}


def test_modules_and_classes_are_named_after_the_field():
    vague = {"utils", "util", "helpers", "helper", "manager", "service", "common", "misc", "base"}
    parts = {part for file in MODULES for part in file.with_suffix("").parts}
    assert {part for part in parts if vague & set(part.split("_"))} == set()
    classes = {node.name for _, node in nodes(ast.ClassDef)}
    words = {name: set(re.findall(r"[A-Z][a-z]+", name)) for name in classes}
    assert {name for name in classes if {word.lower() for word in words[name]} & vague} == set()


def test_every_exception_from_a_linter_says_why():
    python = [file for file in FILES if file.suffix == ".py"]
    silent = r"#\s*noqa(?!: [A-Z]+\d+(?:, ?[A-Z]+\d+)* - \w)"
    assert found(silent, [file for file in python if file.name != Path(__file__).name]) == []
    blanket = r"#\s*type:\s*ignore(?!\[)"
    assert found(blanket, [file for file in python if file.name != Path(__file__).name]) == []


def test_sql_lives_in_storage_alone():
    statement = re.compile(
        r"^\s*(?:SELECT\b.*\bFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+\w+|COPY)\b",
        re.DOTALL,
    )
    places = [
        f"{file}:{node.lineno}: {node.value.strip()[:80]}"
        for file, node in nodes(ast.Constant)
        if isinstance(node.value, str)
        and file.parts[1] != "storage"
        and statement.match(node.value)
    ]
    assert places == []


def test_nothing_is_connected_or_configured_at_import():
    calls = {"create_engine", "sessionmaker", "Settings", "load", "connect", "create_app"}
    places = []
    for file in MODULES:
        for statement in ast.parse(read(file)).body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            places += [
                f"{file}:{node.lineno}"
                for node in ast.walk(statement)
                if isinstance(node, ast.Call)
                and (getattr(node.func, "id", None) or getattr(node.func, "attr", None)) in calls
            ]
    assert places == []


TOLD = {
    *("Message", "DrawError"),
    *(
        kind.__name__
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SupervisionError)
    ),
}


def told_calls():
    """Every call that makes a message or an error of a template."""
    mechanism = {"gis_supervision/messages.py", "gis_supervision/errors.py"}
    for file, node in nodes(ast.Call):
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
        if name in TOLD and str(file) not in mechanism:
            yield file, node


def test_the_texts_of_errors_are_literals():
    """So the catalogue collects them; what is a text already goes through ``told``."""
    places = [
        f"{file}:{node.lineno}"
        for file, node in told_calls()
        if len(node.args) != 1
        or not isinstance(node.args[0], ast.Constant)
        or not isinstance(node.args[0].value, str)
    ]
    assert places == []


def test_the_placeholders_of_errors_are_their_values():
    wrong = []
    for file, node in told_calls():
        template = getattr(node.args[0], "value", None) if node.args else None
        names = {keyword.arg for keyword in node.keywords}
        if not isinstance(template, str) or not names:
            continue
        try:
            template % {name: 1 for name in names if name is not None}
        except (KeyError, TypeError, ValueError) as error:
            wrong.append(f"{file}:{node.lineno}: {error!r}")
        named = set(re.findall(r"%\((\w+)\)", template))
        if named != names:
            wrong.append(f"{file}:{node.lineno}: {sorted(named ^ names, key=str)}")
    assert wrong == []


def test_errors_are_declared_in_one_module():
    """The catalogue knows the classes whose texts it collects from there."""
    places = [
        f"{file}:{node.lineno}"
        for file, node in nodes(ast.ClassDef)
        if any(getattr(base, "id", None) in TOLD for base in node.bases)
        and str(file) != "gis_supervision/errors.py"
    ]
    assert places == []


def test_only_the_api_knows_http_errors():
    names = [
        f"{file}:{node.lineno}"
        for file, node in nodes(ast.Name)
        if node.id == "HTTPException" and file.parts[1] not in {"api", "console"}
    ]
    assert names == []


def test_javascript_is_locked_by_hash_and_names_no_host():
    assets = ROOT / "gis_supervision/rendering/assets"
    wanted = json.loads((assets / "package.json").read_text())["dependencies"]
    packages = json.loads((assets / "package-lock.json").read_text())["packages"]
    assert packages.pop("")["dependencies"] == wanted
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    for package in packages.values():
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def requirements(lock):
    """Each requirement of a lock file with its hashes."""
    text = re.sub(r"\\\n\s+", " ", read(lock))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in lines:
        requirement, *hashes = line.split(" --hash=")
        yield Requirement(requirement), hashes


@pytest.mark.parametrize("lock", LOCKS)
def test_python_packages_are_locked_by_hash_and_name_no_host(lock):
    entries = list(requirements(lock))
    assert entries
    for requirement, hashes in entries:
        assert re.fullmatch(r"==[^=*]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", value) for value in hashes)
        assert requirement.url is None
    assert found(r"://|--(?:index-url|extra-index-url|find-links|trusted-host)", [lock]) == []


def test_lock_files_hold_what_the_project_asks_for():
    project = tomllib.loads(read("pyproject.toml"))
    groups = project["dependency-groups"]
    runtime = [*project["project"]["dependencies"], *groups["build"]]
    asked = {
        "requirements.lock": runtime,
        ".ci/test-requirements.lock": [
            *runtime,
            *project["project"]["optional-dependencies"]["test"],
        ],
        ".ci/javascript-requirements.lock": groups["javascript"],
    }
    for lock, wanted in asked.items():
        locked = {}
        for requirement, _ in requirements(lock):
            name = canonicalize_name(requirement.name)
            locked.setdefault(name, []).append(str(requirement.specifier)[2:])
        for requirement in map(Requirement, wanted):
            versions = locked.get(canonicalize_name(requirement.name), [])
            assert versions, f"{lock}: {requirement}: run `make lock`"
            assert all(version in requirement.specifier for version in versions), lock


def test_the_tests_run_on_the_versions_that_are_shipped():
    shipped, tested = (
        {(requirement.name, str(requirement.specifier)) for requirement, _ in requirements(lock)}
        for lock in ("requirements.lock", ".ci/test-requirements.lock")
    )
    assert shipped <= tested


def settings_names():
    return {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_every_setting_stands_in_the_readme():
    assert settings_names() - set(re.findall(rf"{ENV_PREFIX}\w+", read("README.md"))) == set()


def test_no_file_names_a_setting_that_is_not_there():
    passwords = {"OWNER_PASSWORD", "READER_PASSWORD"}  # of the containers in compose.yaml
    known = settings_names() | {f"{ENV_PREFIX}{name}" for name in passwords}
    files = [Path(name) for name in ("README.md", "compose.yaml", "Makefile", ".ci/setup")]
    files += [Path(".ci/system-packages"), *MODULES]
    named = {name for file in files for name in re.findall(rf"\b{ENV_PREFIX}[A-Z_]+\b", read(file))}
    assert named - known == set()


def commands(command, path=()):
    if not hasattr(command, "list_commands"):
        yield path
        return
    for name in command.list_commands(None):
        yield from commands(command.get_command(None, name), (*path, name))


COMMANDS = list(commands(typer.main.get_command(cli)))


def test_the_commands_are_found():
    assert {("demo",), ("db", "start"), ("catalogue", "check")} <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_stands_in_the_readme(path):
    """On one line with its group: ``gis-supervision db start | stop``."""
    group = ["gis-supervision", *path[:-1]]
    start = re.compile(rf"\b{re.escape(' '.join(group))}\b")
    lines = [line for line in read("README.md").splitlines() if start.search(line)]
    assert any(re.search(rf"[\s|`]{re.escape(path[-1])}\b", line) for line in lines), lines


def test_every_target_of_make_is_described():
    makefile = read("Makefile")
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE).group(1).split())
    described = set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    assert phony == described
    assert {"setup", "demo", "test"} <= described


@pytest.fixture(scope="module")
def texts():
    specification = importlib.util.spec_from_file_location("catalogue", ROOT / ".ci/catalogue.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def catalogues():
    return sorted((ROOT / "gis_supervision").glob("locale/*/LC_MESSAGES/*.po"))


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parts[-3])
def test_every_text_is_translated(texts, path):
    """Completely, with the placeholders and plural forms of the English text."""
    spoken = texts.spoken()
    assert len(spoken) > 50
    catalogue = texts.renewed(path, spoken)
    assert texts.mistakes(catalogue) == []
    assert texts.written(catalogue, path.parts[-3]) == path.read_text(encoding="utf-8")


def test_a_wrong_translation_is_told(texts, tmp_path):
    path = tmp_path / "locale/zh_CN/LC_MESSAGES/gis_supervision.po"
    path.parent.mkdir(parents=True)
    spoken = texts.Catalog()
    for text in ("%(count)d cells", "Zones", "Cells", ("%(num)d case", "%(num)d cases")):
        spoken.add(text)
    empty = texts.HEADER.format(language="zh_CN", plural_forms="nplurals=1; plural=0;")
    path.write_text(
        empty
        + '#, python-format\nmsgid "%(count)d cells"\nmsgstr "%(number)d 个网格"\n\n'
        + '#, fuzzy\nmsgid "Zones"\nmsgstr "区域"\n\n'
        + 'msgid "Gone"\nmsgstr "已删除"\n\n'
        + '#, python-format\nmsgid "%(num)d case"\nmsgid_plural "%(num)d cases"\n'
        + 'msgstr[0] "%(num)s 件"\n',
        encoding="utf-8",
    )
    catalogue = texts.renewed(path, spoken)
    told = "\n".join(texts.mistakes(catalogue))
    assert told.count("\n") == 3
    assert "'%(count)d cells': " in told
    assert "'Zones': translation is marked fuzzy" in told
    assert "'Cells': not translated" in told
    assert "('%(num)d case', '%(num)d cases'): " in told
    assert "Gone" not in texts.written(catalogue, "zh_CN")


def test_every_text_of_an_error_is_in_the_catalogue(texts):
    spoken = {message.id for message in texts.spoken()}
    templates = {node.args[0].value for _, node in told_calls()}
    assert len(templates) > 700
    assert templates - spoken == set()
