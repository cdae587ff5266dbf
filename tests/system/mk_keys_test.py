# SPDX-License-Identifier: Apache-2.0
"""`mk secret` and `mk cert`: what they write, for whom, and what they refuse to write over."""
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

import rig


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mk-keys-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(os.umask, os.umask(0))  # the modes are theirs, not the mask's

    def path(self, name):
        return os.path.join(self.folder, name)

    def text(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def mode(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def works(self, *args):
        done = rig.run(*args)
        self.assertEqual((done.code, done.err), (0, ""), args)
        return done.out

    def fails(self, *args, code=1, says):
        done = rig.run(*args)
        self.assertEqual((done.code, done.out), (code, ""), args)
        self.assertIn(says, done.err)


class Secrets(Folder):
    def keys(self):
        return [line for line in self.text("s").splitlines() if not line.startswith("#")]

    def secret(self, verb, *more):
        return self.works("secret", verb, self.path("s"), *more)

    def test_a_new_one_is_random_and_its_owners_alone(self):
        told = self.secret("new")
        self.assertRegex(told, r"^[0-9a-f]{16} member, shown when calling\n$")
        self.assertEqual(self.mode("s"), 0o600)
        first = self.keys()
        self.assertRegex(first[0], r"^member [0-9a-f]{64}$")
        self.assertNotIn(told.split()[0], first[0])
        self.fails("secret", "new", self.path("s"), says="it is there already")
        self.assertEqual(self.keys(), first)
        self.works("secret", "new", self.path("t"), "--role", "operator")
        self.assertRegex(self.text("t"), r"\noperator [0-9a-f]{64}\n$")
        self.assertNotIn(first[0].split()[1], self.text("t"))

    def test_one_is_exchanged_for_another(self):
        self.secret("new", "--role", "observer")
        with open(self.path("s"), "a") as file:
            file.write("# a remark of its owner\n")
        old = self.keys()[0]
        told = self.secret("add")
        self.assertEqual(self.keys()[0], old)
        new = self.keys()[1]
        self.assertTrue(new.startswith("observer "))  # as the first
        self.assertEqual(self.secret("show"), told)
        self.secret("use")
        self.assertEqual(self.keys(), [new, old])
        self.secret("drop")
        self.assertEqual(self.keys(), [new])
        self.assertIn("# a remark of its owner\n", self.text("s"))
        self.assertEqual(self.mode("s"), 0o600)
        self.assertEqual(os.listdir(self.folder), ["s"])
        self.fails("secret", "use", self.path("s"), says="one secret only")
        self.fails("secret", "drop", self.path("s"), says="one secret only")

    def test_eight_are_enough(self):
        self.secret("new")
        for _ in range(7):
            self.secret("add")
        before = self.text("s")
        self.fails("secret", "add", self.path("s"), says="as many secrets as a file can have")
        self.assertEqual(self.text("s"), before)
        self.secret("use")
        self.assertEqual(sorted(self.text("s")), sorted(before))
        self.secret("drop")
        self.assertEqual(len(self.keys()), 1)

    def test_what_is_wrong_is_told(self):
        self.secret("new")
        os.chmod(self.path("s"), 0o640)
        for verb in ("show", "add", "use", "drop"):
            self.fails("secret", verb, self.path("s"), says="chmod 600")
        os.chmod(self.path("s"), 0o600)
        self.fails("secret", "show", self.path("none"), says="not found")
        self.fails("secret", "new", self.path("no/folder/s"), says="No such file")
        with open(self.path("s"), "a") as file:
            file.write("member 00\n")
        self.fails("secret", "add", self.path("s"), says="line 4")
        self.fails("secret", code=2, says="is missing")
        self.fails("secret", "new", code=2, says="which file")
        self.fails("secret", "burn", self.path("s"), code=2, says="new, add, use, drop or show")
        self.fails("secret", "new", self.path("x"), "--role", "king", code=2, says="a role is")
        self.assertFalse(os.path.exists(self.path("x")))


class Certificates(Folder):
    def setUp(self):
        super().setUp()
        done = rig.run("cert", "ca", self.path("a"))
        if "no OpenSSL" in done.err:
            self.assertEqual(done.code, 1)
            self.skipTest("a build without OpenSSL")
        self.assertEqual((done.code, done.err), (0, ""))

    def openssl(self, *args):
        if shutil.which("openssl") is None:
            self.skipTest("no openssl command")
        return subprocess.run(["openssl", *args], capture_output=True, text=True, check=True).stdout

    def test_an_authority_and_its_nodes(self):
        self.works("cert", "node", self.path("a"), "alpha")
        self.works("cert", "node", self.path("a"), "beta.2", "--role", "operator", "--days", "7")
        self.assertEqual(sorted(os.listdir(self.path("a"))),
                         ["alpha.key", "alpha.pem", "beta.2.key", "beta.2.pem", "ca.key", "ca.pem"])
        for name in ("ca", "alpha", "beta.2"):
            self.assertEqual(self.mode("a/%s.key" % name), 0o600)
            self.assertEqual(self.mode("a/%s.pem" % name), 0o644)
            self.assertNotIn("PRIVATE", self.text("a/%s.pem" % name))
        for purpose in ("sslserver", "sslclient"):
            told = self.openssl("verify", "-purpose", purpose, "-CAfile", self.path("a/ca.pem"), self.path("a/alpha.pem"),
                                self.path("a/beta.2.pem"))
            self.assertEqual(told.count("OK"), 2)
        subject = self.openssl("x509", "-in", self.path("a/beta.2.pem"), "-noout", "-subject", "-nameopt", "RFC2253")
        self.assertEqual(subject, "subject=OU=operator,CN=beta.2\n")
        self.openssl("x509", "-in", self.path("a/beta.2.pem"), "-noout", "-checkend", str(6 * 86400))
        serials = {self.openssl("x509", "-in", self.path("a/%s.pem" % each), "-noout", "-serial") for each in ("ca", "alpha", "beta.2")}
        self.assertEqual(len(serials), 3)

    def test_nothing_is_written_over(self):
        before = {name: self.text("a/" + name) for name in ("ca.pem", "ca.key")}
        self.fails("cert", "ca", self.path("a"), says="it is there already")
        self.works("cert", "node", self.path("a"), "alpha")
        before["alpha.pem"], before["alpha.key"] = self.text("a/alpha.pem"), self.text("a/alpha.key")
        self.fails("cert", "node", self.path("a"), "alpha", says="it is there already")
        os.unlink(self.path("a/alpha.key"))
        self.fails("cert", "node", self.path("a"), "alpha", says="alpha.pem: it is there already")
        self.assertFalse(os.path.exists(self.path("a/alpha.key")))  # both or none
        for name in ("ca.pem", "ca.key", "alpha.pem"):
            self.assertEqual(self.text("a/" + name), before[name])

    def test_no_node_outlives_its_authority(self):
        self.works("cert", "ca", self.path("short"), "--days", "3")
        self.works("cert", "node", self.path("short"), "alpha", "--days", "300")
        ends = [self.openssl("x509", "-in", self.path("short/%s.pem" % each), "-noout", "-enddate") for each in ("ca", "alpha")]
        self.assertEqual(ends[0], ends[1])

    def test_what_is_wrong_is_told(self):
        folder = self.path("a")
        for name in ("ca", "", "a b", "../x", "a/b", "x" * 32):
            self.fails("cert", "node", folder, name, code=2, says="cannot be the name of a node")
        self.fails("cert", "node", folder, "n", "--role", "none", code=2, says="a role is")
        self.fails("cert", "node", folder, "n", "--days", "0", code=2, says="--days")
        self.fails("cert", "ca", self.path("b"), "--role", "member", code=2, says="has no role")
        self.fails("cert", "node", self.path("nowhere"), "n", says="ca.pem")
        os.chmod(self.path("a/ca.key"), 0o604)
        self.fails("cert", "node", folder, "n", says="chmod 600")
        os.chmod(self.path("a/ca.key"), 0o600)
        self.works("cert", "ca", self.path("b"))
        shutil.copy(self.path("b/ca.key"), self.path("a/ca.key"))
        self.fails("cert", "node", folder, "n", says="not an authority and its key")
        self.works("cert", "node", self.path("b"), "n")
        for ending in ("pem", "key"):
            shutil.copy(self.path("b/n." + ending), self.path("a/ca." + ending))
        self.fails("cert", "node", folder, "m", says="not an authority and its key")
        self.assertTrue(all(re.match(r"ca\.", each) for each in os.listdir(folder)))


class Signatures(Folder):
    def setUp(self):
        super().setUp()
        self.key, self.module = self.path("key"), self.path("echo.wasm")
        shutil.copy(rig.example("echo"), self.module)
        self.told = self.works("sign", "new", self.key)

    def load(self, *trusted):
        words = [word for key in trusted for word in ("--trust", key)]
        return rig.run("shell", *words, stdin="load %s\n" % self.module)

    def test_a_key_is_its_owners_and_what_is_told_of_it_is_anothers(self):
        self.assertRegex(self.told, r"^[0-9a-f]{64}\n$")
        self.assertEqual(self.mode("key"), 0o600)
        self.assertNotIn(self.told.strip(), self.text("key"))
        self.assertEqual(self.works("sign", "show", self.key), self.told)
        self.fails("sign", "new", self.key, says="it is there already")
        os.chmod(self.key, 0o640)
        self.fails("sign", "with", self.key, self.module, says="chmod 600")

    def test_a_node_loads_what_its_key_has_signed(self):
        self.assertIn("not signed", self.load(self.told.strip()).out)
        self.works("sign", "with", self.key, self.module)
        self.works("sign", "with", self.key, self.module)  # once more is not twice
        self.assertEqual(os.path.getsize(self.module) - os.path.getsize(rig.example("echo")), 111)
        self.assertIn("as 'echo'", self.load(self.told.strip()).out)
        with open(self.path("public"), "w") as file:
            file.write(self.told)
        self.assertIn("as 'echo'", self.load(self.path("public")).out)

    def test_the_signing_key_itself_is_not_what_nodes_get(self):
        done = self.load(self.key)
        self.assertEqual((done.code, done.out), (1, ""))
        self.assertIn("'mk sign show KEY' prints", done.err)

    def test_a_key_without_its_heading_is_one_too(self):
        digits = self.text("key").splitlines()[-1]
        with open(self.key, "w") as file:
            file.write(digits + "\n")
        self.assertEqual(self.works("sign", "show", self.key), self.told)
        for text in ("", "#", "# only words\n", "# x\n" + digits[1:], digits[1:], digits + "0"):
            with open(self.key, "w") as file:
                file.write(text)
            self.fails("sign", "show", self.key, says="no key that 'mk sign new' has made")

    def test_what_is_no_module_is_left_alone(self):
        for text in ("", "# a page\n", "\0asm"):
            with open(self.module, "w") as file:
                file.write(text)
            self.fails("sign", "with", self.key, self.module, says=self.module + ": ")
            self.assertEqual(self.text("echo.wasm"), text)


if __name__ == "__main__":
    rig.main()
