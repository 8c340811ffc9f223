# SPDX-License-Identifier: GPL-3.0-or-later
"""How far an alpha is from the truth, both 0..1 and of one size."""

import cv2
import numpy as np

METRICS = ("mae", "band", "grad", "halo")


def _slope(alpha):
    smooth = cv2.GaussianBlur(alpha, (0, 0), 1.4)
    return np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8))


def score(alpha, truth):
    """mae: mean error over the frame. band: the same where the truth is .02 to .98.
    grad: sum of the differences of the slopes / 1000 (after Rhemann 2009, Gaussian of 1.4 pixels).
    halo: share of the pixels with truth < .02, at most 8 pixels (of 720) outside the person, that
    got an alpha above .15."""
    error = np.abs(alpha - truth)
    soft = (truth > .02) & (truth < .98)
    reach = max(3, round(truth.shape[1] * 8 / 720))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    outside = (cv2.dilate((truth >= .02).astype(np.uint8), disc) > 0) & (truth < .02)
    return {
        "mae": float(error.mean()),
        "band": float(error[soft].mean()) if soft.any() else 0.0,
        "grad": float(np.abs(_slope(alpha) - _slope(truth)).sum() / 1000),
        "halo": float((alpha[outside] > .15).mean()) if outside.any() else 0.0,
    }
