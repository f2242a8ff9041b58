"""What monty lacks, supplied: some modules, in Python, the deletion of members, some methods as
values (``key=counts.get``, ``map(str.strip, lines)``), the first of a generator's, the order of a
set (``list(set(xs))``).

What a program uses of it (`_definitions`) is put before it, and its own text is edited where it
speaks of that. A program that uses more of a module, or the module itself as a value, that deletes
a name, has classes or catches errors, is not rewritten: what is supplied raises where it would not
be exact, and such a program runs in CPython.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tracemine.verifiers._definitions import (
    BOUND,
    LISTED,
    MODULES,
    OWN,
    TYPES,
    before,
    own_name,
    parts,
)
from tracemine.verifiers.unfolding import nodes_of

_IMPORTED = re.compile(
    rf"^[ \t]*(?:import[ \t][^\n]*\b|from[ \t]+)(?:{'|'.join(MODULES)})\b", re.MULTILINE
)
_DELETING = re.compile(r"\bdel\b")
_METHOD_VALUE = re.compile(rf"(?:^|[^\w.])(?:{'|'.join(TYPES)})\.")
_BOUND_VALUE = re.compile(rf"\.{BOUND}\b(?! *\()")
_NEXT = re.compile(r"\bnext *\(")
_LISTED_SET = re.compile(r"\b(?:list|tuple) *\([^\n]*\bset\b")
#: A group in what `re.sub` puts, next to what monty takes for more of its name.
_GROUP = re.compile(r"(?<!\\)\\([1-9])(?=[A-Za-z_])")

#: Programs with these are not rewritten: objects of their own compare and ``pop`` as they like, and
#: what is raised, which is not always what CPython raises, must not be caught.
_OTHERWISE = ("class", "type", "except", "finally")

#: Ends a line for some and not for others.
_ODD_LINES = re.compile(r"\r(?!\n)|[\f\v\x1c-\x1e]")

#: Longer sources are not rewritten, in characters.
_MOST_CHARS = 20_000


def supply(source: str) -> tuple[str, str] | None:
    """A text to stand before ``source``, and ``source`` with what it imports taken from there; None
    where it wants nothing of this, or more than there is. Takes 0.2 ms where it wants something."""
    if len(source) > _MOST_CHARS or not _wants(source):
        return None
    if not source.isascii() or _ODD_LINES.search(source):
        return None  # places in the text are counted otherwise
    try:
        return _rewritten(source, list(nodes_of(ast.parse(source))))
    except (_UnsuppliedError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def supply_extension(source: str) -> tuple[str, str] | None:
    """As `supply`, for a program that was seen to add to a list what is no list (``xs += (1, 2)``):
    ``+=`` says too seldom of what it is to be looked into in every program."""
    if len(source) > _MOST_CHARS or any(word in source for word in _OTHERWISE):
        return None
    if not source.isascii() or _ODD_LINES.search(source):
        return None
    try:
        text = _Text(source)
        for node in nodes_of(ast.parse(source)):
            match node:
                case ast.AugAssign(ast.Name(name), ast.Add(), value):
                    added = text.take("extend", "added")
                    text.put(node, f"{name} = {added}({name}, ({text.of(value)}))")
        return before(text.taken), text.edited()
    except (_UnsuppliedError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


#: What wants something, and which of these words must be there for that.
_WANTING = (
    (("import",), _IMPORTED),
    (tuple(f"{kind}." for kind in TYPES), _METHOD_VALUE),
    ((f".{BOUND}",), _BOUND_VALUE),
    (("del",), _DELETING),
    (("next",), _NEXT),
    (("set(", "set."), _LISTED_SET),
    ((".sub",), _GROUP),
)


def _wants(source: str) -> bool:
    for words, wanting in _WANTING:
        for word in words:
            if word in source and wanting.search(source):
                return not any(word in source for word in _OTHERWISE)
    return False


#: What may speak of something that is supplied.
_SPEAKING = (ast.Attribute, ast.Import, ast.ImportFrom, ast.Delete, ast.Call)


class _UnsuppliedError(ValueError):
    """A program wants what is not supplied. Never leaves this file."""


def _rewritten(source: str, nodes: Sequence[ast.AST]) -> tuple[str, str]:
    """As `supply`. What is supplied is bound where the program imports: elsewhere it has none."""
    names = _names(nodes)
    looks = _looks(nodes, names)
    text = _Text(source)
    for place, owner in looks:
        _put_look(text, place, owner)
    spoken = [node for node in nodes if isinstance(node, _SPEAKING)]
    calls = [node for node in spoken if isinstance(node, ast.Call)]
    called = {id(node.func) for node in calls}
    for call in calls:
        _put_call(text, call, names)
    for node in spoken:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            _put_method(text, node, names, called=id(node) in called)
        elif isinstance(node, ast.Import):
            _put_import(text, node, looks)
        elif isinstance(node, ast.ImportFrom):
            _put_import_from(text, node, names)
        elif isinstance(node, ast.Delete):
            _put_deletion(text, node)
    return before(text.taken), text.edited()


class _Text:
    """A program's text, with what is put in place of parts of it and what is taken for that."""

    def __init__(self, source: str) -> None:
        self._source = source
        lengths = (len(line) + 1 for line in source.split("\n"))
        #: Where each line begins.
        self._begins = list(itertools.accumulate(lengths, initial=0))
        #: What is put, each after the places in the text as it was between which it goes.
        self._edits: list[tuple[int, int, str]] = []
        #: Modules, or types, and names of what is supplied there.
        self.taken: set[tuple[str, str]] = set()
        #: The functions that are called for a list or a tuple of what they give, each as often.
        self.listed: list[str] = []

    def of(self, node: ast.expr | ast.stmt) -> str:
        """The text of ``node``."""
        return self._source[slice(*self._span(node))]

    def put(self, node: ast.expr | ast.stmt, text: str) -> None:
        """Put ``text`` in place of ``node``, unless something else was."""
        span = self._span(node)
        if all(edit[:2] != span for edit in self._edits):
            self._edits.append((*span, text))

    def wrap(self, node: ast.expr, before: str, after: str, *, within: int = 0) -> None:
        """Put ``before`` and ``after`` around ``node``, in place of so many of its characters on
        either side. What is within it comes first."""
        begin, end = self._span(node)
        self._edits += [(begin, begin + within, before), (end - within, end, after)]

    def put_between(self, left: ast.expr, right: ast.expr, there: str, text: str) -> None:
        """Put ``text`` in place of what stands between two nodes but for brackets."""
        begin, end = self._span(left)[1], self._span(right)[0]
        found = self._source[begin:end]
        if found.strip(" ()") != there:
            raise _UnsuppliedError("more than an operator")
        begin += found.index(there)
        self._edits.append((begin, begin + len(there), text))

    def take(self, module: str, name: str) -> str:
        """What ``name`` of a module, or a type, is called before the program."""
        if name not in parts(module):
            raise _UnsuppliedError(f"{module} has no {name} that is supplied")
        self.taken.add((module, name))
        return own_name(module, name)

    def edited(self) -> str:
        """The text with all that was put."""
        source, last = self._source, len(self._source)
        # Of two at one place the first comes to stand within.
        for begin, end, text in sorted(self._edits, key=lambda edit: edit[:2], reverse=True):
            if end > last:
                raise _UnsuppliedError("a place within a place")
            source, last = source[:begin] + text + source[end:], begin
        return source

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        begin = self._begins[node.lineno - 1] + node.col_offset
        return begin, self._begins[node.end_lineno - 1] + node.end_col_offset


