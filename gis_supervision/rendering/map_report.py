"""Map reports: one HTML file that opens with no network, drawn with folium.

folium makes the map and the basemap's tile layers; its links to public servers, its popups and its
copies of every property are left out. Leaflet and supercluster stand in the file as they are
pinned, the features as columns, and our own small script draws them. A content security policy
forbids everything else: scripts are allowed by their hashes, requests not at all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import tempfile
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folium
import jinja2
from branca.element import Figure
from folium.template import Template
from sqlalchemy.orm import Session

from gis_supervision.catalogue.query import find_map
from gis_supervision.errors import UnavailableError
from gis_supervision.language import Translator, install, translator
from gis_supervision.rendering import contents
from gis_supervision.storage.database import session_scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Engine

    from gis_supervision.catalogue.models import Catalogue
    from gis_supervision.rendering.basemap import Basemap

SCRIPTS = (
    "decoding.js",
    "timeline.js",
    "wording.js",
    "classes.js",
    "filters.js",
    "popups.js",
    "points.js",
    "areas.js",
    "panel.js",
    "lists.js",
    "report.js",
)
"""Our own scripts, in the order in which they need each other."""

MAX_ZOOM = 19


def build(
    source: Session | Engine,
    catalogue: Catalogue,
    name: str,
    *,
    parameters: Mapping[str, object] | None = None,
    language: str = "zh_CN",
    basemap: Basemap | None = None,
) -> str:
    """Build a map report.

    Parameters
    ----------
    source
        A session or the engine of the reader.
    catalogue
        The catalogue that has the map.
    name
        Name of the map.
    parameters
        Parameters such as ``as_of``, and filters; the file then holds only what passes them.
    language
        Language that the file opens in, ``zh_CN`` or ``en``; it can be switched inside.
    basemap
        Tiles below the layers; without it the file asks for nothing from outside.

    Returns
    -------
    str
        The HTML; the same for the same data.

    Raises
    ------
    NotFoundError
        There is no such map.
    InvalidInputError
        A parameter, a filter or the language is wrong.
    UnavailableError
        The pinned JavaScript is not installed.
    """
    translate = translator(language)
    report = find_map(catalogue, name)
    with _session(source) as session:
        found = contents.collect(session, catalogue, report, parameters or {}, translate.language)
    page = _Page(
        title=report.title.to(translate.language),
        data=_json({**found.data, "basemap": basemap is not None}),
        basemap=basemap,
        summary=found.summary,
        translate=translate,
    )
    west, south, east, north = found.bounds
    shown = _ReportMap(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        zoom_control=False,
        zoom_snap=0.5,
        attribution_control=True,
        fade_animation=False,
    )
    # folium keeps these for its own tile layer
    shown.options |= {"minZoom": 2, "maxZoom": MAX_ZOOM}
    shown._id = "report"  # noqa: SLF001 - folium names elements by chance; the file must not vary
    for index, url in enumerate(basemap.urls if basemap else ()):
        tiles = folium.TileLayer(
            tiles=url,
            attr=html.escape(translate(basemap.attribution)) if basemap else "",
            subdomains=basemap.subdomains if basemap else "",
            max_zoom=MAX_ZOOM,
            max_native_zoom=basemap.max_zoom if basemap else None,
            name=f"basemap_{index}",
        )
        tiles._id = f"basemap_{index}"  # noqa: SLF001 - as above
        tiles.add_to(shown)
    shown.add_to(page)
    return page.render(bounds=[[south, west], [north, east]])


def write(
    path: Path,
    source: Session | Engine,
    catalogue: Catalogue,
    name: str,
    *,
    parameters: Mapping[str, object] | None = None,
    language: str = "zh_CN",
    basemap: Basemap | None = None,
) -> Path:
    """Build a map report and put it into a file, whole or not at all.

    Parameters
    ----------
    path
        The file; its directory is made where it is missing. A file that is there is replaced when
        the new one is complete.
    source, catalogue, name, parameters, language, basemap
        As `build` takes them.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UnavailableError
        The file cannot be written.
    """
    text = build(source, catalogue, name, parameters=parameters, language=language, basemap=basemap)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UnavailableError(
            "%(path)s cannot be written: %(reason)s", path=path, reason=error.strerror
        ) from error
    return path


class _ReportMap(folium.Map):
    """folium's map without its links to public servers and its own styles."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - as folium declares it
    default_css: list[tuple[str, str]] = []  # noqa: RUF012 - as folium declares it
    _template = Template(
        """
        {% macro html(this, kwargs) %}
        <div class="map" id="{{ this.get_name() }}"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        const {{ this.get_name() }} = L.map("{{ this.get_name() }}", {
            center: {{ this.location|tojson }},
            ...{{ this.options|tojavascript }}
        });
        {% endmacro %}
        """
    )


