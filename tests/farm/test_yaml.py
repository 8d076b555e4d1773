"""The YAML of the bundles, read back by a real YAML reader."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relip.farm.yaml import dump

yaml = pytest.importorskip("yaml", reason="PyYAML comes with openjd-cli")

values = st.recursive(
    st.text(st.characters(exclude_categories=("Cs",)))
    | st.sampled_from(["yes", "null", "1e3", "0x1", "- a", "a: b", "#", "{{Param.X}}", "P:\\a", ""])
    | st.integers(-(2**53), 2**53)
    | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z0-9]*", fullmatch=True), inner, max_size=4)
    ),
    max_leaves=20,
)
keys = st.from_regex(r"[A-Za-z][A-Za-z0-9]*", fullmatch=True) | st.sampled_from(
    ["on", "No", "y", "null", "1e3", "a b", "a: b", "{{Param.X}}"]
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(keys, values, min_size=1) | st.lists(values, min_size=1))
def test_any_data_comes_back(value: object):
    assert yaml.safe_load(dump(value)) == value
