"""Transforms as the engine runs them, called where they stand: the engine calls them back across a socket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pulumi.runtime._callbacks import _CallbackServicer
from pulumi.runtime.proto import resource_pb2


class Callbacks(_CallbackServicer):
    """The functions that a program registers, by token; no server listens for them."""

    def __init__(self, monitor: Any) -> None:
        self._monitor = monitor
        self._callbacks = {}
        self._transforms = {}
        self._state_migrations = {}
        self._target = ""

    async def run(self, callback: Any, asked: Any) -> Any:
        """What a registered function answers."""
        return await self._callbacks[callback.token](asked.SerializeToString())


# Options of a registration that have the same name and shape in a transform's.
_TEXTS = {
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "additional_secret_outputs": "additionalSecretOutputs",
    "depends_on": "dependencies",
}
_PLAIN = {
    "deleted_with": "deletedWith",
    "provider": "provider",
    "version": "version",
    "plugin_download_url": "pluginDownloadURL",
}


async def transformed(request: Any, callbacks: Iterable[Any], functions: Callbacks) -> Any:
    """A registration after its transforms, in the engine's order: its own, its parents', the stack's."""
    for callback in callbacks:
        asked = resource_pb2.TransformRequest(
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            properties=request.object,
            options=_options(request),
        )
        answer = await functions.run(callback, asked)
        request.object.CopyFrom(answer.properties)
        if answer.HasField("options"):
            _apply(request, answer.options)
    return request


def _options(request: Any) -> resource_pb2.TransformResourceOptions:
    options = resource_pb2.TransformResourceOptions(
        aliases=request.aliases, providers=dict(request.providers), custom_timeouts=request.customTimeouts
    )
    for name, own in _TEXTS.items():
        getattr(options, name).extend(getattr(request, own))
    for name, own in _PLAIN.items():
        setattr(options, name, getattr(request, own))
    if request.HasField("protect"):
        options.protect = request.protect
    if request.HasField("retainOnDelete"):
        options.retain_on_delete = request.retainOnDelete
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    setattr(options, "import", request.importId)
    return options


def _apply(request: Any, options: resource_pb2.TransformResourceOptions) -> None:
    for name, own in _TEXTS.items():
        held = getattr(request, own)
        del held[:]
        held.extend(getattr(options, name))
    for name, own in _PLAIN.items():
        setattr(request, own, getattr(options, name))
    del request.aliases[:]
    request.aliases.extend(options.aliases)
    request.providers.clear()
    request.providers.update(options.providers)
    request.customTimeouts.CopyFrom(options.custom_timeouts)
    request.importId = getattr(options, "import")
    if options.HasField("protect"):
        request.protect = options.protect
    else:
        request.ClearField("protect")
    if options.HasField("retain_on_delete"):
        request.retainOnDelete = options.retain_on_delete
    else:
        request.ClearField("retainOnDelete")
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    request.deleteBeforeReplace = options.delete_before_replace
