"""Loops over rows grouped by unit; arrays in, arrays filled."""

import numba as nb
import numpy as np


@nb.njit(cache=True)
def judge(rows, terminal, last, pause, policy, verdict, after, tied):
    """Fill wrong (1 backwards, 2 duplicate), begins (1 new, 2 after a pause, 3 after a terminal event).

    rows = (order, ptr, time, event); last = (time, event, tied_ptr, tied_event) of each unit before;
    policy 0 refuses duplicates, 1 drops them, 2 keeps them (and remembers no ties);
    after = (time, event) of each unit, filled; tied = (width, ties): where several events share a unit's last
    time, their number and, one unit behind the other, the events.
    """
    order, ptr, time, event = rows
    last_time, last_event, tied_ptr, tied_event = last
    wrong, begins = verdict
    stamp = np.zeros(terminal.size, dtype=np.int64)
    run = 0
    filled = 0
    for j in range(ptr.size - 1):
        now, before = last_time[j], last_event[j]
        run += 1
        size = 0
        if before >= 0 and policy != 2:
            stamp[before] = run
            ties = tied[1]
            for z in range(tied_ptr[j], tied_ptr[j + 1]):
                stamp[tied_event[z]] = run
                ties[filled + size] = tied_event[z]
                size += 1
            if size == 0:
                ties[filled] = before
                size = 1
        for i in range(ptr[j], ptr[j + 1]):
            row = order[i]
            t, e = time[row], event[row]
            if before >= 0 and t < now:
                wrong[i] = 1
                continue
            if before < 0 or t > now:
                run += 1
                size = 0
            if policy != 2:
                if stamp[e] == run:
                    wrong[i] = 2
                    continue
                stamp[e] = run
                tied[1][filled + size] = e
                size += 1
            if before < 0:
                begins[i] = 1
            elif terminal[before]:
                begins[i] = 3
            elif t - now > pause:
                begins[i] = 2
            now, before = t, e
        after[0][j], after[1][j] = now, before
        if size > 1:
            tied[0][j] = size
            filled += size
