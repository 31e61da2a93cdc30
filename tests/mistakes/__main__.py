"""Write the page of mistakes."""

from tests.mistakes.page import PAGE, answers, page

if __name__ == "__main__":
    PAGE.write_text(page(answers()), encoding="utf-8")
    print(f"wrote {PAGE.name}")
