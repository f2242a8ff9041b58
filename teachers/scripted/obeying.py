"""JSON schemas as servers take them for constrained answers: is one well made, and obeyed?

The keywords are those that hosted servers document for strict answers, with bounds on lengths; any
other is refused, as they do, so that what runs here runs there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: Keywords that say nothing about a value.
ANNOTATIONS = frozenset({"title", "description", "default", "examples", "$schema", "$id", "format"})
_DEFINITIONS = ("$defs", "definitions")
_FOR_TYPE: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "boolean": frozenset(),
    "null": frozenset(),
}
TYPES = tuple(_FOR_TYPE)
_KNOWN = frozenset({"type", "enum", "const", "anyOf", "$ref", *_DEFINITIONS, *ANNOTATIONS}).union(
    *_FOR_TYPE.values()
)
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
#: Schemas within a schema; hosted servers allow some hundreds of properties.
MOST_NODES = 5_000
#: How deep schemas may lie in each other, references not counted.
MOST_DEPTH = 64


class SchemaError(ValueError):
    """A schema that cannot be asked for. The text is one line, for an answer of status 400."""


def check_schema(schema: Any, strict: bool = False) -> None:
    """Whether ``schema`` can be asked for.

    Args:
        schema: what came under ``response_format.json_schema.schema``.
        strict: as hosted servers: the root is an object, every object names all its properties as
            required and allows no other.

    Raises:
        SchemaError: if it cannot.
    """
    if not isinstance(schema, dict):
        raise SchemaError("schema must be an object")
    for count, (place, node) in enumerate(_nodes(schema, "#", 0)):
        if count >= MOST_NODES:
            raise SchemaError(f"schema has more than {MOST_NODES} parts")
        _check_node(place, node, schema, strict)
    if strict and resolved(schema, schema).get("type") != "object":
        raise SchemaError("#: the root of a strict schema must be of type object")
    if height(schema, schema) == math.inf:
        raise SchemaError("#: no finite value obeys this schema")


def resolved(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """``node``, or what it refers to.

    Raises:
        SchemaError: if it refers to nothing, or in a circle.
    """
    if "$ref" not in node:
        return node
    seen = set()
    while "$ref" in node:
        reference = node["$ref"]
        if reference in seen:
            raise SchemaError(f"$ref {reference!r} refers to itself")
        seen.add(reference)
        found: Any = root
        if reference != "#" and not reference.startswith("#/"):
            raise SchemaError(f"$ref {reference!r} is not local")
        for part in reference.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or part not in found:
                raise SchemaError(f"$ref {reference!r} refers to nothing")
            found = found[part]
        if not isinstance(found, dict):
            raise SchemaError(f"$ref {reference!r} refers to no schema")
        node = found
    return node


def types_of(node: Mapping[str, Any]) -> tuple[str, ...]:
    """The types that a resolved node without ``anyOf`` allows; all where it names none."""
    named = node.get("type")
    if isinstance(named, str):
        return (named,)
    if named is not None:
        return tuple(named)
    if "properties" in node:
        return ("object",)
    if "items" in node or "prefixItems" in node:
        return ("array",)
    return TYPES


def height(
    node: Mapping[str, Any], root: Mapping[str, Any], above: frozenset[int] = frozenset()
) -> float:
    """How deep the flattest value is that obeys ``node``: 0 for a text, infinite for a schema that
    no finite value obeys."""
    node = resolved(node, root)
    if id(node) in above:
        return math.inf
    above = above | {id(node)}
    if "enum" in node or "const" in node:
        return 0 if literals(node, root) else math.inf
    if "anyOf" in node:
        return min(height(branch, root, above) for branch in node["anyOf"])
    return min(_height_as(kind, node, root, above) for kind in types_of(node))


def literals(node: Mapping[str, Any], root: Mapping[str, Any]) -> list[Any]:
    """The values that a node lists itself, without those that it forbids elsewhere."""
    listed = node["enum"] if "enum" in node else [node["const"]]
    return [value for value in listed if violation(value, node, root) is None]


def violation(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, at: str = "$"
) -> str | None:
    """Where ``value`` breaks a schema that `check_schema` took, and how; None if it obeys."""
    root = schema if root is None else root
    node = resolved(schema, root)
    if isinstance(value, str) and node.get("type") == "string" and "enum" not in node:
        # Most values of most answers.
        if "const" in node and value != node["const"]:
            return f"{at}: not the constant"
        return _outside(len(value), node, "minLength", "maxLength", f"{at}: characters")
    if "const" in node and not same(value, node["const"]):
        return f"{at}: not the constant"
    if "enum" in node and not any(same(value, allowed) for allowed in node["enum"]):
        return f"{at}: not one of the enum"
    if "anyOf" in node and all(
        violation(value, branch, root, at) is not None for branch in node["anyOf"]
    ):
        return f"{at}: obeys no branch of anyOf"
    if "type" in node and not any(_is(value, kind) for kind in types_of(node)):
        return f"{at}: not of type {node['type']}"
    if isinstance(value, str):
        return _outside(len(value), node, "minLength", "maxLength", f"{at}: characters")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _out_of_bounds(value, node, at)
    if isinstance(value, list):
        return _wrong_list(value, node, root, at)
    if isinstance(value, dict):
        return _wrong_object(value, node, root, at)
    return None


def same(first: Any, second: Any) -> bool:
    """Equal as JSON: ``1`` and ``1.0`` are, ``1`` and ``true`` are not."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    return bool(first == second)


