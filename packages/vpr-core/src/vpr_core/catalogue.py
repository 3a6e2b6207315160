"""The components that were found, by kind and name, and whose they are. What a run file is, nothing here knows.

`vpr_core.config` makes the model of a run file of a catalogue; `vpr_core.registry.Registry` is both in one object.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from vpr_core.components import KINDS, ComponentConfig, ComponentSpec
from vpr_core.errors import PluginError, UnknownComponentError
from vpr_core.image_needs import ImageNeeds
from vpr_core.known_plugins import comes_with
from vpr_core.models import ModelSpec
from vpr_core.origin import LoadedPlugin, LoadReport, PluginFailure, PluginOrigin

__all__ = ["Catalogue"]


class Catalogue:
    """The components found, by kind and name, and the plug-ins they come from.

    Attributes:
        memo: what others made of these components and keep with them, by keys of their own (the run-file models).

    Args:
        report: what `vpr_core.loader.load_plugins` found.

    Raises:
        PluginError: two plug-ins give the same name to components of one kind.
    """

    def __init__(self, report: LoadReport) -> None:
        self._report = report
        self._components: dict[str, dict[str, tuple[ComponentSpec[Any], PluginOrigin]]] = {kind: {} for kind in KINDS}
        self.memo: dict[object, Any] = {}
        clashes: list[str] = []
        for plugin in report.plugins:
            for spec in plugin.specs:
                other = self._components[spec.kind].get(spec.name)
                if other is not None:
                    clashes.append(f"{spec.kind} {spec.name!r}: {other[1]} and {plugin.origin}")
                else:
                    self._components[spec.kind][spec.name] = (spec, plugin.origin)
        _refuse_clashes("components", clashes)

    @property
    def plugins(self) -> tuple[LoadedPlugin, ...]:
        """The plug-ins that work, in loading order."""
        return self._report.plugins

    @property
    def failures(self) -> tuple[PluginFailure, ...]:
        """The plug-ins that were found and could not be used."""
        return self._report.failures

    @property
    def disabled(self) -> tuple[str, ...]:
        """Installed distributions that were left out on request."""
        return self._report.disabled

    @cached_property
    def models(self) -> Mapping[str, tuple[ModelSpec, PluginOrigin]]:
        """Networks by name, in the order of the plug-ins, with whom they come from.

        Raises:
            PluginError: two plug-ins give one name, or a plug-in's hook fails.
        """
        found: dict[str, tuple[ModelSpec, PluginOrigin]] = {}
        clashes: list[str] = []
        for plugin in self.plugins:
            try:
                models = plugin.models()
            except Exception as error:
                raise PluginError(f"{plugin.origin}: its hook vpr_models failed ({error}); {_LEAVE_OUT}") from error
            for model in models:
                if model.name in found:
                    clashes.append(f"model {model.name!r}: {found[model.name][1]} and {plugin.origin}")
                found[model.name] = (model, plugin.origin)
        _refuse_clashes("models", clashes)
        return found

    def model(self, name: str) -> ModelSpec:
        """Return the network called ``name``.

        Raises:
            UnknownComponentError: there is none; says which are near, and which plug-in it may come with.
        """
        if name not in self.models:
            raise UnknownComponentError(self.explain_unknown_model(name))
        return self.models[name][0]

    def explain_unknown_model(self, name: str) -> str:
        """What to say of a name that no network has here."""
        close = difflib.get_close_matches(name.lower(), self.models, n=3, cutoff=0.7)
        text = f"no model named {name[:80]!r}"
        if close:
            text += f"; did you mean {' or '.join(map(repr, close))}?"
        elsewhere = comes_with("model", name.lower())
        return f"{text}{elsewhere}{'' if close else '.'} `vpr models` lists the names."

    def specs(self, kind: str) -> tuple[ComponentSpec[Any], ...]:
        """Every component of ``kind``, sorted by name."""
        return tuple(spec for _, (spec, _) in sorted(self._of_kind(kind).items()))

    def get(self, kind: str, name: str) -> Any:
        """Return the spec of ``kind`` called ``name``: an instance of ``KINDS[kind]``.

        Raises:
            UnknownComponentError: there is none; says what is installed and which plug-ins failed.
        """
        found = self._of_kind(kind).get(name)
        if found is None:
            raise UnknownComponentError(self.explain_unknown(kind, name))
        return found[0]

    def origin(self, kind: str, name: str) -> PluginOrigin:
        """Which plug-in the component comes from."""
        self.get(kind, name)
        return self._components[kind][name][1]

    def explain_unknown(self, kind: str, name: str) -> str:
        """What to say of a name that is not installed: the nearest one, all of them, and who failed to load."""
        installed = sorted(self._of_kind(kind))
        close = difflib.get_close_matches(name.lower().replace("-", "_"), installed, n=1)
        text = f"no {kind} named {name[:80]!r}"
        if close:
            text += f"; did you mean {close[0]!r}?"
        text += f"{comes_with(kind, name)}{'' if close else '.'} Installed: {', '.join(installed) or 'none'}."
        if self.failures:
            text += f" Plug-ins that failed to load: {'; '.join(map(str, self.failures))}."
        if self.disabled:
            text += f" Plug-ins left out by request: {', '.join(self.disabled)}."
        return text

    def image_needs(self, config: ComponentConfig) -> ImageNeeds | None:
        """What the backbone that ``config`` describes asks of its images; None when its plug-in does not say."""
        needs: ImageNeeds | None = self._asked("backbone", config, "images")
        return needs

    def remarks(self, kind: str, config: ComponentConfig) -> tuple[str, ...]:
        """What a user should know of the component that ``config`` describes before it is used, a line each."""
        return tuple(map(str, self._asked(kind, config, "remarks") or ()))

    def _asked(self, kind: str, config: ComponentConfig, what: str) -> Any:
        spec = self.get(kind, config.type)
        asked = getattr(spec, what)
        try:
            return asked(config) if asked is not None else None
        except Exception as error:
            raise PluginError(
                f"{kind} {spec.name!r} of {self.origin(kind, spec.name)}: its function {what} failed on a config that "
                f"its own model accepts ({type(error).__name__}: {error})"
            ) from error

    def build(self, kind: str, config: ComponentConfig, *args: Any) -> Any:
        """Build the component that ``config`` describes: ``registry.build("pooling", config.pooling, features)``.

        ``args`` are those of the kind's ``build`` after the config: the `FeatureSpec` for a pooling layer, the
        dimension for an index. An exception of the component passes through, with a note that names its plug-in.
        """
        spec = self.get(kind, config.type)
        if not isinstance(config, spec.config):
            raise TypeError(
                f"config must be a {spec.config.__name__} to build {kind} {spec.name!r}, got {type(config).__name__}"
            )
        try:
            return spec.build(config, *args)
        except Exception as error:
            error.add_note(f"while building {kind} {spec.name!r} of {self.origin(kind, spec.name)}")
            raise

    def _of_kind(self, kind: str) -> dict[str, tuple[ComponentSpec[Any], PluginOrigin]]:
        if kind not in self._components:
            raise ValueError(f"kind must be one of {', '.join(self._components)}, got {kind!r}")
        return self._components[kind]


_LEAVE_OUT = "leave it out with VPR_DISABLE_PLUGINS=<distribution>"


def _refuse_clashes(what: str, clashes: Sequence[str]) -> None:
    if clashes:
        raise PluginError(
            f"two plug-ins give one name to different {what}: {'; '.join(clashes)}. Uninstall one of the two, or "
            f"{_LEAVE_OUT}."
        )
