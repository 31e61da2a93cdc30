"""`python -m tests.attacks`: try the table with the simulator, and write down what it says."""

import json

from tests.attacks.simulator import ask, install
from tests.attacks.table import ANSWERS, cases

install()
found = ask(cases())
ANSWERS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
others = [case for case in cases() if found[case.name]["got"] != case.wanted]
for case in others:
    print(f"{case.name}: {case.wanted} wanted, {found[case.name]['got']} got")
print(f"{len(found)} requests tried, {len(others)} not answered as expected")
