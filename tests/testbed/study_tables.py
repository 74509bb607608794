# SPDX-License-Identifier: GPL-2.0-or-later
"""The study's figures as tables, from the points' results."""
import region_reader


def tables(results):
    """Markdown: for each configuration its rates in order, how long single waits and executions took, and what must
    add up."""
    text = []
    for configuration in dict.fromkeys(point.configuration for point in results):
        rows = [result for point, result in sorted(results.items(), key=lambda one: one[0].rate)
                if point.configuration == configuration]
        text.append(f"## {configuration.name}: {configuration.scheduler}, Dom0 {configuration.dom0}, web "
                    f"{configuration.web}{f', cap {configuration.cap} %' if configuration.cap else ''}\n")
        for columns in (METRICS, LATENCIES, SUMS):
            text.append(table(rows, columns) + "\n")
    return "\n".join(text)


def table(rows, columns):
    lines = ["| " + " | ".join(name for name, _ in columns) + " |", "| " + " | ".join("---:" for _ in columns) + " |"]
    for row in rows:
        lines.append("| " + " | ".join(value(row) for _, value in columns) + " |")
    return "\n".join(lines)


def of_each(name, value):
    """A column for Dom0 and one for the web server, named once."""
    return ((f"{name}: Dom0", lambda row: value(row, "dom0")), ("web", lambda row: value(row, "web")))


def percent(what):
    return lambda row, domain: f"{100 * row['means'][domain][what]:.1f}"


def per_execution(what, scale):
    def value(row, domain):
        means = row["means"][domain]
        return f"{scale * means[what] / means['executions']:.1f}" if means["executions"] else "-"
    return value


def throughput(row):
    return row["httperf"]["replies"] / row["httperf"]["duration_s"]


RATE = ("requests/s", lambda row: f"{row['rate']}")
METRICS = (
    RATE,
    ("replies/s", lambda row: f"{throughput(row):.1f}"),
    ("response, ms", lambda row: f"{row['httperf']['response_ms']:.1f}"),
    *of_each("gotten %", percent("gotten")),
    ("idle", lambda row: percent("gotten")(row, "idle")),
    *of_each("blocked %", percent("blocked")),
    *of_each("waited %", percent("waited")),
    *of_each("I/O per s", lambda row, domain: f"{row['means'][domain]['io']:.0f}"),
    *of_each("I/O per execution", per_execution("io", 1)),
    *of_each("executions/s", lambda row, domain: f"{row['means'][domain]['executions']:.0f}"),
    *of_each("us per execution", per_execution("gotten", 1e6)),
)


def percentile(counts, part):
    """In us, the end of the bucket in which it lies; "-" if there is none."""
    total = sum(counts.values())
    below = 0
    for bucket in sorted(map(int, counts)):
        below += counts[str(bucket)]
        if below >= part * total:
            return f"{region_reader.bucket_lower(bucket + 1) / 1e3:.0f}"
    return "-"


def spread(name, part):
    return lambda row, domain: percentile(row[NAMES[domain]]["spreads"][name], part)


NAMES = {"dom0": "Domain-0", "web": "web"}
LATENCIES = (RATE, *(column for title, name in (("woken until running", "wake_wait"), ("preempted", "preempt_wait"),
                                                ("execution", "run"))
                     for part in (0.5, 0.99)
                     for column in of_each(f"{title}, us, p{100 * part:.0f}", spread(name, part))))


def all_of_the_cpu(row):
    return 100 * sum(one["gotten"] for one in row["means"].values())


# Of each packet: IP's and TCP's headers with a time stamp. netback's rx_bytes leave out Ethernet's header, its tx_bytes
# have it. The first packet of a connection has 8 bytes more of options each way.
IP_AND_TCP, ETHERNET, FIRST = 52, 14, 8
# What netback copies of a packet from a domain: XEN_NETBACK_TX_COPY_LEN (drivers/net/xen-netback/common.h). It maps the
# rest, and copies all that goes to a domain.
HEAD = 128


def bytes_from_web(row):
    """By httperf's account, and the number of packets. Who asked and gave up before the reply came is sent it all the
    same."""
    httperf = row["httperf"]
    return (httperf["requests"] * (httperf["reply_bytes"] + FIRST)
            + row["vifs"]["web"]["rx_packets"] * IP_AND_TCP)


def requests_sent(row):
    """Those that were sent again, too, as no answer came in time: each has one page that is mapped, by XenMon's count."""
    return row["client"]["io_map"]


def bytes_to_web(row):
    httperf = row["httperf"]
    return (httperf["requests"] * FIRST + requests_sent(row) * httperf["request_bytes"]
            + row["vifs"]["web"]["tx_packets"] * (IP_AND_TCP + ETHERNET))


def copied_for_client(row):
    """All that it gets, and of what it sends the requests' heads and the other packets, which are shorter."""
    sent, vif = requests_sent(row), row["vifs"]["client"]
    return (vif["tx_bytes"] + row["httperf"]["requests"] * FIRST + sent * HEAD
            + (vif["rx_packets"] - sent) * (IP_AND_TCP + ETHERNET))


def counted(*path):
    def value(row):
        for name in path:
            row = row[name]
        return f"{row:.0f}"
    return value


def reckoned(value):
    return lambda row: f"{value(row):.0f}"


SUMS = (
    RATE,
    ("Dom0, web and idle, % of the pCPU", lambda row: f"{all_of_the_cpu(row):.2f}"),
    ("httperf: requests", counted("httperf", "requests")),
    ("replies", counted("httperf", "replies")),
    ("errors", counted("httperf", "errors")),
    ("XenMon: pages mapped for the client, one a request", reckoned(requests_sent)),
    ("netback: packets from the web server", counted("vifs", "web", "rx_packets")),
    ("bytes", counted("vifs", "web", "rx_bytes")),
    ("by httperf", reckoned(bytes_from_web)),
    ("netback: packets to it", counted("vifs", "web", "tx_packets")),
    ("bytes", counted("vifs", "web", "tx_bytes")),
    ("by httperf and XenMon", reckoned(bytes_to_web)),
    ("XenMon: bytes copied for the client", counted("client", "io_copy_bytes")),
    ("by netback, httperf and XenMon", reckoned(copied_for_client)),
)
