# SPDX-License-Identifier: GPL-3.0-or-later
"""Composites whose every alpha is known: people of published mattes in front of made walls.

A person comes from a photo and the alpha that peers published for it. Its colour is first cleaned of
the background it was taken in front of (estimate_foreground), then it is put before a wall of a
given colour with a slope of light, texture, the person's own shadow and noise. The alpha that was
used is the truth, exactly, whatever the peers got wrong. Everything follows from a seed.
"""

import os
from dataclasses import dataclass

import cv2
import numpy as np

WIDTH, HEIGHT = 720, 960

# Name, and the part of the photo that becomes the frame (left, top, width; 3:4, may reach out of it
# where there is no person). The two halves are for tuning and for the final word.
TUNING = [
    ("p3m/p_514ca06a", 230, 0, 810),
    ("p3m/p_818e689d", 650, 100, 735),
    ("p3m/p_0865636e", 440, 0, 810),
    ("p3m/p_a09f6d7a", 450, 60, 765),
    ("cutout/carvekit_1", 215, 100, 375),
]
HELD_OUT = [
    ("p3m/p_09ba26b4", 330, -10, 600),
    ("p3m/p_51c916fc", 790, -20, 825),
    ("p3m/p_819ea202", 290, 60, 480),
    ("p3m/p_bc5cfad1", 130, 0, 800),
    ("cutout/carvekit_3", 250, 400, 380),
]

# sRGB levels of the wall in the middle of the frame.
WALLS = {
    "white": (236, 236, 233),
    "grey": (186, 187, 188),
    "beige": (216, 203, 184),
    "blueish": (190, 203, 220),
    "pink": (226, 203, 205),
    "dim": (112, 109, 105),
}


@dataclass
class Person:
    """Colour (0..1) and alpha at the size of the frame, and how far two peers differ (mean)."""

    name: str
    colour: np.ndarray
    alpha: np.ndarray
    tolerance: float


def estimate_foreground(picture, alpha):
    """The person's colour without the background it was taken in front of.

    Two estimates are mixed. Local means of both sides, corrected by what the pixel shows (Forte 2021,
    "Approximate fast foreground colour estimation"), keep the texture of hair, but a pixel in which
    little of the person is seen keeps the old background too. There the colour is the mean of what
    is surely person nearby, over windows of growing size.
    """
    a = alpha[..., None]
    front, back = picture.copy(), picture.copy()
    for size in (91, 31, 9):
        def mean(values, weight, size=size):
            return cv2.blur(values * weight, (size, size)) / (cv2.blur(weight, (size, size))[..., None] + 1e-5)

        near_front = mean(front, a)
        near_back = mean(back, 1 - a)
        rest = picture - a * near_front - (1 - a) * near_back
        front = np.clip(near_front + a * rest, 0, 1)
        back = np.clip(near_back + (1 - a) * rest, 0, 1)
    sure = (alpha > .95).astype(np.float32)
    nearby, share = np.zeros_like(picture), np.zeros_like(sure)
    for size in (7, 15, 31, 91, 301):
        weight = cv2.blur(sure, (size, size))
        part = np.minimum(1 - share, weight / .1)
        nearby += part[..., None] * cv2.blur(picture * sure[..., None], (size, size)) / (weight[..., None] + 1e-5)
        share += part
    nearby += (1 - share[..., None]) * front
    return nearby + a * a * (front - nearby)


def _cut(image, left, top, width):
    """Part of an image at the size of the frame; outside there is nothing."""
    scale = WIDTH / width
    move = np.float32([[scale, 0, -left * scale], [0, scale, -top * scale]])
    if scale < 1:
        image = cv2.GaussianBlur(image, (0, 0), 0.45 / scale)
    return cv2.warpAffine(image, move, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)


def _read(path):
    image = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FileNotFoundError(path)
    return image.astype(np.float32) / 255


def load_person(folder, entry):
    """Reads one person; the alphas of two peers are averaged."""
    name, left, top, width = entry
    base = os.path.join(folder, name)
    picture = _read(base + ".jpg")[..., :3]
    tolerance = 0.0
    if name.startswith("p3m/"):
        peers = [_read(f"{base}_alpha_{peer}.png") for peer in ("p3mnet", "p3mnetvitae")]
        peers = [peer if peer.ndim == 2 else peer[..., 0] for peer in peers]
        alpha = (peers[0] + peers[1]) / 2
        tolerance = float(np.abs(_cut(peers[0], left, top, width) - _cut(peers[1], left, top, width)).mean())
    else:
        alpha = _read(base + "_rgba.png")[..., 3]
    colour = estimate_foreground(picture, alpha)
    return cut_person(os.path.basename(name), colour, alpha, left, top, width, tolerance)


