"""Small grey images of 16 levels in little room.

The level of a pixel is nearly known from its left, upper, upper left and upper right
neighbours: their levels, in five classes each, are its context. How often each level
follows in each context is counted over all images and drives an entropy coder (the
range variant of asymmetric numeral systems, Duda 2013, arXiv:1311.2540). Digits take
40 % less room than deflated. ``web/src/thumbnails.ts`` decodes them.

A few images share one state of the coder (a lane); many lanes are coded side by side,
so that numpy does the work.
"""

from __future__ import annotations

import numpy as np

from latentscape.types import AnyArray, IntArray, UInt8Array

LEVELS = 16
CLASSES = np.array([0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4])
CONTEXTS = 5**4
LANE = 8  # images with one state
_BITS = 12
_LANES_AT_ONCE = 1000


def contexts(levels: UInt8Array) -> IntArray:
    """Return the context of each pixel of images (n, H, W) of 16 levels."""
    n, height, width = levels.shape
    classes = np.zeros((n, height + 1, width + 2), dtype=np.int64)
    classes[:, 1:, 1:-1] = CLASSES[levels]
    left, upper = classes[:, 1:, :-2], classes[:, :-1, 1:-1]
    upper_left, upper_right = classes[:, :-1, :-2], classes[:, :-1, 2:]
    found: IntArray = ((left * 5 + upper) * 5 + upper_left) * 5 + upper_right
    return found


def frequency_table(levels: UInt8Array, *, block: int = 2000) -> AnyArray:
    """Count levels in their contexts: uint16 (625, 16), each row adding up to 4096."""
    counts = np.zeros(CONTEXTS * LEVELS, dtype=np.int64)
    for start in range(0, len(levels), block):
        part = levels[start : start + block]
        counts += np.bincount((contexts(part) * LEVELS + part).ravel(), minlength=len(counts))
    table_of_counts = counts.reshape(CONTEXTS, LEVELS)
    total = 1 << _BITS
    # Every level keeps a chance of one, so that the table serves any image.
    shares = table_of_counts / np.maximum(table_of_counts.sum(axis=1, keepdims=True), 1)
    table = 1 + np.floor(shares * (total - LEVELS)).astype(np.int64)
    rows = np.arange(CONTEXTS)
    table[rows, table.argmax(axis=1)] += total - table.sum(axis=1)
    frequencies: AnyArray = table.astype(np.uint16)
    return frequencies


def encode(levels: UInt8Array, table: AnyArray, *, lane: int = LANE) -> AnyArray:
    """Code images (n, H, W) of 16 levels as uint16 words.

    `lane` images at a time share a state: two words of it, then what it takes in.
    """
    n = len(levels)
    starts = np.cumsum(table, axis=1, dtype=np.int64) - table
    words = []
    for first in range(0, n, lane * _LANES_AT_ONCE):
        part = levels[first : first + lane * _LANES_AT_ONCE]
        # The last lane may have fewer images; it is coded by itself.
        whole = len(part) // lane * lane
        if whole:
            words.append(_encode_lanes(part[:whole], table, starts, lane))
        if whole < len(part):
            words.append(_encode_lanes(part[whole:], table, starts, len(part) - whole))
    return np.concatenate(words) if words else np.empty(0, np.uint16)


def _encode_lanes(levels: UInt8Array, table: AnyArray, starts: IntArray, lane: int) -> AnyArray:
    symbols = (contexts(levels) * LEVELS + levels).reshape(len(levels) // lane, -1)
    share = table.ravel()[symbols].astype(np.uint64).T  # (steps, lanes)
    start = starts.ravel()[symbols].astype(np.uint64).T
    steps, lanes = share.shape
    words = np.zeros((steps, lanes), dtype=np.uint16)
    given = np.zeros((steps, lanes), dtype=bool)
    state = np.full(lanes, 1 << 16, dtype=np.uint64)
    for step in range(steps - 1, -1, -1):  # last in, first out
        full = state >= share[step] << np.uint64(32 - _BITS)
        words[step] = state & np.uint64(0xFFFF)
        given[step] = full
        state = np.where(full, state >> np.uint64(16), state)
        quotient, remainder = np.divmod(state, share[step])
        state = (quotient << np.uint64(_BITS)) + remainder + start[step]
    lead = np.stack([state >> np.uint64(16), state & np.uint64(0xFFFF)], axis=1).astype(np.uint16)
    # A state takes in a word after the step that gave it, so the words stand in order of steps.
    kept = np.concatenate([np.ones((lanes, 2), bool), given.T], axis=1)
    content: AnyArray = np.concatenate([lead, words.T], axis=1)[kept]
    return content
