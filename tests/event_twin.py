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
