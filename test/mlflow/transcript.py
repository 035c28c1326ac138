"""
What a scenario saw, as JSON that is equal on two servers that behave alike: ids, times and addresses are replaced by names
in the order in which they first appear, so that relations (the same run twice) stay visible.
"""

import math
import os
import re
import time

HEX_ID = re.compile(r"\b(m-|tr-)?[0-9a-f]{32}\b")
EXPERIMENT_URI = re.compile(r"(mlflow-artifacts:(?://[^/]*)?/)(\d+)(?=/|$)")
TEMPORARY = re.compile(r"(/[\w.-]+)+/(tmp|mlflow-)[\w.-]+")
# Real times are masked, times that a scenario logs on purpose (small ones) are kept.
EARLIEST_MS = 1_600_000_000_000


class Transcript:
    def __init__(self, uri):
        self.uri = uri.rstrip("/")
        self.names = {}
        self.steps = {}

    def __call__(self, step, value):
        """Records one observation; a step's name is used once."""
        if step in self.steps:
            raise ValueError(f"the step {step!r} is recorded twice")
        self.steps[step] = self.plain(value)
        return value

    def tried(self, step, work, says=None):
        """
        Records what a call gives or how it is refused: the error code, and whether the message holds `says`, a text that
        users or client code act on. (Whole messages differ where they name the reference's database.)
        """
        try:
            result = work()
        except Exception as error:
            seen = {"refused": getattr(error, "error_code", type(error).__name__)}
            if says is not None:
                seen["says " + says] = says in str(error)
            if os.environ.get("TRANSCRIPT_MESSAGES"):
                seen["message"] = str(error).split("\n\nThe cause of this error")[0]
            self(step, seen)
            return
        self(step, result)

    def name(self, kind, found):
        key = (kind, found)
        if key not in self.names:
            count = sum(1 for other, _ in self.names if other == kind)
            self.names[key] = f"<{kind} {count + 1}>"
        return self.names[key]

    def text(self, value):
        value = value.replace(self.uri, "<server>")
        value = EXPERIMENT_URI.sub(lambda m: m.group(1) + self.name("experiment", m.group(2)), value)
        value = HEX_ID.sub(lambda m: self.name({"m-": "model", "tr-": "trace"}.get(m.group(1), "id"), m.group(0)), value)
        return TEMPORARY.sub("<folder>", value)

    def number(self, value):
        if isinstance(value, float):
            if math.isnan(value):
                return "NaN"
            if math.isinf(value):
                return "Infinity" if value > 0 else "-Infinity"
            return float(f"{value:.6g}")
        if EARLIEST_MS < value < time.time() * 1000 + 86_400_000:
            return "<time>"
        return value

    def plain(self, value, key=None):
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            if key in ("experiment_id", "experiment_ids"):
                return self.name("experiment", value)
            return self.text(value)
        if isinstance(value, (int, float)):
            return self.number(value)
        if isinstance(value, dict):
            return {self.text(str(k)): self.plain(v, k) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(v, key) for v in value]
        if hasattr(value, "tolist"):
            return self.plain(value.tolist(), key)
        if hasattr(value, "to_dictionary"):
            return self.plain(value.to_dictionary(), key)
        if hasattr(value, "to_dict"):
            return self.plain(value.to_dict(), key)
        if hasattr(value, "__iter__") and hasattr(type(value), "_properties"):
            return self.plain(dict(value), key)
        return self.text(str(value))
