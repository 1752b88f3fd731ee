"""Reads OpenMetrics text, and writes what the parser of prometheus_client makes of it as JSON."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = [
    {
        "name": family.name,
        "kind": family.type,
        "unit": family.unit,
        "help": family.documentation,
        "samples": [
            {"name": sample.name, "labels": sample.labels, "value": str(float(sample.value))}
            for sample in family.samples
        ],
    }
    for family in text_string_to_metric_families(sys.stdin.read())
]
json.dump(families, sys.stdout)
