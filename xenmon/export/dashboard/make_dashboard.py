#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the Grafana dashboard for xenmon-exporter: prints its JSON.

    make_dashboard.py > xenmon-dashboard.json

Import the JSON in Grafana (Dashboards, New, Import) and choose a Prometheus. The panels ask Prometheus for the exporter's
own metrics, so that the recording rules are not needed. tests/system/prometheus_test.py runs every query.
"""
import json

DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # of Grafana's grid

HOST = 'instance=~"$instance"'
DOMAIN = HOST + ',domain=~"$domain"'
WINDOW = "[$__rate_interval]"


def rate(metric, matchers):
    return f"rate({metric}{{{matchers}}}{WINDOW})"


def share(states, matchers):
    """Percent of the vCPUs' known time."""
    part = rate("xenmon_domain_vcpu_seconds_total", f'{matchers},state=~"{states}"')
    known = rate("xenmon_domain_vcpu_seconds_total", f'{matchers},state!="unknown"')
    return f"100 * sum by (instance, domain, domid) ({part}) / sum by (instance, domain, domid) ({known})"


def quantile(quantile_text, metric, matchers):
    """From native histograms if there are any, else from classic ones."""
    native = f"sum by (instance, domain, domid) ({rate(metric, matchers)})"
    classic = f"sum by (instance, domain, domid, le) ({rate(metric + '_bucket', matchers)})"
    return f"histogram_quantile({quantile_text}, {native}) or histogram_quantile({quantile_text}, {classic})"


def busy(by):
    part = rate("xenmon_pcpu_seconds_total", HOST + ',state="busy"')
    known = rate("xenmon_pcpu_seconds_total", HOST + ',state=~"busy|idle"')
    return f"100 * sum by ({by}) ({part}) / sum by ({by}) ({known})"


OF_DOMAIN = "{{domain}} ({{domid}}) {{instance}}"

# Title, kind, unit, width, height, description, [(query, legend)]
PANELS = [
    ("Figures are current", "stat", "bool_yes_no", 4, 4, "No: start xenbaked on that host.",
     [(f"min(xenmon_data_current{{{HOST}}})", "")]),
    ("Physical CPUs busy", "stat", "percent", 4, 4, "Mean of the hosts that are shown.",
     [(f"avg({busy('instance')})", "")]),
    ("Domains", "stat", "none", 4, 4, "Running, Dom0 included.",
     [(f"count(xenmon_domain_info{{{HOST}}})", "")]),
    ("vCPUs per physical CPU", "stat", "none", 4, 4, "",
     [(f"sum(xenmon_domain_vcpus{{{HOST}}}) / sum(xenmon_pcpus{{{HOST}}})", "")]),
    ("Long waits", "stat", "cps", 4, 4, "Waits for a physical CPU of at least the length that xenbaked reports.",
     [(f"sum({rate('xenmon_long_waits_total', HOST)})", "")]),
    ("Records lost", "stat", "percent", 4, 4, "Of the trace records. The time around them is unknown.",
     [(f"100 * sum({rate('xenmon_trace_lost_records_total', HOST)}) / "
       f"(sum({rate('xenmon_trace_lost_records_total', HOST)}) + sum({rate('xenmon_trace_records_total', HOST)}))", "")]),
    ("Ready", "timeseries", "percent", 12, 9,
     "Ready to run and not running, in percent per vCPU. Below 2.5 nothing is noticed; above 10 users notice.",
     [(share("runnable_.*", DOMAIN), OF_DOMAIN)]),
    ("Running", "timeseries", "none", 12, 9, "Physical CPUs that the domain's vCPUs used.",
     [(f"sum by (instance, domain, domid) ({rate('xenmon_domain_vcpu_seconds_total', DOMAIN + ',state=' + chr(34) + 'running' + chr(34))})",
       OF_DOMAIN)]),
    ("Wait after a wake-up, 99th percentile", "timeseries", "s", 12, 9,
     "One wait in a hundred is longer. It is what a domain's users feel first.",
     [(quantile("0.99", "xenmon_domain_wake_wait_seconds", DOMAIN), OF_DOMAIN)]),
    ("Wait after a preemption, 99th percentile", "timeseries", "s", 12, 9, "",
     [(quantile("0.99", "xenmon_domain_preempt_wait_seconds", DOMAIN), OF_DOMAIN)]),
    ("Waits after a wake-up by length", "heatmap", "s", 12, 9, "Of all domains that are shown.",
     [(f"sum by (le) ({rate('xenmon_domain_wake_wait_seconds_bucket', DOMAIN)}) or "
       f"sum({rate('xenmon_domain_wake_wait_seconds', DOMAIN)})", "{{le}}")]),
    ("Execution, median length", "timeseries", "s", 12, 9, "How long a vCPU runs each time that it is chosen.",
     [(quantile("0.5", "xenmon_domain_execution_seconds", DOMAIN), OF_DOMAIN)]),
    ("Executions", "timeseries", "cps", 12, 8, "Decisions of the scheduler to let a vCPU of the domain run.",
     [(rate("xenmon_domain_executions_total", DOMAIN), OF_DOMAIN)]),
    ("Page exchanges", "timeseries", "cps", 12, 8, "Pages mapped, unmapped, transferred or copied for its I/O.",
     [(f"sum by (instance, domain, domid) ({rate('xenmon_domain_page_exchanges_total', DOMAIN)})", OF_DOMAIN)]),
    ("Physical CPUs", "timeseries", "percent", 12, 8, "Busy with a domain's vCPU.",
     [(busy("instance, pcpu"), "CPU {{pcpu}} {{instance}}")]),
    ("States of the vCPUs", "timeseries", "none", 12, 8, "vCPUs in each state, on average; all domains that are shown.",
     [(f"sum by (state) ({rate('xenmon_domain_vcpu_seconds_total', DOMAIN)})", "{{state}}")]),
    ("Age of the data", "timeseries", "s", 8, 7, "Since xenbaked's last sign of life.",
     [(f"xenmon_data_age_seconds{{{HOST}}}", "{{instance}}")]),
    ("Trace records", "timeseries", "cps", 8, 7, "Read, lost, damaged and late.",
     [(rate(f"xenmon_trace_{kind}records_total", HOST), f"{kind.strip('_') or 'read'} {{{{instance}}}}")
      for kind in ("", "lost_", "bad_", "late_")]),
    ("What watching costs", "timeseries", "percentunit", 8, 7, "CPUs that xenbaked and xenmon-exporter use.",
     [(rate("xenmon_daemon_cpu_seconds_total", HOST), "xenbaked {{instance}}"),
      (rate("process_cpu_seconds_total", HOST + ',job=~"$job"'), "exporter {{instance}}")]),
]


