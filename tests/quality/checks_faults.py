# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts one declared fault, graded, into a good portrait.

Each entry of FAULTS: name, the checks of which one must name it, the grades from weak to strong, the weakest grade
that must be named (None: what is found is no promise), and the function that makes it. A grade is what the function takes: sigmas in pixels of a finished
photo, gains, degrees, shares; see each function. Lids that close, irises that look aside and a head that turns cannot
be made from one picture: eyes.open, eyes.gaze, pose.yaw and pose.pitch are measured on labelled pictures alone.
"""

import math

import cv2
import numpy as np

FINISHED_EYES = 96.  # pixels between the pupils in a finished photo

OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
        150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
EYES = ((33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
        (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382))
BROWS = ((70, 63, 105, 66, 107), (336, 296, 334, 293, 300))
EARS = ((162, 127, 234, 93, 132, 58), (389, 356, 454, 323, 361, 288))


class Portrait:
    """A good picture with what is needed to spoil it: points, pupils and the alpha of the person."""

    def __init__(self, image, points, iris, alpha, seed):
        self.image = image
        self.points = points
        self.iris = iris
        self.alpha = alpha
        self.gap = float(np.hypot(*(iris[1] - iris[0])))
        self.seed = seed

    def mask(self, corners, soft=0.02):
        """A polygon as weights 0..1, its edge softened by a share of the gap between the eyes."""
        mask = np.zeros(self.image.shape[:2], np.float32)
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1.)
        return cv2.GaussianBlur(mask, (0, 0), max(0.5, soft * self.gap))[..., None]

    def oval(self, centre, across, along):
        mask = np.zeros(self.image.shape[:2], np.float32)
        cv2.ellipse(mask, tuple(int(v) for v in centre), (max(1, int(across * self.gap)), max(1, int(along * self.gap))),
                    0, 0, 360, 1., -1)
        return cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.015 * self.gap))[..., None]

    def hair(self):
        """Black or dark brown hair, blue first; black where brown would be the colour of the skin."""
        cheeks = [self.image[y - 5:y + 5, x - 5:x + 5].mean() for x, y in self.points[[205, 425]].astype(int)]
        return ((16, 16, 18), (26, 33, 46))[0 if min(cheeks) < 120 else self.seed % 2]

    def strands(self, colour):
        """A texture of hair, so that the fault is no flat patch of paint."""
        noise = np.random.default_rng(self.seed).normal(0, 1, (1, self.image.shape[1], 1)).astype(np.float32)
        noise = cv2.GaussianBlur(noise[..., 0], (0, 0), 1.0)[..., None]
        return np.clip(np.asarray(colour, np.float32) * (1 + 0.6 * noise) + 3 * noise, 0, 255)


def blend(portrait, mask, colour):
    return portrait.image * (1 - mask) + np.asarray(colour, np.float32) * mask


def blur(portrait, sigma):
    return cv2.GaussianBlur(portrait.image, (0, 0), sigma * portrait.gap / FINISHED_EYES)


def shake(portrait, length):
    """Motion of the camera, level, in pixels of a finished photo."""
    n = max(3, int(round(length * portrait.gap / FINISHED_EYES)))
    return cv2.filter2D(portrait.image, -1, np.full((1, n), 1. / n, np.float32))


def side_light(portrait, dark):
    """One side of the face gets this share of the light of the other, in linear light."""
    middle, width = portrait.iris.mean(0)[0], 0.25 * portrait.gap
    x = np.arange(portrait.image.shape[1], dtype=np.float32)
    gain = dark + (1 - dark) / (1 + np.exp(-(x - middle) / width))
    return expose(portrait, gain[None, :, None])


def expose(portrait, gain):
    """More or less light, in linear light, clipped as a sensor does."""
    linear = np.power(portrait.image / 255., 2.2) * gain
    return 255 * np.power(np.clip(linear, 0, 1), 1 / 2.2)


def cast(portrait, gains):
    """A lamp of another colour: gains of blue, green, red."""
    return expose(portrait, np.asarray(gains, np.float32)[None, None, :])


def flatten(portrait, contrast):
    return 128 + (portrait.image - 128) * contrast


def rotate(portrait, degrees):
    height, width = portrait.image.shape[:2]
    turn = cv2.getRotationMatrix2D(tuple(float(v) for v in portrait.iris.mean(0)), -degrees, 1)
    return cv2.warpAffine(portrait.image, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def red_eyes(portrait, radius):
    """Pupils of this share of the gap between the eyes, filled by the flash."""
    image = Portrait(portrait.image, portrait.points, portrait.iris, portrait.alpha, portrait.seed)
    lids = np.maximum(*(portrait.mask(portrait.points[list(eye)], 0.005) for eye in EYES))
    for iris in portrait.iris:
        image.image = blend(image, portrait.oval(iris, radius, radius) * lids, (40, 40, 205))
    return image.image


def compress(portrait, quality):
    done, data = cv2.imencode(".jpg", np.clip(portrait.image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def glare(portrait, size):
    """A window mirrored on both lenses: ovals of this half width, below and beside the pupils."""
    image = Portrait(portrait.image, portrait.points, portrait.iris, portrait.alpha, portrait.seed)
    for iris in portrait.iris:
        centre = iris + np.array((0.12, 0.10)) * portrait.gap
        image.image = blend(image, portrait.oval(centre, size, 0.7 * size), (252, 252, 252))
    return image.image


def lenses(portrait):
    """The area of two lenses."""
    return np.maximum(*(portrait.oval(iris + np.array((0, 0.06)) * portrait.gap, 0.36, 0.28) for iris in portrait.iris))


def tint(portrait, light):
    """Lenses that let this share of the light through, in linear light."""
    mask = lenses(portrait)
    return portrait.image * (1 - mask) + expose(portrait, light) * mask


def frame(portrait, thickness):
    """A dark frame whose lower rims lie across the eyes."""
    image = portrait.image.copy()
    line = max(1, int(thickness * portrait.gap))
    for iris in portrait.iris:
        cv2.ellipse(image, tuple(int(v) for v in iris - np.array((0, 0.1 * portrait.gap))),
                    (int(0.36 * portrait.gap), int(0.26 * portrait.gap)), 0, 0, 360, (35, 30, 30), line, cv2.LINE_AA)
        cv2.ellipse(image, tuple(int(v) for v in iris + np.array((0, 0.06 * portrait.gap))),
                    (int(0.36 * portrait.gap), int(0.26 * portrait.gap)), 0, 0, 360, (35, 30, 30), line, cv2.LINE_AA)
    a, b = portrait.iris
    cv2.line(image, tuple(int(v) for v in a + (b - a) * 0.33), tuple(int(v) for v in a + (b - a) * 0.67), (35, 30, 30), line,
             cv2.LINE_AA)
    return image


def fringe(portrait, reach):
    """Hair from the top of the face down to this share of the gap below (above: negative) the brows' upper edge."""
    left, right = portrait.points[54], portrait.points[284]
    low = np.vstack([portrait.points[list(brow)] for brow in BROWS]) + np.array((0, reach * portrait.gap))
    top = np.array([right - (0, 0.4 * portrait.gap), left - (0, 0.4 * portrait.gap)])
    return blend(portrait, portrait.mask(np.vstack([[left], low, [right], top])), portrait.strands(portrait.hair()))


