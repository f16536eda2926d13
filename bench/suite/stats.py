"""Medians and their intervals, without assumptions about distributions."""

from math import comb
from statistics import median


def interval(values, confidence=0.95):
    """The narrowest pair of order statistics that holds the median with `confidence` (sign test).

    The extremes where there are too few values for that (below 6 for 95 %).
    """
    ordered = sorted(values)
    n = len(ordered)
    low = 0
    outside = 0.0
    for k in range(n // 2):
        outside += 2 * comb(n, k) / 2**n
        if outside > 1 - confidence:
            break
        low = k + 1
    low = max(0, low - 1) if low else 0
    while low > 0 and 2 * sum(comb(n, k) for k in range(low + 1)) / 2**n > 1 - confidence:
        low -= 1
    return ordered[low], ordered[n - 1 - low]


def ratio(ours, theirs):
    """Of the ratios of paired rounds: (median, lower and upper end of its 95 % interval)."""
    ratios = [a / b for a, b in zip(ours, theirs) if b]
    if not ratios:
        return None
    return (median(ratios), *interval(ratios))
