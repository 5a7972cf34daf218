"""Tell what a model was fed: its base features, the label, and their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rdlake.domain.qlib_alphas import ALPHA158, ALPHA360
from rdlake.domain.recording import Configuration, Feature, Json

_HANDLERS = {
    "Alpha158": tuple(ALPHA158), "Alpha158vwap": tuple(ALPHA158),
    "Alpha360": tuple(ALPHA360), "Alpha360vwap": tuple(ALPHA360),
}  # fmt: skip
_LOADERS = {"Alpha158DL": tuple(ALPHA158), "Alpha360DL": tuple(ALPHA360)}


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """Hold the fields of the same names in `Configuration`."""

    base_features: tuple[Feature, ...] | None
    label: str | None
    takes_factors: bool
    sorts_features: bool


def read_inputs(handler: Json) -> ModelInputs:
    """Return what the data handler feeds; base features are None when its kind is not known."""
    if not isinstance(handler, dict):
        return ModelInputs(None, None, takes_factors=False, sorts_features=False)
    kwargs = handler.get("kwargs")
    kwargs = kwargs if isinstance(kwargs, dict) else {}
    loader = kwargs.get("data_loader")
    if isinstance(loader, dict):
        return _filter_columns(_read_loader(loader), kwargs)
    names = _HANDLERS.get(_class_name(handler))
    base = None if names is None else tuple(map(Feature, names))
    label = _first_text(kwargs.get("label"))
    return _filter_columns(
        ModelInputs(base, label, takes_factors=False, sorts_features=False), kwargs
    )


def order_features(
    configuration: Configuration, factors: Sequence[str] | None
) -> tuple[str, ...] | None:
    """Return the names in the order of the model's input; None when a part of them is not known.

    A nested loader sorts all features by name, and a factor replaces a base feature with the same
    name.
    """
    if configuration.base_features is None or (configuration.takes_factors and factors is None):
        return None
    own = [feature.name for feature in configuration.base_features]
    added = list(factors or ()) if configuration.takes_factors else []
    names = [name for name in own if name not in added] + added
    return tuple(sorted(names) if configuration.sorts_features else names)


def _read_loader(loader: dict[str, Json]) -> ModelInputs:
    kwargs = loader.get("kwargs")
    kwargs = kwargs if isinstance(kwargs, dict) else {}
    kind = _class_name(loader)
    if kind == "StaticDataLoader":
        return ModelInputs((), None, takes_factors=True, sorts_features=False)
    if kind == "NestedDataLoader":
        return _read_nested(kwargs.get("dataloader_l"))
    if kind in _LOADERS or kind == "QlibDataLoader":
        return _read_expressions(kwargs.get("config"), _LOADERS.get(kind))
    return ModelInputs(None, None, takes_factors=False, sorts_features=False)


def _read_nested(loaders: Json) -> ModelInputs:
    parts = list(_read_parts(loaders))
    base: list[Feature] | None = []
    for part in parts:
        if part.base_features is None or base is None:
            base = None
        else:
            replaced = {feature.name for feature in part.base_features}
            base = [feature for feature in base if feature.name not in replaced]
            base += part.base_features
    return ModelInputs(
        base_features=tuple(base) if base is not None and parts else None,
        label=next((part.label for part in parts if part.label), None),
        takes_factors=any(part.takes_factors for part in parts),
        sorts_features=True,
    )


def _read_parts(loaders: Json) -> Iterator[ModelInputs]:
    for loader in loaders if isinstance(loaders, list) else []:
        if isinstance(loader, dict) and _class_name(loader) != "NestedDataLoader":
            yield _read_loader(loader)
        else:
            yield ModelInputs(None, None, takes_factors=False, sorts_features=False)


def _read_expressions(config: Json, default: Sequence[str] | None) -> ModelInputs:
    """Read a loader of expressions: ([expressions], [names]), or a list of expressions alone."""
    groups = config if isinstance(config, dict) else {"feature": config}
    features = groups.get("feature")
    base = (
        tuple(map(Feature, default))
        if features is None and default is not None
        else _parse_features(features)
    )
    labels = _parse_features(groups.get("label"))
    label = labels[0].expression if labels else None
    return ModelInputs(base, label, takes_factors=False, sorts_features=False)


def _parse_features(config: Json) -> tuple[Feature, ...] | None:
    if not isinstance(config, list) or not config:
        return None
    if all(isinstance(each, str) for each in config):
        return tuple(Feature(str(each), str(each)) for each in config)
    if len(config) != 2 or not all(isinstance(each, list) for each in config):
        return None
    expressions, names = config
    assert isinstance(expressions, list)
    assert isinstance(names, list)
    texts = [*expressions, *names]
    if len(expressions) != len(names) or not all(isinstance(each, str) for each in texts):
        return None
    return tuple(Feature(str(n), str(e)) for n, e in zip(names, expressions, strict=True))


def _filter_columns(inputs: ModelInputs, kwargs: dict[str, Json]) -> ModelInputs:
    """Return the inputs that qlib's FilterCol lets through, in their old order."""
    kept: set[str] | None = None
    processors = kwargs.get("infer_processors")
    for each in processors if isinstance(processors, list) else []:
        if isinstance(each, dict) and _class_name(each) == "FilterCol":
            options = each.get("kwargs")
            columns = options.get("col_list") if isinstance(options, dict) else None
            if isinstance(columns, list):
                names = {str(name) for name in columns}
                kept = names if kept is None else kept & names
    if kept is None or inputs.base_features is None:
        return inputs
    base = tuple(feature for feature in inputs.base_features if feature.name in kept)
    return ModelInputs(base, inputs.label, inputs.takes_factors, inputs.sorts_features)


def _class_name(config: dict[str, Json]) -> str:
    name = config.get("class")
    return name.rpartition(".")[2] if isinstance(name, str) else ""


def _first_text(value: Json) -> str | None:
    while isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) else None
