#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Learns the network of the matte's last round, which sees surroundings; see docs/matte.md.

Composites with known alpha are made from the people of matte_set and from portraits that the program
itself cuts out (their alpha is taken for true, whatever it is: what counts is that composite and alpha
belong together), all of them in other colours, sizes and places each time. What the present program
knows in its last round is written down by dump-features. Of the people named by --without none is
learned from; they tell at the end what the network is worth for people it has not seen.

Needs PyTorch (Debian: python3-torch) and some 8 GB of memory.
"""

import argparse
import copy
import glob
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import matte_score
import matte_set
import numpy as np
import torch
import torch.nn.functional as nnf
import train
from torch import nn

LEAK = .1
CELL_FLOATS = 26
N_FEATURES, N_CONTEXT, N_FIRST, N_SECOND = 30, 8, 24, 16
# Features that are twice the same when a cell is taken for a pixel.
TWICE = (4, 9, 14, 16, 28)
INPUTS = [i for i in range(N_FEATURES) if i not in TWICE]
# Channels: entered, fine, half, block, back; see rtk-matte-context.c.
ENTERED, FINE, HALF, BLOCK, BACK = 8, 16, 24, 24, 16
TAKES, PORTRAIT_TAKES, LARGE_TAKES = 24, 4, 2  # Composites of one person, of one portrait, of a large one.
LARGE = 1080, 1440
PATCH, MARGIN, BATCH, PIXELS = 96, 10, 6, 1500  # Cells, cells, patches of a step, pixels of a patch.
SOFT, HAZE = 2.5, 3.  # How much more an error counts in the soft band, and as haze on the wall.
# A composite that went wrong altogether would teach the network to follow a wrong region.
WORST_MEAN = .2
PORTRAITS = ("london/*.jpg", "canada/*.jpg", "hivision/test4.jpg", "expression/stock-emotions-[ab]-[12678].jpg",
             "expression/stock-teen-8.jpg", "officials/doris-matsui.jpg", "officials/judy-chu.jpg",
             "officials/lisa-blunt-rochester.jpg", "officials/ritchie-torres.jpg")
LINE = 46  # Bytes of a line of the header.
HEADER = """/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-matte-private.h"

/* Written by tools/quality train-context: learned from composites whose alpha is known
 * (docs/matte.md). */

#define N_CONTEXT_INPUTS 25
#define N_CONTEXT_ENTERED 8
#define N_CONTEXT_FIRST 24
#define N_CONTEXT_SECOND 16