def cut_person(name, colour, alpha, left, top, width, tolerance=0.0):
    """The part of a cleaned photo that becomes the frame."""
    alpha = np.clip((np.clip(_cut(alpha, left, top, width), 0, 1) - 0.02) / 0.96, 0, 1)
    return Person(name, np.clip(_cut(colour, left, top, width), 0, 1), alpha, tolerance)


def _recolour(colour, random):
    """Other hair, skin and clothes: light is changed by a random curve, and saturation and tint.

    The factor comes from the smoothed light, so that texture stays what it is, and is limited, so that
    noise of dark places does not become texture.
    """
    light = cv2.GaussianBlur(colour.mean(-1), (0, 0), 4) + .02
    knots = np.array([.02, .15, .35, .6, 1])
    goal = random.uniform(.03, 1, 5)
    if random.random() < .4:
        goal.sort()
    wanted = np.interp(light, [0, .15, .35, .6, 1.02], knots + (goal - knots) * random.uniform(.3, 1))
    grey = colour.mean(-1, keepdims=True)
    changed = grey + (colour - grey) * random.uniform(.4, 1.3)
    changed = changed * np.clip(wanted / light, .15, 5)[..., None] * (1 + random.uniform(-.15, .15, 3))
    return np.where(changed > .9, .9 + .1 * np.tanh((changed - .9) / .1), changed)


def vary(person, random):
    """The same person in other colours, nearer or farther, leaning: a new truth, as exact as before."""
    if random.random() < .6:
        colour = _recolour(person.colour, random)
    else:
        colour = person.colour * random.uniform(.7, 1.2) * (1 + random.uniform(-.06, .06, 3))
    scale = random.uniform(.85, 1.35)
    move = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT * .75), random.uniform(-8, 8), scale)
    move[:, 2] += random.uniform(-60, 60), random.uniform(-20, 60) + max(0, 1 - scale) * HEIGHT * .3

    def moved(image):
        image = np.clip(image, 0, 1).astype(np.float32)
        return np.clip(cv2.warpAffine(image, move, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC,
                                      borderMode=cv2.BORDER_REPLICATE), 0, 1)
    return Person(person.name, moved(colour), moved(person.alpha), 0)


def make_wall(colour, random):
    """An empty wall, 0..1, blue first: colour, slope of light, faint texture."""
    x, y = np.meshgrid(np.linspace(-1, 1, WIDTH, dtype=np.float32), np.linspace(-1, 1, HEIGHT, dtype=np.float32))
    slope = 1 + random.uniform(-.06, .06) * x + random.uniform(-.05, .05) * y - random.uniform(0, .05) * (x * x + y * y)
    texture = cv2.GaussianBlur(random.standard_normal((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 1.5)
    texture *= .003 / texture.std()
    bgr = np.float32(colour[::-1]) / 255
    return np.clip(bgr * (slope + texture)[..., None], 0, 1).astype(np.float32)


def make_shadow(alpha, random):
    """What share of the light the person takes from the wall: moved, soft, one side stronger."""
    dx, dy = random.uniform(-60, 60), random.uniform(5, 40)
    moved = cv2.warpAffine(alpha, np.float32([[1, 0, dx], [0, 1, dy]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    wide = cv2.GaussianBlur(moved, (0, 0), random.uniform(14, 40))
    contact = cv2.GaussianBlur(alpha, (0, 0), 10)
    return (random.uniform(.04, .15) * wide + random.uniform(0, .05) * contact)[..., None]


def _photograph(picture, sigma, random):
    """Noise of a sensor: of every pixel, and a little coarser as processing leaves it; 8 bits."""
    fine = random.standard_normal(picture.shape).astype(np.float32)
    coarse = cv2.GaussianBlur(random.standard_normal(picture.shape).astype(np.float32), (0, 0), 1)
    coarse /= coarse.std()
    return np.clip(picture * 255 + sigma * (.7 * fine + .7 * coarse) + .5, 0, 255).astype(np.uint8)


def compose(person, wall_name, seed, shift=0):
    """Returns (photo, plate, truth): photo and plate 8 bits blue first, truth 0..1.

    `shift` (levels, one or three) moves the wall's colour away from the named one.
    """
    random = np.random.default_rng(seed)
    flip = bool(random.integers(2))
    colour = person.colour[:, ::-1] if flip else person.colour
    alpha = np.ascontiguousarray(person.alpha[:, ::-1] if flip else person.alpha)
    wall = make_wall(np.clip(np.array(WALLS[wall_name]) + shift, 60, 248), random)
    light = .62 if wall_name == "dim" else 1
    sigma = random.uniform(1, 2.6)
    a = alpha[..., None]
    photo = a * colour * light + (1 - a) * wall * (1 - make_shadow(alpha, random))
    # The plate was taken a little earlier: exposure and white balance have drifted.
    drift = 1 + random.uniform(-.025, .025) + random.uniform(-.008, .008, 3).astype(np.float32)
    return _photograph(photo, sigma, random), _photograph(np.clip(wall * drift, 0, 1), sigma, random), alpha
