#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls the camera's cable in front of a graduate, and plugs it in again.

The cameras are publishers of a picture in a private PipeWire session: to kill one is to pull its
cable. Run it under tests/support/pipewire-session and tests/support/with-display.
"""
import subprocess
import sys

from desk import BUTTON, PRESSED, Desk, Failure, read_options, run, wait_for

BOOTH = "booth"
OTHER = "other"


class Unplug(Desk):
    series = "unplug-"

    def __init__(self, options):
        super().__init__(options, "pipewire:" + BOOTH, BOOTH)
        self.publishers = {}

    def steps(self):
        return [
            ("start", self.start), ("code", lambda: self.open_by_code(0)), ("gone", self.gone),
            ("back", self.back), ("shoot", self.shoot_with_override), ("gone-again", self.gone_with_a_photo),
            ("submit", self.submit), ("quit", self.quit),
        ]

    def plug_in(self, name):
        self.publishers[name] = subprocess.Popen(
            [self.options.publisher, name, "I420", self.options.picture])

        def is_there():
            if self.publishers[name].poll() is not None:
                raise Failure(f"the publisher ended with {self.publishers[name].returncode}")
            nodes = subprocess.run(["pw-cli", "ls", "Node"], capture_output=True, text=True).stdout
            return f'node.name = "{name}"' in nodes

        wait_for(f"the camera {name}", is_there)

    def unplug(self, name):
        publisher = self.publishers.pop(name)
        publisher.kill()
        publisher.wait()

    def is_mirrored(self):
        return self.see(self.words["mirror"]).has(PRESSED)

    def can_press(self, word):
        return self.eyes.find(self.words[word], sensitive=True, role=BUTTON) is not None

    def nothing_happens_on(self, key):
        """Keys come in their order: when the mirror has turned, the one before has been heard."""
        before = self.is_mirrored()
        self.keys(key, "m")
        wait_for("the mirror to turn", lambda: self.is_mirrored() != before)
        if self.eyes.find(self.words["accept"]) or self.can_press("agree"):
            raise Failure("the shutter was heard without a camera")

    def start(self):
        self.plug_in(OTHER)
        self.plug_in(BOOTH)
        super().start()

    def gone(self):
        self.see("px", seconds=30)
        self.unplug(BOOTH)
        self.see(self.words["gone"])
        self.see(self.words["advice"])
        self.see(self.words["gone-light"], role=BUTTON)
        self.nothing_happens_on("space")
        if self.can_press("shoot"):
            raise Failure("the shutter can be pressed without a camera")
        # The graduate is still here, and no other camera took the chosen one's place.
        self.see(self.words["leave"], sensitive=True, role=BUTTON)
        self.see(self.words["gone"])
        if self.eyes.find(OTHER, role=BUTTON):
            raise Failure("another camera took over")
        self.shot("1a-gone")
        self.all_are_named()

    def back(self):
        self.plug_in(BOOTH)
        self.see(BOOTH, role=BUTTON)
        self.see(self.words["shoot"], sensitive=True, role=BUTTON)
        self.see("px", seconds=30)
        wait_for("the notice's end", lambda: not self.eyes.find(self.words["gone"]))
        self.shot("1b-back")

    def gone_with_a_photo(self):
        """What was shot before is still there to be agreed to."""
        self.unplug(BOOTH)
        self.see(self.words["gone-light"], role=BUTTON)
        self.see(self.words["agree"], sensitive=True, role=BUTTON)
        self.shot("4a-gone-with-a-photo")

    def clean(self, failed):
        super().clean(failed)
        for name in list(self.publishers):
            self.unplug(name)


if __name__ == "__main__":
    sys.exit(run("unplug", read_options("publisher"), Unplug))
