"""The mistakes, by kind."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.limits import HANG
from tests.mistakes import Mistake
from tests.stacks import FILES

PROD = "stacks/Pulumi.prod.yaml"


def project(folder: Path) -> Path:
    """A project of the tests' three stacks, and in it nothing else."""
    root = folder / "velero"
    (root / "stacks").mkdir(parents=True)
    (root / "Pulumi.yaml").write_text(
        "name: velero-eks\nruntime:\n  name: python\n  options: {toolchain: uv}\nstackConfigDir: stacks\n"
    )
    shutil.copy(Path(__file__).parents[2] / "__main__.py", root)
    for path in FILES.values():
        shutil.copy(path, root / "stacks")
    return root


def edit(old: str, new: str, file: str = PROD) -> Callable[[Path], None]:
    """One edit of a file; `old` stands in it once or more, and its first is replaced."""

    def prepare(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text, f"{file} has no {old!r}"
        (root / file).write_text(text.replace(old, new, 1))

    return prepare


def write(file: str, content: str | bytes) -> Callable[[Path], None]:
    """A file in place of what there is."""

    def prepare(root: Path) -> None:
        path = root / file
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return prepare


def moved(old: str, new: str) -> Callable[[Path], object]:
    """A file by another name."""
    return lambda root: (root / old).rename(root / new)


def _twice(root: Path) -> None:
    shutil.copy(root / PROD, root / "stacks" / "Pulumi.prod-copy.yaml")


def _committed(root: Path) -> None:
    run = partial(subprocess.run, cwd=root, check=True, capture_output=True, timeout=HANG)
    run(["git", "init", "-q", "-b", "main"])
    run(["git", "add", "."])
    run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "first"])


PLAN = "velero-eks plan prod"
NAME, ACCOUNT = "    name: exam-prod\n", '    account: "777788889999"\n'

