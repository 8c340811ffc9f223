#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Learns the weights of the matte's judge; see docs/matte.md and tools/quality.

Composites with known alpha are made from the tuning people of matte_set and from studio portraits
that the program itself cuts out (their alpha is taken for true, whatever it is: what counts is that
composite and alpha belong together). The people held out are never learned from. What the present
program knows of every pixel that it judges is written down by dump-features, and a network of two
hidden layers learns alpha from it. As the numbers of the last round depend on the rounds before, a
second run learns from what the first one made better.
"""

import argparse
import glob
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import matte_set
import numpy as np

N_FEATURES, N_FIRST, N_SECOND = 30, 24, 16
LEAK = .1
JPEG_QUALITY = (95, 0, 90, 0, 92)
TAKES = 3  # Composites of one person before one wall (tuning), or of a portrait before some wall.
MOST_PIXELS = 20000  # Of one composite.
# A composite that went wrong altogether would teach the network to follow a wrong region.
WORST_MEAN = .2
HEADER = """/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-matte-private.h"

/* Written by tools/quality train: learned from composites whose alpha is known (docs/matte.md). */

"""


def cut_out_portrait(options, path):
    """A studio portrait as a person of matte_set, with the alpha of the present program."""
    name = os.path.splitext(os.path.basename(path))[0]
    output = os.path.join(options.work, f"{name}-own.png")
    done = subprocess.run([options.ctl, "photo", "matte", path, "-o", output], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        return None
    picture = cv2.imread(path).astype(np.float32) / 255
    alpha = cv2.imread(output, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
    rows, columns = np.where(alpha.max(1) > .5)[0], np.where(alpha.max(0) > .5)[0]
    height, width = alpha.shape
    wide = min(width, height * .75)
    left = np.clip((columns[0] + columns[-1]) / 2 - wide / 2, 0, width - wide)
    top = min(height - wide * 4 / 3, max(0, rows[0] - wide * .15))
    colour = matte_set.estimate_foreground(picture, alpha)
    return matte_set.cut_person(name, colour, alpha, left, top, wide)


def make_composite(options, person, wall, seed):
    """Composes, runs dump-features, and returns rows of truth and features."""
    base = os.path.join(options.work, f"{person.name}-{wall}-{seed}")
    # Walls between the six named ones: the network must not learn six colours by heart.
    random = np.random.default_rng(seed + 1)
    shift = random.uniform(-14, 14, 3) + random.uniform(-20, 8)
    photo, _, truth = matte_set.compose(person, wall, seed, shift)
    quality = JPEG_QUALITY[seed % len(JPEG_QUALITY)]
    picture = f"{base}.{'jpg' if quality else 'png'}"
    cv2.imwrite(picture, photo, [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else [cv2.IMWRITE_PNG_COMPRESSION, 1])
    done = subprocess.run([options.dump, "pixels", picture, base + ".bin"], capture_output=True, text=True, check=False)
    os.remove(picture)
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        return None
    rows = np.fromfile(base + ".bin", np.float32).reshape(-1, 3 + N_FEATURES)
    os.remove(base + ".bin")
    alpha = truth[rows[:, 1].astype(int), rows[:, 0].astype(int)]
    if np.abs(alpha - rows[:, 2]).mean() > WORST_MEAN:
        return None
    chosen = random.permutation(len(rows))[:MOST_PIXELS]
    return np.hstack([alpha[chosen, None], rows[chosen, 2:]]).astype(np.float32)


def gather(options):
    """(rows to learn from, rows of the people held out): truth, judged now, features."""
    walls = list(matte_set.WALLS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        learnt, held, seed = [], [], options.seed * 100000
        for entries, jobs, takes in ((matte_set.TUNING, learnt, TAKES), (matte_set.HELD_OUT, held, 1)):
            for entry in entries:
                person = matte_set.load_person(options.testdata, entry)
                for k in range(takes * len(walls)):
                    seed += 1
                    jobs.append(pool.submit(make_composite, options, person, walls[k % len(walls)], seed))
        portraits = sorted(glob.glob(os.path.join(options.testdata, "london", "*_neutral.jpg")))
        for i, person in enumerate(pool.map(lambda path: cut_out_portrait(options, path), portraits)):
            for k in range(TAKES if person else 0):
                seed += 1
                learnt.append(pool.submit(make_composite, options, person, walls[(i + 2 * k) % len(walls)], seed))
        return [np.vstack([rows for job in jobs if (rows := job.result()) is not None]) for jobs in (learnt, held)]


class Network:
    def __init__(self, features, random):
        self.mean, self.spread = features.mean(0), features.std(0) + 1e-3
        sizes = (N_FEATURES, N_FIRST, N_SECOND, 1)
        self.weights = [(random.standard_normal((a, b)) * np.sqrt(2 / a)).astype(np.float32)
                        for a, b in zip(sizes, sizes[1:])]
        self.biases = [np.zeros(b, np.float32) for b in sizes[1:]]
        self.weights[-1] *= .3
        self.biases[-1] += .5

    def normalise(self, features):
        return ((features - self.mean) / self.spread).astype(np.float32)

    def layers(self, x):
        out = [x]
        for weights, biases in zip(self.weights, self.biases):
            x = x @ weights + biases
            if weights.shape[1] > 1:
                x = np.maximum(x, LEAK * x)
            out.append(x)
        return out

    def judge(self, features):
        parts = np.array_split(features, max(1, len(features) // 65536))
        return np.concatenate([np.clip(self.layers(self.normalise(part))[-1][:, 0], 0, 1) for part in parts])

    def gradients(self, x, truth, weight):
        layers = self.layers(x)
        judged = layers[-1][:, 0]
        # Absolute error, rounded at its tip; what is clipped on the right side is no error.
        slope = np.clip((judged - truth) / .03, -1, 1) * weight
        slope[((judged > 1) & (truth >= .999)) | ((judged < 0) & (truth <= .001))] = 0
        slope = (slope / len(x))[:, None].astype(np.float32)
        of_weights, of_biases = [], []
        for k in (2, 1, 0):
            of_weights.insert(0, layers[k].T @ slope)
            of_biases.insert(0, slope.sum(0))
            if k > 0:
                slope = (slope @ self.weights[k].T) * np.where(layers[k] > 0, 1, LEAK).astype(np.float32)
        return of_weights + of_biases

    def folded(self):
        """Weights for features as they are: what normalises them goes into the first layer."""
        first = self.weights[0] / self.spread[:, None]
        return [first, *self.weights[1:]], [self.biases[0] - self.mean @ first, *self.biases[1:]]


def learn(rows, held, epochs, random):
    """Adam (Kingma and Ba 2015) with a rate that falls like a cosine."""
    truth, features = rows[:, 0], rows[:, 2:]
    network = Network(features, random)
    inputs = network.normalise(features)
    weight = np.where((truth > .02) & (truth < .98), 1.5, 1).astype(np.float32)
    parameters = network.weights + network.biases
    first, second = ([np.zeros_like(p) for p in parameters] for _ in range(2))
    size, step, steps = 2048, 0, epochs * (len(rows) // 2048)
    for epoch in range(epochs):
        order = random.permutation(len(rows))
        for at in range(0, len(rows) - size + 1, size):
            chosen = order[at:at + size]
            rate = 3e-3 * (.5 + .5 * np.cos(np.pi * step / steps)) + 1e-5
            step += 1
            shaken = inputs[chosen] + .03 * random.standard_normal((size, N_FEATURES)).astype(np.float32)
            for k, slope in enumerate(network.gradients(shaken, truth[chosen], weight[chosen])):
                first[k] = .9 * first[k] + .1 * slope
                second[k] = .999 * second[k] + .001 * slope * slope
                parameters[k] -= (rate * (first[k] / (1 - .9 ** step))
                                  / (np.sqrt(second[k] / (1 - .999 ** step)) + 1e-8)).astype(np.float32)
        say(f"epoch {epoch + 1} of {epochs}", rows, held, network.judge)
    return network


def say(title, rows, held, judge):
    words = []
    for name, part in (("learnt", rows), ("held out", held)):
        error = np.abs((part[:, 1] if judge is None else judge(part[:, 2:])) - part[:, 0])
        soft = (part[:, 0] > .02) & (part[:, 0] < .98)
        words.append(f"{name} {error.mean():.4f}, soft {error[soft].mean():.4f}")
    print(f"{title}: mean error {'; '.join(words)}", flush=True)


def numbers(values):
    """Values as C writes floats."""
    texts = (f"{value:.6g}" for value in np.ravel(values))
    return ", ".join((text if "." in text or "e" in text else text + ".") + "f" for text in texts)


def table(name, rows, columns, values):
    lines = ",\n".join("{" + numbers(row) + "}" for row in values)
    return f"static const float {name}[{rows}][{columns}] = {{\n{lines},\n}};\n"


def write_header(network, path):
    weights, biases = network.folded()
    text = HEADER + f"#define N_FIRST {N_FIRST}\n#define N_SECOND {N_SECOND}\n\n" + "\n".join([
        table("first_weights", "RTK_MATTE_N_FEATURES", "N_FIRST", weights[0]),
        f"static const float first_bias[N_FIRST] = {{{numbers(biases[0])}}};\n",
        table("second_weights", "N_FIRST", "N_SECOND", weights[1]),
        f"static const float second_bias[N_SECOND] = {{{numbers(biases[1])}}};\n",
        f"static const float last_weights[N_SECOND] = {{{numbers(weights[2])}}};\n",
        f"static const float last_bias = {numbers(biases[2])};\n",
    ])
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run(["clang-format", "-i", path], check=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/quality train", description=__doc__)
    parser.add_argument("--ctl", required=True, help="the program")
    parser.add_argument("--dump", required=True, help="dump-features")
    parser.add_argument("--testdata", default=os.environ.get("RTK_TESTDATA", ""), help="folder with p3m and cutout")
    parser.add_argument("--work", required=True, help="folder for the pictures that are made")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True, help="the header to write; put it into src/vision to use it")
    options = parser.parse_args()
    if not os.path.isdir(os.path.join(options.testdata, "p3m")):
        print("tools/quality train: RTK_TESTDATA names no folder with p3m.", file=sys.stderr)
        return 2
    os.makedirs(options.work, exist_ok=True)
    rows, held = gather(options)
    print(f"{len(rows)} pixels to learn from, {len(held)} held out")
    say("as it is", rows, held, None)
    write_header(learn(rows, held, options.epochs, np.random.default_rng(options.seed)), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