def item_schema(node: Mapping[str, Any], index: int) -> Mapping[str, Any] | None:
    """The schema of an array's item; None where any item goes.

    Raises:
        SchemaError: if there may be no such item.
    """
    prefix: Sequence[Mapping[str, Any]] = node.get("prefixItems", ())
    if index < len(prefix):
        return prefix[index]
    items = node.get("items", True)
    if items is False:
        raise SchemaError("no further items are allowed")
    return None if items is True else items


def property_schema(node: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The schema of an object's property; None where any value goes, or there may be none."""
    found = node.get("properties", {}).get(name, node.get("additionalProperties", True))
    return None if isinstance(found, bool) else found


def _height_as(
    kind: str, node: Mapping[str, Any], root: Mapping[str, Any], above: frozenset[int]
) -> float:
    if kind == "object":
        inner = [property_schema(node, name) or {} for name in node.get("required", ())]
    elif kind == "array":
        inner = [item_schema(node, index) or {} for index in range(_least_items(node))]
    else:
        low, high = _range(node)
        return 0 if kind not in ("integer", "number") or low <= high else math.inf
    return 1 + max((height(part, root, above) if part else 0 for part in inner), default=0)


def _least_items(node: Mapping[str, Any]) -> int:
    """Items of an array that differ in schema, as far as any must be there."""
    least: int = node.get("minItems", 0)
    return min(least, len(node.get("prefixItems", ())) + 1)


def _range(node: Mapping[str, Any]) -> tuple[float, float]:
    """Least and greatest number; an exclusive bound counts as if it were none for this purpose,
    unless nothing is left."""
    low = max(node.get("minimum", -math.inf), node.get("exclusiveMinimum", -math.inf))
    high = min(node.get("maximum", math.inf), node.get("exclusiveMaximum", math.inf))
    return low, high


def _nodes(node: Any, place: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema in a schema, with its place."""
    if not isinstance(node, dict):
        raise SchemaError(f"{place}: must be an object")
    if depth > MOST_DEPTH:
        raise SchemaError(f"{place}: nested deeper than {MOST_DEPTH}")
    yield place, node
    for keyword in (*_DEFINITIONS, "properties"):
        inner = node.get(keyword, {})
        if not isinstance(inner, dict):
            raise SchemaError(f"{place}: {keyword} must be an object")
        for name, part in inner.items():
            yield from _nodes(part, f"{place}/{keyword}/{name}", depth + 1)
    for keyword in ("anyOf", "prefixItems"):
        listed = node.get(keyword, [])
        if not isinstance(listed, list) or (keyword in node and not listed):
            raise SchemaError(f"{place}: {keyword} must be a list that holds something")
        for index, part in enumerate(listed):
            yield from _nodes(part, f"{place}/{keyword}/{index}", depth + 1)
    for keyword in ("items", "additionalProperties"):
        if not isinstance(node.get(keyword, True), bool):
            yield from _nodes(node[keyword], f"{place}/{keyword}", depth + 1)


def _check_node(place: str, node: Mapping[str, Any], root: Mapping[str, Any], strict: bool) -> None:
    if unknown := sorted(set(node) - _KNOWN):
        raise SchemaError(f"{place}: {unknown[0]!r} is not permitted")
    if "$ref" in node:
        if not isinstance(node["$ref"], str):
            raise SchemaError(f"{place}: $ref must be text")
        if set(node) - {"$ref", *_DEFINITIONS, *ANNOTATIONS}:
            raise SchemaError(f"{place}: $ref must stand alone")
        resolved(node, root)
        return
    if "anyOf" in node and set(node) - {"anyOf", *_DEFINITIONS, *ANNOTATIONS}:
        raise SchemaError(f"{place}: anyOf must stand alone")
    named = node.get("type", "object")
    listed = named if isinstance(named, list) else [named]
    if not listed or any(not isinstance(kind, str) or kind not in TYPES for kind in listed):
        raise SchemaError(f"{place}: no such type: {named!r}")
    if "enum" in node and (not isinstance(node["enum"], list) or not node["enum"]):
        raise SchemaError(f"{place}: enum must be a list that holds something")
    _check_bounds(place, node)
    _check_required(place, node, strict)


def _check_bounds(place: str, node: Mapping[str, Any]) -> None:
    for keyword in _COUNTS:
        if keyword in node and (not _is(node[keyword], "integer") or node[keyword] < 0):
            raise SchemaError(f"{place}: {keyword} must be a whole number, 0 or more")
    for keyword in _BOUNDS:
        if keyword in node and not _is(node[keyword], "number"):
            raise SchemaError(f"{place}: {keyword} must be a number")
    for least, most in (("minItems", "maxItems"), ("minLength", "maxLength")):
        if node.get(least, 0) > node.get(most, math.inf):
            raise SchemaError(f"{place}: {least} is greater than {most}")
    if node.get("items") is False and node.get("minItems", 0) > len(node.get("prefixItems", ())):
        raise SchemaError(f"{place}: minItems asks for more items than are allowed")
    for kind in types_of(node):
        if kind in ("integer", "number") and not _has_number(node, kind):
            raise SchemaError(f"{place}: no number lies within these bounds")


def _has_number(node: Mapping[str, Any], kind: str) -> bool:
    low, high = _range(node)
    if kind == "integer":
        least, greatest = whole_range(node)
        return least is None or greatest is None or least <= greatest
    exclusive = low == node.get("exclusiveMinimum") or high == node.get("exclusiveMaximum")
    return low < high or (low == high and not exclusive)


def whole_range(node: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The least and the greatest whole number within a node's bounds; None for no bound."""
    lows = [math.ceil(node["minimum"])] if "minimum" in node else []
    if "exclusiveMinimum" in node:
        lows.append(math.floor(node["exclusiveMinimum"]) + 1)
    highs = [math.floor(node["maximum"])] if "maximum" in node else []
    if "exclusiveMaximum" in node:
        highs.append(math.ceil(node["exclusiveMaximum"]) - 1)
    return max(lows, default=None), min(highs, default=None)


def _check_required(place: str, node: Mapping[str, Any], strict: bool) -> None:
    required = node.get("required", [])
    if not isinstance(required, list) or any(not isinstance(name, str) for name in required):
        raise SchemaError(f"{place}: required must be a list of names")
    properties = node.get("properties", {})
    if node.get("additionalProperties", True) is False and set(required) - set(properties):
        raise SchemaError(f"{place}: required names a property that is not allowed")
    if strict and "object" in types_of(node) and "type" in node:
        if node.get("additionalProperties") is not False:
            raise SchemaError(f"{place}: additionalProperties must be false")
        if set(properties) - set(required):
            raise SchemaError(f"{place}: required must name every property")


def _is(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "null":
        return value is None
    if kind == "integer":
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    return isinstance(value, dict if kind == "object" else list)


def _outside(size: int, node: Mapping[str, Any], least: str, most: str, what: str) -> str | None:
    if least not in node and most not in node:
        return None
    if size < node.get(least, 0):
        return f"{what}: fewer than {node[least]}"
    if size > node.get(most, math.inf):
        return f"{what}: more than {node[most]}"
    return None


def _out_of_bounds(value: float, node: Mapping[str, Any], at: str) -> str | None:
    if value < node.get("minimum", -math.inf) or value > node.get("maximum", math.inf):
        return f"{at}: out of bounds"
    if "exclusiveMinimum" in node and value <= node["exclusiveMinimum"]:
        return f"{at}: out of bounds"
    if "exclusiveMaximum" in node and value >= node["exclusiveMaximum"]:
        return f"{at}: out of bounds"
    return None


def _wrong_list(
    value: list[Any], node: Mapping[str, Any], root: Mapping[str, Any], at: str
) -> str | None:
    if wrong := _outside(len(value), node, "minItems", "maxItems", f"{at}: items"):
        return wrong
    for index, item in enumerate(value):
        try:
            part = item_schema(node, index)
        except SchemaError as error:
            return f"{at}[{index}]: {error}"
        wrong = None if part is None else violation(item, part, root, f"{at}[{index}]")
        if wrong:
            return wrong
    return None


def _wrong_object(
    value: dict[str, Any], node: Mapping[str, Any], root: Mapping[str, Any], at: str
) -> str | None:
    for name in node.get("required", ()):
        if name not in value:
            return f"{at}: {name!r} is missing"
    properties = node.get("properties", {})
    others = node.get("additionalProperties", True)
    for name, inner in value.items():
        part = properties.get(name, others)
        if part is False:
            return f"{at}: {name!r} is not allowed"
        wrong = None if part is True else violation(inner, part, root, f"{at}.{name}")
        if wrong:
            return wrong
    return None


__all__ = [
    "ANNOTATIONS",
    "TYPES",
    "SchemaError",
    "check_schema",
    "height",
    "item_schema",
    "literals",
    "property_schema",
    "resolved",
    "same",
    "types_of",
    "violation",
    "whole_range",
]
