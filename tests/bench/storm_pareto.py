"""A Pareto curve by Storm, run as a program of its own: `python storm_pareto.py model.drn`.

Storm (stormpy, GPL) is only run, and only where it is installed; nothing of ours imports it. It is asked for
expected total value and spend of one initial state; discounting is written as survival, because Storm
refuses discounted queries with several objectives.
"""

import json
import sys
import time


def main(path: str) -> None:
    import stormpy

    model = stormpy.build_model_from_drn(path)
    formula = stormpy.parse_properties('multi(R{"value"}max=? [C], R{"spend"}min=? [C])')[0]
    begin = time.perf_counter()
    result = stormpy.model_checking(model, formula, only_initial_states=True)
    seconds = time.perf_counter() - begin
    corners = result.get_under_approximation().vertices
    print(json.dumps({"seconds": seconds, "vertices": [[float(x) for x in corner] for corner in corners]}))


if __name__ == "__main__":
    main(sys.argv[1])
