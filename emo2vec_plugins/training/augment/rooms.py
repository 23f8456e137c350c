"""Reverberation in simulated rooms, by the image source method of pyroomacoustics.

A room takes 0.02 s to simulate at an RT60 of 0.2 s, 0.3 s at 0.7 s, and 2 to 5 s and 0.6 GB at 1.5 s.
So there is a limited number of rooms, each simulated when it is first used.
"""

from __future__ import annotations

import math
from threading import Lock

import numpy as np
from scipy.signal import oaconvolve

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray, import_extra
from emo2vec_plugins.training.recipe_fields import Range

ROOMS = 200
"""Number of rooms in a training."""

SMALLEST, LARGEST = (2.5, 2.5, 2.3), (10.0, 8.0, 4.0)
"""Length, width and height of the rooms, in metres."""

WALL = 0.5
"""Least distance of a mouth or a microphone from a wall, in metres."""

DISTANCES = (0.3, 4.0)
"""Distances of the microphone from the mouth, in metres; in a small room, as far as it goes."""

SIMULATED = 0.5
"""Share of the reverberation time that is simulated: until sound is 30 dB softer. To simulate what
follows, which is hardly heard, would take eight times as long."""

Response = tuple[FloatArray, int]
"""An impulse response of unit energy, and the sample in it at which the direct sound arrives."""


class Rooms:
    """A bank of rooms, each with a mouth and a microphone at random places.

    Args:
        rt60: Range of the time in which the reverberation falls by 60 dB, in seconds.
        seed: Determines the rooms.

    Raises:
        MissingExtraError: If pyroomacoustics is not installed.
    """

    def __init__(self, rt60: Range, *, seed: int) -> None:
        acoustics = import_extra("pyroomacoustics", extra="rooms", purpose="rooms in a recipe")
        # In one thread, as the order of sums would depend on the number of cores.
        acoustics.constants.set("num_threads", 1)
        self._acoustics, self._rt60, self._seed = acoustics, rt60, seed
        self._locks = [Lock() for _ in range(ROOMS)]
        self._responses: dict[int, Response] = {}

    def add_room(self, waveform: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a waveform as in a random room, of the same length and in the same place in time.

        Args:
            waveform: Shape (samples,).
            rng: Chooses the room.
        """
        response, direct = self.response(int(rng.integers(ROOMS)))
        heard: FloatArray = oaconvolve(waveform, response)
        return heard[direct : direct + len(waveform)]

    def response(self, index: int) -> Response:
        """Return the response of a room, simulated by the first thread that asks for it."""
        with self._locks[index]:
            if index not in self._responses:
                self._responses[index] = self._simulated(index)
            return self._responses[index]

    def _simulated(self, index: int) -> Response:
        rng = np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=(index,)))
        size, rt60 = rng.uniform(SMALLEST, LARGEST), rng.uniform(*self._rt60)
        mouth, microphone = places(size, rng)
        speed = self._acoustics.constants.get("c")
        room = self._acoustics.ShoeBox(
            size,
            fs=MODEL_RATE,
            materials=self._acoustics.Material(absorption(size, rt60, speed=speed)),
            max_order=order(size, SIMULATED * rt60 * speed),
            air_absorption=True,
        )
        room.add_source(mouth)
        room.add_microphone(microphone)
        room.compute_rir()
        response = np.asarray(room.rir[0][0], np.float32)
        # The filter of a fraction of a sample is centred.
        delay = self._acoustics.constants.get("frac_delay_length") // 2
        direct = delay + round(math.dist(mouth, microphone) / speed * MODEL_RATE)
        return response / np.linalg.norm(response), direct


def places(size: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return random places of a mouth and a microphone in a room of a size in metres."""
    mouth = rng.uniform(WALL, size - WALL)
    # Towards the middle, so that there is always some way to go before a wall.
    direction = np.abs(rng.standard_normal(3)) * np.where(mouth < size / 2, 1, -1)
    # Nearness matters as a ratio: from 1 to 2 metres as much as from 2 to 4.
    nearest, farthest = (math.log(each) for each in DISTANCES)
    distance = math.exp(rng.uniform(nearest, farthest))
    microphone = mouth + distance * direction / np.linalg.norm(direction)
    return mouth, microphone.clip(WALL, size - WALL)


def absorption(size: FloatArray, rt60: float, *, speed: float) -> float:
    """Return the share of energy that walls absorb, by Eyring's formula, which has one for any time.

    Args:
        size: Length, width and height in metres.
        rt60: Reverberation time in seconds.
        speed: Speed of sound in metres per second.
    """
    volume, (x, y, z) = math.prod(size), size
    surface = 2 * (x * y + y * z + x * z)
    return 1 - math.exp(-24 * math.log(10) * volume / (speed * surface * rt60))


def order(size: FloatArray, reach: float) -> int:
    """Return how often sound is reflected, at most, on a way of *reach* metres."""
    x, y, z = size
    # The images of an order form an octahedron. It must hold a ball, also in its narrowest plane.
    narrowest: float = min(a * b / math.hypot(a, b) for a, b in ((x, y), (y, z), (x, z)))
    return math.ceil(reach / narrowest)
