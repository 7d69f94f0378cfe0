"""Loops of counting: units brought together, histories rolled along, equal grams run together.

Units are told apart by a hash of 64 bits and lie in its order. Symbols, packing and grams are those of
`optbudget.problems.history_counts`.
"""

import numpy as np
from numba import njit, prange

CHUNKS = 16
"""Pieces into which parallel loops are cut, whatever the number of threads."""

BEFORE, END = 0, 1


@njit(cache=True, inline="always")
def mixed(word):
    """A bijection of 64-bit words that spreads every bit (the finaliser of splitmix64)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@njit(cache=True, parallel=True, error_model="numpy")
def hash_integers(ids, found):
    """Hash of every id; distinct for distinct ids."""
    for i in prange(ids.size):
        found[i] = mixed(np.uint64(ids[i]) + np.uint64(0x9E3779B97F4A7C15))


@njit(cache=True, parallel=True, error_model="numpy")
def hash_strings(offset, data, found, second):
    """Two independent hashes of every string data[offset[i]:offset[i+1]]."""
    for i in prange(offset.size - 1):
        one, two = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
        for k in range(offset[i], offset[i + 1]):
            letter = np.uint64(data[k]) + np.uint64(1)
            one = (one ^ letter) * np.uint64(0x100000001B3)
            two = (two + letter) * np.uint64(0x9FB21C651E98DF25)
            two ^= two >> np.uint64(29)
        length = np.uint64(offset[i + 1] - offset[i])
        found[i] = mixed(one + length)
        second[i] = mixed(two ^ length)


@njit(cache=True, parallel=True, error_model="numpy")
def scatter_by_top(key, bits, start, sorted_key, index):
    """Stable partition of the keys by their top bits; start (CHUNKS, 2^bits + 1) is filled on the way.

    Afterwards bucket j is start[0, j]:start[0, j+1].
    """
    m, shift, buckets = key.size, np.uint64(64 - bits), start.shape[1] - 1
    for chunk in prange(CHUNKS):
        for i in range(m * chunk // CHUNKS, m * (chunk + 1) // CHUNKS):
            where = np.int64(key[i] >> shift) + 1
            start[chunk, where] += 1
    total = 0
    for bucket in range(1, buckets + 1):
        for chunk in range(CHUNKS):
            here = start[chunk, bucket]
            start[chunk, bucket] = total
            total += here
    for chunk in prange(CHUNKS):
        for i in range(m * chunk // CHUNKS, m * (chunk + 1) // CHUNKS):
            where = np.int64(key[i] >> shift) + 1
            at = start[chunk, where]
            start[chunk, where] = at + 1
            sorted_key[at] = key[i]
            index[at] = i
    # The last chunk's pointers now stand at the ends of the buckets.
    for bucket in range(1, buckets + 1):
        start[0, bucket] = start[CHUNKS - 1, bucket]
    start[0, 0] = 0


@njit(cache=True, parallel=True, error_model="numpy")
def sort_buckets(start, bits, key, index):
    """Stable sort of every bucket of `scatter_by_top` by the whole key: two radix passes, then insertion."""
    for bucket in prange(start.size - 1):
        low, high = start[bucket], start[bucket + 1]
        n = high - low
        if n < 2:
            continue
        other_key, other_index = np.empty(n, dtype=key.dtype), np.empty(n, dtype=index.dtype)
        place = np.empty(257, dtype=np.int64)
        for turn in range(2):
            shift = np.uint64(64 - bits - 16 + 8 * turn)
            from_key = key[low:high] if turn == 0 else other_key
            from_index = index[low:high] if turn == 0 else other_index
            to_key = other_key if turn == 0 else key[low:high]
            to_index = other_index if turn == 0 else index[low:high]
            place[:] = 0
            for i in range(n):
                place[1 + np.int64((from_key[i] >> shift) & np.uint64(255))] += 1
            for digit in range(256):
                place[digit + 1] += place[digit]
            for i in range(n):
                what = np.int64((from_key[i] >> shift) & np.uint64(255))
                at = place[what]
                place[what] = at + 1
                to_key[at] = from_key[i]
                to_index[at] = from_index[i]
        for i in range(low + 1, high):
            held, row, at = key[i], index[i], i
            while at > low and key[at - 1] > held:
                key[at], index[at] = key[at - 1], index[at - 1]
                at -= 1
            key[at], index[at] = held, row


@njit(cache=True, error_model="numpy")
def starts_of_runs(key, found):
    """Where each run of equal keys begins, and at the end how many keys; the number of runs."""
    runs = 0
    for i in range(key.size):
        if i == 0 or key[i] != key[i - 1]:
            found[runs] = i
            runs += 1
    found[runs] = key.size
    return runs


@njit(cache=True, error_model="numpy")
def first_rows(code, found):
    """For each code the first row that has it; `found` begins with code.size for all."""
    missing = found.size
    for i in range(code.size):
        if found[code[i]] == code.size:
            found[code[i]] = i
            missing -= 1
            if missing == 0:
                break


@njit(cache=True, inline="always")
def _write(grams, worth, at, history, symbol, word, shift, value):
    grams[at] = history
    grams[at, word] |= symbol << shift
    worth[at] = value


@njit(cache=True, inline="always")
def _push(history, symbol, bits, last, mask):
    """Roll a history on: the symbol becomes its most recent event, the oldest falls out."""
    carried = symbol << np.uint64(64 - bits)
    for w in range(history.size):
        word = history[w]
        history[w] = ((word >> np.uint64(bits)) | carried) & mask[w]
        carried = ((word >> last) << np.uint64(64 - bits)) if w + 1 < history.size else np.uint64(0)


@njit(cache=True, parallel=True, error_model="numpy")
def roll(ptr, rows, tails, layout, cuts, out):
    """Grams of all units: what followed each history, "end" after the last; the tails are moved on.

    ptr (U+1,) rows of a unit in rows; rows: index (m,) grouped by unit, kept, begins (m,) in that order:
    whether a row counts and whether a history begins with it; symbol, value (m,) of the log's rows. tails:
    history (U, W), value (U,); a history of zeros is no history. layout: bits, word and shift of the last
    symbol, shift of a word's last symbol, mask (W,). cuts (U+1,): where the slots of a unit begin. out: grams
    (slots, W), worth; used (U,): how many of a unit's slots are filled; taken (U, W) and taken_worth (U,):
    the "end" that is taken back, zeros if none.
    """
    index, kept, begins, symbol, value = rows
    history, last_value = tails
    bits, word, shift, last_shift, mask = layout
    grams, worth, used, taken, taken_worth = out
    units, finish = ptr.size - 1, np.uint64(END)
    for chunk in prange(CHUNKS):
        for u in range(units * chunk // CHUNKS, units * (chunk + 1) // CHUNKS):
            now, held, opened = history[u], last_value[u], False
            for w in range(now.size):
                opened = opened or now[w] != 0
            at = cuts[u]
            if opened:
                _write(taken, taken_worth, u, now, finish, word, shift, held)
            for i in range(ptr[u], ptr[u + 1]):
                if not kept[i]:
                    continue
                row = index[i]
                what = np.uint64(symbol[row])
                if opened and begins[i]:
                    _write(grams, worth, at, now, finish, word, shift, held)
                    at += 1
                    now[:] = 0
                    held = 0
                _write(grams, worth, at, now, what, word, shift, held)
                at += 1
                _push(now, what, bits, last_shift, mask)
                held, opened = value[row], True
            _write(grams, worth, at, now, finish, word, shift, held)
            used[u] = at + 1 - cuts[u]
            last_value[u] = held


@njit(cache=True, error_model="numpy")
def run_together(words, distinct, count):
    """Distinct rows of sorted words and how often each stands there; their number."""
    found = 0
    for i in range(words.shape[0]):
        same = i > 0
        for w in range(words.shape[1]):
            same = same and words[i, w] == words[i - 1, w]
        if not same:
            distinct[found] = words[i]
            count[found] = 0
            found += 1
        count[found - 1] += 1
    return found


@njit(cache=True, inline="always")
def _order(one, i, other, j):
    """-1, 0 or 1: row i of one before, equal to or after row j of the other."""
    for w in range(one.shape[1]):
        if one[i, w] != other[j, w]:
            return -1 if one[i, w] < other[j, w] else 1
    return 0


@njit(cache=True, error_model="numpy")
def add_values(words, value, part, order, worth):
    """Add worth[k] to the value of the gram part[k], for k in an order in which the parts rise."""
    at = 0
    for k in order:
        while _order(words, at, part, k) < 0:
            at += 1
        value[at] += worth[k]


@njit(cache=True, error_model="numpy")
def merge(one, other, sign, found):
    """Both tables (words, count, value) in one, the second's numbers times `sign`; zero counts fall out.

    Returns the number of rows, or -1 if a count fell below zero.
    """
    a, a_count, a_value = one
    b, b_count, b_value = other
    words, count, value = found
    i = j = n = 0
    while i < a_count.size or j < b_count.size:
        if i == a_count.size:
            side = 1
        elif j == b_count.size:
            side = -1
        else:
            side = _order(a, i, b, j)
        times = value_sum = 0
        if side <= 0:
            words[n], times, value_sum = a[i], a_count[i], a_value[i]
            i += 1
        if side >= 0:
            words[n] = b[j]
            times += sign * b_count[j]
            value_sum += sign * b_value[j]
            j += 1
        if times < 0:
            return -1
        if times > 0:
            count[n], value[n] = times, value_sum
            n += 1
    return n