def hidden_ears(portrait, width):
    """Hair beside the face, this share of the gap wide."""
    image = Portrait(portrait.image, portrait.points, portrait.iris, portrait.alpha, portrait.seed)
    for side, line in zip((-1, 1), EARS):
        edge = portrait.points[list(line)]
        outer = edge[::-1] + np.array((side * width * portrait.gap, 0))
        image.image = blend(image, portrait.mask(np.vstack([edge - np.array((side * 0.03 * portrait.gap, 0)), outer])),
                            portrait.strands(portrait.hair()))
    return image.image


def hidden_eye(portrait, width):
    """A lock of hair over one eye, this share of the gap wide."""
    iris = portrait.iris[portrait.seed % 2]
    half = width * portrait.gap / 2
    corners = iris + np.array(((-half, -portrait.gap), (half, -portrait.gap), (half, 0.5 * portrait.gap), (-half, 0.5 * portrait.gap)))
    return blend(portrait, portrait.mask(corners), portrait.strands(portrait.hair()))


def band(portrait, height):
    """A coloured hair band above the forehead."""
    colours = ((180, 60, 40), (60, 150, 40), (150, 40, 160))
    top = portrait.points[[54, 103, 67, 109, 10, 338, 297, 332, 284]] - np.array((0, 0.12 * portrait.gap))
    corners = np.vstack([top, top[::-1] - np.array((0, height * portrait.gap))])
    return blend(portrait, portrait.mask(corners), colours[portrait.seed % 3])


