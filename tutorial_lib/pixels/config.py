"""Settings of a model: one frozen dataclass, which the model keeps and its weights are stored with.

    @dataclass(frozen=True, kw_only=True)
    class PixelCNNConfig(Config):
        n_levels: Several = 2

    class PixelCNN(nn.Module):
        @built_from(PixelCNNConfig)
        def __init__(self, config):
            super().__init__()
            self.config = config

`PixelCNN(n_levels=4)` and `PixelCNN(PixelCNNConfig(n_levels=4))` are the same model. What one
setting asks of another stands in the `__post_init__` of the dataclass, after `super()`'s.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass, replace

from tutorial_lib.contracts import check_fields


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings with values as their annotations say: ValueError or TypeError for others."""

    def __post_init__(self):
        check_fields(self)


def built_from(config_class: type[Config]) -> Callable:
    """Decorates `__init__(self, config)`: takes a config, or settings by their names, or both."""

    def decorate(init: Callable) -> Callable:
        @functools.wraps(init)
        def call(self, config: Config | None = None, /, **settings):
            if not isinstance(config, (config_class, type(None))):
                raise TypeError(f"config must be a {config_class.__name__}, got {config!r:.60}")
            init(self, replace(config, **settings) if config else config_class(**settings))

        itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        settings = inspect.signature(config_class).parameters.values()
        call.__signature__ = inspect.Signature([itself, *settings])  # what help() shows
        return call

    return decorate


def settings_of(model: object) -> dict:
    """The settings of a model by their names, as JSON takes them; none for a model without."""
    config = getattr(model, "config", {})
    return asdict(config) if is_dataclass(config) else config
