"""Each filter's function is there, and each filter has its document."""

from importlib import import_module
from pathlib import Path

import pytest
from ansible_collections.evenfloor.cluster.plugins.filter.evenfloor import FILTERS, FilterModule

PLUGINS = "ansible_collections.evenfloor.cluster.plugins"
DOCUMENTS = Path(__file__).parents[2] / "plugins/filter"


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filters_function_is_there(name):
    module, function = FILTERS[name]
    assert callable(getattr(import_module(f"{PLUGINS}.{module}"), function))


def test_each_filter_has_its_document_and_nothing_else_has():
    assert {path.stem for path in DOCUMENTS.glob("*.yml")} == set(FILTERS)


def test_a_filter_passes_on_all_that_it_gets():
    filters = FilterModule().filters()
    assert filters["grants"]({}, database="floor") == {"*.*": "USAGE"}
