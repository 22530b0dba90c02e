"""Files are listed, told apart and brought here alike, on this disk or in a store: here one that is a dict."""

import io
import os
import shutil
import zlib
from pathlib import Path
from typing import ClassVar

import pytest
from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata, FileSystem

from models.errors import BadMediaError
from models.manifests import ManifestError
from models.records import MediaItem
from transforms.files import content_of, is_local, list_media, local_copy

TREE = [
    "a.mp3",
    "b.wav",
    "one/a.mp3",
    "one/ä b.mp3",
    "one/two/a.mp3",
    "one/two/c.mp3.gz",
    "three/a.mp3",
    "three/d1.mp3",
]
PATTERNS = {  # what is below the fixed part: the folder before the first sign
    "*.mp3": ["a.mp3"],
    "*": ["a.mp3", "b.wav"],
    "**": TREE,
    "**/a.mp3": ["one/a.mp3", "one/two/a.mp3", "three/a.mp3"],
    "o*/*.mp3": ["one/a.mp3", "one/ä b.mp3"],
    "one/**": ["a.mp3", "two/a.mp3", "two/c.mp3.gz", "ä b.mp3"],
    "one/?.mp3": ["a.mp3"],
    "three/d?.mp3": ["d1.mp3"],
    "?ne/a.mp3": ["one/a.mp3"],
    "thre[ef]/a.mp3": ["three/a.mp3"],
    "[ot]*/a.mp3": ["one/a.mp3", "three/a.mp3"],
    "three/[ab].mp3": ["a.mp3"],
    "three/d[0-9].*": ["d1.mp3"],
    "one/two/a.mp3": ["a.mp3"],
}


class ShelfFileSystem(FileSystem):
    """shelf://… is a dict, as far as listing and reading go. Beam finds it by being a subclass."""

    files: ClassVar[dict[str, bytes]] = {}

    @classmethod
    def scheme(cls):
        return "shelf"

    def has_dirs(self):
        return False

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path):
        folder, _, name = path.rpartition("/")
        return folder, name

    def exists(self, path):
        return path in self.files

    def size(self, path):
        return len(self._bytes(path))

    def checksum(self, path):
        return f"{zlib.crc32(self._bytes(path)):08x}"

    def last_updated(self, path):
        return 0.0

    def metadata(self, path):
        return FileMetadata(path, self.size(path))

    def open(self, path, mime_type="application/octet-stream", compression_type=CompressionTypes.AUTO):
        assert compression_type == CompressionTypes.UNCOMPRESSED, "what is on the shelf is to come as it is"
        return io.BytesIO(self._bytes(path))

    def _list(self, dir_or_prefix):
        return [self.metadata(path) for path in self.files if path.startswith(dir_or_prefix)]

    def _bytes(self, path):
        if path not in self.files:
            raise BeamIOError("not on the shelf", {path: None})
        return self.files[path]

    def _read_only(self, *arguments):
        raise NotImplementedError

    create = copy = rename = delete = mkdirs = _read_only


@pytest.fixture
def shelf(monkeypatch):
    files = {}
    monkeypatch.setattr(ShelfFileSystem, "files", files)
    return files


@pytest.fixture(params=["local", "shelf"])
def place(request, tmp_path, shelf):
    """(its URI, put(path, data)) of somewhere to keep files."""
    if request.param == "shelf":
        return "shelf://top", lambda path, data: shelf.update({f"shelf://top/{path}": data})

    def put(path, data):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)

    return str(tmp_path), put


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_media_id_is_the_path_below_the_fixed_part_of_a_pattern(place, pattern):
    top, put = place
    for path in TREE:
        put(path, path.encode())
    found = list(list_media(f"{top}/{pattern}"))
    assert [item.media_id for item in found] == sorted(PATTERNS[pattern])
    fixed = f"{top}/{pattern[: pattern.rfind('/', 0, first_sign(pattern)) + 1]}"
    assert [item.uri for item in found] == [fixed + item.media_id for item in found]


def test_ids_are_the_same_wherever_the_media_are(tmp_path, monkeypatch):
    for path in TREE:
        for top in ("here", "there/deeper"):
            (tmp_path / top / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / top / path).touch()
    monkeypatch.chdir(tmp_path)
    ids = sorted(TREE)
    for top in ("here", "there/deeper", "./here", str(tmp_path / "here")):
        items = list(list_media(f"{top}/**"))
        assert [item.media_id for item in items] == ids
        assert [item.uri for item in items] == [f"{top}/{path}" for path in ids]


