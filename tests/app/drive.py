#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the real program through a day.

Starts the demonstration with a picture played as its camera, opens a graduate by code, shoots,
accepts by name what the picture fails in, submits, and asks the server whether it is there.
"""
import configparser
import os
import shutil
import signal
import subprocess
import sys

from desk import BUTTON, Desk, Failure, read_options, run, wait_for


class Day(Desk):
    def __init__(self, options):
        super().__init__(options, "replay:" + options.picture, os.path.basename(options.picture))

    def steps(self):
        return [
            ("start", self.start), ("code", lambda: self.open_by_code(0)), ("preview", self.preview), ("shoot", self.shoot_with_override),
            ("submit", self.submit), ("undo", self.undo_and_submit), ("next", self.release_by_next),
            ("server", self.server_has_it), ("server-killed", self.server_killed), ("quit", self.quit),
            ("scan", self.scan),
        ]

    def count_blue(self):
        """Pixels of the screen that have the colour behind a finished photo."""
        pixels = subprocess.run(["import", "-window", "root", "-depth", "8", "rgb:-"], capture_output=True,
                                check=True).stdout
        return sum(pixels[i:i + 3] == b"\x64\xc5\xff" for i in range(0, len(pixels), 12))

    def preview(self):
        """The live result is there in a corner, then in place of the picture, then not at all."""
        if shutil.which("import") is None:
            return
        self.see("px", seconds=30)
        small = wait_for("the live result", self.count_blue)
        self.keys("b")
        wait_for("the large live result", lambda: self.count_blue() > small + 5000)
        self.shot("2-preview")
        self.keys("b")
        without = wait_for("the picture alone", lambda: self.count_blue() < small - 500 and self.count_blue() + 1)
        self.keys("b")
        wait_for("the live result again", lambda: self.count_blue() > without + 500)

    def undo_and_submit(self):
        self.keys("ctrl+z")
        self.see(self.words["agree"], sensitive=True, role=BUTTON)
        self.submit()

    def release_by_next(self):
        self.open_by_code(1)
        self.keys("Escape")
        self.see(self.words["scan"])

    def scan(self):
        """Started again on its folder, with a code held beside the person into the picture: its
        graduate opens with no key pressed."""
        code = os.path.join(self.folder, "code.png")
        scene = os.path.join(self.folder, "scene.png")
        subprocess.run(["qrencode", "-s", "6", "-m", "4", "-o", code, self.codes[2]], check=True)
        subprocess.run(["convert", "-size", "1280x720", "xc:gray60", "(", self.options.picture,
                        "-resize", "700x700", ")", "-gravity", "West", "-geometry", "+20+0", "-composite",
                        code, "-gravity", "East", "-geometry", "+80+0", "-composite", scene], check=True)
        self.launch("replay:" + scene)
        self.see(self.words["shoot"], sensitive=True, role=BUTTON)
        self.fill_screen()
        self.focus()
        self.see("px", seconds=30)
        self.shot("6-scanned")
        self.quit()

    def server_has_it(self):
        setup = configparser.ConfigParser(interpolation=None)
        setup.read(self.path("station.ini"))
        session = self.ask_server("/v1/session", {"user": setup["station"]["name"],
                                                  "password": setup["station"]["passphrase"]})

        def desk_submissions():
            page = self.ask_server("/v1/changes?since=&limit=200", token=session["access_token"])
            return [s for order in page["orders"] for s in order["submissions"] if s.get("origin") == "desk"]

        found = wait_for("the submission on the server", desk_submissions, 40)
        if len(found) != 1:
            raise Failure(f"{len(found)} submissions instead of one")

    def server_killed(self):
        """Killed hard, the server is there again at its old address, and nothing is there twice."""
        children = subprocess.run(["ps", "--ppid", str(self.process.pid), "-o", "pid=,comm="],
                                  capture_output=True, text=True).stdout.split("\n")
        servers = [int(line.split()[0]) for line in children if "retake-server" in line]
        if len(servers) != 1:
            raise Failure(f"{len(servers)} servers run")
        os.kill(servers[0], signal.SIGKILL)

        def answers():
            try:
                self.server_has_it()
                return True
            except (OSError, KeyError):
                return False

        wait_for("the server's return", answers, 30)


if __name__ == "__main__":
    sys.exit(run("drive", read_options(), Day))
