"""Layers and maps as files: what they may say, what they say, and what the database answers."""

from gis_supervision.catalogue.check import check
from gis_supervision.catalogue.load import load
from gis_supervision.catalogue.models import Catalogue, Layer, Map
from gis_supervision.catalogue.problems import Problem
from gis_supervision.catalogue.query import (
    describe,
    feature_collection,
    fetch,
    find_layer,
    find_map,
    select,
    totals,
)

__all__ = [
    "Catalogue",
    "Layer",
    "Map",
    "Problem",
    "check",
    "describe",
    "feature_collection",
    "fetch",
    "find_layer",
    "find_map",
    "load",
    "select",
    "totals",
]
