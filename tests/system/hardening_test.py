#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The installed programs have what the compiler and the linker offer against the abuse of a wrong pointer. What is
looked at are the programs themselves, with readelf, not the flags that were asked for."""
import platform
import subprocess
import unittest

from harness import BIN, XENBAKED, XENMON

# The exporter is not part of every build.
PROGRAMS = (XENBAKED, XENMON, *map(str, BIN.glob("xenmon-exporter")))


def readelf(program, *options):
    return subprocess.run(["readelf", "--wide", *options, program], capture_output=True, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    def test_addresses_are_chosen_at_each_start(self):
        for program in PROGRAMS:
            self.assertRegex(readelf(program, "--file-header"), r"Type:\s+DYN", program)
            self.assertRegex(readelf(program, "--dynamic"), r"\(FLAGS_1\).*\bPIE\b", program)

    def test_tables_of_addresses_are_read_only_once_it_runs(self):
        for program in PROGRAMS:
            self.assertRegex(readelf(program, "--program-headers"), r"\bGNU_RELRO\b", program)
            self.assertRegex(readelf(program, "--dynamic"), r"\bBIND_NOW\b|\(FLAGS_1\).*\bNOW\b", program)

    def test_no_memory_is_both_written_and_executed(self):
        for program in PROGRAMS:
            headers = readelf(program, "--program-headers")
            self.assertRegex(headers, r"GNU_STACK.* RW ", program)
            self.assertNotRegex(headers, r"(LOAD|GNU_STACK).* RWE ", program)

    def test_an_overrun_of_the_stack_is_noticed(self):
        for program in PROGRAMS:
            self.assertIn("__stack_chk_fail", readelf(program, "--dyn-syms"), program)

    def test_calls_of_the_c_library_know_how_large_a_buffer_is(self):
        for program in PROGRAMS:
            self.assertRegex(readelf(program, "--dyn-syms"), r"__(memcpy|snprintf|vsnprintf|read|poll|fdelt)_chk\b", program)

    @unittest.skipUnless(platform.machine() == "x86_64", "only x86 has it")
    def test_returns_may_be_checked_by_a_shadow_stack(self):
        for program in PROGRAMS:
            self.assertRegex(readelf(program, "--notes"), r"x86 feature:.*\bSHSTK\b", program)


if __name__ == "__main__":
    unittest.main()
