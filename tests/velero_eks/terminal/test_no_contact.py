"""The sentences for an answer that did not come: each code has some, they name whom and where, and stay short."""

from __future__ import annotations

import re

import pytest

from velero_eks.contact import CODES, NoContact
from velero_eks.errors import Unreachable
from velero_eks.terminal import no_contact

FACTS = {"who": "context exam", "address": "https://10.0.0.1:443", "seconds": 18.4}


def test_every_code_has_its_words():
    assert set(no_contact._WORDS) == CODES


@pytest.mark.parametrize("code", sorted(CODES))
def test_what_happened_what_usually_is_the_matter_and_one_next_step(code):
    made = NoContact(code=code, said="what it said", proxy="http://proxy:3128", proxy_from="HTTPS_PROXY", **FACTS)
    text = no_contact.said(made)
    assert text.startswith("context exam: no answer from https://10.0.0.1:443")
    assert " within 18 s: " in text and "proxy http://proxy:3128" in text
    assert len(re.findall(r"\. (?=[A-Z])", text)) == 2, text
    assert "{" not in text and not text.endswith(".")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"private": True}, "The endpoint is private: it answers inside its VPC only. Connect to that VPC by VPN"),
        ({"variables": ("AWS_ENDPOINT_URL",)}, "(AWS_ENDPOINT_URL is set). Unset AWS_ENDPOINT_URL, unless"),
        ({"variables": ("AWS_ENDPOINT_URL", "HTTPS_PROXY")}, "(AWS_ENDPOINT_URL and HTTPS_PROXY are set)"),
        ({"seconds": 0.2}, "no answer from https://10.0.0.1:443: it does"),
        ({}, "Connect the VPN, then check the connection: curl -vk https://10.0.0.1:443"),
    ],
)
def test_what_is_known_changes_the_words(changes, said):
    assert said in no_contact.said(NoContact(**{"code": "no-connection", **FACTS, **changes}))


def test_an_error_is_known_to_programs_by_its_cause():
    error = Unreachable(contact=NoContact(code="refused", **FACTS))
    assert error.code == error.refusals[0].code == "refused"
    assert error.refusals[0].limit == str(error)
    assert Unreachable("it broke off").code == "unreachable"