FILE_MISTAKES = (
    Mistake("A tab in front of a key", PLAN, (f"{PROD}:6:1", "tab", "spaces"), edit(NAME, "\tname: exam-prod\n")),
    Mistake("A colon is missing", PLAN, (f"{PROD}:6:9", "after 'name'"), edit(NAME, "    name exam-prod\n")),
    Mistake("A space is missing behind a colon", PLAN, (f"{PROD}:6:10", "'name: '"), edit(NAME, "    name:exam-prod\n")),
    Mistake("A quote is not closed", PLAN, (f"{PROD}:7:14", "not closed"), edit(ACCOUNT, '    account: "777788889999\n')),
    Mistake("A bracket is not closed", PLAN, (f"{PROD}:15:17", "[", "]"), edit("[exam-prod]\n", "[exam-prod\n")),
    Mistake("A comma is missing between brackets", PLAN, (f"{PROD}:27", "comma"), edit('2 * * *", t', '2 * * *" t')),
    Mistake("A star without quotes", PLAN, (f"{PROD}:27", "*", "quotes"), edit('["*"]', "[*]")),
    Mistake("A line is indented too far", PLAN, (f"{PROD}:10", "indented"), edit("    autoMode", "     autoMode")),
    Mistake("A merge conflict is left", PLAN, (f"{PROD}:2:1", "merge conflict"), edit("  aws:region", "<<<<<<< HEAD\n  aws:region")),
    Mistake("A second document", PLAN, (f"{PROD}:30:1", "second document"), lambda root: (root / PROD).write_text((root / PROD).read_text() + "---\nconfig: {}\n")),
    Mistake("A dash without its space", PLAN, ("line 23", "space"), edit("- arn", "-arn")),
    Mistake("Saved in Latin-1", PLAN, (f"{PROD}:4", "UTF-8"), write(PROD, b"config:\n  aws:region: ap-south-1\n\n  # caf\xe9\n")),
    Mistake("An empty file", PLAN, (PROD, "config"), write(PROD, "")),
    Mistake("Keys without `config:` above them", PLAN, (PROD, "config"), write(PROD, "aws:region: ap-south-1\n")),
    Mistake("A section misspelt", PLAN, (f"{PROD}:25", "velero-eks:scheduels", "schedules"), edit("velero-eks:schedules", "velero-eks:scheduels")),
    Mistake("A key misspelt", PLAN, (f"{PROD}:10", "cluster.autoMod", "autoMode"), edit("autoMode", "autoMod")),
    Mistake("A key that is required is missing", PLAN, (PROD, "cluster.account"), edit(ACCOUNT, "")),
    Mistake("A key that is there twice", PLAN, (f"{PROD}:7", "line 6"), edit(ACCOUNT, NAME + ACCOUNT)),
    Mistake("An environment that does not exist", PLAN, (f"{PROD}:3", '"prod"', "production"), edit("environment: production", "environment: prod")),
    Mistake("An account without quotes loses its zero", PLAN, (f"{PROD}:7", "quote it"), lambda root: (root / PROD).write_text((root / PROD).read_text().replace('"777788889999"', "077788889999").replace("777788889999:", "077788889999:"))),
    Mistake("A word that YAML takes for a truth value", PLAN, (f"{PROD}:10", "autoMode"), edit("autoMode: true", "autoMode: yes")),
    Mistake("A region that does not exist", PLAN, (f"{PROD}:2", "ap-south-11"), edit("ap-south-1", "ap-south-11")),
    Mistake("A cron expression of six fields", PLAN, (f"{PROD}:27", "daily-backup.cron", "0 0 2 * * *"), edit('"0 2 * * *"', '"0 0 2 * * *"')),
    Mistake("A time zone that does not exist", PLAN, (f"{PROD}:27", "timezone", "Asia/Calcuta"), edit("Asia/Kolkata", "Asia/Calcuta")),
    Mistake("A duration without its unit", PLAN, (f"{PROD}:27", "daily-backup.keep"), edit("keep: 30d", "keep: 30")),
    Mistake("Backups are kept for less than the objective", PLAN, ("retention",), edit("keep: 30d", "keep: 3d"), code=2),
    Mistake("An ARN cut off", PLAN, (f"{PROD}:23", "breakGlass.0"), edit(":role/velero-deploy", "")),
    Mistake("A password in plain text", PLAN, (PROD, "repositoryPassword", "pulumi config set --secret"), edit("  velero-eks:identity", "  velero-eks:repositoryPassword: hunter2\n  velero-eks:identity")),
    Mistake("Two stacks make the same bucket", "velero-eks plan prod-copy", ("Pulumi.prod-copy.yaml", "Pulumi.prod.yaml", "cluster"), _twice),
    Mistake("The ending .yml", "velero-eks plan acme", ("Pulumi.acme.yml", "Pulumi.acme.yaml"), moved(PROD, "stacks/Pulumi.acme.yml")),
    Mistake("A stack file in the project's folder", "velero-eks plan acme", ("Pulumi.acme.yaml", "stacks"), moved(PROD, "Pulumi.acme.yaml")),
    Mistake("A stack file that is a folder", "velero-eks plan acme", ("Pulumi.acme.yaml",), lambda root: (root / "stacks" / "Pulumi.acme.yaml").mkdir()),
    Mistake("A mistake in Pulumi.yaml", PLAN, ("Pulumi.yaml:1:5", "colon"), edit("name: velero", "name velero", "Pulumi.yaml")),
    Mistake("A mistake in the program", PLAN, ("__main__.py:3",), edit("import pulumi", "import pulumi as", "__main__.py")),
    Mistake("A saved plan that is cut off", "velero-eks check plan.json", ("plan.json",), write("plan.json", '{"version": 1, "stacks": [')),
    Mistake("A saved plan of another kind", "velero-eks check plan.json", ("plan.json",), write("plan.json", json.dumps({"kind": "List", "items": []}))),
)  # fmt: skip

_KUBE = "contexts:\n- name: exam\n  context: {cluster: a, user: b}\n"