def beauty(portrait, strength):
    """A filter that keeps edges and takes the texture of skin away, by levels."""
    image = np.clip(portrait.image, 0, 255).astype(np.uint8)
    smooth = cv2.bilateralFilter(image, 0, strength, 0.03 * portrait.gap)
    mask = portrait.mask(portrait.points[list(OVAL)])
    return image * (1 - mask) + smooth * mask


def screen(portrait, scale):
    """The picture on a screen of red, green and blue stripes, photographed with this many pixels a screen pixel."""
    k = 3
    height, width = portrait.image.shape[:2]
    source = cv2.resize(portrait.image, (width * k, height * k), interpolation=cv2.INTER_NEAREST)
    stripes = np.zeros((k, k, 3), np.float32)
    for channel in range(3):
        stripes[:, 2 - channel, channel] = 1
    stripes[2] *= 0.5
    source = source * np.tile(stripes / stripes.mean((0, 1)), (height, width, 1))
    s = scale / k
    turn = cv2.getRotationMatrix2D((width * k / 2, height * k / 2), 3, s)
    turn[:, 2] += np.array((width * scale, height * scale)) / 2 - np.array((width * k, height * k)) / 2
    source = cv2.GaussianBlur(source, (0, 0), 0.35 / s)
    return cv2.warpAffine(source, turn, (int(width * scale), int(height * scale)), borderMode=cv2.BORDER_REPLICATE)


def paper(portrait, border):
    """A print with a white border of this share of its width, on a dark desk, held 2 degrees askew."""
    image = portrait.image
    n = int(border * image.shape[1])
    image = cv2.copyMakeBorder(image, n, n, n, n, cv2.BORDER_CONSTANT, value=(248, 248, 248))
    image = cv2.copyMakeBorder(image, n, n, n, n, cv2.BORDER_CONSTANT, value=(60, 75, 90))
    turn = cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), 2, 1)
    image = cv2.warpAffine(image, turn, (image.shape[1], image.shape[0]), borderMode=cv2.BORDER_REPLICATE)
    # The camera comes nearer until one border only is out of the picture.
    return image[2 * n + n // 2:-n, n // 2:]


def tablet(portrait, share):
    """The picture on a tablet with a dark rim that takes this share of the camera's width, on a desk, a little askew."""
    height, width = portrait.image.shape[:2]
    n = int(0.03 * width)
    shown = cv2.copyMakeBorder(portrait.image, n, n, n, n, cv2.BORDER_CONSTANT, value=(22, 20, 20))
    noise = np.random.default_rng(portrait.seed).normal(0, 3, (height, width, 1)).astype(np.float32)
    desk = np.asarray(((110, 130, 150), (160, 165, 165), (70, 85, 110))[portrait.seed % 3], np.float32) + noise
    scale = share * width / shown.shape[1]
    across, along = scale * shown.shape[1] / 2, scale * shown.shape[0] / 2
    lean = 0.03 * across
    corners = np.array(((-across, -along + lean), (across - lean, -along), (across, along), (-across + lean, along - lean)))
    angle = math.radians((-3, 2, 4)[portrait.seed % 3])
    turn = np.array(((math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))))
    corners = np.float32(corners @ turn + np.array((width, height)) / 2)
    flat = np.float32(((0, 0), (shown.shape[1], 0), (shown.shape[1], shown.shape[0]), (0, shown.shape[0])))
    lay = cv2.getPerspectiveTransform(flat, corners)
    shown = cv2.GaussianBlur(shown, (0, 0), max(0.3, 0.4 / scale))
    mask = cv2.warpPerspective(np.ones(shown.shape[:2], np.float32), lay, (width, height))[..., None]
    return cv2.warpPerspective(shown, lay, (width, height)) * mask + desk * (1 - mask)


