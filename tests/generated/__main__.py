"""Write every generated file."""

from tests import chart_values
from tests.generated import ROOT, files

if __name__ == "__main__":
    chart_values.main()
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
