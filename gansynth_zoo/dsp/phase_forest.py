"""Phase from its increments, along a maximum spanning forest.

Phase gradient heap integration grows a tree from the loudest bin, always along
the loudest edge: Prim's algorithm, one bin at a time. Which tree it is depends
on the magnitudes alone, so any algorithm for spanning trees does; Boruvka's
works on all bins of all clips at once:

1. Each bin points to the loudest of its four neighbours. Two bins that point
   to each other are cut apart at one end, which becomes a root. So bins form
   trees, and each knows its phase relative to the bin it points to.
2. Pointer jumping: each bin points to where its parent points, and adds the
   parent's phase, until all point to roots.
3. Each tree points along its loudest edge to another tree, and so on from 1
   with trees in place of bins, until no edge joins two trees: some five times.

The weight of an edge is the sum of the log magnitudes at its ends. Ties, as on
the plateaus of clipped magnitudes, go to the larger index: with a strict order
no cycle is longer than two.

Phases are integers here, 2^32 to a turn: sums wrap by themselves, and do not
depend on their order, so a clip's phase is the same in any batch.

Source: Prusa, Balazs and Sondergaard 2017, section IV; Boruvka 1926; Wyllie
1979 for pointer jumping.
"""

import numpy as np
import tensorflow as tf

# Natural logarithm of 1000: quieter bins do not matter to the sound, and take
# time.
THRESHOLD = 6.9
_TURN = 2.0**32
# The level of a bin that is not there.
_ABSENT = -1e9


def integrate(
    log_magnitude,
    time_increments,
    frequency_increments,
    background,
    threshold=THRESHOLD,
):
    """Phase whose increments are given, exact along the loudest paths.

    Args:
      log_magnitude: float32 `[batch, frames, bins]`, natural logarithm.
      time_increments: float32 `[batch, frames - 1, bins]` in radians.
      frequency_increments: float32 `[batch, frames, bins - 1]` in radians.
      background: float32 `[frames, bins]`, the phase of bins under the
        threshold; `Stft.random_phase` does.
      threshold: how far below its clip's loudest bin a bin counts, in nepers.

    Returns:
      Float32 `[batch, frames, bins]` in radians, -pi .. pi. A clip whose
      loudest bin is not finite has the background's phase.
    """
    loudest = tf.reduce_max(log_magnitude, axis=[1, 2], keepdims=True)
    level = log_magnitude - loudest
    # No comparison holds for a NaN: it is not heard.
    heard = level > -threshold
    bins = _Bins(level, heard, time_increments, frequency_increments)
    tree, turn, trees = _join(*_point_to_loudest(bins))
    edges = _edges_between(bins, tree, turn, threshold)
    turn += tf.gather(_join_trees(edges, trees), tree)
    phase = bins.to_grid(tf.cast(turn, tf.float32) * (2 * np.pi / _TURN))
    return tf.where(heard, phase, background)


