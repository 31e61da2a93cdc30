"""Time zones by their IANA names, and which one is meant by what is none."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from velero_on_eks.settings.refusals import Refused

_ANY_ZONE = "write an IANA name, such as Asia/Kolkata, or UTC"
# What people write for a zone: abbreviations, of which several countries have the same, and places that have none of
# their own. In lower case, words joined by `_`. EST, MST, HST, CET, EET, MET and WET are names of zones.
_MEANT: dict[str, tuple[str, ...]] = {
    "ist": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    **dict.fromkeys(("pst", "pdt", "pt", "pacific_standard_time"), ("America/Los_Angeles",)),
    **dict.fromkeys(("mdt", "mt"), ("America/Denver",)),
    **dict.fromkeys(("cdt", "ct"), ("America/Chicago",)),
    **dict.fromkeys(("edt", "et", "eastern_standard_time"), ("America/New_York",)),
    "cst": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "akst": ("America/Anchorage",),
    "ast": ("America/Halifax", "Asia/Riyadh"),
    "nst": ("America/St_Johns",),
    "brt": ("America/Sao_Paulo",),
    "art": ("America/Argentina/Buenos_Aires",),
    "bst": ("Europe/London", "Asia/Dhaka"),
    "west": ("Europe/Lisbon",),
    **dict.fromkeys(("cest", "mesz", "mez", "w._europe_standard_time"), ("Europe/Berlin", "Europe/Paris")),
    "eest": ("Europe/Athens", "Europe/Kyiv"),
    "msk": ("Europe/Moscow",),
    "trt": ("Europe/Istanbul",),
    "sast": ("Africa/Johannesburg",),
    "eat": ("Africa/Nairobi",),
    "wat": ("Africa/Lagos",),
    "cat": ("Africa/Maputo",),
    "gst": ("Asia/Dubai",),
    "pkt": ("Asia/Karachi",),
    "npt": ("Asia/Kathmandu",),
    "ict": ("Asia/Bangkok", "Asia/Ho_Chi_Minh"),
    "wib": ("Asia/Jakarta",),
    **dict.fromkeys(("sgt", "sst"), ("Asia/Singapore",)),
    "hkt": ("Asia/Hong_Kong",),
    **dict.fromkeys(("pht", "phst"), ("Asia/Manila",)),
    "jst": ("Asia/Tokyo",),
    "kst": ("Asia/Seoul",),
    "awst": ("Australia/Perth",),
    **dict.fromkeys(("acst", "acdt"), ("Australia/Adelaide", "Australia/Darwin")),
    **dict.fromkeys(("aest", "aedt"), ("Australia/Sydney", "Australia/Brisbane")),
    **dict.fromkeys(("nzst", "nzdt"), ("Pacific/Auckland",)),
    **dict.fromkeys(
        (
            *("india", "india_standard_time", "mumbai", "delhi", "new_delhi", "bangalore", "bengaluru", "chennai"),
            *("hyderabad", "pune", "asia/mumbai", "asia/delhi", "asia/bangalore", "asia/india"),
        ),
        ("Asia/Kolkata",),
    ),
    **dict.fromkeys(("beijing", "china", "asia/beijing"), ("Asia/Shanghai",)),
    **dict.fromkeys(("germany", "munich", "hamburg", "frankfurt", "europe/munich"), ("Europe/Berlin",)),
    **dict.fromkeys(("san_francisco", "seattle", "america/san_francisco", "us/west"), ("America/Los_Angeles",)),
    **dict.fromkeys(("boston", "washington", "atlanta", "us/east"), ("America/New_York",)),
    **dict.fromkeys(("z", "zulu_time", "utc0", "utc+0", "gmt+00:00", "utc+00:00", "+00:00"), ("UTC",)),
}
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])([0-9]{1,2})(?::?([0-9]{2}))?")
# Where an offset that is not a whole hour is kept.
_BROKEN_HOURS = {
    "+0330": "Asia/Tehran",
    "+0430": "Asia/Kabul",
    "+0530": "Asia/Kolkata",
    "+0545": "Asia/Kathmandu",
    "+0630": "Asia/Yangon",
    "+0930": "Australia/Darwin",
}


def check_timezone(name: str) -> str:
    """The name of a time zone, if it is one. Raises ValueError with the zones that are likely meant."""
    if not isinstance(name, str) or not name:
        raise Refused("timezone", f"time zone {name!r} is not a name", _ANY_ZONE)
    if name == "Local":
        raise Refused("timezone", "time zone 'Local' depends on the server's machine", _ANY_ZONE)
    if name not in _names():
        raise Refused("timezone", f"time zone {name!r} is unknown", _likely(name))
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise Refused(
            "timezone", f"time zone {name!r} cannot be read on this machine", "install tzdata, or write UTC"
        ) from error
    return name


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    # The package's list rather than the machine's: the same names are refused everywhere.
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


def _likely(name: str) -> str:
    by_lower = {zone.lower(): zone for zone in sorted(_names())}
    lower = re.sub(r"\s+", "_", name.strip().lower())
    if lower in by_lower:
        return f"write {by_lower[lower]}"
    if lower in _MEANT:
        zones = _MEANT[lower]
        return f"write {zones[0]}" if len(zones) == 1 else f"did you mean {', '.join(zones[:-1])} or {zones[-1]}?"
    offset = _OFFSET.fullmatch(lower)
    if offset:
        return _of_offset(*offset.groups())
    cities = [zone for zone in sorted(_names()) if zone.lower().rpartition("/")[2] == lower]
    # What has the length of an abbreviation resembles others that mean something else.
    near = difflib.get_close_matches(lower[:60], by_lower, 3, 0.7) if len(lower) > 5 else ()
    close = cities or [by_lower[key] for key in near]
    return f"did you mean {' or '.join(close)}?" if close else _ANY_ZONE


def _of_offset(sign: str, hours: str, minutes: str | None) -> str:
    """An offset is not a zone: it does not say when its clocks change. Etc/GMT has its sign the other way round."""
    whole = int(hours)
    zone = _BROKEN_HOURS.get(f"{sign}{whole:02}{minutes}")
    if not int(minutes or 0) and whole <= 12:
        zone = f"Etc/GMT{'-' if sign == '+' else '+'}{whole}"
    if zone is None:
        return _ANY_ZONE
    said = f"{sign}{whole:02}:{minutes or '00'}"
    return f"{_ANY_ZONE}; {said} all year round is {zone}"
