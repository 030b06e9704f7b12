"""`policy check` and `explain`, and filesystem rules held on real files."""

import json
import os
import struct

from harness import SessionTest


class Check(SessionTest):
    def test_valid_and_invalid(self):
        good = self.policy()
        bad = os.path.join(self.dir, "bad.json")
        with open(bad, "w", encoding="utf-8") as file:
            file.write('{"parclose": 1,\n "display": {"width": 0}}\n')
        self.assertIn("valid", self.cli("policy", "check", good).stdout)
        done = self.cli("policy", "check", bad, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("bad.json:2:", done.stderr)
        self.assertIn("/display/width", done.stderr)
        report = json.loads(self.cli("policy", "check", "--json", good, bad, check=False).stdout)
        self.assertEqual([r["valid"] for r in report], [True, False])
        self.assertEqual(report[1]["pointer"], "/display/width")

    def test_run_refuses_what_cannot_be_enforced(self):
        for sections in ({"network": {"ingress": {"default": "allow"}}},
                         {"network": {"egress": {"allow": [{"ports": [{"protocol": "icmp"}]}]}}},
                         {"ui": {"disable": False, "clipboard": "read"}, "clipboard": {"mimeTypes": ["image/gif"]}},
                         {"display": {"xwayland": True}}, {"session": {"dbus": True}}):
            with self.subTest(sections=sections):
                done = self.cli("run", "--policy", self.policy(**sections), "--", "true", check=False)
                self.assertEqual(done.returncode, 125)
                self.assertIn("policy-", done.stderr)

    def test_what_hardly_anybody_means_is_warned_about(self):
        path = self.policy(network={"egress": {"allow": [{"to": [{"domain": "*.co.uk"}]}]}})
        done = self.cli("policy", "check", path)
        self.assertIn("valid", done.stdout)
        self.assertIn("/network/egress/allow/0/to/0: '*.co.uk'", done.stderr)
        self.assertEqual(len(json.loads(self.cli("policy", "check", "--json", path).stdout)[0]["warnings"]), 1)

    def test_missing_file_and_unknown_name(self):
        done = self.cli("run", "--policy", "/no/such.json", "--", "true", check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("/no/such.json", done.stderr)
        self.assertIn("locked", self.cli("policy", "check", "unheard-of", check=False).stderr)

    def test_explain(self):
        text = self.cli("policy", "explain", "locked").stdout
        self.assertIn("network", text.lower())
        tree = json.loads(self.cli("policy", "explain", "--json", "locked").stdout)
        self.assertEqual(tree["parclose"], 1)
        self.assertEqual(tree["ui"]["clipboard"], "none")

    def test_configured_name(self):
        os.mkdir(self.env["XDG_CONFIG_HOME"] + "/parclose")
        with open(self.env["XDG_CONFIG_HOME"] + "/parclose/mine.json", "w", encoding="utf-8") as file:
            file.write('{"parclose":1,"containment":"process","process":{"commandLine":"echo mine"}}')
        self.assertEqual(self.cli("run", "--policy", "mine").stdout, "mine\n")

    def test_require(self):
        self.cli("run", "--policy", self.process_policy(require=["userns", "landlock:6", "seccomp"]), "--", "true")
        done = self.cli("run", "--policy", self.process_policy(require=["landlock:99"]), "--", "true",
                        check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("landlock", done.stderr.lower())


class Files(SessionTest):
    def setUp(self):
        super().setUp()
        self.work = os.path.join(self.dir, "work")
        os.makedirs(self.work + "/sub/deep")
        for name in ("plain", "secret", "sub/inner", "sub/deep/leaf"):
            with open(os.path.join(self.work, name), "w", encoding="utf-8") as file:
                file.write("content of " + name + "\n")
        self.outside = os.path.join(self.dir, "outside")
        with open(self.outside, "w", encoding="utf-8") as file:
            file.write("canary of the host\n")

    def sh(self, script, check=False, **filesystem):
        return self.cli("run", "--policy", self.process_policy(filesystem=filesystem), "--", "sh", "-c",
                        script, check=check)

    def read(self, name):
        with open(os.path.join(self.work, name), encoding="utf-8") as file:
            return file.read()

    def test_nothing_is_granted_by_default(self):
        done = self.sh(f"cat {self.outside}; ls {self.dir}; ls /root /var/lib /sys /run/dbus; ls -A /home /tmp")
        self.assertNotIn("canary", done.stdout)
        self.assertEqual([line for line in done.stdout.splitlines() if line not in ("/home:", "/tmp:", "")],
                         ["agent"])

    def test_readonly(self):
        done = self.sh(f"cat {self.work}/plain; echo x > {self.work}/plain; echo x > {self.work}/new; "
                       f"rm {self.work}/plain; chmod 777 {self.work}/plain; touch {self.work}/plain",
                       readonlyPaths=[self.work])
        self.assertEqual(done.stdout, "content of plain\n")
        self.assertEqual(self.read("plain"), "content of plain\n")
        self.assertEqual(sorted(os.listdir(self.work)), ["plain", "secret", "sub"])

    def test_readwrite_belongs_to_its_owner(self):
        self.sh(f"echo new > {self.work}/new; mkdir {self.work}/dir; echo more >> {self.work}/plain", check=True,
                readwritePaths=[self.work])
        self.assertEqual(self.read("new"), "new\n")
        self.assertEqual(self.read("plain"), "content of plain\nmore\n")
        for name in ("new", "dir"):
            st = os.stat(os.path.join(self.work, name))
            self.assertEqual((st.st_uid, st.st_gid), (os.getuid(), os.getgid()))

    def test_denied_file_and_directory_in_a_readwrite_grant(self):
        done = self.sh(f"cat {self.work}/secret; ls {self.work}/sub/deep; echo x > {self.work}/secret; "
                       f"rm -rf {self.work}/sub/deep; mv {self.work}/sub {self.work}/away; "
                       f"cat {self.work}/away/deep/leaf; cat {self.work}/sub/inner",
                       readwritePaths=[self.work], deniedPaths=[self.work + "/secret", self.work + "/sub/deep"])
        self.assertNotIn("content of secret", done.stdout)
        self.assertNotIn("leaf", done.stdout)
        self.assertEqual(self.read("secret"), "content of secret\n")
        # Its parent stays where it is, too: a decoy in its place would be what the next session hides.
        self.assertEqual(self.read("sub/deep/leaf"), "content of sub/deep/leaf\n")

    def test_most_specific_wins(self):
        self.sh(f"echo x > {self.work}/sub/inner; echo x > {self.work}/plain",
                readonlyPaths=[self.work], readwritePaths=[self.work + "/sub"])
        self.assertEqual((self.read("sub/inner"), self.read("plain")), ("x\n", "content of plain\n"))

    def test_most_restrictive_list_wins(self):
        self.sh(f"echo x > {self.work}/plain", readonlyPaths=[self.work], readwritePaths=[self.work])
        self.assertEqual(self.read("plain"), "content of plain\n")
        done = self.sh(f"cat {self.work}/plain", readonlyPaths=[self.work], deniedPaths=[self.work])
        self.assertNotIn("content", done.stdout)

    def test_aliases_are_tightened(self):
        """A symlink to a directory, granted read-write while the directory itself is read-only."""
        alias = os.path.join(self.dir, "alias")
        os.symlink(self.work, alias)
        self.sh(f"echo x > {alias}/plain; echo x > {self.work}/plain",
                readonlyPaths=[self.work], readwritePaths=[alias])
        self.assertEqual(self.read("plain"), "content of plain\n")

    def test_hard_link_alias_of_a_denied_file(self):
        os.link(self.work + "/secret", self.work + "/sub/inner-link")
        done = self.sh(f"cat {self.work}/sub/inner-link", readwritePaths=[self.work, self.work + "/sub/inner-link"],
                       deniedPaths=[self.work + "/secret"])
        self.assertNotIn("content of secret", done.stdout)

    def test_missing_path(self):
        done = self.sh("true", readonlyPaths=[self.dir + "/nothing"])
        self.assertEqual(done.returncode, 125)
        self.assertIn(self.dir + "/nothing", done.stderr)
        self.assertIn("/filesystem/readonlyPaths/0", done.stderr)

    def test_granted_file_alone(self):
        done = self.sh(f"cat {self.work}/plain; ls -A {self.work}", readonlyPaths=[self.work + "/plain"])
        self.assertEqual(done.stdout, "content of plain\nplain\n")

    def test_planted_symlink_does_not_lead_out(self):
        os.symlink(self.outside, self.work + "/link")
        os.symlink("/", self.work + "/root")
        os.symlink("/proc/self/root" + self.dir, self.work + "/magic")
        done = self.sh(f"cd {self.work}; cat link root{self.outside} magic/outside; echo x > link; "
                       f"echo x > root{self.outside}; echo x > magic/outside", readwritePaths=[self.work])
        self.assertNotIn("canary", done.stdout)
        with open(self.outside, encoding="utf-8") as file:
            self.assertEqual(file.read(), "canary of the host\n")

    def test_tree_of_an_earlier_session_is_hostile(self):
        """A link planted where the next session will make a mount point (GHSA-pxhw-h44j-8pfx)."""
        target = os.path.join(self.dir, "target")
        os.mkdir(target)
        for link in (target, "/oldroot" + target, "/proc/self/root" + target, "/.old" + target):
            path = self.work + "/sub/deep"
            os.path.islink(path) and os.unlink(path)
            os.path.isdir(path) and os.rename(path, self.work + "/deep-away")
            os.symlink(link, path)
            self.sh("true", readwritePaths=[self.work, self.work + "/sub/deep"])
            self.sh("true", readwritePaths=[self.work], deniedPaths=[self.work + "/sub/deep/x"])
            self.assertEqual(os.listdir(target), [])

    def test_executables(self):
        policy = self.process_policy(process={"executables": ["/usr/bin/"]},
                                     filesystem={"readwritePaths": [self.work]})
        script = (f"cp /usr/bin/true {self.work}/copy && {self.work}/copy; echo copy=$?; "
                  "cp /usr/bin/true /tmp/copy && /tmp/copy; echo tmp=$?; "
                  "cp /usr/bin/true ~/copy && ~/copy; echo home=$?; true; echo bin=$?")
        done = self.cli("run", "--policy", policy, "--", "sh", "-c", script)
        self.assertEqual(done.stdout, "copy=126\ntmp=126\nhome=126\nbin=0\n")

    def test_a_listed_program_cannot_name_a_directory_as_its_interpreter(self):
        """The name stands in the file's own bytes, and the file may be the agent's work."""
        name = b"/\0"
        elf = struct.pack("<4s5B7xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        elf += struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(name), len(name), 1) + name
        with open(self.work + "/evil", "wb") as file:
            file.write(elf)
        os.chmod(self.work + "/evil", 0o755)
        policy = self.process_policy(process={"executables": ["/usr/bin/dash", self.work + "/evil"]},
                                     filesystem={"readonlyPaths": [self.work]})
        done = self.cli("run", "--policy", policy, "--", "/usr/bin/dash", "-c", "/usr/bin/id; echo rc=$?")
        self.assertEqual(done.stdout, "rc=126\n")

    def test_limits(self):
        policy = self.process_policy(limits={"processes": 20, "openFiles": 64, "tmp": "4M"})
        done = self.cli("run", "--policy", policy, "--", "sh", "-c",
                        "ulimit -n; head -c 8M /dev/zero > /tmp/big; stat -c %s /tmp/big", check=False)
        self.assertEqual(done.stdout.splitlines()[0], "64")
        self.assertLessEqual(int(done.stdout.splitlines()[1]), 4 << 20)
        done = self.cli("run", "--policy", policy, "--", "python3", "-c",
                        "import os,time\nn=0\ntry:\n  while n < 100:\n    if os.fork()==0: time.sleep(5); os._exit(0)\n"
                        "    n+=1\nexcept OSError: pass\nprint(n)")
        self.assertLess(int(done.stdout), 21)

    def test_memory_limit(self):
        policy = self.process_policy(limits={"memory": "64M"})
        done = self.cli("run", "--policy", policy, "--", "python3", "-c", "x = bytearray(200 << 20); print(len(x))",
                        check=False)
        self.assertNotIn(str(200 << 20), done.stdout)
        if done.returncode == 125: # no cgroup to hold it: refused, with the remedy
            self.assertIn("/limits/memory", done.stderr)
            self.assertIn("control group", done.stderr)
        else:
            self.assertEqual(done.returncode, 137)