class _Bins:
    """The bins over the threshold, of all clips, in order.

    They are numbered from 1; number 0 is an absent bin, the neighbour of those
    that have none, so that lists are never empty and no index is out of range.

    Attributes:
      count: how many, with the absent one.
      level: float32 `[count]`, log magnitude.
      before, after: int32 `[count]`, the bin a frame before and after.
      has_next: bool `[count]`, whether the next number is the next bin of the
        same frame.
    """

    def __init__(self, level, heard, time_increments, frequency_increments):
        # Rows and columns of what is not heard, between clips and between
        # frames, make the grid a line where neighbours are at fixed distances.
        grid = _pad(level, [2, 1], [1, 0], _ABSENT)
        self._shape = tf.shape(grid)
        self._size = tf.size(grid)
        self._stride = self._shape[2]
        heard = tf.reshape(_pad(heard, [2, 1], [1, 0], False), [-1])
        present = tf.cast(tf.where(heard)[:, 0], tf.int32)
        # The absent bin stands where no neighbour is heard.
        self._position = tf.concat([[self._stride], present], 0)
        self.count = tf.size(self._position)
        self.level = tf.gather(tf.reshape(grid, [-1]), self._position)
        number = self._scatter(tf.range(self.count))
        self.before = tf.gather(number, self._position - self._stride)
        self.after = tf.gather(number, self._position + self._stride)
        adjacent = tf.equal(self._position[1:], self._position[:-1] + 1)
        self.has_next = tf.concat([adjacent, [False]], 0)
        time = _pad(time_increments, [2, 2], [1, 0], 0.0)
        frequency = _pad(frequency_increments, [2, 1], [1, 1], 0.0)
        self._increments = tf.reshape(tf.stack([time, frequency]), [-1])

    def edges(self):
        """The edges to the bins before, previous, next and after.

        Int32 `[count]` each, to be given to `turns`.
        """
        time, frequency = self._position, self._position + self._size
        return time - self._stride, frequency - 1, frequency, time

    def turns(self, edges):
        """What the phase grows by along edges, int32 of the same shape."""
        turns = tf.gather(self._increments, edges) / (2 * np.pi)
        return tf.cast((turns - tf.round(turns)) * _TURN, tf.int32)

    def to_grid(self, values):
        """Values `[count]` -> `[batch, frames, bins]`, else 0."""
        return tf.reshape(self._scatter(values), self._shape)[:, 2:-1, 1:]

    def _scatter(self, values):
        # Faster than a scatter, or than counting with a cumulative sum.
        return tf.math.unsorted_segment_sum(values, self._position, self._size)


def _pad(values, frames, bins, value):
    return tf.pad(values, [[0, 0], frames, bins], constant_values=value)


def _point_to_loudest(bins):
    """Each bin's loudest neighbour, and its turn relative to that."""
    ids = tf.range(bins.count)
    to_before, to_previous, to_next, to_after = bins.edges()
    next_level = tf.concat([bins.level[1:], [_ABSENT]], 0)
    next_level = tf.where(bins.has_next, next_level, _ABSENT)
    has_previous = _shift(bins.has_next, False)
    previous_level = _shift(bins.level, _ABSENT)
    previous_level = tf.where(has_previous, previous_level, _ABSENT)
    before_level = tf.gather(bins.level, bins.before)
    parent, edge = bins.after, to_after
    loudest = tf.gather(bins.level, bins.after)
    # From the largest number to the smallest: the larger keeps a tie.
    for neighbour, to_neighbour, level in (
        (ids + 1, to_next, next_level),
        (ids - 1, to_previous, previous_level),
        (bins.before, to_before, before_level),
    ):
        louder = level > loudest
        parent = tf.where(louder, neighbour, parent)
        edge = tf.where(louder, to_neighbour, edge)
        loudest = tf.maximum(loudest, level)
    turn = bins.turns(edge)
    turn = tf.where(parent > ids, -turn, turn)
    alone = tf.equal(parent, 0)
    return tf.where(alone, ids, parent), tf.where(alone, 0, turn)


def _shift(values, first):
    """Values `[count]`, each moved to the number after its own."""
    return tf.concat([[first], values[:-1]], 0)


def _join(parent, turn):
    """Contracts trees to their roots.

    Args:
      parent: int32 `[count]`; cycles are of length 1 or 2.
      turn: int32 `[count]`, relative to the parent.

    Returns:
      Each one's tree, int32 `[count]`, 0 .. trees - 1; its turn relative to
      the root, int32 `[count]`; the number of trees.
    """
    ids = tf.range(tf.size(parent))
    grandparent = tf.gather(parent, parent)
    # Of two that point to each other the one stays, the other is the root,
    # which both are to themselves after the first jump.
    stays = tf.equal(grandparent, ids) & (parent < ids)
    turn = tf.where(stays, turn, turn + tf.gather(turn, parent))
    parent = tf.where(stays, parent, grandparent)

    def jump(parent, grandparent, turn):
        turn += tf.gather(turn, parent)
        return grandparent, tf.gather(grandparent, grandparent), turn

    root, _, turn = tf.while_loop(
        lambda parent, grandparent, _: tf.reduce_any(parent != grandparent),
        jump,
        (parent, tf.gather(parent, parent), turn),
    )
    roots = tf.where(tf.equal(root, ids))[:, 0]
    trees = tf.size(roots)
    order = tf.math.unsorted_segment_sum(tf.range(trees), roots, tf.size(root))
    return tf.gather(order, root), turn, trees