FLAG_MISTAKES = (
    Mistake("A stack that does not exist", "velero-eks plan prd", ("'prd'", "prod")),
    Mistake("An environment's name in place of the stack's", "velero-eks plan production", ("'production'", "prod")),
    Mistake("A command misspelt", "velero-eks stauts", ("stauts", "status")),
    Mistake("A command of another tool", "velero-eks apply", ("apply", "pulumi up")),
    Mistake("An option misspelt", "velero-eks plan --jsn", ("--jsn", "--json")),
    Mistake("A verb where a backup's name is expected", "velero-eks backup get --stack prod", ("get", "velero-eks backups")),
    Mistake("Two formats at once", "velero-eks plan --json --markdown", ("--json", "--markdown")),
    Mistake("A stack and a context", "velero-eks status --stack prod --context exam", ("--stack", "--context")),
    Mistake("Neither a stack nor a context", "velero-eks status", ("--stack", "--context")),
    Mistake("A time that is a word", "velero-eks plan prod --at yesterday", ("--at", "yesterday", "2026-11-24T09:00Z")),
    Mistake("A time without its zone", "velero-eks plan prod --at 2026-11-24T09:00", ("--at", "2026-11-24T09:00Z")),
    Mistake("A duration that is a word", "velero-eks drill prod --within soon", ("--within", "soon")),
    Mistake("A time limit that is a word", "velero-eks status prod --timeout soon", ("--timeout", "soon")),
    Mistake("A choice that does not exist", "velero-eks restore namespace shop --from daily-backup --existing overwrite --stack prod", ("--existing", "overwrite", "update")),
    Mistake("A restore without its backup", "velero-eks restore namespace shop --stack prod", ("--from",)),
    Mistake("A kind in place of an object", "velero-eks restore object configmap --from daily-backup --context exam --kubeconfig kubeconfig", ("configmap", "KIND/NAME"), write("kubeconfig", _KUBE)),
    Mistake("A folder without a project", "velero-eks -C .. plan", ("Pulumi.yaml", "velero")),
    Mistake("A folder that does not exist", "velero-eks -C nowhere plan", ("-C", "nowhere")),
    Mistake("A revision that does not exist", "velero-eks diff mian", ("mian",), _committed),
    Mistake("A file that does not exist", "velero-eks check plan.json", ("plan.json",)),
    Mistake("A kubeconfig that does not exist", "velero-eks status --context exam --kubeconfig nowhere.yaml", ("nowhere.yaml",)),
    Mistake("A context that does not exist", "velero-eks status --context exma --kubeconfig kubeconfig", ("exma", "exam"), write("kubeconfig", _KUBE)),
    Mistake("A mistake in the kubeconfig", "velero-eks status --context exam --kubeconfig kubeconfig", ("kubeconfig:2:", "colon"), write("kubeconfig", "contexts:\n- name exam\n  context: {cluster: a}\n")),
    Mistake("A report into a folder that does not exist", "velero-eks drill prod --junit nowhere/drill.xml", ("nowhere",)),
    Mistake("A shell that completion does not know", "velero-eks completion tcsh", ("tcsh", "bash")),
)  # fmt: skip

STATUS, SHOW = "velero-eks status --stack exam", "velero-eks show daily-backup-1 --stack exam"

NETWORK_MISTAKES = (
    Mistake("Nobody listens at the API server's address", STATUS, (), network="api-refuses"),
    Mistake("The address drops what is sent to it", f"{STATUS} --timeout 2s", (), network="api-drops"),
    Mistake("The API server's name is unknown", STATUS, (), network="api-unknown-name"),
    Mistake("The certificate is another one", STATUS, (), network="api-other-certificate"),
    Mistake("The address answers without TLS", f"{STATUS} --timeout 2s", (), network="api-without-tls"),
    Mistake("A login page answers", STATUS, (), network="api-login-page"),
    Mistake("The API server's address leads elsewhere", STATUS, (), network="api-redirects"),
    Mistake("The proxy does not run", STATUS, (), network="proxy-dead"),
    Mistake("The proxy cannot reach the cluster", STATUS, (), network="no-proxy-missing"),
)  # fmt: skip

CREDENTIAL_MISTAKES = (
    Mistake("The API server does not know the token", STATUS, (), network="api-401"),
    Mistake("The user may not list backups", STATUS, (), network="api-403"),
    Mistake("The credential plugin prints an old token", STATUS, (), network="token-expired"),
    Mistake("The credential plugin is not installed", STATUS, (), network="plugin-missing"),
    Mistake("The credential plugin hangs", f"{STATUS} --timeout 2s", (), network="plugin-hangs"),
    Mistake("The credential plugin fails", STATUS, (), network="plugin-fails"),
    Mistake("The credential plugin prints a sentence", STATUS, (), network="plugin-garbage"),
    Mistake("An AWS profile that does not exist", SHOW, (), network="profile-missing"),
    Mistake("The SSO session has ended", SHOW, (), network="sso-expired"),
    Mistake("No AWS credentials", SHOW, (), network="no-credentials"),
    Mistake("The credential process fails", SHOW, (), network="process-fails"),
    Mistake("The AWS keys have expired", SHOW, (), network="keys-expired"),
    Mistake("The clock is off", SHOW, (), network="clock-off"),
    Mistake("The AWS user may not read the bucket", SHOW, (), network="no-right"),
)  # fmt: skip

KINDS = {
    "Files": FILE_MISTAKES,
    "Options and arguments": FLAG_MISTAKES,
    "Networks": NETWORK_MISTAKES,
    "Credentials": CREDENTIAL_MISTAKES,
}
