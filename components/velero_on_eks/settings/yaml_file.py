"""YAML as the engine reads it, within bounds: a file is read whole, plain and small, or refused with its line."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from velero_on_eks.settings import yaml_mistakes
from velero_on_eks.settings.refusals import MISSING, Refusal, StackFileError, shown_value

# A stack file of every setting has some 5 kB. The bounds keep one bad file from taking the memory and time of all.
MAX_BYTES = 256 << 10
MAX_DEPTH = 32
# Values with every alias written out: seven levels of ten aliases would be ten million.
MAX_VALUES = 5_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Codes of what the engine reads as text, and some readers do not.
AMBIGUOUS = frozenset({"read-in-two-ways", "lost-zero"})
_LOST_COLON = re.compile(r"([A-Za-z_][\w-]*)(?::\S| +\S)")
_LOST_ZERO = re.compile(r"0[0-9]+")
_MERGE, _STANDARD = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:"
# What PyYAML's constructors end with, where a tag says a kind that the text is not of.
_NO_VALUE = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, yaml.YAMLError)
# From here on the engine makes a float of a whole number; beyond a float's it reads none at all.
_LARGEST = 1 << 63
_COLLECTIONS = (f"{_STANDARD}map", f"{_STANDARD}seq")
_TEXT_OR_NUMBER = "some readers take it for text and others for a number"
_TRUTHS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
# Plain scalars that readers of YAML 1.1 (PyYAML) and the engine's (1.2 in most) take for different values.
_READ_IN_TWO_WAYS = (
    (re.compile(r"(?i:yes|no|on|off)"), "some readers take it for text and others for true or false"),
    (re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"), "some readers take it for a number of base 60"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?"), "some readers take it for a date"),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+"),
        _TEXT_OR_NUMBER,
    ),
    (re.compile(r"[-+]\.[0-9][0-9_]*([eE][-+]?[0-9]+)?"), _TEXT_OR_NUMBER),
    (re.compile(r"[-+]?0[oO][0-7]+|[-+]?[0-9]+_[0-9_]*"), _TEXT_OR_NUMBER),
)


def read_text(path: Path, shown: str) -> str:
    """A file's text. Raises `StackFileError` where it is not a regular file, too large, or not UTF-8."""
    try:
        # Opening a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            with os.fdopen(os.dup(descriptor), "rb") if regular else io.BytesIO() as file:
                content = file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        why, remedy = error.strerror or str(error), "check its path and its rights"
        if path.is_symlink() and not path.exists():
            why, remedy = f"it links to {path.readlink()}, which does not exist", "fix the link, or delete it"
        raise _refused(shown, "unreadable-file", f"cannot be read: {why}", remedy) from None
    if not regular:
        what = ", and this is a folder" if path.is_dir() else ""
        raise _refused(shown, "not-a-file", f"a stack file is a regular file{what}", "put a file in its place")
    if len(content) > MAX_BYTES:
        limit = f"a stack file has at most {MAX_BYTES >> 10} KiB"
        raise _refused(shown, "file-too-large", limit, "take out what is not a setting")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(shown, "not-utf-8", "cannot be read: it is not UTF-8", "save it as UTF-8", line) from None


def parse(text: str, shown: str) -> yaml.Node | None:
    """The tree of a text, None for an empty one. Raises `StackFileError` where it is not YAML, or beyond the bounds."""
    try:
        if _may_be_deep(text) or _may_be_many(text):
            _bounded_events(text, shown)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise StackFileError([not_yaml(text, shown, error)]) from None
    except yaml.reader.ReaderError as error:
        raise _refused(
            shown,
            "not-yaml",
            f"is not YAML: it has the character U+{_code(error.character):04X}, which YAML does not allow",
            "remove it",
            text.encode().count(b"\n", 0, error.position) + 1,
        ) from None
    if root is not None:
        _bounded_size(root, shown)
    return root


def not_yaml(text: str, shown: str, error: yaml.MarkedYAMLError) -> Refusal:
    """What is wrong in a text that a parser stopped in: the line, the place in it, the likely mend."""
    deep = _may_be_deep(text) or _may_be_many(text)
    found = yaml_mistakes.find(text, error, try_mends=not deep)
    source = yaml_mistakes.shown_line(text, found.line)
    return Refusal(
        "not-yaml",
        f"is not YAML: {found.what}",
        found.mend,
        file=shown,
        line=found.line,
        # Of a line that is hidden in part, its end is as far as a column can be.
        column=min(found.column, len(source) + 1),
        source=source,
    )


def _may_be_deep(text: str) -> bool:
    """Whether it is worth a look at every token: a collection begins at a bracket, or further right than its own."""
    columns = max((len(line) - len(line.lstrip(" -?:")) for line in text.splitlines()), default=0)
    # A list may stand in the column of the key that it belongs to.
    return 2 * (columns + 1) + text.count("[") + text.count("{") > MAX_DEPTH


