"""Compiled loop of policies by price: one stage for all prices; nothing is checked.

Loops over single numbers: an assignment of one array's slice to another's compiles for four seconds more.
"""

from numba import njit


@njit(cache=True)
def choose(model, weights, tie, future, present, product, chosen):
    """What is best at each price and state, and the value, spend and size that follow.

    weights (2, K): reward and cost are weighed by them, the larger of the two being 1; a reward weight
    of 0 stands for price infinity. Shapes: future, present (3, n, K) of value, spend and the sum of absolute
    rewards that the value was added up from; product (3, R, K); chosen (n, K) pair of the state, -1 in
    terminal states. Scores equal to `tie`, relative to that sum and the spend, are equal, as in
    `_end_kernels`: then the lesser spend counts, at price infinity the greater value, and last the first.
    """
    n, count = chosen.shape
    for row in range(model.row_ptr.shape[0] - 1):
        for k in range(count):
            product[0, row, k], product[1, row, k], product[2, row, k] = 0.0, 0.0, 0.0
        for e in range(model.row_ptr[row], model.row_ptr[row + 1]):
            p, j = model.probability[e], model.next_state[e]
            for k in range(count):
                product[0, row, k] += p * future[0, j, k]
                product[1, row, k] += p * future[1, j, k]
                product[2, row, k] += p * future[2, j, k]
    for i in range(n):
        if model.pair_ptr[i] == model.pair_ptr[i + 1]:
            for k in range(count):
                present[0, i, k], present[1, i, k] = future[0, i, k], future[1, i, k]
                present[2, i, k], chosen[i, k] = future[2, i, k], -1
            continue
        for pair in range(model.pair_ptr[i], model.pair_ptr[i + 1]):
            row = model.pair_row[pair]
            for k in range(count):
                value = model.reward[pair] + model.discount * product[0, row, k]
                spend = model.cost[pair] + model.cost_discount * product[1, row, k]
                size = abs(model.reward[pair]) + model.discount * product[2, row, k]
                better = pair == model.pair_ptr[i]
                if not better:
                    for_value, for_spend = weights[0, k], weights[1, k]
                    old_value, old_spend = present[0, i, k], present[1, i, k]
                    ahead = for_value * (value - old_value) - for_spend * (spend - old_spend)
                    size_value = max(size, present[2, i, k])
                    size_spend = max(spend, old_spend)
                    slack = tie * (for_value * size_value + for_spend * size_spend)
                    if abs(ahead) > slack:
                        better = ahead > 0.0
                    elif for_value == 0.0:
                        better = value - old_value > tie * size_value
                    else:
                        better = old_spend - spend > tie * size_spend
                if better:
                    present[0, i, k], present[1, i, k], present[2, i, k] = value, spend, size
                    chosen[i, k] = pair
