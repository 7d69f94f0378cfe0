"""Event logs read and judged the plain way: lists, dictionaries and the standard library."""


def judged(rows, *, gap=None, terminal=(), duplicates="refuse"):
    """What becomes of rows (unit, time, event), in file order: a list of verdicts.

    "backwards", "duplicate", or for a row that counts "new", "paused", "returned" (a history begins) or "on".
    """
    seen = {}
    verdicts = []
    for unit, time, event in rows:
        last = seen.get(unit)
        if last and time < last[0]:
            verdicts.append("backwards")
            continue
        together = last[2] if last and time == last[0] else []
        if duplicates != "keep" and event in together:
            verdicts.append("duplicate")
            continue
        if not last:
            verdicts.append("new")
        elif last[1] in terminal:
            verdicts.append("returned")
        elif gap is not None and time - last[0] > gap:
            verdicts.append("paused")
        else:
            verdicts.append("on")
        seen[unit] = (time, event, [*together, event])
    return verdicts


def read_csv(path):
    """Rows of a CSV log as dictionaries of text, by the standard library alone."""
    import csv

    with path.open(encoding="utf-8-sig", newline="") as lines:
        header, *rows = (row for row in csv.reader(lines, strict=True) if row)
    return [dict(zip(header, row, strict=True)) for row in rows]


def microseconds(text):
    """An ISO 8601 date as microseconds since 1970; one without zone by its own clock."""
    from datetime import UTC, datetime

    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (passed.days * 86400 + passed.seconds) * 10**6 + passed.microseconds


def meant(rows):
    """What rows of text mean: (unit, time, event, value, cost, type), None for what is not there."""
    found = []
    for row in rows:
        time = row["time"].strip()
        money = [float(row[name]) if name in row else None for name in ("value", "cost")]
        found.append((row["unit"], int(time) if time.lstrip("+-").isdigit() else microseconds(row["time"]),
                      row["event"], *money, row.get("type")))  # fmt: skip
    return found


def rows_of(batches):
    """The same from batches of events; units as text."""
    found = []
    for batch in batches:
        columns = [batch.unit.to_pylist(), batch.time.tolist(), [batch.names[k] for k in batch.event]]
        for column in (batch.value, batch.cost):
            columns.append([None] * len(batch) if column is None else column.tolist())
        columns.append(
            [None] * len(batch) if batch.type is None else [batch.type_names[k] for k in batch.type]
        )
        found += [(str(row[0]), *row[1:]) for row in zip(*columns, strict=True)]
    return found
