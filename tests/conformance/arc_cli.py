#!/usr/bin/env python3
"""The ValiMail ARC validation suite through the program: `postern scan --json`.

Reads the suite from the test data (POSTERN_TEST_DATA); exits 0 when every chain is judged right, 77 (skipped, saying why) where it
is missing, 1 otherwise. `arc_cli.py ID...` runs the named cases only. Real chains of real mail: dkim_cli.py.
"""
import collections
import json

from arc_unit import CONTRADICTED
from scan_suite import DATA, Suite, json_lines, main

CASES = DATA / "arc" / "unified" / "valimail-validation.jsonl"


class Arc(Suite):
    def test_validation(self):
        cases = self.picked(json_lines(CASES))
        batches, files = collections.defaultdict(list), {}
        for case in cases:
            files[case["id"]] = self.message(case["id"], case["message"])
            batches[json.dumps(case["dns"], sort_keys=True)].append(files[case["id"]])
        answers = self.scan_all([(self.gateway(json.loads(zone)), batch, []) for zone, batch in batches.items()])
        for case in cases:
            found = answers[str(files[case["id"]])]["arc"]
            wanted = CONTRADICTED.get(case["id"], case["expect"])
            self.check(case["id"], [] if found["result"] == wanted else
                       [f"{found['result']} instead of {wanted} ({found.get('reason', '')}): {case['description']}"])
        self.report("ARC validation")


if __name__ == "__main__":
    main(Arc, CASES)