def _may_be_many(text: str) -> bool:
    """Whether there may be too many values: each but the first has one of these in front of it."""
    return sum(map(text.count, ",:?-[{\n")) >= MAX_VALUES


def _bounded_events(text: str, shown: str) -> None:
    """Refuse what a tree of it would take too long to make of, before it is made."""
    depth = count = 0
    for event in yaml.parse(text, Loader=_Loader):
        count += isinstance(event, yaml.NodeEvent)
        if count > MAX_VALUES:
            limit = f"a stack file has at most {MAX_VALUES} values"
            raise _refused(shown, "too-many-values", limit, "take out what is not a setting", event.start_mark.line + 1)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                limit = f"lists and mappings lie at most {MAX_DEPTH} deep in each other"
                raise _refused(shown, "too-deep", limit, "remove the brackets", event.start_mark.line + 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _bounded_size(root: yaml.Node, shown: str) -> None:
    begun, sizes = (0, 0), dict[int, tuple[int, int]]()

    # An alias stands behind what it means, so that this goes no deeper than the text does.
    def size(node: yaml.Node) -> tuple[int, int]:
        known = sizes.get(id(node))
        if known == begun:
            limit = "an alias inside of what it stands for has no end"
            raise _refused(shown, "endless-alias", limit, "write the value out", node.start_mark.line + 1)
        if known is None:
            sizes[id(node)] = begun
            inner = [size(child) for child in _children(node)]
            known = 1 + sum(count for count, _ in inner), 1 + max((deep for _, deep in inner), default=0)
            sizes[id(node)] = known
        return known

    count, depth = size(root)
    if count > MAX_VALUES or depth > MAX_DEPTH + 1:
        limit = f"with every alias (*name) written out, a stack file has at most {MAX_VALUES} values, {MAX_DEPTH} deep"
        raise _refused(shown, "too-many-values", limit, "write out what is meant, where it is meant")


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        if isinstance(child, tuple):
            yield from child
        else:
            yield child


def plain(node: yaml.Node, shown: str) -> tuple[Any, list[Refusal]]:
    """The value that a tree stands for, and all in it that has none or that readers of YAML disagree on."""
    reader = _Reader(shown)
    return reader.value(node, ()), reader.refused


class _Reader:
    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._loader = _Loader("")
        self._told: set[tuple[int, str]] = set()
        self.refused: list[Refusal] = []

    def value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
            self._tag(node, path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
        return self._scalar(node, path) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in self._flat(node, path):
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, path, "key-is-no-text", "a key is text", "write one word in front of ':'")
                continue
            here = (*path, key.value)
            if not self._is_text(key):
                limit = "a key is text, and the engine writes another one for this"
                self._refuse(key, path, "key-is-no-text", limit, f'quote it: "{key.value}"')
                continue
            same = lines.get(key.value.casefold())
            if same is not None:
                # The first of the two counts; their file is refused whatever they say.
                self._refuse(key, here, "key-twice", f"the same key as on line {same}", "keep one of them")
                continue
            lines[key.value.casefold()] = line
            found[key.value] = self.value(value, here)
        return found

    def _flat(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> list[tuple[yaml.Node, yaml.Node]]:
        """The pairs of a mapping, with what `<<` brings in behind its own, which win."""
        own = [(key, value) for key, value in node.value if key.tag != _MERGE]
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        for key, value in node.value:
            if key.tag != _MERGE:
                continue
            sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for source in sources:
                if isinstance(source, yaml.MappingNode):
                    merged += self._flat(source, path)
                else:
                    self._refuse(key, (*path, "<<"), "merge", "'<<' brings in a mapping", "write '<<: *name'")
        seen = {key.value for key, _ in own if isinstance(key, yaml.ScalarNode)}
        for key, value in merged:
            if isinstance(key, yaml.ScalarNode) and key.value not in seen:
                seen.add(key.value)
                own.append((key, value))
        return own

    def _scalar(self, node: yaml.ScalarNode, path: tuple[str | int, ...]) -> Any:
        text = str(node.value)
        if not node.tag.startswith(_STANDARD) or node.tag == f"{_STANDARD}binary":
            self._tag(node, path)
            return text
        if not node.style:
            if _LOST_ZERO.fullmatch(text):
                why = f"YAML readers take {text} for a number and lose its zero"
                self._refuse(node, path, "lost-zero", why, f"quote it: {shown_value(text)}")
                return text
            for pattern, why in _READ_IN_TWO_WAYS:
                if pattern.fullmatch(text):
                    remedy = f"quote it: {shown_value(text)}"
                    if text.lower() in _TRUTHS:
                        remedy = f"write {_TRUTHS[text.lower()]}, or {shown_value(text)} for text"
                    self._refuse(node, path, "read-in-two-ways", why, remedy, text)
                    return text
        try:
            found = self._loader.construct_object(node)
            if isinstance(found, (int, float)) and not abs(found) < _LARGEST:
                why = "the engine reads it as another number, or as none"
                self._refuse(node, path, "read-in-two-ways", why, f"quote it: {shown_value(text)}", text)
                return text
            return found
        except _NO_VALUE as error:
            why = getattr(error, "problem", None) or str(error)
            self._refuse(
                node, path, "not-yaml", f"is not a value of its kind: {why}", f"quote it: {shown_value(text)}", text
            )
            return text

    def _is_text(self, key: yaml.ScalarNode) -> bool:
        """Whether the engine has this key as it is written. It makes text of what YAML takes for something else: of
        `0x10` 16, of `~` "<nil>", of a date a moment."""
        if key.style:
            return True
        if key.tag == f"{_STANDARD}str":
            return not any(pattern.fullmatch(key.value) for pattern, _ in _READ_IN_TWO_WAYS)
        if key.tag == f"{_STANDARD}bool":
            return key.value in ("true", "false")
        return key.tag == f"{_STANDARD}int" and re.fullmatch(r"0|-?[1-9][0-9]{0,17}", key.value) is not None

    def _tag(self, node: yaml.Node, path: tuple[str | int, ...]) -> None:
        tag = node.tag.replace(_STANDARD, "!!")
        self._refuse(node, path, "yaml-tag", f"the tag {tag} means nothing here", "write the value without it")

    def _refuse(
        self, node: yaml.Node, path: tuple[str | int, ...], code: str, limit: str, remedy: str, value: Any = MISSING
    ) -> None:
        if (id(node), code) in self._told:
            # It stands there once, however many aliases bring it in.
            return
        self._told.add((id(node), code))
        line = node.start_mark.line + 1
        # Every field of a stack file is in `config`, and is named without it.
        shorter = path[1:] if path[:1] == ("config",) and path[1:] else path
        self.refused.append(Refusal(code, limit, remedy, shorter, value, self._shown, line))


def _code(character: Any) -> int:
    return character if isinstance(character, int) else ord(character)


def _refused(shown: str, code: str, limit: str, remedy: str, line: int | None = None) -> StackFileError:
    return StackFileError([Refusal(code, limit, remedy, file=shown, line=line)])


class Lines:
    """Finds the line of a field: the deepest part of its path that the file has."""

    def __init__(self, root: yaml.Node | None) -> None:
        found = _child(root, "config")
        self._root = found[0] if found else None
        self._keys: dict[int, dict[str, tuple[yaml.Node, int]]] = {}

    @classmethod
    def of_file(cls, path: Path) -> Lines:
        """The lines of a file, or of none where it is not there (`pulumi --config-file` can name another)."""
        try:
            return cls(parse(read_text(path, str(path)), str(path)))
        except StackFileError:
            return cls(None)

    def of(self, path: tuple[str | int, ...]) -> int | None:
        """The line of a field by its way from `config`."""
        return self._found(path)[1]

    def swallowed(self, path: tuple[str | int, ...]) -> str:
        """What a field's value may be instead of what was meant, where it looks like a line that lacks its colon or
        its blank; empty for a value that looks right."""
        node, line = self._found(path)
        if not isinstance(node, yaml.ScalarNode) or node.style:
            return ""
        begin, end = node.start_mark.line + 1, node.end_mark.line + 1
        text = str(node.value)
        if text.startswith("-") and begin != line:
            return f"on line {begin} a space is missing after '-'"
        if begin != end:
            return f"line {begin + 1} is part of this value: its indentation is wrong, or it lacks '- ' or a colon"
        if begin != line and (key := _LOST_COLON.match(text)):
            return f"on line {begin} a colon and a space are missing after '{key[1]}'"
        return ""

    def _found(self, path: tuple[str | int, ...]) -> tuple[yaml.Node | None, int | None]:
        """The deepest part of a path that the file has, and its line."""
        node, line = self._root, None
        for part in path:
            if isinstance(node, yaml.MappingNode):
                found = self._mapping(node).get(str(part))
            else:
                found = _child(node, part)
            if found is None:
                break
            node, line = found
        return node, line

    def _mapping(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, int]]:
        """The keys of a mapping, gone through once: of thousands of refusals each asks for one."""
        if id(node) not in self._keys:
            self._keys[id(node)] = {
                key.value: (value, key.start_mark.line + 1)
                for key, value in reversed(node.value)
                if isinstance(key, yaml.ScalarNode)
            }
        return self._keys[id(node)]


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None
