#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `cmake --install` puts where, by component, and that another project can build a reader with it."""
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import BIN, PATIENCE, ROOT, SystemTest, run

BUILD = BIN.parent
COMPONENTS = {
    "xenbaked": {
        "lib/systemd/system/xenbaked.service",
        "lib/sysusers.d/xenmon.conf",
        "sbin/xenbaked",
        "share/bash-completion/completions/xenbaked",
        "share/man/man8/xenbaked.8.gz",
        "share/zsh/vendor-completions/_xenbaked",
    },
    "xenmon": {
        "bin/xenmon",
        "share/bash-completion/completions/xenmon",
        "share/man/man1/xenmon.1.gz",
        "share/zsh/vendor-completions/_xenmon",
    },
    "xenmon-exporter": {
        "bin/xenmon-exporter",
        "lib/systemd/system/xenmon-exporter.service",
        "lib/systemd/system/xenmon-exporter.socket",
        "share/bash-completion/completions/xenmon-exporter",
        "share/man/man8/xenmon-exporter.8.gz",
        "share/xenmon/prometheus/consoles/xenmon-host.html",
        "share/xenmon/prometheus/consoles/xenmon.html",
        "share/xenmon/prometheus/consoles/xenmon.lib",
        "share/xenmon/prometheus/xenmon-alerts.yml",
        "share/xenmon/prometheus/xenmon-dashboard.json",
        "share/xenmon/prometheus/xenmon-recording.yml",
        "share/zsh/vendor-completions/_xenmon-exporter",
    },
    "dev": {"include/xenmon/region.h", "share/pkgconfig/xenmon.pc", "share/xenmon/region_reader.py"},
}


class InstallTest(SystemTest):
    def install(self, name, *words):
        """The folder, and the files below it but for documents."""
        prefix = pathlib.Path(self.directory) / name
        done = run("cmake", "--install", BUILD, "--prefix", prefix, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}
        return prefix, {path for path in found if not path.startswith("share/doc/")}

    def pkg_config(self, prefix, *words):
        folder = str(prefix / "share/pkgconfig")
        done = run("pkg-config", *words, "xenmon", env={**os.environ, "PKG_CONFIG_PATH": folder})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def test_each_file_is_of_one_component(self):
        self.assertEqual(self.install("all")[1], set().union(*COMPONENTS.values()))
        for component, files in COMPONENTS.items():
            self.assertEqual(self.install(component, "--component", component)[1], files)

    def test_a_reader_builds_with_the_installed_header(self):
        installed = self.install("first", "--component", "dev")[0]
        prefix = installed.rename(installed.with_name("moved"))  # it may be packed up and put elsewhere
        flags = self.pkg_config(prefix, "--cflags")
        source = ROOT / "tests/system/installed_reader.c"
        reader = pathlib.Path(self.directory) / "reader"
        compiler = shutil.which("gcc") or "cc"
        for standard, kind in (("c11", "c"), ("c++20", "c++")):
            words = [compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-D_DEFAULT_SOURCE", *flags]
            if kind == "c":
                words += ["-o", str(reader), str(source)]
            else:
                words += ["-fsyntax-only", "-x", kind, str(prefix / "include/xenmon/region.h"), "-Wno-error"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

        self.assertEqual(self.daemon("--speed", "max").wait(), 0)
        done = run(reader, self.region)
        self.assertEqual(done.returncode, 0)
        version, *lines = done.stdout.splitlines()
        self.assertEqual([version], self.pkg_config(prefix, "--variable=region_version"))
        region = self.open_region()
        ran = {slot: 0 for slot in region.domains()}
        for vcpu in region.vcpus().values():
            ran[vcpu["domain_slot"]] += vcpu["running_ns"]
        self.assertEqual(sorted(lines), sorted(f"{domain['domid']} {domain['name']} {ran[slot]}"
                                               for slot, domain in region.domains().items()))
        self.assertGreater(max(ran.values()), 1_000_000_000)

        # The other reader that is installed.
        path, = self.pkg_config(prefix, "--variable=region_reader")
        done = run(path, self.region)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("web", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