"""


class Composite:
    """What the program knows of a picture in its last round, and the truth."""

    def __init__(self, person, raw, photo, truth):
        width, height, columns, rows, self.noise, floats = np.frombuffer(raw, np.float32, 6)
        width, height, columns, rows = int(width), int(height), int(columns), int(rows)
        if floats != CELL_FLOATS:
            raise ValueError("dump-features and train_context.py know different cells")
        n_cells, at = CELL_FLOATS * columns * rows, 24
        cells = np.frombuffer(raw, np.float32, n_cells, at).reshape(rows, columns, CELL_FLOATS)
        at += 4 * n_cells
        judged = np.frombuffer(raw, np.float32, width * height, at).reshape(height, width)
        self.alpha = np.frombuffer(raw, np.uint8, width * height, at + 4 * width * height).reshape(height, width)
        self.person, self.whole_truth = person, truth
        self.y, self.x = np.where(judged >= 0)
        self.judged = judged[self.y, self.x]
        self.truth = truth[self.y, self.x]
        self.pixels = photo[self.y, self.x, ::-1].astype(np.float32) / 255
        self.places = np.stack([(self.x + .5) * columns / width, (self.y + .5) * rows / height], 1).astype(np.float32)
        # Whole blocks, as the program works on them.
        cells = np.pad(cells, ((0, -rows % 4), (0, -columns % 4), (0, 0)), mode="edge")
        self.cells = cells.transpose(2, 0, 1).astype(np.float16)

    def drop_picture(self):
        self.alpha = self.whole_truth = self.x = self.y = None

    def is_of_use(self):
        return len(self.truth) > 500 and np.abs(self.judged - self.truth).mean() < WORST_MEAN


def make_composite(options, person, wall, seed, changed):
    """Composes and runs dump-features. Unchanged it is one of those of tools/quality matte."""
    base = os.path.join(options.work, f"{person.name}-{wall}-{seed}")
    random, shift = np.random.default_rng(seed + 7), 0
    if changed:
        person = matte_set.vary(person, random)
        shift = random.uniform(-14, 14, 3) + random.uniform(-25, 12)
    photo, _, truth = matte_set.compose(person, wall, seed, shift)
    quality = train.JPEG_QUALITY[seed % len(train.JPEG_QUALITY)]
    picture = f"{base}.{'jpg' if quality else 'png'}"
    cv2.imwrite(picture, photo, [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else [cv2.IMWRITE_PNG_COMPRESSION, 1])
    done = subprocess.run([options.dump, "cells", picture, base + ".bin"], capture_output=True, text=True, check=False)
    photo = cv2.imread(picture)
    os.remove(picture)
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        return None
    with open(base + ".bin", "rb") as file:
        composite = Composite(person.name, file.read(), photo, truth)
    os.remove(base + ".bin")
    if changed:
        composite.drop_picture()
    return composite


def compose_people(options, entries, seed):
    """People in other colours, TAKES times each."""
    walls = list(matte_set.WALLS)
    with ThreadPoolExecutor(options.jobs) as pool:
        people = [matte_set.load_person(options.testdata, entry) for entry in entries]
        jobs = [pool.submit(make_composite, options, person, walls[k % len(walls)], seed + TAKES * i + k, True)
                for i, person in enumerate(people) for k in range(TAKES)]
        return [job.result() for job in jobs]


def compose_portraits(options, takes, seed):
    walls = list(matte_set.WALLS)
    paths = sorted(path for name in PORTRAITS for path in glob.glob(os.path.join(options.testdata, name)))
    with ThreadPoolExecutor(options.jobs) as pool:
        people = pool.map(lambda path: train.cut_out_portrait(options, path), paths)
        jobs = [pool.submit(make_composite, options, person, walls[(i + k) % len(walls)], seed + takes * i + k, True)
                for i, person in enumerate(people) if person for k in range(takes)]
        return [job.result() for job in jobs]


def compose_unseen(options, unseen):
    """The composites of tools/quality matte of some people."""
    every = matte_set.TUNING + matte_set.HELD_OUT
    with ThreadPoolExecutor(options.jobs) as pool:
        people = [(every.index(entry), matte_set.load_person(options.testdata, entry)) for entry in unseen]
        jobs = [pool.submit(make_composite, options, person, wall, number * len(matte_set.WALLS) + k, False)
                for number, person in people for k, wall in enumerate(matte_set.WALLS)]
        return [one for job in jobs if (one := job.result())]


def gather(options, entries, unseen):
    """(composites to learn from, composites of people that are not learned from)."""
    seed = options.seed * 1000000
    others = compose_unseen(options, unseen)
    made = compose_people(options, entries, seed) + compose_portraits(options, PORTRAIT_TAKES, seed + 100000)
    # Finer than the scores, as photos of a booth are: hair is to stay as fine there.
    matte_set.WIDTH, matte_set.HEIGHT = LARGE
    made += compose_portraits(options, LARGE_TAKES, seed + 200000)
    return [one for one in made if one and one.is_of_use()], others


def dot(a, b):
    return (a * b).sum(1, keepdim=True)


def length(v):
    return torch.sqrt(dot(v, v) + 1e-12)


def get_features(cells, pixels, noise):
    """rtk_matte_get_features() for n, CELL_FLOATS, height, width and n, 3, height, width."""
    wall, shown = cells[:, 12:15], cells[:, 19:22] - cells[:, 12:15]
    region, mask, depth, hole = (cells[:, k:k + 1] for k in range(15, 19))
    own, near, wide, texture = (cells[:, k:k + 1] for k in range(22, 26))
    off, out = pixels - wall, []

    def off_shade(v):
        return length(v - dot(v, wall) / dot(wall, wall).clamp(min=1e-4) * wall)
    for k in range(0, 12, 4):
        direction = cells[:, k:k + 3] - wall
        contrast = dot(direction, direction).clamp(min=1e-4)
        along = (dot(off, direction) / contrast).clamp(-.3, 1.5)
        out += [along, (length(off - along * direction) * 8).clamp(0, 1.5), contrast.sqrt(),
                ((cells[:, k + 3:k + 4] + noise * noise / 3) / contrast).sqrt().clamp(0, 1.5),
                (dot(shown, direction) / contrast).clamp(-.3, 1.5)]
    out += [(length(off) / (4 * noise)).clamp(0, 2), (length(shown) / (4 * noise)).clamp(0, 2),
            (length(off) * 2).clamp(max=1), off.sum(1, keepdim=True).clamp(-1, 1), mask, (depth / 6).clamp(-1, 1),
            (depth / 24).clamp(-.2, 1), region, near, wide, hole, own, (off_shade(off) / (3 * noise)).clamp(0, 2),
            (off_shade(shown) / (3 * noise)).clamp(0, 2), (texture * 10).clamp(max=1.5)]
    return torch.cat(out, 1)


def leak(x):
    return nnf.leaky_relu(x, LEAK)


def twice(x):
    return nnf.interpolate(x, scale_factor=2, mode="nearest")


def blend(grid, places):
    """Between four cells, as rtk_matte_blend_cells(); places n, m, 2 in cells."""
    at = places * torch.tensor([2 / grid.shape[3], 2 / grid.shape[2]]) - 1
    return nnf.grid_sample(grid, at[:, None], mode="bilinear", padding_mode="border", align_corners=False)


class Network(nn.Module):
    """rtk-matte-context.c and rtk_matte_judge_in_context()."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Conv2d(len(INPUTS), ENTERED, 1)
        self.layers = nn.ModuleList([
            nn.Conv2d(ENTERED, FINE, 3, padding=1), nn.Conv2d(FINE, HALF, 3, padding=1),
            nn.Conv2d(HALF, BLOCK, 3, padding=1), nn.Conv2d(BLOCK, BLOCK, 3, padding=1),
            nn.Conv2d(BLOCK + HALF, HALF, 1), nn.Conv2d(HALF, BACK, 3, padding=1),
            nn.Conv2d(BACK + FINE, N_CONTEXT, 1)])
        self.first = nn.Linear(N_FEATURES + N_CONTEXT, N_FIRST)
        self.second = nn.Linear(N_FIRST, N_SECOND)
        self.last = nn.Linear(N_SECOND, 1)
        self.register_buffer("mean", torch.zeros(N_FEATURES))
        self.register_buffer("spread", torch.ones(N_FEATURES))
        with torch.no_grad():
            self.last.weight *= .3
            self.last.bias += .5

    def normalise(self, features):
        return (features - self.mean[:, None, None]) / self.spread[:, None, None]

    def look(self, cells, noise):
        fine, half, block, wide, join, back, out = self.layers
        inputs = self.normalise(get_features(cells, cells[:, 19:22], noise))[:, INPUTS]
        at_cells = leak(fine(leak(self.enter(inputs))))
        at_half = leak(half(nnf.avg_pool2d(at_cells, 2)))
        at_block = leak(wide(leak(block(nnf.avg_pool2d(at_half, 2)))))
        joined = leak(back(leak(join(torch.cat([twice(at_block), at_half], 1)))))
        return leak(out(torch.cat([twice(joined), at_cells], 1)))

    def forward(self, cells, places, pixels, noise):
        """cells n, floats, height, width; places n, m, 2; pixels n, m, 3: n, m alphas."""
        features = self.normalise(get_features(blend(cells, places), pixels.permute(0, 2, 1)[:, :, None], noise))
        if self.training:
            features = features + .03 * torch.randn_like(features)
        features = torch.cat([features, blend(self.look(cells, noise), places)], 1)[:, :, 0].permute(0, 2, 1)
        return self.last(leak(self.second(leak(self.first(features)))))[..., 0]


