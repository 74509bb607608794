#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What Prometheus makes of the exporter's figures: they are those of the recording, and what is shipped for Prometheus
works."""
import importlib.util
import json
import os
import sys
import unittest

from exporter import Exporter
from harness import RECORDINGS, SystemTest, totals, wait_for
from prometheus import PROMETHEUS, SHIPPED, Prometheus

RECORDING = RECORDINGS / "web-credit2-2pcpu.xentrace.xz"
HISTOGRAMS = {"wake_wait": "wake_wait_ns", "preempt_wait": "preempt_wait_ns", "execution": "run_ns"}
STATES = {"running": "gotten_ns", "runnable_wake": "waited_wake_ns", "runnable_preempt": "waited_preempt_ns",
          "blocked": "blocked_ns", "offline": "offline_ns", "unknown": "unknown_ns"}
BUCKETS = 464
RUNNING = ("0", "1", "2")  # domid 3 has ended before the recording has


def lower_ns(bucket):
    """As docs/region.md has it."""
    octave, sub = divmod(bucket, 16)
    return 16 * sub if octave == 0 else (16 + sub) << (octave - 1 + 4)


def dashboard_queries(job="xenmon"):
    """(title, query) of all panels of the dashboard, as Grafana would ask for all hosts and domains."""
    dashboard = json.loads((SHIPPED / "dashboard/xenmon-dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            query = target["expr"]
            for name, value in (("$__rate_interval", "5s"), ("$instance", ".*"), ("$domain", ".*"), ("$job", job)):
                query = query.replace(name, value)
            yield panel["title"], query


@unittest.skipUnless(PROMETHEUS, "needs Debian's package prometheus")
class PrometheusTest(SystemTest):
    def played(self):
        """An exporter of a recording that has been played to its end."""
        daemon = self.daemon("--speed", "max", recording=RECORDING)
        self.assertEqual(daemon.wait(), 0)
        return Exporter(self, self.region)

    def check_times_and_counts(self, prometheus):
        seconds = {(labels["domid"], labels["state"]): value
                   for labels, value in prometheus.wait_for("xenmon_domain_vcpu_seconds_total")}
        executions = {labels["domid"]: value for labels, value in prometheus.query("xenmon_domain_executions_total")}
        pages = {(labels["domid"], labels["kind"]): value
                 for labels, value in prometheus.query("xenmon_domain_page_exchanges_total")}
        known = totals(RECORDING)
        for domain in known["domains"]:
            domid = str(domain["domid"])
            if domid not in RUNNING:
                self.assertNotIn(domid, executions)
                continue
            self.assertEqual(executions[domid], domain["executions"])
            for kind in ("map", "unmap", "transfer"):
                self.assertEqual(pages[domid, kind], domain["io"][kind])
            for state, name in STATES.items():
                wanted = sum(vcpu[name] for vcpu in domain["vcpus"])
                # What had no record at first is unknown in the samples, and known in the totals.
                late = 5e-3 if state in ("running", "unknown") else 0
                self.assertAlmostEqual(seconds[domid, state], wanted / 1e9, delta=late + 1e-8, msg=(domid, state))
        [(_, length)] = prometheus.query("xenmon_trace_seconds_total")
        self.assertAlmostEqual(length, known["duration_ns"] / 1e9, places=6)
        return known

    def region_counts(self):
        """{(domid, histogram): counts by bucket}, as another reader of the region finds them."""
        region = self.open_region()
        counts = {}
        domains, vcpus = region.domains(), region.vcpus()
        for slot, vcpu in vcpus.items():
            domain = domains[vcpu["domain_slot"]]
            of_slot = region.histograms(slot)
            for name, field in (("wake_wait", "wake_wait"), ("preempt_wait", "preempt_wait"), ("execution", "run")):
                sums = counts.setdefault((str(domain["domid"]), name), [0] * BUCKETS)
                for bucket, count in enumerate(of_slot[field]):
                    sums[bucket] += count
        return counts

    def test_classic_histograms_are_exact(self):
        exporter = self.played()
        prometheus = Prometheus(self, exporter.port, native=False)
        self.check_times_and_counts(prometheus)
        counts = self.region_counts()
        for name in HISTOGRAMS:
            found = prometheus.query(f"xenmon_domain_{name}_seconds_bucket")
            self.assertEqual(len(found), len(RUNNING) * 13)
            for labels, value in found:
                bound_ns = float("inf") if labels["le"] == "+Inf" else round(float(labels["le"]) * 1e9)
                wanted = sum(count for bucket, count in enumerate(counts[labels["domid"], name])
                             if bound_ns == float("inf") or lower_ns(bucket) <= bound_ns)
                self.assertEqual(value, wanted, labels)

    def test_native_quantiles_are_those_of_the_totals(self):
        exporter = self.played()
        prometheus = Prometheus(self, exporter.port, native=True)
        known = self.check_times_and_counts(prometheus)
        compared = 0
        for name, key in HISTOGRAMS.items():
            metric = f"xenmon_domain_{name}_seconds"
            counts = {labels["domid"]: value for labels, value in prometheus.query(f"histogram_count({metric})")}
            self.assertEqual(len(counts), len(RUNNING))
            found = {labels["domid"]: value for labels, value in
                     prometheus.query(f"histogram_quantile(0.99, {metric})")}
            for domain in known["domains"]:
                if str(domain["domid"]) not in RUNNING or len(domain["vcpus"]) != 1:
                    continue  # the totals have percentiles by vCPU
                wanted = domain["vcpus"][0][key]["p99"] / 1e9
                if counts[str(domain["domid"])] < 100:
                    continue  # p99 is the longest then
                self.assertAlmostEqual(found[str(domain["domid"])] / wanted, 1, delta=0.03, msg=(name, domain["domid"]))
                compared += 1
        self.assertGreaterEqual(compared, 3)

    def test_every_panel_and_every_rule_has_data(self):
        self.daemon("--loop", "--speed", "1", recording=RECORDING)
        exporter = Exporter(self, self.region)
        prometheus = Prometheus(self, exporter.port, native=True)
        # Rates need two scrapes within their window.
        prometheus.wait_for("rate(xenmon_trace_records_total[5s]) > 0")
        self.assertGreater(len(list(dashboard_queries())), 20)
        wait_for(lambda: not [title for title, query in dashboard_queries() if not prometheus.query(query)],
                 lambda: "data for " + "; ".join(f"{title}: {query}" for title, query in dashboard_queries()
                                                 if not prometheus.query(query)))
        for rule in ("domain:xenmon_ready:percent", "domain:xenmon_running:percent", "domain:xenmon_unknown:percent",
                     "domain:xenmon_wake_wait_seconds:p99", "instance:xenmon_pcpu_busy:percent",
                     "instance:xenmon_lost_records:percent"):
            prometheus.wait_for(rule)
        self.check_consoles(prometheus)

    def check_consoles(self, prometheus):
        status, page = prometheus.get("/consoles/xenmon.html")
        self.assertEqual(status, 200, page)
        for words in ('href="xenmon-host.html?instance=host"', ">current<"):
            self.assertIn(words, page)
        self.assertRegex(page, r"<td>[-\w]+ \(\d\)</td>")  # the worst domain
        self.assertNotIn("NaN", page)
        status, page = prometheus.get("/consoles/xenmon-host.html?instance=host")
        self.assertEqual(status, 200, page)
        for words in ("credit2", "<td>web</td>", "<td>batch</td>", "<td>Domain-0</td>"):
            self.assertIn(words, page)
        self.assertNotIn("There are no figures yet.", page)
        # What a link says is a value, whatever is in it.
        status, page = prometheus.get("/consoles/xenmon-host.html?instance=%22%7D%20or%20vector(1)%3Cscript%3E")
        self.assertEqual(status, 200, page)
        self.assertNotIn("<script>", page)
        self.assertIn("There are no figures yet.", page)
        if path := os.environ.get("XENMON_KEEP_CONSOLE"):  # for a picture
            with open(path, "w", encoding="utf-8") as kept:
                kept.write(prometheus.get("/consoles/xenmon-host.html?instance=host")[1])


class DashboardTest(unittest.TestCase):
    def test_is_what_its_script_makes(self):
        spec = importlib.util.spec_from_file_location("make_dashboard", SHIPPED / "dashboard/make_dashboard.py")
        script = importlib.util.module_from_spec(spec)
        sys.dont_write_bytecode = True
        spec.loader.exec_module(script)
        committed = json.loads((SHIPPED / "dashboard/xenmon-dashboard.json").read_text(encoding="utf-8"))
        self.assertEqual(committed, script.dashboard(), "run xenmon/export/dashboard/make_dashboard.py again")


if __name__ == "__main__":
    unittest.main()
