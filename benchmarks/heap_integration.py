"""Phase gradient heap integration, one bin after another: the reference.

Source: Prusa, Balazs and Sondergaard 2017, section IV, algorithm 1.
"""

import heapq

import numpy as np


def integrate(level, time_increments, frequency_increments, background):
    """Phase of one clip, whose increments are given.

    Plain Python, which numba compiles too.

    Args:
      level: float `[frames, bins]`, log magnitude; bins at -inf take no part.
      time_increments: float `[frames - 1, bins]` in radians.
      frequency_increments: float `[frames, bins - 1]` in radians.
      background: float `[frames, bins]`, phase of the bins that take no part.

    Returns:
      Float64 `[frames, bins]` in radians.
    """
    frames, bins = level.shape
    phase = background.astype(np.float64)
    done = ~np.isfinite(level)
    for seed in np.argsort(-level.ravel()):
        n, m = seed // bins, seed % bins
        if done[n, m]:
            continue
        phase[n, m] = 0.0
        done[n, m] = True
        heap = [(-level[n, m], n, m)]
        while len(heap) > 0:
            _, n, m = heapq.heappop(heap)
            if n + 1 < frames and not done[n + 1, m]:
                phase[n + 1, m] = phase[n, m] + time_increments[n, m]
                done[n + 1, m] = True
                heapq.heappush(heap, (-level[n + 1, m], n + 1, m))
            if n > 0 and not done[n - 1, m]:
                phase[n - 1, m] = phase[n, m] - time_increments[n - 1, m]
                done[n - 1, m] = True
                heapq.heappush(heap, (-level[n - 1, m], n - 1, m))
            if m + 1 < bins and not done[n, m + 1]:
                phase[n, m + 1] = phase[n, m] + frequency_increments[n, m]
                done[n, m + 1] = True
                heapq.heappush(heap, (-level[n, m + 1], n, m + 1))
            if m > 0 and not done[n, m - 1]:
                phase[n, m - 1] = phase[n, m] - frequency_increments[n, m - 1]
                done[n, m - 1] = True
                heapq.heappush(heap, (-level[n, m - 1], n, m - 1))
    return phase
