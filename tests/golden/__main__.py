"""Write the golden plan again; the difference is then read before it is committed."""

from tests.golden.plans import GOLDEN, MOMENT, planned

GOLDEN.write_text(planned(), encoding="utf-8")
print(f"wrote {GOLDEN.name} at {MOMENT}")
