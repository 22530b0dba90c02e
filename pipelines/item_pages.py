"""A page for each item of a run: episodes, tracks, videos and images, audiobooks, and their authors."""

import itertools
import operator
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.formatting import name_page, show
from models.landmark_pictures import LandmarkPicture, as_path
from models.listings import Row
from models.timelines import count_lanes, lay_out, list_ticks
from pipelines.exhibits import Exhibit
from pipelines.report_pages import Report

_PICTURE_WIDTH, _PICTURE_HEIGHT = 900, 280  # of the drawing in landmarks.svg
_CHART_LEFT, _CHART_WIDTH = 110, 880  # of the chart in track.html
_VIDEO_LEFT, _VIDEO_WIDTH = 130, 860  # of the one in video.html


def write_episodes(report: Report, exhibits: Mapping[tuple[str, int], Exhibit]) -> None:
    """A page for each episode, and the landmark pictures on it."""
    matches = group_rows(report.rows("matches"), "media_id")
    shown: dict[str, dict[int, Exhibit]] = defaultdict(dict)
    picture = report.templates.get_template("landmarks.svg")
    for (media_id, number), exhibit in exhibits.items():
        shown[media_id][number] = exhibit
        if exhibit.picture is not None:
            report.write(exhibit.picture_file, picture.render(_trace(exhibit.picture)))
    for item in report.rows("episodes"):
        listed = matches.get(item["media_id"], [])
        length = max([item["duration_s"] or 0, *(match["end_s"] for match in listed)]) or 1.0
        bars = lay_out([(match["start_s"], match["end_s"]) for match in listed], length)
        report.page(
            f"episodes/{name_page(item['media_id'])}.html",
            "episode.html",
            here="episodes",
            item=item,
            matches=listed,
            bars=list(zip(listed, bars, strict=True)),
            lanes=count_lanes(bars),
            length=length,
            ticks=list(list_ticks(length)),
            exhibits=shown[item["media_id"]],
        )


def write_tracks(report: Report, spectrograms: Mapping[str, str], clips: Mapping[str, str]) -> None:
    """A page for each track. Both mappings give files of the site, by track_id."""
    segments = group_rows(report.rows("segments"), "track_id")
    plays = group_rows(report.rows("plays_of_tracks"), "track_id")
    for item in report.rows("tracks"):
        track_id = item["track_id"]
        listed = segments.get(track_id, [])
        length = item["duration_s"] or max((segment["end_s"] for segment in listed), default=1.0)
        labels = list(dict.fromkeys(segment["label"] for segment in listed))
        report.page(
            f"tracks/{name_page(track_id)}.html",
            "track.html",
            here="tracks",
            item=item,
            plays=plays.get(track_id, []),
            segments=list(_place(listed, labels, length)),
            labels=labels,
            ticks=_label_ticks(length, _CHART_LEFT, _CHART_WIDTH),
            top=164 if track_id in spectrograms else 0,
            spectrogram=spectrograms.get(track_id),
            clip=clips.get(track_id),
            summary=_describe(listed, track_id in spectrograms),
        )


def write_videos(report: Report, thumbnails: Mapping[str, str]) -> None:
    """A page for each video and image. thumbnails: files of the site, by the URIs that the tables have."""
    shots = group_rows(report.rows("shots"), "media_id")
    tags = group_rows(report.rows("media_tags"), "media_id")
    for item in report.rows("videos"):
        media_id = item["media_id"]
        report.page(
            f"videos/{name_page(media_id)}.html",
            "video.html",
            here="videos",
            item=item,
            shots=shots.get(media_id, []),
            tags=tags.get(media_id, []),
            ticks=_label_ticks(item["duration_s"] or 1.0, _VIDEO_LEFT, _VIDEO_WIDTH),
            thumbnails=thumbnails,
        )


def write_audiobooks(report: Report) -> None:
    """A page for each audiobook, and for each author given to one."""
    neighbours = group_rows(report.rows("neighbours"), "media_id", "author_id")
    for item in report.rows("audiobooks"):
        path = f"audiobooks/{name_page(item['media_id'])}.html"
        report.page(path, "audiobook.html", here="audiobooks", item=item, neighbours=neighbours)
    links = group_rows(report.rows("links"), "author_id")
    for item in report.rows("authors"):
        author_id = item["author_id"]
        given = links.get(author_id, [])
        heard = [(link, each) for link in given for each in neighbours.get((link["media_id"], author_id), [])]
        path = f"authors/{name_page(author_id)}.html"
        report.page(path, "author.html", here="authors", item=item, links=given, heard=heard)


def group_rows(rows: Iterable[Row], *columns: str) -> dict[Any, list[Row]]:
    """The rows by that column, or by those as a tuple, which they are in order of."""
    return {value: list(group) for value, group in itertools.groupby(rows, operator.itemgetter(*columns))}


def _trace(picture: LandmarkPicture) -> dict[str, Any]:
    """What landmarks.svg shows."""
    width, height = _PICTURE_WIDTH, _PICTURE_HEIGHT
    span = picture.end_s - picture.start_s
    return {
        "item_path": as_path(picture.item_points, picture, width, height),
        "lost_path": as_path(picture.lost_points, picture, width, height),
        "found_path": as_path(picture.found_points, picture, width, height),
        "x_ticks": [(f"{at / span * width:.1f}", show("clock", picture.start_s + at)) for at in list_ticks(span - 0.2)],
        "y_ticks": [
            (height - height * hz / picture.max_hz, f"{hz // 1000} kHz") for hz in range(0, int(picture.max_hz), 1000)
        ],
    }


def _place(segments: Sequence[Row], labels: Sequence[str], length: float) -> Iterator[tuple[Row, float, float, int]]:
    """Each segment with its left, width and lane in the chart."""
    for segment in segments:
        left = _CHART_LEFT + _CHART_WIDTH * segment["start_s"] / length
        yield segment, left, _CHART_WIDTH * segment["seconds"] / length, labels.index(segment["label"])


def _label_ticks(length: float, left: float, width: float) -> list[tuple[str, str]]:
    """Where ticks stand, and what they say."""
    return [(f"{left + width * at / length:.1f}", show("clock", at)) for at in list_ticks(length)]


def _describe(segments: Sequence[Row], has_spectrogram: bool) -> str:
    """The chart in words."""
    parts = [
        f"{each['label']} from {show('clock', each['start_s'])} to {show('clock', each['end_s'])}"
        for each in segments[:20]
    ]
    more = f", and {len(segments) - 20} more" if len(segments) > 20 else ""
    return ("Spectrogram; " if has_spectrogram else "") + "classes over time: " + ", ".join(parts) + more
