"""A PostgreSQL server of a test's own: in a temporary folder, on a unix socket only. Started as root it runs as
user postgres."""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

PATIENCE = 60


def program(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    if not found:
        raise AssertionError(f"{name} is not installed: apt-get install postgresql")
    return found[-1]


def unprivileged():
    """Keywords for subprocess: neither initdb nor postgres runs as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Postgres:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sn-pg-")
        os.chmod(self.folder, 0o1777)
        self.data = os.path.join(self.folder, "data")
        self.url = f"postgresql://postgres@/postgres?host={self.folder}"
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = None
        try:
            subprocess.run([program("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                            "--locale=C.UTF-8"], check=True, stdout=self.log, stderr=self.log, cwd=self.folder,
                           **unprivileged())
            self.start()
        except BaseException:
            self.remove()
            raise

    def start(self):
        self.process = subprocess.Popen([program("postgres"), "-D", self.data, "-k", self.folder, "-h", "", "-c",
                                         "unix_socket_permissions=0777"], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, cwd=self.folder, **unprivileged())
        deadline = time.monotonic() + PATIENCE
        while subprocess.run([program("pg_isready"), "-q", "-h", self.folder], check=False).returncode != 0:
            assert time.monotonic() < deadline and self.process.poll() is None, "postgres does not start"

    def stop(self):
        """At once, as in a crash: its log is replayed at the next start."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(PATIENCE)

    def signal_all(self, number):
        """To all of its processes: they are the first one's children."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            for pid in [self.process.pid] + [int(word) for word in file.read().split()]:
                os.kill(pid, number)

    def query(self, sql):
        result = subprocess.run([program("psql"), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", sql],
                                check=True, capture_output=True, text=True, timeout=PATIENCE)
        return result.stdout.split()

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            self.signal_all(signal.SIGCONT)
            self.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
