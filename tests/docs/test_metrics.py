"""The table of metrics lists the metrics of a scrape, and nothing else."""

import re

from tests.collector.scrapes import everything
from tests.docs.pages import DOCS

ROW = re.compile(r"^\| `((?:fastopts|process)_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)


def test_every_metric_is_in_the_docs_with_its_kind_and_labels_and_no_other() -> None:
    listed = {
        name: (kind, set(re.findall(r"\w+", labels)))
        for name, kind, labels in ROW.findall((DOCS / "collector.md").read_text())
    }
    told = {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
        )
        for family in everything().families.values()
    }
    assert listed == told
