"""What is refused and why, as a value: where it stands, what must hold there, and what to do. Rendered last, once."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

HIDDEN = "(hidden)"
# Characters of a value that a line shows; a longer one is cut in its middle.
SHOWN = 80
_LONGEST_FIELD, _LONGEST_SENTENCE = 300, 1_500
_DEEPEST = 40

# Read with everything but letters and digits taken out, so that repositoryPassword, repository-password and
# aws:REPOSITORY_PASSWORD are one word.
_SECRET_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "passwrd",
    "pasword",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "encryptionkey",
    "signingkey",
    "masterkey",
    "sshkey",
    "clientkey",
    "sharedkey",
    "keymaterial",
    "keydata",
    "authorization",
    "bearer",
    "dockerconfigjson",
    "connectionstring",
)
# Settings that name a secret, or say whether there is one, and hold none.
_NAMES_OF_SECRETS = frozenset({"repositorysecret", "imagepullsecrets", "imagepullsecret", "secretname"})
# Ends of names that say where a secret is.
_REFERENCES = re.compile(
    r"(?i:names?|refs?|files?|paths?|class|provider|seconds|type|ids?|enabled|inject|reload|mount|issuer|audience|url)$"
)
_SECRET_SHAPES = re.compile(
    r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}\b"
    r"|-----BEGIN "
    r"|\beyJ[\w-]{8,300}\.eyJ[\w-]{8,}\."
    r"|\bgh[pousr]_\w{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bpul-[0-9a-f]{30,}"
    r"|://[^/\s:@]*:[^/\s@]+@"
    r"|(?i:password|passwd|secret(?:_?access_?key)?|token)[\"']?\s*[=:]\s*\S"
)
# A secret access key of AWS: forty characters, which a commit's name (hexadecimal alone) has as well.
_SECRET_KEY = re.compile(r"(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*[0-9])[A-Za-z0-9/+]{40}")


class _Missing:
    """Stands for a value that is not there, which null is not. There is one, in every process."""

    def __repr__(self) -> str:
        return "(not there)"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Refusal:
    """One thing refused.

    `code` is kebab-case and stays the same for programs, whatever the words become. `limit` says what must hold and
    why, `remedy` what to do; it is empty only where nothing can be done. `path` is the way to the field, its keys as
    they were written, a list's places from 0. `line` and `column` count from 1; `source` is that line's text, where the
    place in it is what people look for, and no secret is in it. `value` is what was found, `MISSING` where there
    is none; what may be a secret is `(hidden)` from the moment that the refusal is made.
    """

    code: str
    limit: str
    remedy: str = ""
    path: tuple[str | int, ...] = ()
    value: Any = MISSING
    file: str | None = None
    line: int | None = None
    column: int | None = None
    source: str = ""

    def __post_init__(self) -> None:
        shown = masked(self.path, self.value)
        for word in ("limit", "remedy"):
            object.__setattr__(self, word, _without(getattr(self, word), self.value, shown))
        object.__setattr__(self, "value", shown)

    @property
    def field(self) -> str:
        """The field as it was written, in dots: `velero-eks:schedules.daily-backup.keep`; empty for a whole file."""
        return ".".join(
            HIDDEN if isinstance(part, str) and _SECRET_SHAPES.search(part) else str(part) for part in self.path
        )

    @property
    def sentence(self) -> str:
        """Limit and remedy, for a place that has said where it is."""
        return f"{self.limit}; {self.remedy}" if self.remedy else self.limit

    def __str__(self) -> str:
        return render(self)

    def hidden(self, *secrets: Any) -> Refusal:
        """The same refusal of a secret: its value hidden, and each of `secrets` taken out of its words."""
        found = replace(self, value=self.value if self.value is MISSING else HIDDEN)
        for word in ("limit", "remedy"):
            text = getattr(found, word)
            for secret in secrets:
                text = _without(text, secret, HIDDEN)
            object.__setattr__(found, word, text)
        return found

    def to_mapping(self) -> dict[str, Any]:
        """For programs: `code`, `file`, `line`, `field`, `limit` and `remedy`; `column`, `source` and `value` where
        there is one."""
        found: dict[str, Any] = {"code": self.code, "file": self.file, "line": self.line, "field": self.field or None}
        if self.column is not None:
            found |= {"column": self.column, "source": self.source}
        if self.value is not MISSING:
            found["value"] = self.value
        return {**found, "limit": self.limit, "remedy": self.remedy}

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Refusal:
        """What `to_mapping` wrote, as another version of this tool may have written it."""
        field, line, column = given.get("field"), given.get("line"), given.get("column")
        return cls(
            code=str(given.get("code") or "unknown"),
            limit=str(given.get("limit") or ""),
            remedy=str(given.get("remedy") or ""),
            path=(str(field),) if field else (),
            value=given.get("value", MISSING),
            file=given.get("file") and str(given["file"]),
            line=line if isinstance(line, int) else None,
            column=column if isinstance(column, int) else None,
            source=str(given.get("source") or ""),
        )


class Refused(ValueError):
    """What a validator raises: it knows what must hold, and not where its value stands.

    `path` leads on from the validator's own field, where that is a mapping. Its text is limit and remedy.
    """

    def __init__(self, code: str, limit: str, remedy: str = "", *, path: Sequence[str | int] = ()) -> None:
        self.code, self.limit, self.remedy, self.path = code, limit, remedy, tuple(path)
        super().__init__(code, limit, remedy)

    def __str__(self) -> str:
        return f"{self.limit}; {self.remedy}" if self.remedy else self.limit

    def at(self, path: Iterable[str | int], value: Any = MISSING) -> Refusal:
        """The refusal, once it is known where the value stands."""
        return Refusal(self.code, self.limit, self.remedy, (*path, *self.path), value)


class _WithRefusals(Exception):
    refusals: tuple[Refusal, ...]

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__(self.refusals)

    def __str__(self) -> str:
        return "\n".join(map(told, self.refusals))


@dataclass(frozen=True)
class SettingsWarning:
    """Something true of valid settings that whoever is on call should know. `rule` is its name for waivers."""

    rule: str
    field: str
    message: str
    severity: str = "warning"


class InvalidSettings(_WithRefusals, ValueError):
    """Settings that cannot be used; `refusals` holds everything wrong with them."""


class StackFileError(_WithRefusals):
    """A stack file that cannot be used; `refusals` holds everything wrong with it, in the file's order."""


