"""Write the golden plans anew; the difference is then read before it is committed."""

from tests.golden.plans import FOLDER, MOMENT, STACKS, planned

for stack in STACKS:
    path = FOLDER / f"{stack}.json"
    path.write_text(planned(stack), encoding="utf-8")
    print(f"wrote {path.name} at {MOMENT}")