class _Page(Figure):
    """The file around the map: policy, styles, scripts, data."""

    def __init__(
        self,
        *,
        title: str,
        data: str,
        basemap: Basemap | None,
        summary: tuple[tuple[str, str], ...],
        translate: Translator,
    ) -> None:
        super().__init__(title=title)
        self.data = data
        self.basemap = basemap
        self.summary = summary
        self.translate = translate
        self.header._children.clear()  # noqa: SLF001 - the template has its own

    def render(self, **kwargs: Any) -> str:
        for child in self._children.values():
            child.render()
        bounds = json.dumps(kwargs["bounds"])
        start = "\n".join(
            [
                '"use strict";',
                "{",
                self.script.render(),
                f"startReport(map_report, {bounds});",
                "}",
            ]
        )
        libraries = [_asset(name) for name in _LIBRARIES]
        scripts = [*libraries, "\n".join(_own(name) for name in SCRIPTS), start]
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("gis_supervision.rendering"), autoescape=True
        )
        install(environment, self.translate)
        page: str = environment.get_template("map_report.html").render(
            title=self.title,
            policy=_policy(scripts, self.basemap),
            styles=[_leaflet_style(), _own("report.css")],
            scripts=scripts,
            data=self.data,
            summary=self.summary,
            map=self.html.render(),
        )
        return page


_LIBRARIES = ("leaflet/dist/leaflet.js", "supercluster/dist/supercluster.min.js")


@contextmanager
def _session(source: Session | Engine) -> Iterator[Session]:
    if isinstance(source, Session):
        yield source
    else:
        with session_scope(source) as session:
            yield session


def _json(data: Any) -> str:
    """Write JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(scripts: list[str], basemap: Basemap | None) -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in scripts
    )
    images = " ".join(["data:", *(basemap.origins() if basemap else [])])
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src {images};"
        " base-uri 'none'; form-action 'none'"
    )


@cache
def _own(name: str) -> str:
    return (assets() / name).read_text(encoding="utf-8")


@cache
def _asset(name: str) -> str:
    """Read a pinned library, without the reference to its source map."""
    path = assets() / "node_modules" / name
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnavailableError(
            "%(path)s is missing: run 'make setup', or 'npm ci' in %(assets)s",
            path=path,
            assets=assets(),
        ) from None
    return re.sub(r"\n//# sourceMappingURL=\S+\s*$", "\n", text).replace("</script", "<\\/script")


@cache
def _leaflet_style() -> str:
    """Leaflet's style sheet with its images inside."""

    def inside(match: re.Match[str]) -> str:
        image = assets() / "node_modules" / "leaflet" / "dist" / match.group(1)
        return f"url(data:image/png;base64,{base64.b64encode(image.read_bytes()).decode()})"

    return re.sub(r"url\((images/[\w.-]+\.png)\)", inside, _asset("leaflet/dist/leaflet.css"))


def assets() -> Path:
    """Return the directory of scripts and styles."""
    return Path(str(resources.files("gis_supervision.rendering"))) / "assets"
