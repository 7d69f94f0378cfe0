"""Compiled loops of the deterministic frontier."""

from numba import njit

COINCIDENT = 32 * 2.0**-53
"""Values closer than this, relative, are equal."""


@njit(cache=True)
def keep_useful(budget, value, allowed, kept):
    """Points worth more than all cheaper ones, by more than `allowed`, into `kept` (n,).

    Points come by increasing budget and, at one budget, decreasing value; the first stays. Returns
    (how many were kept, the most value that dropping a point cost).
    """
    kept[0] = 0
    count = 1
    dropped = 0.0
    for i in range(1, budget.shape[0]):
        last = value[kept[count - 1]]
        more = value[i] - last
        if more > max(allowed, COINCIDENT * max(abs(value[i]), abs(last))):
            kept[count] = i
            count += 1
        elif more > dropped:
            dropped = more
    return count, dropped


@njit(cache=True)
def cheapest_sums(budget, value, other_budget, other_value, low, width, best_budget, best_value):
    """Of all sums of two steps, the cheapest whose value lies in each interval [low + k width, ...).

    best_budget comes filled with inf; equal budgets keep the better value.
    """
    for i in range(budget.shape[0]):
        for j in range(other_budget.shape[0]):
            b, v = budget[i] + other_budget[j], value[i] + other_value[j]
            k = int((v - low) / width)
            if b < best_budget[k] or (b == best_budget[k] and v > best_value[k]):
                best_budget[k], best_value[k] = b, v