def test_the_uris_of_a_manifest_are_relative_to_its_folder(place):
    top, put = place
    put(
        "lists/tracks.csv",
        b"media_id,uri,title,rights_holder\n"
        b"a,a.mp3,A,Ash\nb,../b.mp3,,\nc,deep/er/c.mp3,,\n"
        b"d,/abs/d.mp3,,\ne,gs://bucket/e.mp3,,\nf,file:///abs/f.mp3,,\n",
    )
    assert list(list_media(f"{top}/lists/tracks.csv")) == [
        MediaItem("a", f"{top}/lists/a.mp3", title="A", rights_holder="Ash"),
        MediaItem("b", f"{top}/lists/../b.mp3"),
        MediaItem("c", f"{top}/lists/deep/er/c.mp3"),
        MediaItem("d", "/abs/d.mp3"),
        MediaItem("e", "gs://bucket/e.mp3"),
        MediaItem("f", "file:///abs/f.mp3"),
    ]


def test_a_manifest_of_this_folder_needs_no_folder(tmp_path, monkeypatch):
    (tmp_path / "tracks.jsonl").write_text('{"media_id": "a", "uri": "a.mp3"}')
    monkeypatch.chdir(tmp_path)
    assert list(list_media("tracks.jsonl")) == [MediaItem("a", f"{tmp_path}/a.mp3")]


def test_no_media_is_an_error(place):
    top, put = place
    put("tracks.csv", b"media_id,uri\n")
    for source in (f"{top}/*.mp3", f"{top}/nosuch/**", f"{top}/nosuch.mp3", f"{top}/tracks.csv"):
        with pytest.raises(ManifestError) as raised:
            list(list_media(source))
        assert str(raised.value) == f"{source}: expected media, found none"


def test_a_manifest_that_is_not_there_is_an_error(place):
    top, _ = place
    with pytest.raises(ManifestError) as raised:
        list(list_media(f"{top}/tracks.csv"))
    assert str(raised.value).startswith(f"{top}/tracks.csv: cannot be read: ")


@pytest.mark.parametrize("data", [b"", b"\x00", b"sound" * 100_000], ids=len)
def test_the_content_changes_when_a_byte_does_and_not_when_the_file_is_copied(place, data):
    top, put = place
    put("a.mp3", data)
    content = content_of(f"{top}/a.mp3")
    put("copy of a.mp3", data)
    assert content_of(f"{top}/copy of a.mp3") == content_of(f"{top}/a.mp3") == content != ""
    changed = {data + b"\x00", b"\x01" + data, data[:-1] + b"!"}
    for number, other in enumerate(changed):
        put(f"{number}.mp3", other)
    contents = {content_of(f"{top}/{number}.mp3") for number in range(len(changed))}
    assert len(contents | {content}) == len(changed) + 1


def test_the_content_of_a_file_does_not_depend_on_its_name_date_or_uri(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"sound")
    shutil.copy(tmp_path / "a.mp3", tmp_path / "b.wav")
    os.utime(tmp_path / "b.wav", (0, 0))
    contents = {content_of(uri) for uri in (f"{tmp_path}/a.mp3", f"{tmp_path}/b.wav", f"file://{tmp_path}/a.mp3")}
    assert len(contents) == 1


def test_a_pipe_has_no_content_to_compare(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp3")
    assert content_of(f"{tmp_path}/pipe.mp3") == ""


def test_what_is_not_a_file_is_bad_media(place, tmp_path):
    top, _ = place
    for uri in (f"{top}/nosuch.mp3", str(tmp_path), f"file://{tmp_path}", "nosuch://a/b.mp3", "", "a\0b"):
        with pytest.raises(BadMediaError) as raised:
            content_of(uri)
        assert raised.value.step == "read"
        assert uri in raised.value.reason


def test_the_local_copy_of_a_local_file_is_the_file(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"sound")
    for uri in (str(path), f"file://{path}"):
        with local_copy(uri, max_bytes=1) as copy:
            assert copy == str(path)
    assert path.read_bytes() == b"sound"


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_the_local_copy_of_another_file_has_its_bytes_as_long_as_the_context_lasts(shelf, size):
    shelf["shelf://top/a.mp3.gz"] = data = os.urandom(size)
    with local_copy("shelf://top/a.mp3.gz", max_bytes=size) as copy:
        assert Path(copy).read_bytes() == data
    assert not Path(copy).parent.exists()


def test_a_file_too_large_to_copy_is_bad_media_and_leaves_nothing(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shelf["shelf://top/a.mp3"] = bytes(11)
    with pytest.raises(BadMediaError) as raised, local_copy("shelf://top/a.mp3", max_bytes=10):
        pass
    assert (raised.value.step, raised.value.reason) == ("read", "shelf://top/a.mp3: must be at most 10 bytes")
    with pytest.raises(BadMediaError, match=r"shelf://top/nosuch\.mp3"), local_copy("shelf://top/nosuch.mp3", 10):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("a.mp3", True), ("/a", True), ("file:///a", True), ("gs://a/b", False), ("shelf://a", False), ("C:/a", True)],
)
def test_what_is_on_this_machine_has_no_scheme_but_file(uri, expected):
    assert is_local(uri) == expected


def first_sign(pattern):
    return min([pattern.find(sign) for sign in "*?[" if sign in pattern], default=len(pattern))
