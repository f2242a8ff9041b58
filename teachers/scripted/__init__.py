"""A server that speaks the OpenAI protocol and answers by script, for tests and benchmarks.

server      `ScriptedServer`: real HTTP, in a thread or as a process
checking    requests, checked as servers check them
table       answers that somebody wrote, by the problem that is asked about
invention   answers made up from a request, under its schema
faults      what can be wrong: `Faults`; malice: answers that are wrong or malicious
obeying     JSON schemas: well made, obeyed
counts      what is counted
"""

from tracemine.teachers.scripted.faults import Faults, FaultsError, parse_faults
from tracemine.teachers.scripted.server import ScriptedServer
from tracemine.teachers.scripted.table import Table, TableError

__all__ = ["Faults", "FaultsError", "ScriptedServer", "Table", "TableError", "parse_faults"]
