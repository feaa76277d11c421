#!/usr/bin/env python3
"""Plugins as their authors and users meet them: sennit installed into a folder of its own, the examples built against it with
pkg-config, templates, old headers, everything that can be wrong with a file, and the commands of docs/plugins.md."""
import base64
import functools
import glob
import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import BUILD, SRC, DaemonTest, need

STRICT = "-O2 -g -Werror -Wmissing-prototypes -Wshadow -Wundef"
PLUGINS = os.path.join(BUILD, "tests/plugins")


def configured(name):
    """A folder of this build, as sennit.pc has it."""
    with open(os.path.join(BUILD, "sennit.pc"), encoding="utf-8") as file:
        values = dict(line.strip().split("=", 1) for line in file if re.match(r"\w+=", line))
    value = values[name]
    while "${" in value:
        value = re.sub(r"\$\{(\w+)\}", lambda m: values[m.group(1)], value)
    return value


def copy_tree(source, folder):
    """Writable, whatever the source is."""
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(source):
        shutil.copyfile(os.path.join(source, name), os.path.join(folder, name))


@functools.lru_cache
def stage():
    """`make install` into a folder, for all tests together; and an environment whose tools find things there."""
    folder = tempfile.mkdtemp(prefix="sennit-stage-")
    unittest.addModuleCleanup(shutil.rmtree, folder, True)
    os.chmod(folder, 0o755)
    env = {key: value for key, value in os.environ.items()
           if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SENNIT_PLUGIN_PATH")}
    run = subprocess.run(["make", "-C", BUILD, "install", f"DESTDIR={folder}"], capture_output=True, text=True, env=env)
    if run.returncode != 0:
        raise AssertionError("make install failed\n" + run.stdout + run.stderr)
    tools = os.path.join(folder, "tools")
    os.mkdir(tools)
    # As if it had been installed where it stands.
    with open(os.path.join(tools, "pkg-config"), "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {need("pkg-config")} --define-prefix "$@"\n')
    os.chmod(file.name, 0o755)
    env["PATH"] = f"{tools}:{folder}{configured('bindir')}:{env['PATH']}"
    env["PKG_CONFIG_PATH"] = folder + configured("libdir") + "/pkgconfig"
    return folder, env


class Staged(DaemonTest):
    """Everybody's way of using plugins, in a folder that stands for the root of the system."""

    @classmethod
    def setUpClass(cls):
        cls.stage, cls.env = stage()
        cls.sennit = cls.stage + configured("bindir") + "/sennit"
        cls.plugindir = cls.stage + configured("plugindir")

    def setUp(self):
        """Nothing is installed in the folder of plugins."""
        shutil.rmtree(self.plugindir, ignore_errors=True)

    def run_in(self, folder, *command, code=0, **kwargs):
        run = subprocess.run(command, cwd=folder, env={**self.env, **kwargs.pop("env", {})}, capture_output=True,
                             text=True, timeout=120, **kwargs)
        self.assertEqual(run.returncode, code, f"{command}\n{run.stdout}{run.stderr}")
        return run

    def build(self, example, *targets):
        """A copy of one of the examples, built as its author would."""
        folder = os.path.join(self.directory(), example)
        copy_tree(os.path.join(SRC, "plugins", example), folder)
        run = self.run_in(folder, "make", "CFLAGS=" + STRICT, *targets)
        self.assertNotIn("warning", run.stderr)
        return folder

    def listed(self, folder, *args, **kwargs):
        """`sennit plugin list --json`, by the names of the files."""
        run = self.run_in(folder, self.sennit, "plugin", "list", "--json", *args, **kwargs)
        return {os.path.basename(row["path"]): row for row in json.loads(run.stdout)}

    def start(self, *args, **kwargs):
        daemon = harness.Daemon(*args, program=self.sennit, **kwargs)
        self.addCleanup(daemon.stop)
        return daemon


class Headers(Staged):
    def test_each_compiles_alone(self):
        folder = self.directory()
        flags = self.run_in(folder, "pkg-config", "--cflags", "sennit").stdout.split()
        include = self.stage + configured("includedir") + "/sennit"
        self.assertEqual(flags, ["-I" + include])
        headers = sorted(os.path.relpath(path, include) for path in glob.glob(include + "/**/*.h", recursive=True))
        self.assertGreater(len(headers), 40)
        for header in headers:
            with self.subTest(header):
                with open(os.path.join(folder, "one.c"), "w", encoding="utf-8") as file:
                    file.write(f'#include "{header}"\n')
                self.run_in(folder, "cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *flags, "one.c")

    def test_pkg_config(self):
        def ask(*args):
            return self.run_in(self.stage, "pkg-config", *args, "sennit").stdout.strip()
        self.assertEqual(os.path.realpath(ask("--variable=plugindir")), os.path.realpath(self.plugindir))
        self.assertEqual((ask("--variable=abi_major"), ask("--variable=abi_minor")), ("1", "0"))
        version = self.run_in(self.stage, self.sennit, "--version").stdout.split()[1]
        self.assertEqual(ask("--modversion"), version)


class Examples(Staged):
    def test_all_are_listed(self):
        for example in ("example", "endpoint_example", "checker_example"):
            self.build(example, "install")
        found = self.listed(self.stage)
        self.assertEqual({name: (row["id"], row["kinds"], row["refused"]) for name, row in found.items()}, {
            "echo.so": ("org.example.echo", ["service echo"], None),
            "loopback.so": ("org.example.loopback", ["server endpoint loopback", "client endpoint loopback"], None),
            "shared.so": ("org.example.shared", ["checker shared"], None)})
        table = self.run_in(self.stage, self.sennit, "plugin", "list").stdout
        self.assertRegex(table, r"org\.example\.echo +1\.0 +\S+/echo\.so +service echo\n")
        self.assertIn("loopback:6667", self.run_in(self.stage, self.sennit, "list", "endpoints").stdout)
        self.assertIn("shared:PASSWORD", self.run_in(self.stage, self.sennit, "list", "auth").stdout)

    def test_check_targets(self):
        for example, name in (("example", "echo"), ("endpoint_example", "loopback"), ("checker_example", "shared"),
                              ("template", "greeter")):
            with self.subTest(example):
                folder = self.build(example)
                run = self.run_in(folder, "make", "check")
                self.assertIn(f"{name}.toml: fine, 1 service\n", run.stdout)
                self.assertEqual(run.stderr, "")

    def test_echo(self):
        """Options, limits, and metrics' names of the service."""
        self.build("example", "install")
        usage = self.run_in(self.stage, self.sennit, "echo", "--help").stdout
        self.assertRegex(usage, r"--numbered +Number the answers")
        self.assertIn("echo", self.run_in(self.stage, self.sennit, "--help").stdout)
        daemon = self.start("echo", "--listen", "tcp:0:interface=127.0.0.1", "--numbered", "--prefix", "> ",
                            "-o", "line_max=8")
        address = daemon.address()
        one, two = self.client(address), self.client(address)
        one.send("a")
        one.expect("^1/1 > a$")
        two.send("b", "123456789", "c")
        two.expect("^1/2 > b$")
        two.expect("^error: this line is too long$")
        two.expect("^2/3 > c$")

    def test_checker(self):
        self.build("checker_example", "install")
        daemon = self.start("irc", "--listen", "tcp:0:interface=127.0.0.1", "--auth", "shared:open sesame")
        address = daemon.address()
        for password, answer in (("open sesame", r" 900 "), ("open sesam", r" 904 ")):
            client = self.client(address)
            client.send("CAP LS 302", "CAP REQ :sasl", "AUTHENTICATE PLAIN")
            client.expect(r"AUTHENTICATE \+")
            client.send("AUTHENTICATE " + base64.b64encode(f"\0ada\0{password}".encode()).decode())
            client.expect(answer)
        self.run_in(self.stage, self.sennit, "irc", "--auth", "shared:", "--listen", "tcp:0", code=78)

    def test_endpoint(self):
        self.build("endpoint_example", "install")
        daemon = self.start("irc", "--listen", "loopback:0")
        host, port = daemon.address()
        self.assertEqual(host, "127.0.0.1")
        self.client((host, port), "ada").sync()
        run = self.run_in(self.stage, self.sennit, "irc", "--listen", "loopback:70000", code=64)
        self.assertIn("70000", run.stderr)

    def test_a_name_is_taken_once(self):
        """A plugin cannot take the place of what is built in."""
        folder = self.build("example")
        self.run_in(folder, "sed", "-i", 's/.name = "echo",$/.name = "irc",/', "echo.c")
        self.run_in(folder, "make", "install")
        self.assertIn('there is a service "irc" already', self.listed(folder)["echo.so"]["refused"])


class Templates(Staged):
    def test_every_kind(self):
        for kind, brings in (("service", ["service mine"]), ("endpoint", ["server endpoint mine", "client endpoint mine"]),
                             ("checker", ["checker mine"])):
            with self.subTest(kind):
                folder = self.directory()
                self.run_in(folder, self.sennit, "plugin", "new", "mine", kind)
                mine = os.path.join(folder, "mine")
                self.assertEqual(sorted(os.listdir(mine)), ["Makefile", "mine.c", "mine.toml"])
                run = self.run_in(mine, "make", "check", "CFLAGS=" + STRICT)
                self.assertNotIn("warning", run.stderr)
                self.assertEqual(self.listed(mine, "mine.toml")["mine.so"]["kinds"], brings)
                for word in ("greeter", "loopback", "shared", "@NAME@"):
                    with open(os.path.join(mine, "mine.c"), encoding="utf-8") as file:
                        self.assertNotIn(word, file.read())

    def test_nothing_is_overwritten(self):
        folder = self.directory()
        self.run_in(folder, self.sennit, "plugin", "new", "mine", "service")
        self.assertIn("cannot make the folder mine: File exists",
                      self.run_in(folder, self.sennit, "plugin", "new", "mine", "checker", code=73).stderr)

    def test_wrong_words(self):
        folder = self.directory()
        for words, text in ((["new"], "NAME and KIND"), (["new", "x", "bus"], "no kind of plugin"), ([], "plugin what?"),
                            (["new", "../x", "service"], "no name"), (["new", "", "service"], "no name"),
                            (["new", "a" * 33, "service"], "no name"), (["list", "--jsno"], "unexpected")):
            self.assertIn(text, self.run_in(folder, self.sennit, "plugin", *words, code=64).stderr)
        self.assertEqual(os.listdir(folder), [])


# What is said of each plugin of tests/plugins; None: good.
BROKEN = {
    "good": None, "older": None,
    "bad_row": r"exactly one of SINGLE and SHARDED",
    "init_crashes": r"crashed in its init \(Aborted\)",
    "init_fails": r"its init failed: the moon is not full",
    "load_crashes": r"crashed while it was being loaded \(Aborted\)",
    "load_exits": r"ended the process while it was being loaded \(exit status 7\)",
    "load_hangs": r"hung while it was being loaded \(no end after 10000 ms\)",
    "newer_interface": r"needs sennit.service/1.99, this program has sennit.service/1.1",
    "newer_minor": r"needs plugin ABI 1.1, this program has 1.0: it needs a newer sennit",
    "no_descriptor": r"not a plugin of sennit \(it exports no sn_plugin_abi1\)",
    "no_id": r"its descriptor lacks id",
    "other_conn": r"built where struct sn_conn has \d+ bytes, here it has \d+: rebuild it",
    "other_interface": r"implements sennit.service/2, this program has sennit.service/1",
    "other_major": r"built for plugin ABI 2, this program has 1: rebuild it",
    "same_id": r"its id org.example.good is that of .*/good.so, which comes first",
    "same_service": r'there is a service "good" already',
    "undefined_symbol": r"undefined symbol: sn_function_of_tomorrow",
    "unknown_interface": r"implements sennit.kitchen/1, which this program does not know",
    "writes_elsewhere": r"wrote to a descriptor that is not its own",
    "wrong_magic": r"its sn_plugin_abi1 is no descriptor \(wrong magic number\)",
    "wrong_size": r"its descriptor says 16 bytes and has \d+",
    "empty": r"not a shared object", "noise": r"not a shared object", "cut_off": r"cannot be loaded: ",
    "folder": r"not a plain file", "dangling": r"cannot be read: No such file",
}


class Broken(Staged):
    def fill(self):
        """A folder with everything that can be wrong, and the example that is right."""
        folder = self.directory()
        os.chmod(folder, 0o755)
        for path in glob.glob(PLUGINS + "/*.so"):
            shutil.copy(path, folder)
        shutil.copy(os.path.join(self.build("example"), "echo.so"), folder)
        with open(os.path.join(folder, "good.so"), "rb") as file:
            good = file.read()
        for name, data in (("empty", b""), ("noise", os.urandom(5000)), ("cut_off", good[:500])):
            with open(os.path.join(folder, name + ".so"), "wb") as file:
                file.write(data)
        os.mkdir(os.path.join(folder, "folder.so"))
        os.symlink("/no/such/file", os.path.join(folder, "dangling.so"))
        with open(os.path.join(folder, "sennit.toml"), "w", encoding="utf-8") as file:
            file.write(f'[server]\nplugins = ["{folder}"]\n[service.echo]\nlisten = "tcp:0:interface=127.0.0.1"\n')
        return folder

    def test_one_line_each_and_the_rest_runs(self):
        folder = self.fill()
        daemon = self.start("run", "sennit.toml", cwd=folder)
        client = self.client(daemon.address())
        client.send("still here")
        client.expect("^still here$")
        lines = daemon.stderr().splitlines()
        for name, text in BROKEN.items():
            found = [line for line in lines if f"/{name}.so refused: " in line]
            if text is None:
                self.assertEqual(found, [], name)
            else:
                self.assertEqual(len(found), 1, f"{name}: {found}")
                self.assertRegex(found[0], r"warning: plugin \S+ refused: " + r".*" + text)

    def test_they_are_listed(self):
        folder = self.fill()
        os.unlink(os.path.join(folder, "load_hangs.so"))
        found = self.listed(folder)
        expected = {name + ".so" for name in BROKEN if name != "load_hangs"} | {"echo.so"}
        self.assertEqual(set(found), expected)
        for name, row in found.items():
            text = BROKEN.get(name[:-3])
            if text is None:
                self.assertIsNone(row["refused"], name)
                self.assertTrue(row["kinds"], name)
            else:
                self.assertRegex(row["refused"], text)
        table = self.run_in(folder, self.sennit, "plugin", "list").stdout
        self.assertEqual(len(table.splitlines()), 1 + len(expected))

    def test_a_required_one(self):
        folder = self.fill()
        for required, code in (("", 78), ("required = true\n", 78), ("required = false\n", 0)):
            with open(os.path.join(folder, "one.toml"), "w", encoding="utf-8") as file:
                file.write(f'[plugin.bad]\npath = "wrong_magic.so"\n{required}[service.irc]\nlisten = "tcp:0"\n')
            run = self.run_in(folder, self.sennit, "check", "one.toml", code=code)
            self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
            self.assertEqual("(required by [plugin.bad])" in run.stderr, code != 0)

    def test_a_real_fault(self):
        """Not abort(): the address 0, without a sanitizer's handler in the way."""
        folder = self.build("example")
        with open(os.path.join(folder, "echo.c"), "a", encoding="utf-8") as file:
            file.write("__attribute__((constructor)) static void fall(void)\n{\n\t*(volatile int *)16 = 1;\n}\n")
        self.run_in(folder, "make", "install")
        found = self.listed(folder, env={"ASAN_OPTIONS": "handle_segv=0"})
        self.assertIn("crashed while it was being loaded (Segmentation fault)", found["echo.so"]["refused"])

    def test_a_role_is_no_command(self):
        run = self.run_in(self.stage, self.sennit, "@scan", "/some/file.so", code=64)
        self.assertIn("not a command", run.stderr)


class Search(Staged):
    def test_the_environment(self):
        """Not for root; for others it is the last place."""
        folder = self.build("example")
        for parent in (folder, os.path.dirname(folder)):
            os.chmod(parent, 0o755)
        env = {"SENNIT_PLUGIN_PATH": "/nowhere:" + folder}
        if os.geteuid() == 0:
            self.assertEqual(self.listed(folder, env=env), {})
            nobody = pwd.getpwnam("nobody")
            found = self.listed(folder, env=env, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        else:
            found = self.listed(folder, env=env)
        self.assertEqual(found["echo.so"]["id"], "org.example.echo")

    def test_as_root_files_are_roots(self):
        if os.geteuid() != 0:
            return
        folder = self.build("example", "install")
        path = os.path.join(self.plugindir, "echo.so")
        self.assertIsNone(self.listed(folder)["echo.so"]["refused"])
        os.chmod(path, 0o666)
        self.assertIn("anybody may write to it", self.listed(folder)["echo.so"]["refused"])
        os.chmod(path, 0o644)
        os.chown(path, 4711, 0)
        self.assertIn("it belongs to user 4711", self.listed(folder)["echo.so"]["refused"])

    def test_a_build_tree_has_no_installed_folder(self):
        self.build("example", "install")
        run = self.run_in(self.stage, harness.SENNIT, "plugin", "list")
        self.assertEqual(run.stdout, "No plugins. `sennit plugin new NAME service` begins one.\n")

    def test_the_first_of_one_id(self):
        self.build("example", "install")
        folder = self.build("example")
        rows = json.loads(self.run_in(folder, self.sennit, "plugin", "list", "--json", "echo.toml").stdout)
        self.assertEqual([(row["path"].startswith(self.stage), bool(row["refused"])) for row in rows],
                         [(False, False), (True, True)])

    def test_a_pipe_can_be_checked(self):
        run = self.run_in(self.stage, self.sennit, "check", "/dev/stdin", input='[service.irc]\nlisten = "tcp:0"\n')
        self.assertEqual(run.stdout, "/dev/stdin: fine, 1 service\n")


class OldHeaders(Staged):
    def test_every_released_abi(self):
        """Plugins of their time, compiled against the headers of their time, work in the program of today."""
        snapshots = sorted(glob.glob(os.path.join(SRC, "tests/plugins/abi-*")))
        self.assertTrue(snapshots)
        for snapshot in snapshots:
            with self.subTest(os.path.basename(snapshot)):
                folder = self.directory()
                copy_tree(os.path.join(snapshot, "plugins"), folder)
                for name in ("echo", "loopback", "shared"):
                    self.run_in(folder, "cc", "-std=gnu11", "-fPIC", "-fvisibility=hidden", "-shared", "-O2", "-Wall", "-Wextra",
                                "-Werror", f"-I{snapshot}/include", "-o", name + ".so", name + ".c")
                os.chmod(folder, 0o755)
                with open(os.path.join(folder, "old.toml"), "w", encoding="utf-8") as file:
                    file.write(f'[server]\nplugins = ["{folder}"]\n'
                               '[service.echo]\nlisten = "loopback:0"\n[service.irc]\nlisten = "loopback:0"\nauth = "shared:x"\n')
                for name, row in self.listed(folder, "old.toml").items():
                    self.assertIsNone(row["refused"], name)
                daemon = self.start("run", "old.toml", cwd=folder)
                client = self.client(daemon.address())
                client.send("old but here")
                client.expect("^old but here$")


class RunTime(Staged):
    """What a plugin does to a daemon that runs: the supervisor, its workers, the services of others."""

    def start_with_echo(self, change=None, worker="main"):
        folder = self.build("example")
        if change:
            self.run_in(folder, "sed", "-i", change, "echo.c")
        self.run_in(folder, "make")
        with open(os.path.join(folder, "two.toml"), "w", encoding="utf-8") as file:
            file.write(f'[server]\nstate = "{folder}/state"\nruntime = "{folder}/run"\n[plugin.echo]\npath = "echo.so"\n'
                       f'[service.echo]\nworker = "{worker}"\nnumbered = true\nlisten = "tcp:0:interface=127.0.0.1"\n'
                       '[service.irc]\nlisten = "tcp:0:interface=127.0.0.1"\n')
        daemon = self.start("run", "two.toml", cwd=folder)
        return daemon, daemon.address(), daemon.address()

    def test_a_crash_ends_its_worker_only(self):
        crash = "s/^\tclient->lines++;/\tif (sn_str_eq(line, SN_STR(\"crash\")))\\n\t\tabort();\\n&/; 1i #include <stdlib.h>"
        _, echo, irc = self.start_with_echo(crash, worker="apart")
        ada = self.client(irc, "ada")
        client = self.client(echo)
        for _ in range(3):
            client.send("one")
            client.expect("^1/1 one$")
            client.send("crash")
            with self.assertRaises((EOFError, ConnectionResetError)):
                client.expect("^1/2")
            # The supervisor has kept the listening socket: nobody is refused, somebody new answers.
            client = self.client(echo)
        client.send("here again")
        client.expect("^1/1 here again$")
        ada.sync()

    def test_init_and_fini(self):
        """In a worker too, and at its orderly end."""
        change = ('1i #include <stdio.h>\ns/^SN_PLUGIN(.*/static int init(struct sn_diag *diag)\\n{\\n\t(void)diag;\\n'
                  '\tfputs("it begins\\\\n", stderr);\\n\treturn SN_OK;\\n}\\n'
                  'static void fini(void)\\n{\\n\tfputs("it ends\\\\n", stderr);\\n}\\n'
                  'SN_PLUGIN_WITH("org.example.echo", "1.0", "MIT", interfaces, init, fini);/')
        daemon, echo, _ = self.start_with_echo(change, worker="apart")
        client = self.client(echo)
        client.send("one")
        client.expect("^1/1 one$")
        before = daemon.stderr()
        # The process that reads the configuration, and the workers of both groups; what the look at it says is not heard.
        self.assertEqual(before.count("it begins\n"), 3)
        daemon.process.terminate()
        daemon.wait()
        self.assertEqual(daemon.stderr().count("it ends\n"), 3)


def as_pattern(text):
    """"..." alone on a line stands for any lines, within a line for any part of it."""
    return "".join(r"(?:.*\n)*?" if line == "..." else ".*".join(map(re.escape, line.split(" ... "))) + r"\n"
                   for line in text.splitlines())


class Guide(Staged):
    def test_every_command_of_the_guide(self):
        """Blocks of commands run one after another in one shell; a block of text after one is what it printed."""
        with open(os.path.join(SRC, "docs/plugins.md"), encoding="utf-8") as file:
            blocks = re.findall(r"^```(sh|text)\n(.*?)^```$", file.read(), re.M | re.S)
        self.assertGreater(len(blocks), 8)
        script, expected = ["set -eu"], []
        for kind, text in blocks:
            if kind == "sh":
                expected.append(None)
                script.append(f"echo '=== {len(expected)}'\n{text}")
            else:
                expected[-1] = text
        run = self.run_in(self.directory(), "sh", "-c", "\n".join(script))
        outputs = re.split(r"^=== \d+\n", run.stdout, flags=re.M)[1:]
        self.assertEqual(len(outputs), len(expected), run.stdout + run.stderr)
        for text, output in zip(expected, outputs):
            if text is not None:
                self.assertRegex(output, f"^(?:{as_pattern(text)})$")


if __name__ == "__main__":
    unittest.main()