def mirrored(portrait, light):
    """A lamp that glossy paper mirrors across the outline of the head: this share of white is added, in linear light."""
    centre = portrait.points[(103, 332, 54, 284)[portrait.seed % 4]] - np.array((0, 0.25 * portrait.gap))
    middle = portrait.iris.mean(0)
    # From inside the head outwards to where the person ends.
    for _ in range(200):
        x, y = np.clip(centre.astype(int), 0, np.array(portrait.image.shape[1::-1]) - 1)
        if portrait.alpha[y, x, 0] < 0.5:
            break
        centre = centre + (centre - middle) * 0.02
    mask = np.zeros(portrait.image.shape[:2], np.float32)
    size = (int(0.5 * portrait.gap), int(0.3 * portrait.gap))
    cv2.ellipse(mask, tuple(int(v) for v in centre), size, 40 * portrait.seed, 0, 360, 1., -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.06 * portrait.gap)[..., None]
    linear = np.power(np.clip(portrait.image, 0, 255) / 255., 2.2) + light * mask
    return 255 * np.power(np.clip(linear, 0, 1), 1 / 2.2)


def on_wall(portrait, wall):
    return portrait.image * portrait.alpha + wall * (1 - portrait.alpha)


def dark_wall(portrait, level):
    return on_wall(portrait, np.full_like(portrait.image, level))


def same_clothes(portrait, distance):
    """A wall in the colour of the clothes, this many levels lighter."""
    top = min(int(portrait.points[152][1] + 0.7 * portrait.gap), portrait.image.shape[0] - 8)
    person = portrait.alpha[top:, :, 0] > 0.99
    middle = int(portrait.points[152][0])
    person[:, max(0, middle - int(0.9 * portrait.gap)):middle + int(0.9 * portrait.gap)] = False
    clothes = portrait.image[top:][person]
    return on_wall(portrait, np.clip(clothes.mean(0) + distance, 0, 255).astype(np.float32))


def wall_shadow(portrait, depth):
    """The head's own shadow on the wall, to one side, this many levels deep."""
    shadow = cv2.warpAffine(portrait.alpha[..., 0], np.float32([[1, 0, 0.32 * portrait.gap], [0, 1, 0.1 * portrait.gap]]),
                            portrait.image.shape[1::-1])
    shadow = cv2.GaussianBlur(shadow, (0, 0), 0.06 * portrait.gap)[..., None]
    return portrait.image - depth * shadow * (1 - portrait.alpha)


def busy_wall(portrait, depth):
    """Shelves behind: bars this many levels darker."""
    bars = np.zeros(portrait.image.shape[:2] + (1,), np.float32)
    for at in range(0, bars.shape[0], max(4, int(0.7 * portrait.gap))):
        bars[at:at + max(2, int(0.15 * portrait.gap))] = depth
    return portrait.image - bars * (1 - portrait.alpha)


def cut_top(portrait, below):
    """The frame ends this share of the gap above the eyes."""
    return portrait.image[max(0, int(portrait.iris.mean(0)[1] - below * portrait.gap)):]


def cut_side(portrait, beside):
    """The frame ends this share of the gap beside the face."""
    return portrait.image[:, max(0, int(portrait.points[234][0] - beside * portrait.gap)):]


