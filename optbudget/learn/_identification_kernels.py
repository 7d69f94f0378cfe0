"""Loops over what followed histories, compared between those whose last event was an action and others."""

from numba import njit, prange


@njit(cache=True, parallel=True, error_model="numpy")
def value_to_come(row_ptr, times, total, following, value, discount, before, found):
    """One step back: the expected value of what follows each node, (n,), from that of a step less."""
    for node in prange(row_ptr.size - 1):
        worth = 0.0
        for i in range(row_ptr[node], row_ptr[node + 1]):
            after = following[i]
            if after >= 0:
                worth += times[i] * (value[after] + discount * before[after])
        found[node] = worth / total[node]


@njit(cache=True, error_model="numpy")
def common_symbols(words, places, found):
    """How many of the first symbols each row has in common with the one before it; sorted rows (N, W)."""
    word_of, shift_of, mask = places
    for i in range(1, words.shape[0]):
        k = 0
        while k < word_of.size:
            w, shift = word_of[k], shift_of[k]
            if ((words[i, w] >> shift) & mask) != ((words[i - 1, w] >> shift) & mask):
                break
            k += 1
        found[i] = k


@njit(cache=True, error_model="numpy")
def match(common, acted, count, outcome, depth, least, found):
    """For rows with the action, the mean outcome of those without it that share most of the history before.

    common (N,) as `common_symbols`; histories before of 0, 1, ..., depth events are tried, and the longest
    counts of which `least` were without the action (any number of the empty one). found: mean (N,), events
    in common (N,).
    """
    mean, shared = found
    n = acted.size
    for level in range(depth + 1):
        low = 0
        while low < n:
            high = low + 1
            while high < n and common[high] >= level:
                high += 1
            others, worth = 0, 0.0
            for i in range(low, high):
                if not acted[i]:
                    others += count[i]
                    worth += count[i] * outcome[i]
            if others >= (least if level else 1):
                for i in range(low, high):
                    if acted[i]:
                        mean[i], shared[i] = worth / others, level
            low = high
