"""One phase of the benchmark in a process of its own: `python -m pipelines.measuring PHASE ARGUMENTS`.

The last line of its output is JSON: CPU seconds and peak resident megabytes, of this process and its children, and the
seconds of media done.
"""

import json
import resource
import sys
from collections.abc import Sequence


def main(phase: str, words: Sequence[str]) -> int:
    media_s = decode(words) if phase == "decode" else _run(phase, words)
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    peak_mb = sum(usage.ru_maxrss for usage in usages) / 1024  # of the largest child
    print(json.dumps({"cpu_s": cpu_s, "peak_mb": peak_mb, "media_s": media_s}))
    return 0


def decode(paths: Sequence[str]) -> float:
    """Seconds of audio, decoded and thrown away: no resampling, no arrays."""
    import av  # each phase imports what it needs, for its start-up counts

    media_s = 0.0
    for path in paths:
        with av.open(path) as container:
            stream = container.streams.audio[0]
            media_s += sum(frame.samples / frame.sample_rate for frame in container.decode(stream))
    return media_s


def _run(name: str, words: Sequence[str]) -> float:
    """Seconds of audio that a pipeline has done."""
    from pipelines import cli
    from transforms.tables import read_table

    run_id = words[words.index("--run_id") + 1] if "--run_id" in words else "bench"
    status = cli.main([name, *words, "--run_id", run_id])
    if status:
        raise SystemExit(status)
    output = words[words.index("--output") + 1]
    rows = read_table(output, "media_status", run_keys=[f"{name}-{run_id}"])
    return float(sum(seconds or 0 for seconds in rows["duration_s"].to_pylist()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
