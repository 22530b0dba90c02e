"""Says how good the links of attribute_audiobooks are, from its tables and gold.

linernotes evaluate_authors --output build/tables --gold GOLD.jsonl --authors AUTHORS.jsonl
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.link_evaluation import Verdict, describe_links_figures, evaluate_links
from models.manifests import ManifestError
from pipelines.gold import find_slices, read_gold
from transforms.tables import read_table


def main(arguments: Sequence[str]) -> int:
    """Prints the figures; 0."""
    parser = argparse.ArgumentParser(prog="linernotes evaluate_authors", description=__doc__.partition("\n")[0])
    parser.add_argument("--output", metavar="FOLDER", required=True, help="of the tables")
    parser.add_argument("--gold", metavar="FILE", required=True, help="rows of id_column and authors")
    parser.add_argument("--authors", metavar="FILE", required=True, help="the knowledge base that was used")
    parser.add_argument("--id_column", metavar="NAME", default="media_id", help="of the gold")
    parser.add_argument("--run_id", metavar="ID", help="of one run; all runs of the output unless named")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args(arguments)

    run_keys = [f"attribute_audiobooks-{options.run_id}"] if options.run_id else None
    rows = read_table(options.output, "author_links", run_keys=run_keys).to_pylist()
    gold = read_gold(options.gold, options.id_column, options.authors)
    figures = evaluate_links(list(_judge(rows, gold)))
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    print(describe_links_figures(figures))
    return 0


def _judge(rows: Sequence[Mapping[str, Any]], gold: Mapping[str, Mapping[str, Any]]) -> Iterator[Verdict]:
    """Of every audiobook with gold; what a run did not link counts as not linked."""
    by_media_id = {row["media_id"]: row for row in rows}
    if not by_media_id.keys() & gold.keys():
        raise ManifestError(f"expected links of audiobooks with gold, found none among {len(rows)} rows")
    for media_id, truth in gold.items():
        row = by_media_id.get(media_id, {"links": (), "new_author_id": None, "decision": "unknown"})
        found = frozenset(link["author_id"] for link in row["links"])
        auto = row["decision"] == "linked"
        yield Verdict(media_id, truth["authors"], found, row["new_author_id"], auto, find_slices(truth))