def as_noise(values):
    return torch.tensor(values).view(-1, 1, 1, 1)


def set_scale(network, composites, random):
    """What normalises features, from some pixels of some composites."""
    some = []
    for one in composites[::7]:
        chosen = random.permutation(len(one.places))[:3000]
        cells = torch.from_numpy(one.cells.astype(np.float32))[None]
        pixels = torch.from_numpy(one.pixels[chosen]).T[None, :, None]
        some.append(get_features(blend(cells, torch.from_numpy(one.places[chosen])[None]), pixels,
                                 as_noise([one.noise]))[0, :, 0].T)
    some = torch.cat(some)
    network.mean.copy_(some.mean(0))
    network.spread.copy_(some.std(0) + 1e-2)


def take_patch(one, random):
    """Part of the grid, in half of the cases mirrored, and judged pixels away from its rim."""
    rows, columns = one.cells.shape[1:]
    centre = one.places[random.integers(len(one.places))] - PATCH // 2 + random.integers(-PATCH // 4, PATCH // 4, 2)
    left, top = (int(np.clip(c, 0, most - PATCH)) // 4 * 4 for c, most in zip(centre, (columns, rows)))
    places = one.places - np.float32([left, top])
    least = np.float32([MARGIN * (left > 0), MARGIN * (top > 0)])
    most = np.float32([PATCH - MARGIN * (left + PATCH < columns), PATCH - MARGIN * (top + PATCH < rows)])
    inside = np.where(((places > least) & (places < most)).all(1))[0]
    if len(inside) < 50:
        return None
    chosen = random.choice(inside, PIXELS, replace=len(inside) < PIXELS)
    cells, places = one.cells[:, top:top + PATCH, left:left + PATCH].astype(np.float32), places[chosen]
    if random.random() < .5:
        cells, places = cells[:, :, ::-1].copy(), places * np.float32([-1, 1]) + np.float32([PATCH, 0])
    return cells, places, one.pixels[chosen], one.truth[chosen].astype(np.float32), one.noise


def get_loss(judged, truth):
    """Absolute error, rounded at its tip; more for soft pixels and for haze; clipped is no error."""
    weight = torch.where((truth > .02) & (truth < .98), SOFT, 1.)
    weight = weight * torch.where((truth < .02) & (judged.detach() > .1), HAZE, 1.)
    clipped = ((judged > 1) & (truth >= .999)) | ((judged < 0) & (truth <= .001))
    return (nnf.huber_loss(judged, truth, reduction="none", delta=.03) / .03 * weight * ~clipped).mean()


def learn(options, composites, others, random):
    """Adam (Kingma and Ba 2015), a rate that falls like a cosine, and the running mean of the weights."""
    network = Network()
    set_scale(network, composites, random)
    if options.start:
        read_header(network, options.start)
    mean, began, errors = copy.deepcopy(network), time.monotonic(), []
    adam = torch.optim.Adam(network.parameters(), lr=2e-3)
    for step in range(options.steps):
        for group in adam.param_groups:
            group["lr"] = 2e-3 * (.5 + .5 * np.cos(np.pi * step / options.steps)) * min(1, (step + 1) / 100) + 1e-5
        patches = []
        while len(patches) < BATCH:
            patch = take_patch(composites[random.integers(len(composites))], random)
            patches += [patch] if patch else []
        cells, places, pixels, truth = (torch.from_numpy(np.stack(part)) for part in list(zip(*patches))[:4])
        judged = network(cells, places, pixels, as_noise([patch[4] for patch in patches]))
        adam.zero_grad()
        get_loss(judged, truth).backward()
        adam.step()
        keep = min(.998, (step + 1) / (step + 20))
        with torch.no_grad():
            for kept, new in zip(mean.parameters(), network.parameters()):
                kept.mul_(keep).add_(new, alpha=1 - keep)
        errors.append(float((judged.detach() - truth).abs().mean()))
        if (step + 1) % 200 == 0:
            print(f"step {step + 1}: mean error {np.mean(errors[-200:]):.4f}, {time.monotonic() - began:.0f} s",
                  flush=True)
        if (step + 1) % 1000 == 0 and others:
            say("people not seen", mean, others[::3])
    return mean


def judge(network, one):
    """Alpha of a whole picture: where the present one comes from its network alone, from the new one."""
    network.eval()
    with torch.no_grad():
        judged = network(torch.from_numpy(one.cells.astype(np.float32))[None], torch.from_numpy(one.places)[None],
                         torch.from_numpy(one.pixels)[None], as_noise([one.noise]))[0].clamp(0, 1).numpy()
    alpha = one.alpha.astype(np.float32) / 255
    shown = alpha[one.y, one.x]
    alpha[one.y, one.x] = np.where(np.abs(shown - one.judged) < .008, judged, shown)
    return alpha


def say(title, network, composites):
    now = [matte_score.score(one.alpha.astype(np.float32) / 255, one.whole_truth) for one in composites]
    new = [matte_score.score(judge(network, one), one.whole_truth) for one in composites]
    words = (f"{metric} {np.mean([row[metric] for row in now]):.4f} -> {np.mean([row[metric] for row in new]):.4f}"
             for metric in matte_score.METRICS)
    print(f"{title}: {', '.join(words)}", flush=True)


def read_header(network, path):
    """Goes on from weights written by write_header(); what normalises features may be another."""
    with open(path, encoding="utf-8") as file:
        text = file.read()

    def read(name, *shape):
        part = re.search(name + r"(?:\[\w*\])* = ([^;]*);", text).group(1)
        return np.float32([float(word) for word in re.findall(r"-?\d[\d.e+-]*", part)]).reshape(shape)

    mean, spread = network.mean.numpy(), network.spread.numpy()
    enter, first = read("enter_weights", len(INPUTS), ENTERED), read("context_first_weights", -1, N_FIRST)
    weights = {"mean": mean, "spread": spread, "enter.bias": read("enter_bias", -1) + mean[INPUTS] @ enter,
               "enter.weight": (enter * spread[INPUTS][:, None]).T[:, :, None, None],
               "first.bias": read("context_first_bias", -1) + mean @ first[:N_FEATURES],
               "first.weight": np.vstack([first[:N_FEATURES] * spread[:, None], first[N_FEATURES:]]).T,
               "second.weight": read("context_second_weights", N_FIRST, -1).T,
               "second.bias": read("context_second_bias", -1),
               "last.weight": read("context_last_weights", 1, -1), "last.bias": read("context_last_bias", 1)}
    levels = bytes.fromhex("".join(re.findall(r'"([0-9a-f]+)"', text)))
    levels = np.frombuffer(levels, np.uint8).astype(np.float32) - 128
    scales, biases, at, output = read("context_scale", -1), read("context_bias", -1), 0, 0
    for k, layer in enumerate(network.layers):
        out, into, tall, wide = layer.weight.shape
        part = levels[at:at + out * into * tall * wide].reshape(tall, wide, into, out).transpose(3, 2, 0, 1)
        weights[f"layers.{k}.weight"] = part * scales[output:output + out, None, None, None]
        weights[f"layers.{k}.bias"] = biases[output:output + out]
        at, output = at + part.size, output + out
    network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()})