def shrink(portrait, gap):
    scale = gap / portrait.gap
    return cv2.resize(portrait.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def two_people(portrait, share):
    """Somebody else beside, as large as this share."""
    other = cv2.resize(portrait.image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    height = portrait.image.shape[0]
    other = cv2.copyMakeBorder(other, height - other.shape[0], 0, 0, 0, cv2.BORDER_REPLICATE) if share < 1 else other[:height]
    return np.hstack([portrait.image, other])


FAULTS = (
    ("blur", ("focus.sharp",), (0.5, 1, 1.5, 2, 3), 2, blur),
    ("camera shake", ("focus.sharp",), (2, 4, 6, 9), 9, shake),
    ("side light", ("light.even",), (0.5, 0.3, 0.2, 0.1), 0.2, side_light),
    ("under-exposed", ("light.mean", "light.under"), (0.3, 0.1, 0.05, 0.02), 0.05, expose),
    ("over-exposed", ("light.over", "light.mean", "light.highlight"), (2, 4, 8, 12), 12, expose),
    ("flat", ("light.range",), (0.5, 0.3, 0.15, 0.08), 0.15, flatten),
    ("blue cast", ("colour.natural",), ((1.3, 1, .7), (1.6, 1, .5), (2, 1, .4)), (1.6, 1, .5), cast),
    ("green cast", ("colour.natural",), ((1, 1.3, .8), (.9, 1.5, .7), (.8, 1.8, .6)), (.9, 1.5, .7), cast),
    ("red cast", ("colour.natural",), ((.8, .8, 1.4), (.5, .6, 1.6), (.3, .45, 1.8)), (.5, .6, 1.6), cast),
    ("tilt", ("pose.roll",), (4, 6, 8, 12), 8, rotate),
    ("tilt other way", ("pose.roll",), (-4, -6, -8, -12), -8, rotate),
    ("red eyes", ("eyes.red",), (0.05, 0.065, 0.08), 0.065, red_eyes),
    ("compression", ("image.compression",), (30, 20, 12, 6), 12, compress),
    ("glare", ("glasses.glare",), (0.06, 0.1, 0.15, 0.2), 0.1, glare),
    ("tinted lenses", ("glasses.tint",), (0.4, 0.2, 0.1, 0.05), 0.1, tint),
    ("frame", ("glasses.frame",), (0.03, 0.05, 0.07), 0.05, frame),
    ("fringe", ("brows.visible",), (-0.1, 0, 0.1, 0.2), 0.1, fringe),
    ("ears hidden", ("ears.visible",), (0.3, 0.4), 0.4, hidden_ears),
    ("eye hidden", ("eyes.visible",), (0.3, 0.5, 0.7), 0.7, hidden_eye),
    ("hair band", ("head.cover",), (0.08, 0.15, 0.25), 0.25, band),
    ("beauty filter", ("authentic.retouch",), (15, 30, 60), 60, beauty),
    ("photo of a screen", ("authentic.recapture",), (0.6, 0.83, 1.13), 0.83, screen),
    ("photo of a print", ("authentic.recapture",), (0.04, 0.08), 0.08, paper),
    ("photo of a tablet", ("authentic.recapture",), (0.6, 0.75, 0.9), 0.75, tablet),
    ("mirrored lamp", ("authentic.recapture",), (0.1, 0.2, 0.5, 1), None, mirrored),
    ("dark wall", ("background.dark",), (60, 30, 12), 30, dark_wall),
    ("wall as clothes", ("background.clothes",), (25, 10, 0), 0, same_clothes),
    ("shadow on the wall", ("background.shadow",), (15, 30, 60), 60, wall_shadow),
    ("things on the wall", ("background.plain",), (10, 25, 60), 25, busy_wall),
    ("cut above", ("geometry.head-whole", "geometry.hair-top", "geometry.eye-line"), (0.9, 0.6, 0.4), 0.6, cut_top),
    ("cut beside", ("geometry.head-whole", "geometry.centre", "geometry.face-width"), (0.3, 0.1, 0), 0.1, cut_side),
    ("too small", ("image.resolution",), (75, 60, 45), 75, shrink),
    ("two people", ("face.count", "person.single"), (0.5, 0.8, 1), 0.5, two_people),
)
