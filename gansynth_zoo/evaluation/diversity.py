"""Diversity: how different the sounds of a set are from one another."""

from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import checks


def mean_pairwise_distance(features):
    """Mean Euclidean distance over all pairs of two different rows.

    Args:
      features: float `[batch, features]`, two rows or more.

    Returns:
      Float.

    Raises:
      ZooError: if there are fewer rows, or they are not finite.
    """
    features = checks.features(features, "features", least=2)
    count = len(features)
    # A row is 0 from itself, so that the sum over all pairs will do.
    total = sum(
        float(tile.sum()) for _, _, tile in blocks.distances(features, features)
    )
    return total / (count * (count - 1))
