"""A real control plane for tests: etcd, kube-apiserver and kube-controller-manager on loopback.

Needs ``KUBEBUILDER_ASSETS`` (a folder with both Kubernetes binaries) or the packed ones in
``../shared/kube``, and etcd. The tests play the kubelet by writing statuses.
"""

import json
import lzma
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import filelock
import pytest

HOW = (
    "no control plane: set KUBEBUILDER_ASSETS to a folder with kube-apiserver and "
    "kube-controller-manager, and install etcd (Debian: etcd-server etcd-client)"
)
PACKED = [Path("/work/shared/kube"), Path(__file__).parents[2] / "shared" / "kube"]
BINARIES = ("kube-apiserver", "kube-controller-manager")
EVENT_TTL_S = 12
USERS = ("admin", "reader", "actor", "partial", "nobody")


def assets():
    """Return the folder of the binaries, None when there are none."""
    told = os.environ.get("KUBEBUILDER_ASSETS")
    if told:
        found = Path(told)
        return found if all((found / name).exists() for name in BINARIES) else None
    packed = next((p for p in PACKED if (p / f"{BINARIES[0]}.xz").exists()), None)
    if packed is None:
        return None
    folder = Path(tempfile.gettempdir()) / f"tam-kube-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with filelock.FileLock(folder / "lock"):
        for name in BINARIES:
            if not (folder / name).exists():
                draft = folder / f"{name}.draft"
                with lzma.open(packed / f"{name}.xz") as source, draft.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                draft.chmod(0o700)
                draft.rename(folder / name)
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ControlPlane:
    """Starts, breaks and mends a control plane."""

    def __init__(self, binaries, folder):
        self.binaries = binaries
        self.folder = folder
        self.port, self.etcd_port = free_port(), free_port()
        self.processes = {}
        self.url = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = folder / "kubeconfig"

    def start(self):
        users = [f"token-{name},{name},{at}" for at, name in enumerate(USERS)]
        users[0] += ",system:masters"
        (self.folder / "tokens.csv").write_text("\n".join(users) + "\n")
        key = self.folder / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        self.start_etcd()
        self.start_apiserver()
        self.write_kubeconfig()
        self._run(
            "kcm", self.binaries / "kube-controller-manager", "--kubeconfig", self.kubeconfig,
            "--service-account-private-key-file", key, "--leader-elect=false", "--port", "0",
            "--secure-port", free_port(), "--bind-address", "127.0.0.1",
            "--cert-dir", self.folder / "certs",
        )  # fmt: skip

    def start_etcd(self):
        client = f"http://127.0.0.1:{self.etcd_port}"
        self._run(
            "etcd", "etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", f"http://127.0.0.1:{free_port()}",
        )  # fmt: skip

    def start_apiserver(self):
        key = self.folder / "sa.key"
        self._run(
            "apiserver", self.binaries / "kube-apiserver",
            "--etcd-servers", f"http://127.0.0.1:{self.etcd_port}",
            "--secure-port", self.port, "--bind-address", "127.0.0.1", "--insecure-port", "0",
            "--cert-dir", self.folder / "certs",
            "--service-account-key-file", key, "--service-account-signing-key-file", key,
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--api-audiences", "api", "--token-auth-file", self.folder / "tokens.csv",
            "--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount",
            "--service-cluster-ip-range", "10.0.0.0/24", "--allow-privileged=true",
            "--event-ttl", f"{EVENT_TTL_S}s", "--feature-gates", "EphemeralContainers=true",
        )  # fmt: skip
        self._wait_ready()

    def kill_apiserver(self):
        """End it as a crash would."""
        self._end("apiserver", signal.SIGKILL)

    def compact(self):
        """Make etcd forget all history; the API server still has some until it is restarted."""
        told = self._etcdctl("get", "x", "-w", "json")
        self._etcdctl("compact", str(json.loads(told)["header"]["revision"]))

    def write_kubeconfig(self):
        crt = self.folder / "certs" / "apiserver.crt"
        told = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "local",
                    "cluster": {"server": self.url, "certificate-authority": str(crt)},
                }
            ],
            "users": [{"name": name, "user": {"token": f"token-{name}"}} for name in USERS],
            "contexts": [
                {"name": name, "context": {"cluster": "local", "user": name}} for name in USERS
            ],
            "current-context": "admin",
        }
        self.kubeconfig.write_text(json.dumps(told))

    def stop(self):
        for name in ("kcm", "apiserver", "etcd"):
            self._end(name, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _etcdctl(self, *words):
        return subprocess.run(
            ["etcdctl", "--endpoints", f"http://127.0.0.1:{self.etcd_port}", *words],
            env={**os.environ, "ETCDCTL_API": "3"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def _run(self, name, *words):
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(word) for word in words], stdout=log, stderr=log, start_new_session=True
            )

    def _end(self, name, how):
        process = self.processes.pop(name, None)
        if process is not None and process.poll() is None:
            process.send_signal(how)
            process.wait(10)

    def _wait_ready(self):
        import ssl
        import urllib.request

        open_context = ssl._create_unverified_context()
        asked = urllib.request.Request(
            f"{self.url}/readyz", headers={"Authorization": "Bearer token-admin"}
        )
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            assert self.processes["apiserver"].poll() is None, self._last("apiserver")
            try:
                with urllib.request.urlopen(asked, context=open_context, timeout=2) as answer:
                    if answer.read() == b"ok":
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError(self._last("apiserver"))

    def _last(self, name):
        return (self.folder / f"{name}.log").read_text()[-800:]


_STARTED = []


@pytest.fixture(scope="session")
def plane(request):
    """One control plane for all tests of a session."""
    if not _STARTED:
        binaries = assets()
        if binaries is None or not (shutil.which("etcd") and shutil.which("etcdctl")):
            pytest.skip(HOW)
        started = ControlPlane(binaries, Path(tempfile.mkdtemp(prefix="tam-plane-")))
        request.session.config.add_cleanup(started.stop)
        started.start()
        _STARTED.append(started)
    return _STARTED[0]