def _edges_between(bins, tree, turn, threshold):
    """Edges whose ends are in two trees.

    Returns:
      Int32 `[edges, 4]`: the tree where an edge starts, the one where it
      stops, what the phase grows by from root to root, and a weight that is in
      the order of the sum of both ends' levels.
    """
    _, _, to_next, to_after = bins.edges()
    after = tf.gather(tree, bins.after)
    following = tf.concat([tree[1:], [0]], 0)
    in_time = tf.where((bins.after > 0) & (after != tree))[:, 0]
    in_frequency = tf.where(bins.has_next & (following != tree))[:, 0]
    in_frequency = tf.cast(in_frequency, tf.int32)
    start = tf.concat([tf.cast(in_time, tf.int32), in_frequency], 0)
    stop = tf.concat([tf.gather(bins.after, in_time), in_frequency + 1], 0)
    between = bins.turns(
        tf.concat(
            [tf.gather(to_after, in_time), tf.gather(to_next, in_frequency)], 0
        )
    )
    between += tf.gather(turn, start) - tf.gather(turn, stop)
    weight = tf.gather(bins.level, start) + tf.gather(bins.level, stop)
    # Positive floats are in the order of their bits.
    weight = tf.bitcast(weight + (2 * threshold + 1), tf.int32)
    return tf.stack(
        [tf.gather(tree, start), tf.gather(tree, stop), between, weight], 1
    )


def _join_trees(edges, trees):
    """Boruvka's rounds.

    Args:
      edges: as from `_edges_between`.
      trees: how many there are.

    Returns:
      The turn of each tree, int32 `[trees]`.
    """

    def round_(edges, count, trees):
        tree, turn, count = _join(*_point_along_heaviest(edges, count))
        # In pairs: it takes as long to gather two numbers as one.
        joined = tf.stack([tree, turn], 1)
        tree, turn = tf.unstack(trees, axis=1)
        tree, more = tf.unstack(tf.gather(joined, tree), axis=1)
        trees = tf.stack([tree, turn + more], 1)
        start, stop, between, weight = tf.unstack(edges, axis=1)
        start, start_turn = tf.unstack(tf.gather(joined, start), axis=1)
        stop, stop_turn = tf.unstack(tf.gather(joined, stop), axis=1)
        between += start_turn - stop_turn
        edges = tf.stack([start, stop, between, weight], 1)
        edges = tf.gather(edges, tf.where(start != stop)[:, 0])
        return edges, count, trees

    apart = tf.stack([tf.range(trees), tf.zeros([trees], tf.int32)], 1)
    _, _, joined = tf.while_loop(
        lambda edges, *_: tf.shape(edges)[0] > 0,
        round_,
        (edges, trees, apart),
        shape_invariants=(
            tf.TensorShape([None, 4]),
            tf.TensorShape([]),
            tf.TensorShape([None, 2]),
        ),
    )
    return joined[:, 1]


def _point_along_heaviest(edges, count):
    """Each tree's neighbour by its heaviest edge, and its turn to that."""
    start, stop, _, weight = tf.unstack(edges, axis=1)
    # The edge's position makes the order strict, and tells the edge.
    position = tf.range(tf.size(weight), dtype=tf.int64)
    key = tf.bitwise.left_shift(tf.cast(weight, tf.int64), 32) + position
    heaviest = tf.math.unsorted_segment_max(
        tf.concat([key, key], 0), tf.concat([start, stop], 0), count
    )
    ids = tf.range(count)
    alone = heaviest < 0
    edge = tf.cast(tf.maximum(heaviest, 0), tf.int32)
    start, stop, turn, _ = tf.unstack(tf.gather(edges, edge), axis=1)
    outward = tf.equal(start, ids)
    parent = tf.where(outward, stop, start)
    turn = tf.where(outward, -turn, turn)
    return tf.where(alone, ids, parent), tf.where(alone, 0, turn)
