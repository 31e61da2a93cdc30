"""`recovery` as one objective or a list of them: how it is read, its defaults, the refusal of a wrong one."""

from __future__ import annotations

from typing import Any

import pytest
from velero_on_eks.settings import InvalidSettings, Settings

from tests.support import mapping, settings

HOURLY = {"hourly": {"cron": "0 * * * *", "keep": "7d"}, "daily": {"cron": "30 2 * * *", "keep": "90d"}}


def refused(recovery: Any, schedules: Any = None) -> list[tuple[str, str]]:
    """Code and field of everything that is refused."""
    sections = {"recovery": recovery, **({"schedules": schedules} if schedules else {})}
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_mapping(mapping(**sections))
    return [(refusal.code, refusal.field) for refusal in raised.value.refusals]


def test_a_single_mapping_is_a_list_of_one():
    one = settings(recovery={"rpo": "24h", "namespaces": ["shop"]})
    assert one == settings(recovery=[{"rpo": "24h", "namespaces": ["shop"]}])
    [objective] = one.recovery
    assert (str(objective.rpo), str(objective.retention), objective.minimum_copies) == ("24h", "30d", 3)


def test_each_objective_of_a_list_has_the_environments_defaults():
    found = settings(
        recovery=[{"namespaces": ["shop"], "rpo": "1h", "retention": "7d"}, {}, {"retention": "90d"}],
        schedules=HOURLY,
    )
    assert [(str(one.rpo), str(one.retention), one.namespaces) for one in found.recovery] == [
        ("1h", "7d", ("shop",)),
        ("24h", "30d", ("*",)),
        ("24h", "90d", ("*",)),
    ]


def test_the_default_schedule_keeps_its_backups_for_the_longest_retention():
    found = settings(recovery=[{"retention": "60d"}, {"retention": "13w"}, {"namespaces": ["shop"]}])
    assert str(found.schedules["daily-backup"].keep) == "13w"


def test_one_objective_is_written_as_it_was_before_there_could_be_several():
    one, two = settings(recovery=[{"rpo": "24h"}]), settings(recovery=[{"rpo": "24h"}, {"namespaces": ["shop"]}])
    assert one.to_mapping()["recovery"]["rpo"] == "24h"
    assert [entry["namespaces"] for entry in two.to_mapping()["recovery"]] == [["*"], ["shop"]]
    for found in (one, two):
        said = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert Settings.from_mapping(said) == found


@pytest.mark.parametrize(
    ("recovery", "schedules", "expected"),
    [
        ([{"rpo": "24h"}, {"rpo": "1M"}], None, ("duration", "recovery.1.rpo")),
        ({"rpo": "1M"}, None, ("duration", "recovery.rpo")),
        ([{"rto": "24h"}], None, ("unknown-key", "recovery.0.rto")),
        ({"rto": "24h"}, None, ("unknown-key", "recovery.rto")),
        ([], None, ("empty-list", "recovery")),
        ("daily", None, ("not-a-list", "recovery")),
        (["daily"], None, ("not-a-mapping", "recovery.0")),
        ([{}, {"rpo": "1h"}], None, ("objective-missed", "recovery.1")),
        (None, {"weekly": {"cron": "0 2 * * 0", "keep": "90d"}}, ("objective-missed", "recovery")),
        (
            [{}, {"namespaces": ["shop", "pay"], "retention": "7d", "rpo": "1h"}],
            {**HOURLY, "hourly": {**HOURLY["hourly"], "namespaces": ["shop"]}},
            ("objective-missed", "recovery.1"),
        ),
        (
            [{"namespaces": ["shop"]}, {"namespaces": ["velero"]}],
            None,
            ("objective-of-velero", "recovery.1.namespaces"),
        ),
    ],
)
def test_a_wrong_objective_is_refused_where_it_stands(recovery, schedules, expected):
    assert refused(recovery, schedules) == [expected]
