#!/usr/bin/env python3
"""The configuration samples: each is without fault, each is what `check --effective` understands it to be, and
full.toml names every key there is."""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
import unittest

from harness import PATIENCE, SENNIT, SRC, DaemonTest, make_certificate

SAMPLES = sorted(glob.glob(os.path.join(SRC, "config/samples/*.toml")))


def check(*args, **kwargs):
    return subprocess.run([SENNIT, "check", *args], capture_output=True, text=True, timeout=PATIENCE, **kwargs)


def effective(path):
    run = check("--effective", path)
    assert run.returncode == 0, run.stderr
    return run.stdout


def load(path):
    with open(path, "rb") as file:
        return tomllib.load(file)


class Samples(unittest.TestCase):
    def test_there_are_some(self):
        names = [os.path.basename(path) for path in SAMPLES]
        for name in ("full.toml", "irc.toml", "minimal.toml"):
            self.assertIn(name, names)

    def test_each_is_fine(self):
        """Each beside the files that it names."""
        for path in SAMPLES:
            with self.subTest(path), tempfile.TemporaryDirectory() as directory:
                os.mkdir(os.path.join(directory, "certs"))
                make_certificate(os.path.join(directory, "certs"))
                for name, text in (("users", "alice:secret\n"), ("motd.txt", "Welcome.\n")):
                    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                        file.write(text)
                path = shutil.copy(path, directory)
                run = check(path, cwd=directory)
                services = len(load(path)["service"])
                self.assertEqual(run.stderr, "")
                self.assertEqual(run.stdout, f"{path}: fine, {services} service{'s' if services > 1 else ''}\n")
                self.assertEqual(run.returncode, 0)

    def test_effective_is_the_same_again(self):
        """What is printed with all defaults filled in says all that the sample says, and means the same."""
        for path in SAMPLES:
            with self.subTest(path), tempfile.TemporaryDirectory() as directory:
                again = os.path.join(directory, "again.toml")
                with open(again, "w", encoding="utf-8") as file:
                    file.write(effective(path))
                self.assertEqual(effective(again), effective(path))
                piped = check("--effective", "/dev/stdin", input=effective(path))
                self.assertEqual(piped.stdout, effective(path))
                for name, table in load(path)["service"].items():
                    for key in table:
                        self.assertIn(key, load(again)["service"][name])

    def test_full_names_every_key(self):
        full = load(os.path.join(SRC, "config/samples/full.toml"))
        minimal = tomllib.loads(effective(os.path.join(SRC, "config/samples/minimal.toml")))
        for table in ("server", "log"):
            self.assertEqual(sorted(full[table]), sorted(minimal[table]))
        self.assertEqual(sorted(full["service"]["irc"]), sorted(minimal["service"]["irc"]))

    def test_full_gives_the_defaults(self):
        """But for those whose comment says what the default is."""
        path = os.path.join(SRC, "config/samples/full.toml")
        with open(path, encoding="utf-8") as file:
            other = set(re.findall(r"^(\w+) = .*\(default: ", file.read(), re.M))
        default = tomllib.loads(effective(os.path.join(SRC, "config/samples/minimal.toml")))
        full = tomllib.loads(effective(path))
        for tables in ((full["server"], default["server"]), (full["log"], default["log"]),
                       (full["service"]["irc"], default["service"]["irc"])):
            for key, value in tables[0].items():
                if key in other:
                    self.assertNotEqual(value, tables[1][key], key)
                elif key != "listen":
                    self.assertEqual(value, tables[1][key], key)


class Running(DaemonTest):
    def test_the_minimal_one_runs(self):
        """Elsewhere than on its port, which may be taken."""
        path = os.path.join(self.directory(), "sennit.toml")
        shutil.copyfile(os.path.join(SRC, "config/samples/minimal.toml"), path)
        with open(path, "a", encoding="utf-8") as file:
            file.write('listen = "tcp:0:interface=127.0.0.1"\n')
        daemon = self.daemon("run", path)
        self.client(daemon.address(), "alice").sync()


if __name__ == "__main__":
    unittest.main()
