"""The wheel: built, installed away from the checkout, and run there."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ASSETS = "gis_supervision/rendering/assets/node_modules"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = target.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Python of an environment that has the wheel, and our dependencies but not our checkout."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"),
            *("install", "--quiet", "--no-deps", "--no-index", wheel),
        ],
        check=True,
        capture_output=True,
    )
    # a path configuration file of its own would bring the editable checkout along: a plain path
    # line does not read those of the directory it names
    (packages,) = place.glob("lib/python*/site-packages")
    dependencies = Path(pytest.__file__).parents[1]
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    return python


def run(python, *arguments, cwd, home=None):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIS_SUPERVISION_", "PYTHON"))
    }
    return subprocess.run(
        [python, *arguments],
        cwd=cwd,
        env=environment | {"GIS_SUPERVISION_HOME": str(home or cwd)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def tracked(*places):
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--", *places], cwd=ROOT, check=True, capture_output=True
    )
    names = listing.stdout.decode().split("\0")
    return {name for name in names if name and (ROOT / name).exists()}


def test_the_wheel_holds_every_file_of_the_project_once(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    package = {name for name in tracked("gis_supervision") if "/assets/package" not in name}
    moved = {f"gis_supervision/_project/{name}" for name in tracked("alembic", "layers", "maps")}
    assert package | moved <= set(names)


def test_the_wheel_holds_the_javascript_of_pages_and_its_licences_and_no_more(wheel):
    shipped = {
        name.removeprefix(f"{ASSETS}/")
        for name in zipfile.ZipFile(wheel).namelist()
        if name.startswith(f"{ASSETS}/")
    }
    assert {
        "leaflet/LICENSE",
        "leaflet/dist/leaflet.js",
        "leaflet/dist/leaflet.css",
        "leaflet/dist/images/marker-icon.png",
        "supercluster/LICENSE",
        "supercluster/dist/supercluster.min.js",
        "kdbush/LICENSE",
    } <= shipped
    assert not {name for name in shipped if name.endswith((".map", ".ts", ".json", "-src.js"))}


def test_the_wheel_holds_nothing_compiled_here(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".nbi"))]


def test_an_installed_wheel_does_not_use_the_checkout(installed, tmp_path):
    answer = run(
        installed, "-c", "import gis_supervision; print(gis_supervision.__file__)", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    assert Path(answer.stdout.strip()).is_relative_to(installed.parents[1])


def test_an_installed_wheel_finds_its_migrations_layers_and_maps(installed, tmp_path):
    code = (
        "from gis_supervision.settings import project_dir\n"
        "for name in ('alembic', 'layers', 'maps'): print(project_dir(name))"
    )
    answer = run(installed, "-c", code, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    for line in answer.stdout.split():
        assert Path(line).is_relative_to(installed.parents[1])
        assert any(Path(line).iterdir())


def test_the_installed_command_runs(installed, tmp_path):
    answer = run(installed.parent / "gis-supervision", "--help", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "catalogue" in answer.stdout


def test_the_installed_command_migrates_a_database_and_checks_its_layers_there(
    installed, tmp_path, cluster_home
):
    command, home = installed.parent / "gis-supervision", cluster_home()
    for arguments in (["db", "migrate"], ["catalogue", "check", "--database"]):
        answer = run(command, *arguments, cwd=tmp_path, home=home)
        assert answer.returncode == 0, answer.stdout + answer.stderr
