"""The command line: `linernotes NAME --config FILE`, or `python -m pipelines NAME --config FILE`."""

import argparse
import functools
import importlib
import logging
import sys
from collections.abc import Callable, Sequence

from configs.loading import ConfigError
from models.manifests import ManifestError

PIPELINES = (
    "index_tracks",
    "remove_tracks",
    "compact_index",
    "match_podcasts",
    "export_cue_sheets",
    "classify_tracks",
    "embed_media",
    "extract_features",
    "attribute_audiobooks",
    "tag_videos",
    "embed_visuals",
)
TOOLS = (
    "train_tracks",
    "evaluate_tracks",
    "train_authors",
    "evaluate_authors",
    "evaluate_tags",
    "train_shots",
    "export_image_model",
    "templates",
    "report",
    "export_labels",
    "sample",
    "bench",
)

# Of Beam's: the first, while it is imported, of cloud packages that a run on this machine does not need.
_FALSE_ALARMS = ("apitools not found", "Resource module is not available")

_EPILOG = """\
Everything else is passed to Beam: --runner, --direct_num_workers, --project and so on. Without --runner the pipeline
runs on this machine. Exit status: 0 done, 1 a crash, 2 bad arguments or input, 3 done, but more items failed than
max_failed_share allows.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a pipeline or a tool; the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    logging.getLogger().addFilter(lambda record: not record.getMessage().startswith(_FALSE_ALARMS))
    name, run = _find_tool(*words) if words and words[0] in TOOLS else _find_pipeline(words)
    try:
        return run()
    except (ConfigError, ManifestError) as error:
        _complain(f"linernotes {name}: {error}")
        return 2


def _complain(message: str) -> None:
    """On standard error, in the format of the logs."""
    logger = logging.getLogger("linernotes")
    if logger.isEnabledFor(logging.INFO):  # as pipelines.logs, which takes seconds to import, has made it for JSON
        logger.error(message)
    else:
        print(message, file=sys.stderr)


def _find_tool(name: str, *arguments: str) -> tuple[str, Callable[[], int]]:
    """A tool has options of its own."""
    return name, functools.partial(importlib.import_module(f"pipelines.{name}").main, arguments)


def _find_pipeline(words: Sequence[str]) -> tuple[str, Callable[[], int]]:
    parser = _parser()
    options, beam_arguments = parser.parse_known_args(words)
    if options.name in TOOLS:
        parser.error(f"expected {options.name} before its options, got {' '.join(words)}")
    from pipelines.launching import launch  # takes seconds, and --help should not
    from pipelines.logs import log_as_json

    if options.log_format == "json":
        log_as_json()
    return options.name, functools.partial(launch, options, beam_arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="linernotes", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("name", choices=PIPELINES + TOOLS, help="what to run")
    parser.add_argument("--config", metavar="FILE", help="YAML; see configs/")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="on top of the config")
    parser.add_argument("--input", metavar="URI", help="manifest (.csv, .jsonl, .parquet) or file pattern")
    parser.add_argument("--index", metavar="FOLDER", help="of the landmark index")
    parser.add_argument("--output", metavar="FOLDER", help="of the tables")
    parser.add_argument("--run_id", metavar="ID", help="rows of this id are replaced (default: the UTC date)")
    parser.add_argument("--incremental", action="store_true", help="skip items that are done with the same content")
    parser.add_argument("--dry_run", action="store_true", help="check everything, try one item, write nothing")
    parser.add_argument("--log_format", choices=("text", "json"), default="text", help="of standard error")
    parser.add_argument("--runner_config", metavar="FILE", help="YAML of Beam options; see configs/runners/")
    return parser
