"""What must hold between the rows of a store: queries, each with what it proves of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracemine.schemas.records import STATUSES, VERDICTS
from tracemine.store.lifecycle.rules import ACCEPTED, MERGED, REJECTED
from tracemine.store.policy import MIN_DECIDED
from tracemine.store.views import ENTRIES

#: Whatever has a status: entries, and pointers to tools.
_LIVING = (
    f"(SELECT procedure_id, status FROM {ENTRIES} "
    "UNION ALL SELECT procedure_id, status FROM tools "
    "UNION ALL SELECT procedure_id, 'merged' AS status FROM merged)"
)
_VARIANTS = f"""(SELECT procedure_id, status, v.* FROM
    (SELECT procedure_id, status, unnest(variants) AS v FROM {ENTRIES}))"""
_CALLS = """(SELECT procedure_id, status, v.* FROM
    (SELECT procedure_id, status, unnest(variants) AS v FROM tools))"""
_PROVENANCE = f"""(SELECT procedure_id, p.* FROM
    (SELECT procedure_id, unnest(provenance) AS p FROM {ENTRIES}
    UNION ALL SELECT procedure_id, unnest(provenance) AS p FROM tools))"""


@dataclass(frozen=True, slots=True)
class Check:
    """``query`` gives a ``subject`` for everything of which ``sentence`` is said."""

    sentence: str
    query: str


def _unique(table: str, column: str) -> Check:
    return Check(
        f"occurs more than once as {column} in {table}",
        f"SELECT {column} AS subject FROM {table} GROUP BY 1 HAVING count(*) > 1",
    )


def _known(table: str, column: str, values: Sequence[str]) -> Check:
    listed = ", ".join(f"'{value}'" for value in values)
    return Check(
        f"is no known {column} in {table}",
        f"SELECT DISTINCT coalesce({column}, 'null') AS subject FROM {table} "
        f"WHERE {column} IS NULL OR {column} NOT IN ({listed})",
    )


def checks(min_replays: int) -> list[Check]:
    """All checks of a store whose entries need ``min_replays`` passes to be served."""
    served = "('verified', 'canonical')"
    return [
        Check(
            "occurs more than once as procedure_id in procedures, candidates, tools and merged",
            f"SELECT procedure_id AS subject FROM {_LIVING} GROUP BY 1 HAVING count(*) > 1",
        ),
        _unique("trajectories", "trajectory_id"),
        _unique("spans", "span_id"),
        _unique("instances", "instance_id"),
        Check(
            "is a variant of more than one entry",
            f"SELECT variant_id AS subject FROM {_VARIANTS} GROUP BY 1 HAVING count(*) > 1",
        ),
        Check(
            "is a variant with two replays on one instance",
            "SELECT variant_id AS subject FROM replays GROUP BY variant_id, instance_id "
            "HAVING count(*) > 1",
        ),
        _known("procedures", "status", [s for s in STATUSES if s != "candidate"]),
        _known("candidates", "status", ["candidate"]),
        _known("tools", "status", STATUSES),
        _known("replays", "verdict", VERDICTS),
        _unique("clustered", "span_id"),
        Check(
            "is a span of the store that was not clustered",
            "SELECT span_id AS subject FROM spans ANTI JOIN clustered USING (span_id)",
        ),
        Check(
            "was clustered without a trajectory of the store",
            "SELECT span_id AS subject FROM clustered ANTI JOIN trajectories USING (trajectory_id)",
        ),
        Check(
            "was clustered without vectors as long as the others'",
            "SELECT coalesce(span_id, 'null') AS subject FROM clustered "
            "WHERE octet_length(shape) IS NULL OR octet_length(wording) IS NULL "
            "OR octet_length(shape) <> octet_length(wording) OR octet_length(shape) "
            "<> (SELECT max(octet_length(shape)) FROM clustered)",
        ),
        _known("known", "status", STATUSES),
        _unique("known", "span_id"),
        Check(
            "is a known span without an entry, a variant, a distance or whether it was left out",
            "SELECT coalesce(span_id, 'null') AS subject FROM known WHERE span_id IS NULL "
            "OR procedure_id IS NULL OR variant_id IS NULL OR same_method IS NULL "
            "OR left_out IS NULL OR distance IS NULL OR isnan(distance) "
            "OR distance NOT BETWEEN 0 AND 2",
        ),
        Check(
            "is a known span left out for an entry that search does not serve, or not for one that "
            "it does",
            "SELECT span_id AS subject FROM known "
            f"WHERE left_out IS DISTINCT FROM (status IN {served})",
        ),
        Check(
            "is a known span that waits and is neither in the store nor among the rejected",
            "SELECT span_id AS subject FROM known WHERE NOT left_out AND span_id NOT IN "
            "(SELECT span_id FROM spans UNION ALL SELECT record_id FROM rejected)",
        ),
        Check(
            "is known to be covered and left out, but is not so in rejected, or the other way",
            "SELECT coalesce(k.span_id, r.record_id) AS subject FROM "
            "(SELECT span_id FROM known WHERE left_out) AS k FULL JOIN "
            "(SELECT record_id FROM rejected WHERE stage = 'known') AS r "
            "ON k.span_id = r.record_id WHERE k.span_id IS NULL OR r.record_id IS NULL",
        ),
        Check(
            "is in trajectories but its outcome is not verified",
            "SELECT trajectory_id AS subject FROM trajectories "
            "WHERE outcome IS DISTINCT FROM 'verified'",
        ),
        Check(
            "is an entry without variants or provenance",
            f"SELECT procedure_id AS subject FROM {ENTRIES} "
            "WHERE coalesce(len(variants), 0) = 0 OR coalesce(len(provenance), 0) = 0",
        ),
        Check(
            "is an entry whose provenance names a trajectory that is not in the store",
            f"SELECT DISTINCT procedure_id AS subject FROM {_PROVENANCE} AS p "
            "ANTI JOIN trajectories USING (trajectory_id)",
        ),
        Check(
            "is an entry whose provenance quotes what its trace does not say there",
            f"SELECT DISTINCT procedure_id AS subject FROM {_PROVENANCE} AS p "
            "JOIN trajectories AS t USING (trajectory_id) WHERE "
            + _misquotes("p.start", 'p."end"', "p.quote"),
        ),
        Check(
            "is an entry whose provenance names a span that is not in the store, or stands "
            "elsewhere in its trace",
            # A pointer quotes the beginning of what was handed off.
            f"SELECT DISTINCT procedure_id AS subject FROM {_PROVENANCE} AS p ANTI JOIN "
            '(SELECT span_id, trajectory_id, start, "end", "end" AS least FROM spans UNION ALL '
            'SELECT span_id, trajectory_id, start, "end", start AS least FROM handoff) AS s '
            "ON s.span_id = p.span_id AND s.trajectory_id = p.trajectory_id "
            'AND s.start = p.start AND p."end" BETWEEN s.least AND s."end"',
        ),
        Check(
            "is an entry whose provenance names a variant that it lacks",
            f"SELECT DISTINCT procedure_id AS subject FROM {_PROVENANCE} AS p "
            f"ANTI JOIN (SELECT procedure_id, variant_id FROM {_VARIANTS} UNION ALL "
            f"SELECT procedure_id, variant_id FROM {_CALLS}) AS v USING (procedure_id, variant_id)",
        ),
        Check(
            "is a span that more than one entry or variant rests on",
            f"SELECT span_id AS subject FROM {_PROVENANCE} GROUP BY 1 HAVING count(*) > 1",
        ),
        Check(
            "is a span of a trajectory that is not in the store",
            "SELECT span_id AS subject FROM spans ANTI JOIN trajectories USING (trajectory_id)",
        ),
        Check(
            "is a span that quotes what its trace does not say there",
            "SELECT span_id AS subject FROM spans AS s JOIN trajectories AS t "
            "USING (trajectory_id) WHERE " + _misquotes("s.start", 's."end"', "s.quote"),
        ),
        Check(
            "is an instance of a trajectory that is not in the store, or of another problem",
            "SELECT instance_id AS subject FROM instances AS i ANTI JOIN trajectories AS t "
            "ON i.trajectory_id = t.trajectory_id AND i.problem_id = t.problem_id",
        ),
        Check(
            "is a variant whose span is not in the store",
            f"SELECT variant_id AS subject FROM {_VARIANTS} AS v "
            "ANTI JOIN spans AS s ON v.span_id = s.span_id",
        ),
        Check(
            "is a variant whose instance is not in the store, or not of its span",
            f"SELECT variant_id AS subject FROM {_VARIANTS} AS v ANTI JOIN instances AS i "
            "ON v.instance_id = i.instance_id AND v.span_id = i.span_id",
        ),
        Check(
            "is a replay's instance that is not in the store",
            "SELECT DISTINCT instance_id AS subject FROM replays "
            "ANTI JOIN instances USING (instance_id)",
        ),
        Check(
            "is a replay's variant that is neither of an entry nor among the rejected",
            "SELECT DISTINCT variant_id AS subject FROM replays "
            f"ANTI JOIN {_VARIANTS} AS v USING (variant_id) "
            f"ANTI JOIN {_CALLS} AS c USING (variant_id) ANTI JOIN "
            "(SELECT regexp_extract(detail, 'variant ([0-9a-f]{32})', 1) AS variant_id "
            "FROM rejected) AS r USING (variant_id)",
        ),
        Check(
            "is an event's procedure that is not in the store",
            f"SELECT DISTINCT procedure_id AS subject FROM events "
            f"ANTI JOIN {_LIVING} AS e USING (procedure_id)",
        ),
        *_checks_of_events(),
        Check(
            f"is a variant of a verified entry with fewer than {min_replays} passes that count "
            "(on other problems than its own, or tests that admission did not use)",
            f"SELECT v.variant_id AS subject FROM {_VARIANTS} AS v "
            "LEFT JOIN spans AS s ON v.span_id = s.span_id "
            "LEFT JOIN trajectories AS own ON s.trajectory_id = own.trajectory_id "
            "LEFT JOIN replays AS r ON r.variant_id = v.variant_id AND r.verdict = 'pass' "
            "LEFT JOIN instances AS i ON i.instance_id = r.instance_id "
            f"WHERE v.status IN {served} GROUP BY 1 HAVING count(*) FILTER ("
            "i.checked AND (i.origin = 'test' OR (i.problem_id <> own.problem_id "
            f"AND i.instance_id <> v.instance_id))) < {min_replays}",
        ),
        Check(
            "is an entry that is canonical by passes that a model judged, and by no others",
            "SELECT procedure_id AS subject FROM "
            f"(SELECT * FROM {_VARIANTS} WHERE status = 'canonical') AS v "
            "JOIN replays AS r ON r.variant_id = v.variant_id AND r.verdict = 'pass' "
            "GROUP BY 1 HAVING bool_and(regexp_matches(r.verifier, '(^|[+])judge$'))",
        ),
        Check(
            "is a variant without code that passed on something without a model",
            f"SELECT DISTINCT v.variant_id AS subject FROM {_VARIANTS} AS v "
            "JOIN replays AS r ON r.variant_id = v.variant_id AND r.verdict = 'pass' "
            "WHERE coalesce(v.code, '') = '' AND NOT starts_with(r.verifier, 'model:')",
        ),
        Check(
            "is a variant that fails on an instance of another variant of its entry",
            f"SELECT DISTINCT v.variant_id AS subject FROM {_VARIANTS} AS v "
            f"JOIN {_PROVENANCE} AS p ON p.procedure_id = v.procedure_id "
            "AND p.variant_id <> v.variant_id JOIN instances AS i ON i.span_id = p.span_id "
            "JOIN replays AS r ON r.variant_id = v.variant_id AND r.instance_id = i.instance_id "
            "WHERE r.verdict IN ('fail', 'error', 'timeout')",
        ),
        Check(
            f"is an entry with two variants that passed on fewer than {MIN_DECIDED} instances "
            "of each other",
            f"WITH pairs AS (SELECT procedure_id, a.variant_id AS one, b.variant_id AS other "
            f"FROM {_VARIANTS} AS a JOIN {_VARIANTS} AS b USING (procedure_id) "
            "WHERE a.variant_id < b.variant_id), passed AS (SELECT "
            "least(r.variant_id, p.variant_id) AS one, "
            "greatest(r.variant_id, p.variant_id) AS other, count(*) AS n "
            f"FROM {_PROVENANCE} AS p JOIN instances AS i ON i.span_id = p.span_id "
            "JOIN replays AS r ON r.instance_id = i.instance_id "
            "WHERE r.verdict = 'pass' GROUP BY 1, 2) "
            "SELECT DISTINCT procedure_id AS subject FROM pairs LEFT JOIN passed "
            f"USING (one, other) WHERE coalesce(n, 0) < {MIN_DECIDED}",
        ),
        Check(
            "is a variant whose passes or attempts are not those of its replays",
            f"SELECT v.variant_id AS subject FROM (SELECT * FROM {_VARIANTS} UNION ALL BY NAME "
            f"SELECT * FROM {_CALLS}) AS v LEFT JOIN replays AS r ON r.variant_id = v.variant_id "
            "GROUP BY v.variant_id, v.passes, v.attempts "
            "HAVING v.passes <> count(*) FILTER (r.verdict = 'pass') "
            "OR v.attempts <> count(*) FILTER (r.verdict <> 'unsupported')",
        ),
        Check(
            "is an entry whose success rate is not that of its first variant",
            f"SELECT procedure_id AS subject FROM {ENTRIES} WHERE len(variants) > 0 AND "
            "abs(success_rate - CASE WHEN variants[1].attempts = 0 THEN 0 "
            "ELSE variants[1].passes / variants[1].attempts END) > 1e-9",
        ),
        Check(
            "is an entry whose evidence counts a token less than once, or twice",
            "SELECT DISTINCT procedure_id AS subject FROM "
            f"(SELECT procedure_id, unnest(evidence) AS e FROM {ENTRIES}) GROUP BY procedure_id, "
            "e.token HAVING count(*) > 1 OR NOT coalesce(min(e.count), 0) > 0",
        ),
        Check(
            "is an entry whose evidence is not in order of its tokens",
            f"SELECT procedure_id AS subject FROM {ENTRIES} WHERE evidence <> list_sort(evidence)",
        ),
        *_checks_of_tools(min_replays),
    ]


def _checks_of_events() -> list[Check]:
    return [
        Check(
            "is an entry whose events do not end with its status, or do not follow each other",
            # Each status was left as often as it was reached, but for nothing at all, which was
            # left once, and the one that the entry has.
            "WITH met AS ("
            'SELECT procedure_id, "to" AS status, 1 AS n FROM events UNION ALL '
            'SELECT procedure_id, "from" AS status, -1 AS n FROM events UNION ALL '
            f"SELECT procedure_id, status, -1 AS n FROM {_LIVING} UNION ALL "
            f"SELECT procedure_id, '' AS status, 1 AS n FROM {_LIVING}) "
            f"SELECT DISTINCT procedure_id AS subject FROM met SEMI JOIN {_LIVING} AS e "
            "USING (procedure_id) GROUP BY procedure_id, status HAVING sum(n) <> 0",
        ),
        Check(
            "is an entry with an event that does not say its rule, its evidence or its time",
            "SELECT DISTINCT procedure_id AS subject FROM events WHERE coalesce(rule, '') = '' "
            "OR coalesce(evidence, '') = '' OR coalesce(\"at\", '') = ''",
        ),
        Check(
            "is an entry that left quarantine without a review",
            "SELECT DISTINCT procedure_id AS subject FROM events "
            f"WHERE \"from\" = 'quarantined' AND rule NOT IN ('{ACCEPTED}', '{REJECTED}', "
            f"'{MERGED}')",
        ),
        Check(
            "is merged into an entry that is not in the store",
            "SELECT m.procedure_id AS subject FROM merged AS m "
            f'ANTI JOIN {ENTRIES} AS e ON m."into" = e.procedure_id',
        ),
        Check(
            "is an expired entry that neither a time nor a library could have made so",
            f"SELECT procedure_id AS subject FROM {ENTRIES} WHERE status = 'expired' "
            "AND expires_at IS NULL AND coalesce(len(libraries), 0) = 0",
        ),
    ]


def _checks_of_tools(min_replays: int) -> list[Check]:
    served = "('verified', 'canonical')"
    return [
        Check(
            f"is a tool pointer that is served with fewer than {min_replays} passes that count "
            "(on other problems than its first, each once, or tests that admission did not use)",
            f"SELECT v.procedure_id AS subject FROM {_CALLS} AS v "
            "LEFT JOIN handoff AS h ON h.span_id = v.span_id "
            "LEFT JOIN trajectories AS own ON own.trajectory_id = h.trajectory_id "
            "LEFT JOIN replays AS r ON r.variant_id = v.variant_id AND r.verdict = 'pass' "
            "LEFT JOIN instances AS i ON i.instance_id = r.instance_id AND i.checked "
            "AND i.instance_id <> v.instance_id "
            "AND (i.origin = 'test' OR i.problem_id <> own.problem_id) "
            f"WHERE v.status IN {served} GROUP BY 1 HAVING count(DISTINCT "
            "CASE i.origin WHEN 'test' THEN i.instance_id ELSE i.problem_id END) "
            f"< {min_replays}",
        ),
        Check(
            "is a replay of a tool pointer on an instance that is not of its hand-offs",
            f"SELECT DISTINCT v.procedure_id AS subject FROM {_CALLS} AS v "
            "JOIN replays AS r ON r.variant_id = v.variant_id "
            "JOIN instances AS i ON i.instance_id = r.instance_id ANTI JOIN handoff AS h "
            "ON h.span_id = i.span_id AND h.tool_id = v.procedure_id",
        ),
        Check(
            "is an instance of a hand-off that is in no tool pointer's sample",
            "SELECT i.instance_id AS subject FROM instances AS i SEMI JOIN handoff AS h "
            "ON h.span_id = i.span_id ANTI JOIN "
            "(SELECT unnest(provenance).span_id AS span_id FROM tools) AS s "
            "ON s.span_id = i.span_id",
        ),
        Check(
            "is a hand-off that points to a tool and does not say what it calls it with",
            "SELECT span_id AS subject FROM handoff WHERE (tool_id IS NOT NULL) <> "
            "(coalesce(len(slots), 0) > 0 AND output IS NOT NULL)",
        ),
        Check(
            "is a clustered span without a method or a variant",
            "SELECT span_id AS subject FROM clustered "
            "WHERE coalesce(method, '') = '' OR coalesce(variant_id, '') = ''",
        ),
        Check(
            "is an entry without its summary's vector, or a candidate with one",
            "SELECT procedure_id AS subject FROM procedures WHERE "
            "coalesce(octet_length(summary_vector), 0) = 0 OR octet_length(summary_vector) "
            "<> (SELECT max(octet_length(summary_vector)) FROM procedures) UNION ALL "
            "SELECT procedure_id FROM candidates WHERE octet_length(summary_vector) > 0",
        ),
        Check(
            "is a hand-off that points to a tool that is not in the store",
            "SELECT span_id AS subject FROM handoff ANTI JOIN tools "
            "ON tool_id = procedure_id WHERE tool_id IS NOT NULL",
        ),
        Check(
            "is a hand-off that points to a tool and is of another kind",
            "SELECT span_id AS subject FROM handoff WHERE tool_id IS NOT NULL AND kind <> 'tool'",
        ),
        Check(
            "is a tool pointer whose spans or problems are not those of its hand-offs",
            "SELECT t.procedure_id AS subject FROM tools AS t LEFT JOIN handoff AS h "
            "ON h.tool_id = t.procedure_id LEFT JOIN trajectories USING (trajectory_id) "
            "GROUP BY t.procedure_id, t.spans, t.problems "
            "HAVING t.spans <> count(h.span_id) OR t.problems <> count(DISTINCT problem_id)",
        ),
        Check(
            "is a tool pointer whose first span is none of its hand-offs",
            "SELECT t.procedure_id AS subject FROM tools AS t ANTI JOIN handoff AS h "
            "ON t.variants[1].span_id = h.span_id AND t.procedure_id = h.tool_id",
        ),
        Check(
            "is a tool pointer without a variant, a tool, provenance or a domain of its domains",
            "SELECT procedure_id AS subject FROM tools WHERE coalesce(len(variants), 0) <> 1 "
            "OR coalesce(tool, '') = '' OR coalesce(len(provenance), 0) = 0 "
            "OR NOT coalesce(list_contains(domains, domain), false)",
        ),
        Check(
            "is a tool pointer whose passes are not its success rate",
            "SELECT procedure_id AS subject FROM tools WHERE "
            "variants[1].passes > variants[1].attempts OR "
            "abs(success_rate - CASE WHEN variants[1].attempts = 0 THEN 0 "
            "ELSE variants[1].passes / variants[1].attempts END) > 1e-9",
        ),
    ]


def _misquotes(start: str, end: str, quote: str) -> str:
    # DuckDB counts characters from 1, as code points like Python.
    return f"substring(t.trace, {start} + 1, {end} - {start}) IS DISTINCT FROM {quote}"


__all__ = ["ENTRIES", "Check", "checks"]
