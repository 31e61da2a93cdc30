"""Values survive the wire with their secrets, and secrets do not come back in clear."""

from __future__ import annotations

from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from lab.providers.properties import UNKNOWN, Asset, Secret, decode, encode, has_unknown, keep_secret, plain

SCALARS = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=8), st.just(UNKNOWN), st.floats(-1e6, 1e6)
)
KEYS = st.text(alphabet="abcXYZ.-_$", min_size=1, max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3), st.builds(Secret, inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_encoded_is_decoded_to_the_same(values):
    assert decode(encode(values)) == values


def test_the_sdk_reads_a_secret_that_we_wrote():
    read = rpc.deserialize_properties(encode({"password": Secret("hunter2"), "clear": 1}))
    assert rpc.is_rpc_secret(read["password"])
    assert rpc.unwrap_rpc_secret(read["password"]) == "hunter2"
    assert read["clear"] == 1


def test_every_kind_of_unknown_value_is_one():
    booleans = "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"
    struct = struct_pb2.Struct()
    struct.update({"text": rpc.UNKNOWN, "flag": booleans, "known": "x"})
    assert decode(struct) == {"text": UNKNOWN, "flag": UNKNOWN, "known": "x"}
    assert has_unknown(decode(struct))


def test_whole_numbers_are_integers_and_nulls_are_left_out():
    struct = struct_pb2.Struct()
    struct.update({"days": 30.0, "share": 0.5, "nothing": None})
    values = decode(struct)
    assert values == {"days": 30, "share": 0.5}
    assert isinstance(values["days"], int)


def test_an_output_value_is_its_value_and_an_unresolved_one_is_unknown():
    signature = {rpc._special_sig_key: rpc._special_output_value_sig}
    struct = struct_pb2.Struct()
    struct.update({"secret": {**signature, "value": "x", "secret": True}, "late": signature})
    assert decode(struct) == {"secret": Secret("x"), "late": UNKNOWN}


def test_a_text_asset_can_be_read_and_goes_back_unchanged():
    struct = struct_pb2.Struct()
    struct.update({"file": {rpc._special_sig_key: rpc._special_asset_sig, "text": "a: 1"}})
    asset = decode(struct)["file"]
    assert isinstance(asset, Asset)
    assert asset.read_text() == "a: 1"
    assert encode({"file": asset}) == struct


def test_a_secret_input_hides_the_output_at_the_same_place():
    inputs = {"spec": {"env": [{"name": "a", "value": Secret("x")}]}, "name": "n"}
    outputs = {"spec": {"env": [{"name": "a", "value": "x"}], "more": 1}, "name": "n"}
    hidden = keep_secret(outputs, inputs)
    assert hidden["spec"]["env"][0]["value"] == Secret("x")
    assert plain(hidden) == outputs


def test_a_secret_element_hides_the_whole_list_when_the_list_has_shrunk():
    assert keep_secret({"keys": []}, {"keys": ["a", Secret("b")]}) == {"keys": Secret([])}
