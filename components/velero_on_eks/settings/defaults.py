"""What an environment means where its stack file says nothing."""

from __future__ import annotations

from typing import Any

from velero_on_eks.settings.duration import Duration

# Stack file keys and values. A section's own keys win one by one; schedules are taken whole or not at all, so that
# a stack that names its schedules has those and no other.
BY_ENVIRONMENT: dict[str, dict[str, dict[str, Any]]] = {
    "development": {
        "recovery": {"rpo": "24h", "retention": "7d", "minimumCopies": 2},
        "storage": {"protect": False, "forceDestroy": True, "keyDeletionWindowDays": 7, "noncurrentDays": 7},
        "release": {"disruptionBudget": False},
        "schedules": {"daily-backup": {"cron": "0 2 * * *", "keep": "7d"}},
    },
    "staging": {
        "recovery": {"rpo": "24h", "retention": "14d", "minimumCopies": 2},
        "storage": {
            "protect": True,
            "forceDestroy": False,
            "keyDeletionWindowDays": 30,
            "noncurrentDays": 14,
        },
        "release": {"disruptionBudget": False},
        "schedules": {"daily-backup": {"cron": "0 2 * * *", "keep": "14d"}},
    },
    "production": {
        "recovery": {"rpo": "24h", "retention": "30d", "minimumCopies": 3},
        "storage": {
            "protect": True,
            "forceDestroy": False,
            "keyDeletionWindowDays": 30,
            "noncurrentDays": 30,
        },
        "release": {"disruptionBudget": True},
        "schedules": {"daily-backup": {"cron": "0 2 * * *", "keep": "30d"}},
    },
}

# The least that storage.noncurrentDays may be: below it, no one back from a long weekend could fetch back what was
# deleted on its first day.
NONCURRENT_FLOOR_DAYS = {"development": 1, "staging": 7, "production": 14}

SECTIONS = (
    "cluster",
    "recovery",
    "identity",
    "volumes",
    "storage",
    "release",
    "schedules",
    "retentionTiers",
    "tags",
    "waivers",
    "adopt",
)


def with_defaults(environment: object, sections: dict[str, Any]) -> dict[str, Any]:
    """`sections` with the environment's defaults under them.

    An unknown environment is reported for itself; production's defaults then stand in, so that it does not make
    every section that was left out look missing as well.
    """
    known = isinstance(environment, str) and environment in BY_ENVIRONMENT
    defaults = BY_ENVIRONMENT[str(environment) if known else "production"]
    merged = dict(sections)
    for name, values in defaults.items():
        given = sections.get(name)
        if given is None:
            merged[name] = values
        elif isinstance(given, dict) and name != "schedules":
            merged[name] = {**values, **given}
        elif isinstance(given, list | tuple) and name == "recovery":
            merged[name] = [{**values, **one} if isinstance(one, dict) else one for one in given]
    if sections.get("schedules") is None:
        merged["schedules"] = _kept_for(merged["recovery"], defaults["schedules"])
    return merged


def _kept_for(recovery: Any, schedules: dict[str, Any]) -> dict[str, Any]:
    # A stack that asks for a longer retention and names no schedule means its backups to be kept that long.
    objectives = recovery if isinstance(recovery, list | tuple) else [recovery]
    found: list[Duration] = []
    for one in objectives:
        try:
            found.append(Duration.parse(one["retention"]))
        except (TypeError, KeyError, ValueError):
            # Refused where it stands.
            continue
    if not found:
        return schedules
    keep = str(max(found, key=lambda one: one.seconds))
    return {name: {**schedule, "keep": keep} for name, schedule in schedules.items()}
