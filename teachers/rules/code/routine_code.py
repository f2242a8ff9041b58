"""The code of a cut: its statements as a function, with the data inside them as parameters and
without the names of people."""

from __future__ import annotations

import ast
import copy
import keyword
import re

from tracemine.teachers.rules.code.drafts import Draft
from tracemine.teachers.rules.code.inline_data import LiftInside, noun_of
from tracemine.teachers.rules.code.program_runs import Program
from tracemine.teachers.rules.code.program_statements import assigned_name
from tracemine.teachers.rules.code.tracing import FORMS
from tracemine.teachers.rules.derived.functions import BUILTINS
from tracemine.teachers.rules.derived.slices import writes_of
from tracemine.teachers.rules.language.phrases import name_phrase
from tracemine.teachers.rules.language.words import free_name
from tracemine.verifiers.unfolding import rename


def write_code(program: Program, draft: Draft) -> None:
    """Lifts data inside the statements, takes the names of people out of names, writes the text."""
    module = program.source.tree.body
    used = {n.id for s in draft.statements for n in ast.walk(s) if isinstance(n, ast.Name)}
    carried = {n for i in draft.carried for n in writes_of(module[i])}
    taken = used | carried | {n for n, _ in draft.inputs} | set(BUILTINS) | {draft.target}
    stable = {n for n, _ in draft.inputs} - {w for s in draft.statements for w in writes_of(s)}
    given = [(n, v) for n, v in draft.inputs if n in stable]
    outside_bounds = LiftInside(program, set(taken), draft.target, given)
    for statement in copy.deepcopy(draft.statements):
        outside_bounds.visit(statement)
    data = [value.value for _, value in outside_bounds.found]
    lift = LiftInside(program, set(taken), draft.target, given, data)
    for place, statement in enumerate(draft.statements):
        lift.target = assigned_name(statement) or draft.target
        draft.statements[place] = lift.visit(statement)
    if draft.result.form:
        last = draft.statements[-1]
        assert isinstance(last, ast.Return) and last.value is not None
        written = FORMS[draft.result.form].format(f"({ast.unparse(last.value)})")
        last.value = ast.parse(written, mode="eval").body
    draft.inputs = [*draft.inputs, *lift.found]
    taken = lift.taken
    renamed: dict[str, str] = {}
    held = dict(draft.inputs)
    local = [n for n, _ in draft.inputs]
    local += [n for s in draft.statements for n in writes_of(s)]
    for name in dict.fromkeys([*local, draft.target]):
        if name not in carried and _has_person(name, program.names):
            words = name_phrase(name, program.names).replace(" ", "_")
            new = words or noun_of(program, held.get(name)) or "person"
            if not new.isidentifier() or keyword.iskeyword(new):
                new = f"value_{new}"
            renamed[name] = free_name(new, taken)
    draft.statements = [rename(s, renamed) for s in draft.statements]
    draft.inputs = [(renamed.get(n, n), v) for n, v in draft.inputs]
    draft.target = renamed.get(draft.target, draft.target)
    names = [n for n, _ in draft.inputs]
    inside = {n.id for s in draft.statements for n in ast.walk(s) if isinstance(n, ast.Name)}
    draft.entry = draft.target
    if draft.entry in {*names, *inside, *carried}:
        draft.entry = free_name(f"find_{draft.target}", {*names, *inside, *carried})
    body = "\n".join(ast.unparse(ast.fix_missing_locations(s)) for s in draft.statements)
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    before = program.text_of(draft.carried) if draft.carried else ""
    draft.code = f"{before}def {draft.entry}({', '.join(names)}):\n{lines}\n"


def _has_person(name: str, names: frozenset[str]) -> bool:
    return any(part in names for part in re.findall(r"[a-z]+", name.lower()))
