"""Models learned from event logs the plain way: suffixes of tuples counted in dictionaries.

Imports nothing from the package. A log is a list of rows (unit, time, event, value) in file order.
"""

import math


def histories(rows, *, gap=None, terminal=()):
    """The histories of a log (unit, time, event, value), in file order: lists of (event, value)."""
    found, now = [], {}
    for unit, time, event, value in rows:
        known = now.get(unit)
        if known is None or known[0][-1][0] in terminal or (gap is not None and time - known[1] > gap):
            found.append([])
            known = now[unit] = [found[-1], time]
        known[0].append((event, value))
        known[1] = time
    return found


def unfinished(rows, whole, *, gap=None, terminal=()):
    """Which histories a log that was cut off has no end of: the units' last ones."""
    units, last = {row[0] for row in rows}, set()
    followed = {event for history in whole for event, _ in history[:-1]}
    for unit in units:
        before = histories([row for row in rows if row[0] == unit], gap=gap, terminal=terminal)
        name = before[-1][-1][0]
        if name in followed and name not in terminal:
            # The histories of a unit lie among all in the order of their beginnings.
            mine = [k for k, history in enumerate(whole) if history == before[-1] and k not in last]
            last.add(mine[-1])
    return last


def suffix_counts(rows, order, *, cut_off=False, **cuts):
    """How often each suffix ended a history, its values, and what followed: (seen, worth, after).

    The history before any event is ("start",); the empty suffix () ends every history.
    """
    seen, worth, after = {}, {}, {}
    whole = histories(rows, **cuts)
    endless = unfinished(rows, whole, **cuts) if cut_off else ()
    for k, history in enumerate(whole):
        for t in range(len(history) + (k not in endless)):
            follower = history[t][0] if t < len(history) else "end"
            past = tuple(event for event, _ in history[max(0, t - order) : t])
            suffixes = [past[-k:] for k in range(1, len(past) + 1)] if t else [("start",)]
            for suffix in [(), *suffixes]:
                seen[suffix] = seen.get(suffix, 0) + 1
                worth[suffix] = worth.get(suffix, 0.0) + (history[t - 1][1] if t else 0.0)
                row = after.setdefault(suffix, {})
                row[follower] = row.get(follower, 0) + 1
    return seen, worth, after


def stored_contexts(seen, after, min_count, prune_ratio=0.0):
    """Contexts seen often enough; by a likelihood ratio, with all that makes them closed again."""
    often = {c for c, times in seen.items() if c and (len(c) == 1 or times >= min_count)}
    if not prune_ratio:
        return often

    def gain(context):
        longer, shorter = after[context], after[context[1:]]
        return sum(
            times * math.log(times / seen[context] * seen[context[1:]] / shorter[follower])
            for follower, times in longer.items()
        )

    kept = {c for c in often if len(c) == 1 or gain(c) >= prune_ratio}
    todo = list(kept)
    while todo:
        context = todo.pop()
        for part in (context[1:], context[:-1]):
            if part and part not in kept:
                kept.add(part)
                todo.append(part)
    return kept


def longest_suffix(history, stored):
    """The longest stored suffix of a history of at least one event."""
    return next(history[k:] for k in range(len(history)) if history[k:] in stored)


def smoothed_row(context, seen, after, strength):
    """Probabilities after a context: its counts and `strength` more, shared out as its suffix's row is."""
    row = {follower: times / seen[context] for follower, times in after[context].items()}
    if len(context) <= 1 or not strength:
        return row
    base = smoothed_row(context[1:], seen, after, strength)
    total = seen[context] + strength
    return {f: (after[context].get(f, 0) + strength * p) / total for f, p in base.items()}


def learned_model(
    rows, *, order, min_count, actions, prune_ratio=0.0, smoothing=0.0, in_place_of=(), withheld=False, **cuts
):
    """States, rows {(state, action): {next: probability}}, utilities and initial distribution of a log."""
    seen, worth, after = suffix_counts(rows, max(1, order), **cuts)
    stored = stored_contexts(seen, after, min_count, prune_ratio)
    named = {c: ">".join(c) for c in stored}

    def chain(history, coming=False):
        context = history if history == ("start",) else longest_suffix(history, stored)
        source = () if order == 0 and context != ("start",) else context
        row, past = smoothed_row(source, seen, after, smoothing), () if context == ("start",) else history
        if withheld and not coming:
            while not set(row) - set(actions):
                source = source[1:]
                row = smoothed_row(source, seen, after, smoothing)
            left = sum(p for f, p in row.items() if f not in actions)
            row = {f: p / left for f, p in row.items() if f not in actions}
        return {"end" if f == "end" else named[longest_suffix((*past, f), stored)]: p for f, p in row.items()}

    moves = {}
    for context in stored:
        moves[named[context], "none"] = chain(context)
        for action in actions:
            if in_place_of and context[-1] not in in_place_of:
                continue
            altered = (action,) if context == ("start",) else (*context[:-1], action)
            moves[named[context], action] = chain(altered)
    utility = {named[c]: worth[c] / seen[c] for c in stored}
    return {*named.values(), "end"}, moves, utility, chain(("start",), coming=True)


