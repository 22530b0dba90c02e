"""Usage, lifted to PCollections. The sums are models.usage's."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from models.records import MusicMatch, MusicUsage, RightsHolderUsage
from models.usage import sum_plays, sum_repertoire


@dataclasses.dataclass
class SumPlays(beam.PTransform[Any, Any]):
    """How much each item plays of each recording."""

    def expand(self, matches: PCollection[MusicMatch]) -> PCollection[MusicUsage]:
        usages: PCollection[MusicUsage] = (
            matches
            | "Key by recording" >> beam.Map(lambda match: ((match.media_id, match.track_id), match))
            | beam.GroupByKey()
            | "Sum" >> beam.MapTuple(_sum_plays).with_output_types(MusicUsage)
        )
        return usages


@dataclasses.dataclass
class SumRepertoires(beam.PTransform[Any, Any]):
    """How much is played of each rights holder's recordings; those of none are left out."""

    def expand(self, usages: PCollection[MusicUsage]) -> PCollection[RightsHolderUsage]:
        totals: PCollection[RightsHolderUsage] = (
            usages
            | beam.Filter(lambda usage: usage.rights_holder is not None)
            | "Key by rights holder" >> beam.Map(lambda usage: (usage.rights_holder, usage))
            | beam.GroupByKey()
            | "Sum" >> beam.MapTuple(sum_repertoire).with_output_types(RightsHolderUsage)
        )
        return totals


def _sum_plays(_: tuple[str, str], matches: Iterable[MusicMatch]) -> MusicUsage:
    return sum_plays(sorted(matches, key=lambda match: match.start_s))
