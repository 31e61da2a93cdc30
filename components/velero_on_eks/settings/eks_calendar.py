"""How long EKS supports each version of Kubernetes, and what it costs: dates that a plan is compared with.

Read on 2026-11-27 from https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html (the release calendar;
`aws eks describe-cluster-versions` says the same) and https://aws.amazon.com/eks/pricing/. Standard support lasts 14
months and extended support 12 more; both end at the beginning of the day, in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

READ_ON = date(2026, 11, 27)
SOURCE = "https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html"
# USD for a cluster and hour, in every region.
STANDARD_PRICE, EXTENDED_PRICE = 0.10, 0.60
EXTRA_A_YEAR = round((EXTENDED_PRICE - STANDARD_PRICE) * 24 * 365)
# How long before the end a warning comes: an upgrade goes one minor version at a time, and is rehearsed.
NOTICE = timedelta(days=90)


@dataclass(frozen=True)
class Support:
    """A minor version of Kubernetes and the days from which EKS gives it no standard, and no extended, support."""

    kubernetes: str
    standard_until: date
    extended_until: date
    # Fourteen months after the release, where AWS names a month and no day yet.
    approximate: bool = False


CALENDAR = (
    Support("1.37", date(2027, 12, 2), date(2028, 12, 2), approximate=True),
    Support("1.36", date(2027, 8, 2), date(2028, 8, 2)),
    Support("1.35", date(2027, 3, 27), date(2028, 3, 27)),
    Support("1.34", date(2026, 12, 2), date(2027, 12, 2)),
    Support("1.33", date(2026, 7, 29), date(2027, 7, 29)),
    Support("1.32", date(2026, 3, 23), date(2027, 3, 23)),
    Support("1.31", date(2025, 11, 26), date(2026, 11, 26)),
    Support("1.30", date(2025, 7, 23), date(2026, 7, 23)),
    Support("1.29", date(2025, 3, 23), date(2026, 3, 23)),
)
"""The newest first."""


@dataclass(frozen=True)
class SupportEnds:
    """What is to be said of a cluster's version at a moment.

    `stage` is `ending` in the last 90 days of standard support, `extended` after it, `over` after extended support.
    `days` is how many are left of the support that it has; 0 when it is over.
    """

    support: Support
    stage: str
    days: int


def support_ends(kubernetes: str, at: datetime) -> SupportEnds | None:
    """What is to be said of a minor version at `at`; None where it has more than 90 days, or is not in the calendar."""
    found = next((each for each in CALENDAR if each.kubernetes == kubernetes), None)
    if found is None:
        return None
    day = at.astimezone(UTC).date()
    if day >= found.extended_until:
        return SupportEnds(found, "over", 0)
    if day >= found.standard_until:
        return SupportEnds(found, "extended", (found.extended_until - day).days)
    if found.standard_until - day <= NOTICE:
        return SupportEnds(found, "ending", (found.standard_until - day).days)
    return None
