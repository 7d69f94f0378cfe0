"""Compiled loops behind `optbudget.allocation.knapsack_relaxation`; arrays in, nothing is checked."""

from numba import njit


@njit(cache=True)
def hulls(ptr, cost, value, kept, size):
    """Vertices of the upper concave envelope of every group's options, by rising cost.

    Shapes: ptr (n+1,), cost, value (N,); written: kept (N,) option indices, those of group g from ptr[g] on,
    and size (n,) how many. Of equal costs the most value counts, of equal points the first; an option
    that costs more and is worth no more is left out.
    """
    for g in range(ptr.shape[0] - 1):
        begin, end = ptr[g], ptr[g + 1]
        for i in range(begin, end):
            j = i
            while j > begin:
                other = kept[j - 1]
                if cost[other] < cost[i] or (cost[other] == cost[i] and value[other] >= value[i]):
                    break
                kept[j] = other
                j -= 1
            kept[j] = i
        top = begin
        for position in range(begin, end):
            i = kept[position]
            if top > begin and value[i] <= value[kept[top - 1]]:
                continue
            while top - begin >= 2:
                a, b = kept[top - 2], kept[top - 1]
                rise, run = value[b] - value[a], cost[b] - cost[a]
                if rise * (cost[i] - cost[b]) > (value[i] - value[b]) * run:
                    break
                top -= 1
            kept[top] = i
            top += 1
        size[g] = top - begin
