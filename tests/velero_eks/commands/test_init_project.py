"""`velero-eks init` where there is no project: its files are shown, asked about, written, and overwrite nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml
from velero_on_eks.settings import load_stack_file

from tests.conftest import ROOT
from tests.velero_eks.commands.test_init import NOBODY, run, watched
from velero_eks.bootstrap.new_project import FILES
from velero_eks.commands.init import DONE, LEFT
from velero_eks.errors import BadTarget, OperationError
from velero_eks.project.project import Project

NAMES = {"Pulumi.yaml", "__main__.py", "pyproject.toml", ".gitignore"}
ANSWERS = ("",) * 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder, in no project."""
    made = tmp_path / "backups"
    made.mkdir()
    return made


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_empty_folder_becomes_a_project_with_its_stack(folder, capsys):
    assert run(folder, yes=True, environment="production") == DONE
    assert names(folder) == NAMES | {"stacks/Pulumi.prod.yaml"}
    assert Project.find(folder).is_ours
    assert load_stack_file(folder / "stacks/Pulumi.prod.yaml").settings.cluster.name == "shop"
    said = capsys.readouterr().out
    assert f"Wrote {', '.join(file.name for file in FILES)}." in said
    assert said.endswith(
        "Next, from the file to the first backup:\n"
        "  velero-eks plan prod\n"
        "  velero-eks preflight prod\n"
        "  pulumi stack init prod && pulumi up\n"
        "  velero-eks backup first --stack prod --schedule daily-backup\n"
    )


def test_the_program_and_the_project_are_those_of_this_repository():
    texts = {file.name: file.text for file in FILES}
    assert texts["__main__.py"] == (ROOT / "__main__.py").read_text()
    assert texts["Pulumi.yaml"] == (ROOT / "Pulumi.yaml").read_text()


def test_its_packages_are_pinned_to_this_release_and_the_tool_is_for_development(folder):
    run(folder, yes=True, environment="staging")
    written = tomllib.loads((folder / "pyproject.toml").read_text())
    release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert written["project"]["dependencies"] == [f"velero-on-eks=={release}"]
    assert written["dependency-groups"]["dev"] == [f"velero-eks=={release}"]
    assert yaml.safe_load((folder / "Pulumi.yaml").read_text())["runtime"]["options"] == {"toolchain": "uv"}


def test_on_a_terminal_the_files_are_shown_and_asked_about(folder, capsys):
    terminal = watched("y", *ANSWERS)
    assert run(folder, terminal) == DONE
    said = capsys.readouterr().out
    for file in FILES:
        assert all(line in said for line in file.text.splitlines())
    assert names(folder) == NAMES | {"stacks/Pulumi.prod.yaml"}


def test_a_no_writes_nothing(folder, capsys):
    assert run(folder, watched("n")) == LEFT
    assert "Nothing was written." in capsys.readouterr().out
    assert names(folder) == set()


def test_without_anybody_to_ask_it_names_the_flag_and_writes_nothing(folder, capsys):
    with pytest.raises(
        BadTarget, match=r"Give --yes to write Pulumi\.yaml, __main__\.py, pyproject\.toml, \.gitignore"
    ):
        run(folder, environment="production")
    assert "── pyproject.toml" in capsys.readouterr().out
    assert names(folder) == set()


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ({"cluster": None}, "--cluster missing"),
        ({"environment": None, "stack": "shop"}, "--environment missing"),
        ({"region": "mars-1"}, "--region 'mars-1'"),
        ({"environment": "prod"}, "--environment 'prod': one of development, staging, production; did you mean prod"),
        ({"rpo": "24"}, "--rpo: '24' is not a duration"),
        ({"volumes": "ebs"}, "--volumes 'ebs': one of none, csi-snapshot"),
        ({"timezone": "IST"}, "--timezone: time zone 'IST'"),
        ({"namespaces": ("*", "shop")}, "--namespace: '*' is every namespace"),
        ({"stack": "a/b"}, "STACK 'a/b'"),
        ({"from_cluster_stack": "prod"}, "remove --cluster and --region"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_before_a_file_is_written(folder, said, part):
    with pytest.raises(BadTarget) as refused:
        run(folder, **{"yes": True, "environment": "production", **said})
    assert part in str(refused.value)
    assert names(folder) == set()


def test_with_yes_nothing_is_asked_and_the_name_decides_the_environment(folder, capsys):
    assert run(folder, watched(), yes=True) == DONE
    assert load_stack_file(folder / "stacks/Pulumi.prod.yaml").settings.environment == "production"
    assert "Environment production: the name says so. --environment sets another." in capsys.readouterr().out


def test_files_of_ones_own_stay_and_it_says_what_they_need(folder, capsys):
    own = {"pyproject.toml": "[project]\nname = 'shop'\n", ".gitignore": "dist/\n", "README.md": "# Shop\n"}
    for name, text in own.items():
        (folder / name).write_text(text)
    assert run(folder, yes=True, environment="production") == DONE
    assert {name: (folder / name).read_text() for name in own} == own
    said = capsys.readouterr().out
    assert "pyproject.toml exists and stays as it is. It needs: uv add velero-on-eks==" in said
    assert "Wrote Pulumi.yaml, __main__.py." in said


def test_another_program_is_not_made_this_projects(folder):
    (folder / "__main__.py").write_text("print('mine')\n")
    with pytest.raises(BadTarget, match=r"is another program\. Start in an empty folder"):
        run(folder, yes=True, environment="production")
    assert names(folder) == {"__main__.py"}
    assert (folder / "__main__.py").read_text() == "print('mine')\n"


def test_a_file_that_appears_meanwhile_is_not_overwritten(folder, monkeypatch):
    from velero_eks.bootstrap import new_project

    project = new_project.new_project(folder)
    (folder / "pyproject.toml").write_text("mine\n")
    with pytest.raises(OperationError, match=r"pyproject\.toml cannot be written: File exists"):
        project.write()
    assert (folder / "pyproject.toml").read_text() == "mine\n"


def test_a_cluster_that_cannot_be_asked_leaves_the_project_and_a_second_try_writes_the_rest(folder, capsys):
    with pytest.raises(OperationError):
        run(folder, yes=True, environment="production", facts={"status": "CREATING"})
    assert names(folder) == NAMES
    capsys.readouterr()
    assert run(folder, NOBODY, environment="production") == DONE
    assert "no Pulumi project" not in capsys.readouterr().out
    assert names(folder) == NAMES | {"stacks/Pulumi.prod.yaml"}


def test_below_a_project_no_other_is_made(folder):
    run(folder, yes=True, environment="production")
    (folder / "below").mkdir()
    assert run(folder / "below", environment="production") == DONE
    assert names(folder / "below") == set()


def test_in_a_project_of_another_name_the_file_is_where_pulumi_reads_it(folder):
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    assert run(folder, yes=True, environment="production") == DONE
    assert names(folder) == {"Pulumi.yaml", "Pulumi.prod.yaml"}
    assert Project.find(folder).load("prod").settings.cluster.name == "shop"


def test_a_file_that_is_no_text_is_told_before_the_cluster_is_asked(folder):
    run(folder, yes=True, environment="production")
    (folder / "stacks/Pulumi.prod.yaml").write_bytes(b"config: \xff\n")
    with pytest.raises(BadTarget, match=r"Pulumi\.prod\.yaml.*UTF-8"):
        run(folder, facts={"status": "CREATING"})