def held_out_likelihood(rows, others, order, min_count, strength, **cuts):
    """Log-likelihood of all that followed in other units, and how often the row in use had probability 0."""
    seen, _, after = suffix_counts(rows, max(1, order), **cuts)
    stored = {c for c in stored_contexts(seen, after, min_count) if len(c) <= order}
    kinds = len(after[()]) + 1
    total, zeros = 0.0, 0
    for history in histories(others, **cuts):
        for t in range(len(history) + 1):
            follower = history[t][0] if t < len(history) else "end"
            past = tuple(event for event, _ in history[:t]) if t else ("start",)
            p, here = 1.0 / kinds, 0
            for k in range(len(past) + 1):
                suffix = past[len(past) - k :]
                if k and suffix not in stored:
                    break
                here = after[suffix].get(follower, 0)
                p = (here + strength * p) / (seen[suffix] + strength)
            total += math.log(p)
            zeros += here == 0
    return total, zeros


def followed(rows, order, min_count, **cuts):
    """For each unit the (context, follower) of all its histories, by the longest of the stored contexts."""
    seen, _, after = suffix_counts(rows, order, **cuts)
    stored = stored_contexts(seen, after, min_count)
    found = {}
    for unit in {row[0] for row in rows}:
        found[unit] = []
        for history in histories([row for row in rows if row[0] == unit], **cuts):
            for t in range(len(history) + 1):
                follower = history[t][0] if t < len(history) else "end"
                past = tuple(event for event, _ in history[max(0, t - order) : t])
                found[unit].append((longest_suffix(past, stored) if t else ("start",), follower))
    return found


def em_step(what, member, strength):
    """One step of EM from memberships {unit: [of each component]}: (log-likelihood, memberships)."""
    kinds = range(len(next(iter(member.values()))))
    weight = [sum(of[k] for of in member.values()) / len(member) for k in kinds]
    pairs = {pair for found in what.values() for pair in found}
    times = {(k, pair): sum(member[u][k] * found.count(pair) for u, found in what.items())
             for k in kinds for pair in pairs}  # fmt: skip
    whole = {pair: sum(found.count(pair) for found in what.values()) for pair in pairs}

    def probability(k, pair):
        row = [other for other in pairs if other[0] == pair[0]]
        share = whole[pair] / sum(whole[other] for other in row)
        total = sum(times[k, other] for other in row) + strength
        return (times[k, pair] + strength * share) / total if total else share

    likelihood, after = 0.0, {}
    for unit, found in what.items():
        each = [weight[k] * math.prod(probability(k, pair) for pair in found) for k in kinds]
        likelihood += math.log(sum(each))
        after[unit] = [p / sum(each) for p in each]
    return likelihood, after


def difference(rows, action, *, order, min_count, discount, steps, replaced=None, **cuts):
    """(naive, matched) difference of the value to come after an action and after other events."""
    seen, worth, after = suffix_counts(rows, order, **cuts)
    stored = stored_contexts(seen, after, min_count)
    value = {c: worth[c] / seen[c] for c in stored}

    def next_of(context, follower):
        return None if follower == "end" else longest_suffix(
            (*(() if context == ("start",) else context), follower), stored)  # fmt: skip

    to_come = dict.fromkeys(stored, 0.0)
    for _ in range(steps - 1):
        to_come = {
            c: sum(n / seen[c] * (value[d] + discount * to_come[d])
                   for f, n in after[c].items() if (d := next_of(c, f)) is not None)
            for c in stored
        }  # fmt: skip
    found = []
    for history in histories(rows, **cuts):
        names = ["", *(event for event, _ in history)]
        for t in range(1, len(names)):
            follower = names[t + 1] if t + 1 < len(names) else "end"
            past = tuple(names[max(1, t + 1 - order) : t + 1])
            context = next_of(longest_suffix(past, stored), follower)
            outcome = 0.0 if context is None else value[context] + discount * to_come[context]
            padded = ("",) * order + tuple(names[1:t])
            if names[t] == action or replaced is None or names[t] in replaced:
                found.append((padded[len(padded) - order + 1 :], names[t] == action, outcome))
    others = [(w, y) for w, acted, y in found if not acted]

    def alike(w):
        for k in range(order - 1, 0, -1):
            same = [y for v, y in others if v[order - 1 - k :] == w[order - 1 - k :]]
            if len(same) >= min_count:
                return sum(same) / len(same)
        return sum(y for _, y in others) / len(others)

    acted = [(w, y) for w, is_acted, y in found if is_acted]
    mean = sum(y for _, y in acted) / len(acted)
    naive = mean - sum(y for _, y in others) / len(others)
    return naive, sum(y - alike(w) for w, y in acted) / len(acted)