# -- what the program says -------------------------------------------------------------------------


#: What has no names of its own, or only those that `_names_in` leaves out: most of a program.
_NAMELESS = frozenset(
    [
        ast.Add, ast.And, ast.Assign, ast.Attribute, ast.AugAssign, ast.BinOp, ast.BoolOp,
        ast.Call, ast.Compare, ast.Constant, ast.Eq, ast.Expr, ast.For, ast.GeneratorExp, ast.If,
        ast.Lambda, ast.List, ast.ListComp, ast.Load, ast.Lt, ast.Mod, ast.Mult, ast.Return,
        ast.Slice, ast.Store, ast.Sub, ast.Subscript, ast.Tuple, ast.UnaryOp, ast.While,
        ast.arguments, ast.comprehension, ast.keyword,
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of a program: how often it says each, those that it gives a meaning, and whether
    ``re`` is none of them but for that module."""

    said: Mapping[str, int]
    given: frozenset[str]
    has_re: bool


def _names(nodes: Iterable[ast.AST]) -> _Names:
    read, given, modules = [], [], []
    for node in nodes:
        if type(node) in _NAMELESS:
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            read.append(node.id)
        else:
            given += _names_in(node)
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names if not alias.asname]
    has_re = given.count("re") == modules.count("re")
    return _Names(Counter(read + given), frozenset(given), has_re)


def _names_in(node: ast.AST) -> list[str]:
    """The names that a node itself gives or takes; not those of attributes and keywords."""
    match node:
        case ast.Name(name) | ast.arg(name):
            return [name]
        case ast.alias(name, other):
            return [other or name.partition(".")[0]]
        case ast.Attribute() | ast.keyword() | ast.Constant() | ast.ImportFrom():
            return []
    found: list[str] = []
    for _, value in ast.iter_fields(node):
        found += [value] if isinstance(value, str) else []
        found += [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
    return found


#: Where a program looks into a module, and what that is called there.
_Look = tuple[ast.Attribute, str]


def _looks(nodes: Sequence[ast.AST], names: _Names) -> list[_Look]:
    """Where it looks into the modules that are supplied, of which it may want nothing else."""
    imports = [node for node in nodes if isinstance(node, ast.Import)]
    pairs = [(alias.asname or alias.name, alias.name) for n in imports for alias in n.names]
    modules = {name: module for name, module in pairs if module in MODULES}
    looks = [
        (node, node.value.id)
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
    ]
    for name, module in modules.items():
        # Each time it is said it is bound to this module, or looked into.
        known = pairs.count((name, module)) + sum(owner == name for _, owner in looks)
        if names.said[name] != known:
            raise _UnsuppliedError("a module that is more than looked into")
    return looks


# -- what is put in its place ----------------------------------------------------------------------


def _put_look(text: _Text, place: ast.Attribute, owner: str) -> None:
    if text.of(place) != f"{owner}.{place.attr}":  # as in f-strings
        raise _UnsuppliedError("a place that cannot be told")
    text.put(place, _looked_up(owner, place.attr))


def _looked_up(owner: str, attribute: str) -> str:
    """The name that the edited program has for what it looks up; `_put_import` binds it."""
    return f"{OWN}{owner}_of_{attribute}"


def _put_import(text: _Text, node: ast.Import, looks: Sequence[_Look]) -> None:
    """Bind what is looked up in the modules where the program imports them."""
    if not any(alias.name in MODULES for alias in node.names):
        return
    steps = []
    for alias in node.names:
        if alias.name in MODULES:
            name = alias.asname or alias.name
            wanted = sorted({place.attr for place, owner in looks if owner == name})
            if any((alias.name, w) in LISTED for w in wanted):
                raise _UnsuppliedError("a generator")
            steps += [f"{_looked_up(name, w)} = {text.take(alias.name, w)}" for w in wanted]
        else:
            steps.append(f"import {ast.unparse(alias)}")
    text.put(node, "; ".join(steps) or "pass")


def _put_import_from(text: _Text, node: ast.ImportFrom, names: _Names) -> None:
    """Bind the names that the program imports, but for those that it never says again."""
    module = node.module or ""
    if node.level or module not in MODULES:
        return
    pairs = [(alias.asname or alias.name, alias.name) for alias in node.names]
    wanted = [(name, w) for name, w in pairs if names.said[name] > 1 or w == "*"]
    for name, w in wanted:
        if (module, w) in LISTED and names.said[name] != 1 + text.listed.count(name):
            raise _UnsuppliedError("a generator")
    steps = [f"{name} = {text.take(module, w)}" for name, w in wanted]
    text.put(node, "; ".join(steps) or "pass")


def _put_method(text: _Text, node: ast.Attribute, names: _Names, *, called: bool) -> None:
    """Name what is supplied for a type's method, and for the method of an object that is a value,
    not ``called`` at once."""
    method = node.attr
    if method != BOUND and not (isinstance(node.value, ast.Name) and node.value.id in TYPES):
        return
    owner = text.of(node).removesuffix(f".{method}")
    if owner in TYPES and owner not in names.given and method in parts(owner):
        text.put(node, text.take(owner, method))
    elif method == BOUND and not called and "dict" not in names.given:
        text.put(node, f"{text.take('dict', f'bound_{BOUND}')}({owner})")
    else:
        return
    if ast.dump(ast.parse(owner, mode="eval").body) != ast.dump(node.value):
        raise _UnsuppliedError("a place that cannot be told")


def _put_call(text: _Text, node: ast.Call, names: _Names) -> None:
    match node:
        case ast.Call(ast.Name("next"), [ast.GeneratorExp() as rows, *rest], []):
            if not names.given & {"next", "iter"} and all(map(_is_still, rest)):
                _put_first(text, rows)
        case ast.Call(
            ast.Name("list" | "tuple" as kind), [ast.Call(ast.Name(name), _, [])], []
        ) if name != "set" and kind not in names.given:
            text.listed.append(name)
        case ast.Call(ast.Name("list" | "tuple"), [whole], []):
            if not names.given & {"list", "tuple", "set", "map"} and _is_set(whole):
                _check_place(text, whole)
                _put_slots(text, whole)
                text.wrap(whole, f"{text.take('order', 'members')}(", ")")
        case ast.Call(
            ast.Attribute(ast.Name("re"), "sub"), [_, ast.Constant(str(said)) as put, *_]
        ):
            if names.has_re and _GROUP.search(said):
                _check_place(text, put)
                text.put(put, repr(_GROUP.sub(r"\\g<\1>", said)))


#: What an expression may be made of that changes nothing and asks nobody.
_STILL = (
    ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Tuple,
    ast.expr_context, ast.operator, ast.unaryop, ast.boolop,
    ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot,  # not `in` an iterator
)  # fmt: skip


def _is_still(node: ast.AST) -> bool:
    return all(isinstance(part, _STILL) for part in nodes_of(node))


def _put_first(text: _Text, rows: ast.GeneratorExp) -> None:
    """All that a generator gives, of which the first is taken: the same where to look at the others
    changes nothing. Where it raises, CPython is asked."""
    over = rows.generators[0]
    parts_of = [rows.elt, over.target, *over.ifs]
    if len(rows.generators) > 1 or over.is_async or not all(map(_is_still, parts_of)):
        return
    _check_place(text, rows)
    text.wrap(over.iter, f"{text.take('first', 'held')}(", ")")
    text.wrap(rows, "(iter([", "]))", within=1)


def _is_set(whole: ast.expr) -> bool:
    """Whether it is a set made of rows, or of two such sets, in a way that is supplied."""
    match whole:
        case ast.Call(ast.Name("set"), [rows], []):
            return not isinstance(rows, ast.Starred)
        case ast.Call(
            ast.Attribute(ast.Name("set"), "intersection"),
            [ast.Starred(ast.Call(ast.Name("map"), [ast.Name("set"), rows], []))],
            [],
        ):
            return not isinstance(rows, ast.Starred)
        case ast.BinOp(left, ast.BitAnd() | ast.Sub(), right):
            return _is_set(left) and _is_set(right)
    return False


def _put_slots(text: _Text, whole: ast.expr) -> None:
    """Put what gives the slots of a set in its place."""
    match whole:
        case ast.BinOp(left, operator, right):
            _put_slots(text, left)
            _put_slots(text, right)
            both = isinstance(operator, ast.BitAnd)
            text.put_between(left, right, "&" if both else "-", ",")
            text.wrap(whole, f"{text.take('order', 'both' if both else 'less')}(", ")")
        case ast.Call(func, [ast.Starred(ast.Call(_, [made, _]))]):
            text.put(func, text.take("order", "every"))
            text.put(made, text.take("order", "of"))
        case ast.Call(func):
            text.put(func, text.take("order", "of"))


def _check_place(text: _Text, node: ast.expr) -> None:
    """A node in an f-string is not where it says."""
    said = text.of(node)
    said = said if isinstance(node, ast.GeneratorExp) else f"({said})"
    if ast.dump(ast.parse(said, mode="eval").body) != ast.dump(node):
        raise _UnsuppliedError("a place that cannot be told")


def _put_deletion(text: _Text, node: ast.Delete) -> None:
    text.put(node, "; ".join([_deleted(text, target) for target in node.targets]))


def _deleted(text: _Text, target: ast.expr) -> str:
    """What deletes a member of a list or a dict, and raises for all else that monty has."""
    match target:
        case ast.Subscript(owner, ast.Slice(_, _, None) as part):
            return f"({text.of(owner)})[{text.of(part)}] = []"
        case ast.Subscript(owner, index) if not isinstance(index, ast.Slice):
            return f"({text.of(owner)}).pop(({text.of(index)}))"
    raise _UnsuppliedError("a name that is deleted")


__all__ = ["OWN", "supply", "supply_extension"]
