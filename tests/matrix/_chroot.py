"""A Debian of its own, for the Pythons that the machine does not have."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.matrix._commands import CannotRunError, run

CACHE = Path(os.environ.get("PYTHREAD_RS_MATRIX_CACHE", "/var/cache/pythread_rs-matrix"))
SUITE = "forky"
# sid's script does for every suite that the host's debootstrap is too old to know.
BOOTSTRAP_SCRIPT = Path("/usr/share/debootstrap/scripts/sid")
PACKAGES = (
    *(f"python{version}-{part}" for version in ("3.14", "3.15") for part in ("dev", "venv", "dbg")),
    *("gcc", "libc6-dev", "libffi-dev", "ca-certificates", "procps"),
)
# The machine's clock may be ahead of the mirror's last update.
APT = ("apt-get", "-y", "-q", "-o", "Acquire::Check-Valid-Until=false")
BUILD_SECONDS = 1200
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Chroot:
    """A Debian of its own, entered through a mount namespace.

    Its mounts live in that namespace and go with the last process in it, however it ends: there
    is nothing to unmount.
    """

    root: Path

    MOUNTS = (
        'mount -t proc proc "$0/proc"; mount --rbind /sys "$0/sys"; mount --rbind /dev "$0/dev"; '
        'exec chroot "$0" "$@"'
    )

    def command(self, command: list[str]) -> list[str]:
        """Return the command that runs `command` inside."""
        return [*NAMESPACE, "sh", "-euc", self.MOUNTS, str(self.root), *command]

    def outside(self, path: str) -> Path:
        """Return the host's path of a path inside."""
        return self.root / path.lstrip("/")

    def adopt_network(self) -> None:
        """Let the inside find the hosts, and trust the certificates, that the outside does."""
        files = ["/etc/resolv.conf", "/etc/hosts"]
        files += [os.environ[name] for name in CERTIFICATES if name in os.environ]
        for file in files:
            inside = self.outside(file)
            if Path(file).is_file():
                inside.parent.mkdir(parents=True, exist_ok=True)
                inside.unlink(missing_ok=True)  # Debian's resolv.conf may be a link
                shutil.copyfile(file, inside)


NAMESPACE = ["unshare", "--mount", "--propagation", "private", "--"]


def chroot(log: Path) -> Chroot:
    """Return the cached chroot; make it first if it is not there or is another one."""
    _check_that_a_chroot_can_be_made()
    CACHE.mkdir(parents=True, exist_ok=True)
    root, stamp = CACHE / SUITE, CACHE / f"{SUITE}.complete"
    recipe = "\n".join(PACKAGES)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != recipe:
            stamp.unlink(missing_ok=True)
            _remove(root)
            print(f"making the chroot {root}: this takes some minutes", flush=True)
            _make(Chroot(root), log)
            stamp.write_text(recipe)
    made = Chroot(root)
    made.adopt_network()
    return made


def _check_that_a_chroot_can_be_made() -> None:
    if not Path("/etc/debian_version").exists():
        raise CannotRunError("the chroot is made on Debian only")
    if os.geteuid() != 0:
        raise CannotRunError("the chroot is made by root only")
    for tool in ("debootstrap", "unshare", "chroot", "apt-get"):
        if shutil.which(tool) is None:
            raise CannotRunError(f"the chroot needs {tool}")
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode != 0:
        raise CannotRunError("this system does not allow mount namespaces")


def _remove(root: Path) -> None:
    """Delete a half-made or outdated chroot, but never through a mount into the host."""
    if f" {root}/" in Path("/proc/self/mounts").read_text():
        raise CannotRunError(f"something is mounted in {root}: unmount it and delete the folder")
    if root.exists():
        shutil.rmtree(root)


def _make(made: Chroot, log: Path) -> None:
    bootstrap = ["debootstrap", "--variant=minbase", SUITE, str(made.root)]
    _need([*NAMESPACE, *bootstrap, mirror(), str(BOOTSTRAP_SCRIPT)], log)
    made.adopt_network()
    # No service may start because its package was installed.
    policy = made.outside("/usr/sbin/policy-rc.d")
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    install = [*APT, "--no-install-recommends", "install", *PACKAGES]
    for step in ([*APT, "update"], install, ["apt-get", "clean"]):
        _need(made.command(["env", "DEBIAN_FRONTEND=noninteractive", *step]), log)


def _need(command: list[str], log: Path) -> None:
    if run(command, BUILD_SECONDS, log) != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise CannotRunError(f"the chroot could not be made:\n{tail}")


def mirror() -> str:
    """Return the mirror from which this machine gets Debian itself."""
    form = "$(LABEL) $(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", form]
    listed = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    for line in listed.stdout.splitlines():
        label, _, address = line.partition(" ")
        if label == "Debian":
            return address
    raise CannotRunError("apt knows no mirror of Debian (run apt-get update)")
