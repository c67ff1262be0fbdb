"""The map below the map, where one is wanted: XYZ tiles or the national service Tianditu."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from gis_supervision.settings import Settings

_TIANDITU = (
    "https://t{{s}}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER={layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles"
    "&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"
)


@dataclass(frozen=True)
class Basemap:
    """Tiles below the layers.

    Attributes
    ----------
    urls
        Tile templates with ``{z}``, ``{x}``, ``{y}`` and perhaps ``{s}``, the lowest first.
    attribution
        Plain text, in English; translated where there is a translation.
    subdomains
        What ``{s}`` stands for, one character each.
    max_zoom
        Highest zoom that has tiles of its own.
    """

    urls: tuple[str, ...]
    attribution: str = gettext_noop("Map: basemap tiles")
    subdomains: str = "abc"
    max_zoom: int = 18

    def __post_init__(self) -> None:
        for url in self.urls:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.netloc:
                raise InvalidInputError(
                    "basemap: expected an http or https address, got %(url)r", url=url
                )
            missing = [name for name in ("{z}", "{x}", "{y}") if name not in url]
            if missing:
                raise InvalidInputError(
                    "basemap: %(url)r lacks %(missing)s", url=url, missing=", ".join(missing)
                )
            if re.search(r"[\s;,'\"]", parts.netloc):
                raise InvalidInputError("basemap: %(url)r has no proper host", url=url)

    def origins(self) -> list[str]:
        """Return the sources that a content security policy must allow for the tiles."""
        found = []
        for url in self.urls:
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
            if "{" in host:
                host = "*." + host.rpartition("}")[2].partition(".")[2]
            found.append(f"{parts.scheme}://{host}")
        return sorted(set(found))


def tianditu(key: str) -> Basemap:
    """Return the national map service: its vector map with the Chinese names above it.

    Parameters
    ----------
    key
        The key that the service gave out for use in a browser; it stands in the file.
    """
    token = quote(key, safe="")
    return Basemap(
        urls=tuple(_TIANDITU.format(layer=layer, key=token) for layer in ("vec", "cva")),
        attribution=gettext_noop("Map: Tianditu"),
        subdomains="01234567",
    )


def from_settings(settings: Settings) -> Basemap | None:
    """Return the basemap that is configured, None for none.

    Raises
    ------
    InvalidInputError
        The address is no tile template.
    """
    if settings.basemap_url:
        return Basemap(urls=(settings.basemap_url,), attribution=gettext_noop("Map: basemap tiles"))
    if settings.tianditu_key:
        return tianditu(settings.tianditu_key)
    return None