def render(refusal: Refusal) -> str:
    """The one line that people read: `FILE:LINE: FIELD = VALUE: LIMIT; REMEDY`, without what is not known of it."""
    place = refusal.file or ""
    if place and refusal.line is not None:
        place = f"{place}:{refusal.line}" + (f":{refusal.column}" if refusal.column is not None else "")
    field = _cut(refusal.field, _LONGEST_FIELD)
    if refusal.value is not MISSING:
        field = f"{field} = {shown_value(refusal.value)}" if field else shown_value(refusal.value)
    said = ": ".join(part for part in (place, field, _cut(refusal.sentence, _LONGEST_SENTENCE)) if part)
    # What a file or a server says may hold a terminal's own commands, or a line that looks like one of ours.
    return "".join(one if one.isprintable() else _escaped(one) for one in said)


def told(refusal: Refusal) -> str:
    """What people read on a page of its own: the line of `render`, then the line of the file with a caret below it.

    Only the first of the lines begins without a blank.
    """
    return "\n".join([render(refusal), *_excerpt(refusal)])


def _excerpt(refusal: Refusal) -> list[str]:
    if refusal.line is None or refusal.column is None or not refusal.source:
        return []
    # As an editor shows a tab: a character of its own, so that the caret stands below the right one.
    text = "".join("→" if one == "\t" else one if one.isprintable() else "�" for one in refusal.source)
    first = max(0, refusal.column - 1 - SHOWN // 2) if len(text) > SHOWN else 0
    number = str(refusal.line)
    caret = " " * (refusal.column - 1 - first)
    return [f"  {number} | {text[first : first + SHOWN]}", f"  {' ' * len(number)} | {caret}^"]


def _escaped(character: str) -> str:
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character) or f"\\u{ord(character):04x}"


def shown_value(value: Any) -> str:
    """A value as it would stand in the file, at most `SHOWN` characters of it."""
    text = HIDDEN if value == HIDDEN else json.dumps(value, ensure_ascii=False, default=str)
    return _cut(text, SHOWN)


def _cut(text: str, longest: int) -> str:
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def placed(refusals: Iterable[Refusal], file: str) -> list[Refusal]:
    """The refusals, told of another file than the one that was read."""
    return [replace(refusal, file=file) for refusal in refusals]


def masked(path: Sequence[str | int], value: Any) -> Any:
    """A value without what someone could sign in with: by the names of its keys, however deep, and by its shape.

    Whole where a key on the way to it smells of a secret. What is not JSON becomes text.
    """
    if any(isinstance(part, str) and smells(part) for part in path):
        return value if value is MISSING or value in (None, True, False, "", HIDDEN) else HIDDEN
    return _masked(value, 0)


def smells(key: str) -> bool:
    """Whether a key's name says that its value is a secret. A key's ARN, alias or age is none."""
    plain = re.sub(r"[^a-z0-9]", "", key.rpartition(":")[2].lower())
    if plain in _NAMES_OF_SECRETS:
        return False
    # Whoever misspells the one secret that a stack file has means it nevertheless.
    return any(word in plain for word in _SECRET_WORDS) or bool(
        difflib.get_close_matches(plain[:60], ("repositorypassword",), cutoff=0.8)
    )


def names_secret(key: str) -> bool:
    """Whether a key's name says that its value is a secret, and not where one is: a name, a file, a reference."""
    last = key.rpartition("/")[2]
    return smells(last) and not _REFERENCES.search(last)


def secret_shaped(text: str) -> bool:
    """Whether a text has the form of something that one signs in with."""
    return bool(_SECRET_SHAPES.search(text) or _SECRET_KEY.fullmatch(text))


def _masked(value: Any, deep: int) -> Any:
    if deep > _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        # An entry of an environment has its name beside its value.
        named = next((value[key] for key in ("name", "key") if isinstance(value.get(key), str)), "")
        hidden = smells(named)
        return {
            str(key): HIDDEN
            if (smells(str(key)) and item not in (None, True, False, "")) or (hidden and key == "value")
            else _masked(item, deep + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_masked(item, deep + 1) for item in value]
    if value is MISSING or value is None or isinstance(value, (bool, int, float)):
        return value
    if not isinstance(value, (str, date)):
        return f"({type(value).__name__})"
    text = str(value)
    return HIDDEN if secret_shaped(text) else text


def _without(text: str, value: Any, shown: Any) -> str:
    """Words that quote a value, without it where it is hidden."""
    if shown != HIDDEN or value == HIDDEN or not isinstance(value, (str, int, float)) or not str(value):
        return text
    text = text.replace(str(value), HIDDEN)
    # A quotation is cut where it is long, and what is left of a secret is still too much of it.
    return "the hidden value is not allowed" if str(value)[:8] in text else text
