"""What a report shows of tracks and videos: spectrograms, a clip from the middle, thumbnails; written into the site."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from models.clips import cut_clips, encode_clip
from models.decoding import DecodeConfig
from models.errors import BadMediaError
from models.formatting import name_page
from models.isolation import IsolatedWorker, IsolationConfig
from models.spectrogram_pictures import draw_spectrogram
from transforms.files import STORE_ERRORS, local_copy
from transforms.snapshots import read_bytes

Row = Mapping[str, Any]
Write = Callable[[str, bytes], object]
_JPEG = b"\xff\xd8\xff"


def choose_tracks(tracks: Sequence[Row], limit: int) -> list[Row]:
    """So many tracks at most: those for review first, then those that are heard longest."""
    readable = [track for track in tracks if track["uri"] and track["status"] != "failed"]
    return sorted(readable, key=lambda track: (track["decision"] != "review", -track["seconds"]))[:limit]


def picture_tracks(tracks: Sequence[Row], clip_s: float, write: Write) -> tuple[dict[str, str], dict[str, str]]:
    """Of each track that can be read, the files of its spectrogram and of a clip, by track_id."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each with a child process that decodes
        made = list(pool.map(lambda track: list(_picture(track, clip_s, write)), tracks))
    files = [each for listed in made for each in listed]
    spectrograms = {track_id: name for track_id, name in files if name.endswith(".png")}
    return spectrograms, {track_id: name for track_id, name in files if name.endswith(".webm")}


def copy_thumbnails(uris: Iterable[str], limit: int, write: Write) -> dict[str, str]:
    """The files of so many thumbnails at most, by their URIs; what is gone, or no JPEG, is left out."""
    wanted = list(dict.fromkeys(uris))[:limit]
    with ThreadPoolExecutor(8) as pool:  # what takes time is waiting for a store
        copied = pool.map(_copy, range(len(wanted)), wanted, itertools.repeat(write))
        return {uri: name for uri, name in zip(wanted, copied, strict=True) if name is not None}


def _picture(track: Row, clip_s: float, write: Write) -> Iterator[tuple[str, str]]:
    isolation = IsolationConfig()
    worker = IsolatedWorker(isolation.timeout_s, isolation.memory_mb)
    name = f"media/{name_page(track['track_id'])}"
    middle_s = (track["duration_s"] or 0) / 2
    span = max(0.0, middle_s - clip_s / 2), middle_s + clip_s / 2
    try:
        with local_copy(track["uri"], isolation.max_file_mb << 20) as path:
            for png in worker.stream(draw_spectrogram, path, DecodeConfig()):
                write(f"{name}.png", png)
                yield track["track_id"], f"{name}.png"
            for _, samples in worker.stream(cut_clips, path, [span], DecodeConfig()):
                write(f"{name}.webm", encode_clip(samples))
                yield track["track_id"], f"{name}.webm"
    except BadMediaError:
        return  # gone since the run


def _copy(number: int, uri: str, write: Write) -> str | None:
    try:
        content = read_bytes(uri)
    except STORE_ERRORS:
        return None
    if not content.startswith(_JPEG):
        return None
    name = f"thumbnails/{number:06}.jpg"
    write(name, content)
    return name
