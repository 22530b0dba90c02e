"""The one exception by which bad data leaves a pipeline. Any other exception is a bug and stops the job."""


class BadMediaError(Exception):
    """An item that cannot be processed, and why: becomes a `failed` row of `media_status`.

    step: the verb that gave up, such as `decode`. reason: what was expected and what came, for a person to read.
    """

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(step, reason)
        self.step = step
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.step}: {self.reason}"