def vector(name, values):
    return f"static const float {name}[] = {{{train.numbers(values)}}};\n"


def write_header(network, path):
    """The layers between as bytes, scaled for each output: no score changes by it."""
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    mean, spread = weights["mean"], weights["spread"]
    enter = weights["enter.weight"][:, :, 0, 0].T / spread[INPUTS][:, None]
    first = weights["first.weight"].T.copy()
    first[:N_FEATURES] /= spread[:, None]
    levels, scales = [], []
    for k in range(len(network.layers)):
        layer = weights[f"layers.{k}.weight"]
        scale = np.abs(layer).max((1, 2, 3)) / 127
        levels.append(np.round(layer / scale[:, None, None, None]).transpose(2, 3, 1, 0).ravel().astype(int) + 128)
        scales.append(scale)
    levels = np.concatenate(levels)
    text = HEADER + "\n".join([
        train.table("enter_weights", "N_CONTEXT_INPUTS", "N_CONTEXT_ENTERED", enter),
        vector("enter_bias", weights["enter.bias"] - mean[INPUTS] @ enter),
        "/* One for each output of the layers, one layer behind the other. */",
        vector("context_scale", np.concatenate(scales)),
        vector("context_bias", np.concatenate([weights[f"layers.{k}.bias"] for k in range(len(network.layers))])),
        train.table("context_first_weights", "RTK_MATTE_N_ALL", "N_CONTEXT_FIRST", first),
        vector("context_first_bias", weights["first.bias"] - mean @ first[:N_FEATURES]),
        train.table("context_second_weights", "N_CONTEXT_FIRST", "N_CONTEXT_SECOND", weights["second.weight"].T),
        vector("context_second_bias", weights["second.bias"]),
        vector("context_last_weights", weights["last.weight"]),
        f"static const float context_last_bias = {train.numbers(weights['last.bias'])};\n",
    ])
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n/* Weights of the layers between, one behind the other: two hexadecimal digits each, "
                   f"80 is 0. */\n#define CONTEXT_LINE {LINE}\n"
                   "/* clang-format off */\nstatic const char *const context_weights[] = {\n")
        for at in range(0, len(levels), LINE):
            file.write('  "' + "".join(f"{level:02x}" for level in levels[at:at + LINE]) + '",\n')
        file.write("};\n/* clang-format on */\n")
    subprocess.run(["clang-format", "-i", path], check=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/quality train-context", description=__doc__)
    parser.add_argument("--ctl", required=True, help="the program")
    parser.add_argument("--dump", required=True, help="dump-features")
    parser.add_argument("--testdata", default=os.environ.get("RTK_TESTDATA", ""), help="folder with p3m and cutout")
    parser.add_argument("--work", required=True, help="folder for the pictures that are made")
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many pictures and threads at once")
    parser.add_argument("--without", choices=("tuning", "held-out", "nobody"), default="held-out",
                        help="people not to learn from, who are scored instead")
    parser.add_argument("--start", help="a header to go on from")
    parser.add_argument("--out", required=True, help="the header to write; put it into src/vision to use it")
    options = parser.parse_args()
    if not os.path.isdir(os.path.join(options.testdata, "p3m")):
        print("tools/quality train-context: RTK_TESTDATA names no folder with p3m.", file=sys.stderr)
        return 2
    os.makedirs(options.work, exist_ok=True)
    torch.set_num_threads(options.jobs)
    torch.manual_seed(options.seed)
    unseen = {"tuning": matte_set.TUNING, "held-out": matte_set.HELD_OUT, "nobody": []}[options.without]
    entries = [entry for entry in matte_set.TUNING + matte_set.HELD_OUT if entry not in unseen]
    composites, others = gather(options, entries, unseen)
    print(f"{len(composites)} composites to learn from, {len(others)} of people not seen", flush=True)
    network = learn(options, composites, others, np.random.default_rng(options.seed))
    if others:
        say("people not seen", network, others)
    write_header(network, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
