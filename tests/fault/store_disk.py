#!/usr/bin/env python3
"""SQLite when the disk does not do its part: full, limited, read-only. What failed has not happened, what was
acknowledged has, and it goes on by itself when there is room again."""
import ctypes
import os
import resource
import shutil
import stat
import tempfile
import unittest

from store_harness import Writer, nobody, refusal, sqlite_integrity, sqlite_rows

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_REC, MS_PRIVATE = 1, 32, 16384, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(LIBC, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def own_mounts():
    """Mounts of ours are seen by us alone, and gone with us. False: this user may not have any."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        call("unshare", CLONE_NEWNS if uid == 0 else CLONE_NEWNS | CLONE_NEWUSER)
        if uid != 0:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
                with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                    file.write(text)
        call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    except OSError as error:
        print(f"no mounts of our own ({error}): a full disk is played by a file size limit alone")
        return False
    return True


class Base(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sn-disk-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.path = os.path.join(self.folder, "test.db")

    def check(self, *writers):
        """What failed left nothing behind; what was acknowledged is all there."""
        sqlite_integrity(self.path)
        rows = sqlite_rows(self.path)
        for writer in writers:
            self.assertEqual(set(writer.acknowledged) - rows, set())
            self.assertEqual(set(writer.failed) & rows, set())
            self.assertEqual(set(writer.failed.values()) - {"EUNAVAILABLE"}, set())


class Disk(Base):
    def test_files_may_not_grow(self):
        writer = Writer("sqlite:" + self.path, 1)
        for _ in range(3):
            writer.more()
            before = resource.prlimit(writer.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(writer.process.pid, resource.RLIMIT_FSIZE, (4096, before[1]))
            writer.more_failures(100)
            resource.prlimit(writer.process.pid, resource.RLIMIT_FSIZE, before)
            writer.more()
        writer.finish()
        self.check(writer)

    def test_read_only_folder(self):
        Writer("sqlite:" + self.path, 1).kill()
        os.chmod(self.folder, 0o555)
        text = refusal("sqlite:" + self.path, **nobody())
        os.chmod(self.folder, 0o755)
        self.assertIn("EDENIED", text)
        self.assertIn(f"may not write in folder {self.folder}", text)
        self.assertIn("make it writable", text)

    def test_file_mode(self):
        writer = Writer("sqlite:" + self.path, 1)
        writer.more(10)
        for name in os.listdir(self.folder):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.folder, name)).st_mode), 0o600, name)
        writer.finish()


class Mounted(Base):
    """On a file system of a few megabytes."""

    def setUp(self):
        super().setUp()
        call("mount", b"none", self.folder.encode(), b"tmpfs", 0, b"size=6m,mode=755")
        self.addCleanup(call, "umount2", self.folder.encode(), 2)
        self.ballast = os.path.join(self.folder, "ballast")

    def fill(self):
        with open(self.ballast, "wb", 0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    def test_full(self):
        writer = Writer("sqlite:" + self.path, 1)
        for _ in range(3):
            writer.more()
            self.fill()
            writer.more_failures(100)
            os.unlink(self.ballast)
            writer.more()
        writer.finish()
        self.check(writer)

    def test_killed_while_full(self):
        first = Writer("sqlite:" + self.path, 1)
        first.more()
        self.fill()
        first.more_failures(100)
        first.kill()
        os.unlink(self.ballast)
        second = Writer("sqlite:" + self.path, 1000000)
        second.more()
        second.finish()
        self.check(first, second)

    def test_full_at_start(self):
        self.fill()
        text = refusal("sqlite:" + self.path)
        self.assertIn("EUNAVAILABLE", text)
        self.assertIn("the disk is full: free some space", text)
        os.unlink(self.ballast)
        self.assertEqual(os.listdir(self.folder), [])
        writer = Writer("sqlite:" + self.path, 1)
        writer.more()
        writer.finish()

    def test_read_only_file_system(self):
        Writer("sqlite:" + self.path, 1).kill()
        call("mount", b"none", self.folder.encode(), None, MS_REMOUNT | MS_RDONLY, None)
        self.assertIn("may not write in folder", refusal("sqlite:" + self.path))


def main():
    suite = unittest.TestSuite()
    loader = unittest.defaultTestLoader
    suite.addTests(loader.loadTestsFromTestCase(Disk))
    if own_mounts():
        suite.addTests(loader.loadTestsFromTestCase(Mounted))
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    raise SystemExit(main())