def panel(number, at, entry):
    title, kind, unit, width, height, description, queries = entry
    made = {
        "id": number,
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATA_SOURCE,
        "gridPos": {"x": at[0], "y": at[1], "w": width, "h": height},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": chr(ord("A") + i), "datasource": DATA_SOURCE, "expr": query, "legendFormat": legend,
                     "range": True, **({"format": "heatmap"} if kind == "heatmap" else {})}
                    for i, (query, legend) in enumerate(queries)],
    }
    if kind == "stat":
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none"}
    elif kind == "heatmap":
        made["options"] = {"calculate": False, "yAxis": {"unit": unit}, "cellGap": 1}
    else:
        made["fieldConfig"]["defaults"]["custom"] = {"lineInterpolation": "stepAfter", "showPoints": "never",
                                                     "spanNulls": False}
        made["options"] = {"legend": {"displayMode": "table", "placement": "right", "calcs": ["mean", "max"]},
                           "tooltip": {"mode": "multi", "sort": "desc"}}
        if title == "Ready":
            made["fieldConfig"]["defaults"]["thresholds"] = {
                "mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "yellow", "value": 5},
                                              {"color": "red", "value": 10}]}
            made["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] = {"mode": "line"}
    return made


def variable(name, label, query):
    return {"name": name, "label": label, "type": "query", "datasource": DATA_SOURCE, "definition": query,
            "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
            "allValue": ".*", "current": {"text": "All", "value": "$__all"}}


def dashboard():
    panels, x, y, row_height = [], 0, 0, 0
    for number, entry in enumerate(PANELS, 1):
        width, height = entry[3], entry[4]
        if x + width > WIDTH:
            x, y, row_height = 0, y + row_height, 0
        panels.append(panel(number, (x, y), entry))
        x, row_height = x + width, max(row_height, height)
    return {
        "title": "Xen hosts (XenMon)",
        "uid": "xenmon-hosts",
        "description": "Where the CPU time of Xen's domains goes, by xenmon-exporter.",
        "tags": ["xen", "xenmon"],
        "schemaVersion": 38,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [
            {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
            variable("job", "Job", "label_values(xenmon_data_current, job)"),
            variable("instance", "Host", 'label_values(xenmon_data_current{job=~"$job"}, instance)'),
            variable("domain", "Domain", 'label_values(xenmon_domain_info{instance=~"$instance"}, domain)'),
        ]},
        "panels": panels,
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=2))
