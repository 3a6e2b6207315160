"""What locust runs: somebody who asks for one photo after the other."""

from __future__ import annotations

import os
from pathlib import Path

from locust import FastHttpUser, constant, task

PHOTOS = [path.read_bytes() for path in sorted(Path(os.environ["VPR_LOAD_PHOTOS"]).glob("*.jpg"))]


class Visitor(FastHttpUser):
    """Waits for each answer, and asks again at once."""

    wait_time = constant(0)
    connection_timeout = network_timeout = 60.0
    asked = 0

    @task
    def ask(self) -> None:
        """Send the next photo."""
        self.asked += 1
        with self.client.post("/search", data=PHOTOS[self.asked % len(PHOTOS)], catch_response=True) as answer:
            if answer.status_code != 200 or not answer.json()["answers"]:
                answer.failure(f"status {answer.status_code}: {(answer.text or '')[:100]}")
