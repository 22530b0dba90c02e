"""Evaluates a model on labelled recordings, by classify_tracks itself, beside the previous model if there is one.

    linernotes evaluate_tracks --input labelled.csv [--model model.yaml] [--previous other.yaml] [--output FOLDER]

labelled.csv has columns media_id, uri, label, is_music (1, 0, or empty for borderline), source, group and hard. Figures
are an honest account only of recordings that trained nothing: of those that trained the shipped model, see its card.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.loading import load_config
from models.evaluation import Judged, describe_figures, evaluate, show_figure
from models.labelling import SILENCE
from models.manifests import ManifestError
from pipelines import classify_tracks
from pipelines.launching import count_statuses, make_run, run_pipeline
from pipelines.plotting import plot_evaluation
from pipelines.recordings import judge, read_labels
from pipelines.shipping import SHIPPED_MODEL, load_spec
from transforms.tables import read_table

_COMPARED = ("accuracy", "macro_f1", "auroc", "auroc_hard_music", "functional_recall", "demoted", "calibration_error")


def main(arguments: Sequence[str]) -> int:
    """Prints the figures, and writes them as figures.json with plots beside the tables; 0."""
    options = _parser().parse_args(arguments)
    figures = _evaluate(options.input, options.model, options.set, options.output / "current")
    print(describe_figures(figures))
    if figures["failed"]:
        print(f"{figures['failed']} recordings failed, and count for nothing: see {options.output}/current/tables")
    print(f"decisions by label: {json.dumps(figures['decisions'])}")
    if options.previous:
        previous = _evaluate(options.input, options.previous, options.set, options.output / "previous")
        print(f"{'':20}{'previous':>10}{'current':>10}")
        for name in _COMPARED:
            print(f"{name:20}{show_figure(previous[name]):>10}{show_figure(figures[name]):>10}")
    print(f"written: {options.output}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="linernotes evaluate_tracks", description=__doc__.partition("\n")[0])
    parser.add_argument("--input", required=True, help="CSV of labelled recordings")
    parser.add_argument("--model", default=SHIPPED_MODEL, help="spec of the model (default: the shipped one)")
    parser.add_argument("--previous", help="spec of the model to compare with")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="as for classify_tracks")
    parser.add_argument("--output", type=Path, default=Path("build/evaluation"))
    return parser


def _evaluate(manifest: str, model: str, settings: Sequence[str], folder: Path) -> dict[str, Any]:
    labels = read_labels(manifest)
    tables = str(folder / "tables")
    values = {"input": manifest, "output": tables, "model": model}
    named = [f"{name}={json.dumps(value)}" for name, value in values.items()]
    config = load_config(classify_tracks.Config, None, [*settings, *named])
    run = make_run(classify_tracks, config, "evaluation")
    run_pipeline(classify_tracks, config, run)
    rows = read_table(tables, "track_labels", run_keys=[run.provenance.run_key]).to_pylist()
    if not rows:
        raise ManifestError(f"{manifest}: expected a recording that can be classified, found none: see {tables}")
    classes = load_spec(model, wants="scores").classes
    classes = classes if SILENCE in classes else (*classes, SILENCE)
    figures = evaluate([_judge(labels[row["media_id"]], row) for row in rows], classes)
    figures["failed"] = count_statuses(tables, run)["failed"]
    figures["decisions"] = _count_decisions(rows, labels)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    plot_evaluation(figures, classes, folder)
    return figures


def _judge(label: Mapping[str, str], row: Mapping[str, Any]) -> Judged:
    return judge(label, {share["label"]: share["score"] for share in row["shares"]})


def _count_decisions(rows: Sequence[Mapping[str, Any]], labels: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(labels[row["media_id"]]["label"], Counter())[row["decision"]] += 1
    return {label: dict(counts[label]) for label in sorted(counts)}
