# SPDX-License-Identifier: Apache-2.0
"""Metrics for the tests of the landing page: text as /metrics has it.

`Scene` is a daemon at work, at one moment. What it says is exact: the tests take
the numbers that they expect from the same object that writes the text.
"""

import random

DAY = 86400
VERDICTS = ("not_judged", "compliant", "excepted", "undetermined", "violation")
REASONS = ("outside_eu", "foreign_control", "qualification_expired",
           "seal_too_low", "administered_from_outside_eu", "no_adequacy")
REGIMES = {"FR": "eu", "DE": "eu", "IE": "eu", "NL": "eu", "LU": "eu",
           "MT": "eu", "PL": "eu", "ES": "eu", "IT": "eu", "SE": "eu",
           "FI": "eu", "AT": "eu", "NO": "eu", "CH": "adequate",
           "GB": "adequate", "JP": "adequate", "US": "third_country",
           "SG": "third_country", "IN": "third_country", "CN": "third_country",
           "BR": "adequate", "AU": "third_country", "ZA": "third_country",
           "HK": "third_country", "AQ": "third_country"}
REGIMES["NO"] = "eea"
PLACELESS = ("contested", "anycast", "unknown", "other", "multicast")


def escaped(text):
    return (text.replace("\\", "\\\\").replace("\n", "\\n")
            .replace('"', '\\"'))


class Scene:
    """Families of samples; `add` keeps the order."""

    def __init__(self):
        self.families = {}

    def add(self, name, value, **labels):
        self.families.setdefault(name, []).append((labels, value))

    def text(self):
        lines = []
        for name, samples in self.families.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [f"# HELP {name} Of {name}.", f"# TYPE {name} {kind}"]
            for labels, value in samples:
                inside = ",".join(f'{label}="{escaped(text)}"'
                                  for label, text in labels.items())
                written = "Nan" if value != value else repr(value)
                lines.append(f"{name}{{{inside}}} {written}" if inside
                             else f"{name} {written}")
        return "\n".join(lines) + "\n"

    def series(self):
        return sum(len(samples) for samples in self.families.values())

    def sum(self, name, **wanted):
        return sum(value for labels, value in self.families[name]
                   if wanted.items() <= labels.items())

    def replace(self, name, value, **labels):
        samples = self.families[name]
        for index, (found, _) in enumerate(samples):
            if found == labels:
                samples[index] = (labels, value)
                return
        raise KeyError((name, labels))


def busy_scene(now, seed, workloads, countries, operators):
    """A daemon at `now` (seconds) that has seen something of everything."""
    chance = random.Random(seed)
    scene = Scene()
    for workload in workloads:
        scene.add("octroi_workload_info", 1, workload=workload)
    for name, scale in (("octroi_egress_bytes_total", 1),
                        ("octroi_egress_packets_total", 900),
                        ("octroi_flows_total", 60000)):
        draw = random.Random(seed)
        for number, workload in enumerate(workloads):
            for place in countries + PLACELESS:
                if draw.random() < 0.25 and number > 0:
                    continue
                regime = REGIMES.get(
                    place, "third_country" if len(place) == 2 else "unknown")
                verdict = {
                    "eu": "compliant", "eea": "compliant",
                    "adequate": "excepted" if number % 2 else "compliant",
                    "third_country": "violation" if draw.random() < 0.5
                    else "excepted",
                }.get(regime, "undetermined" if place != "multicast"
                      else "not_judged")
                home = 900 if regime == "eu" else 4 if regime == "adequate" \
                    else 1
                octets = int(home * draw.lognormvariate(16, 2.4))
                scene.add(name, max(1, octets // scale), workload=workload,
                          opened_by="local", verdict=verdict, regime=regime,
                          country=place)
    for workload in workloads:
        for operator in operators + ("other",):
            scene.add("octroi_operator_egress_bytes_total",
                      int(chance.lognormvariate(19, 2)), workload=workload,
                      verdict=chance.choice(VERDICTS[1:]), operator=operator)
    for workload in workloads:
        for reason in REASONS:
            count = chance.randrange(1, 5000) if chance.random() < 0.25 else 0
            scene.add("octroi_violations_total", count, workload=workload,
                      reason=reason)
    for number, workload in enumerate(workloads):
        scene.add("octroi_workload_seal_level",
                  float("nan") if number % 6 == 5 else number % 4,
                  workload=workload)
    add_catalogue(scene, now)
    add_sources(scene)
    add_process(scene, now)
    return scene


def add_catalogue(scene, now):
    name = "octroi_qualification_expires_timestamp_seconds"
    today = now - now % DAY
    for provider, service, days in (
            ("Outscale", "IaaS Cloud on demand", 8), ("OVHcloud", "Hosted "
             "Private Cloud", 214), ("Cloud Temple", "Secure Temple", 38),
            ("S3NS", "PREMI3NS", 1122), ("Worldline", "Secured IaaS", -12),
            ("Oodrive", "Work, Meet", 0)):
        scene.add(name, today + (days + 1) * DAY, provider=provider,
                  service=service)
    for fact, days in (("country", 174), ("asn", 158), ("services", 68),
                       ("operators", 1)):
        scene.add("octroi_fact_built_timestamp_seconds", today - days * DAY,
                  fact=fact)
    scene.add("octroi_edition_info", 1, digest="9f2c41d07b" * 6 + "9f2c")
    scene.add("octroi_edition_adopted_timestamp_seconds", now - 6 * 3600)
    for result, count in (("adopted", 4), ("unchanged", 11), ("refused", 0)):
        scene.add("octroi_reloads_total", count, result=result)
    scene.add("octroi_edition_refused", 0)


def add_sources(scene):
    for source, packets in (("eth0", 918273645), ("eth1", 55443322)):
        scene.add("octroi_received_packets_total", packets, source=source)
        scene.add("octroi_source_up", 1, source=source)
        scene.add("octroi_source_blind", 0, source=source)
        scene.add("octroi_source_silent", 0, source=source)
        scene.add("octroi_blind_seconds_total", 12.75 if source == "eth0" else 0,
                  source=source)
    lost = "octroi_lost_packets_total"
    scene.add(lost, 20417, source="eth0", where="kernel_ring")
    scene.add(lost, 0, source="eth0", where="interface")
    scene.add(lost, 0, source="eth1", where="kernel_ring")
    scene.add("octroi_filtered_packets_total", 0)
    for reason, count in (("truncated", 12), ("not_ip", 40817),
                          ("bad_ip_header", 0), ("encrypted_link", 0),
                          ("too_many_headers", 0)):
        scene.add("octroi_undecoded_packets_total", count, reason=reason)
    for where, count in (("table", 0), ("export_ring", 0), ("writer", 3)):
        scene.add("octroi_flow_records_lost_total", count, where=where)
    scene.add("octroi_events_lost_total", 0)


def add_process(scene, now):
    for name, value in (
            ("octroi_flows_active", 48213),
            ("octroi_flow_table_fill_ratio", 0.184),
            ("octroi_series_folded_total", 0), ("octroi_unsettled_workers", 0),
            ("octroi_workers", 4), ("octroi_worker_stalled", 0),
            ("octroi_http_connections", 2),
            ("process_cpu_seconds_total", 81234.5),
            ("process_resident_memory_bytes", 734003200),
            ("process_open_fds", 41), ("process_max_fds", 65536),
            ("process_threads", 9),
            ("process_start_time_seconds", now - 11 * DAY)):
        scene.add(name, value)
    scene.add("octroi_sandbox_info", 1, landlock="3", seccomp="filter",
              capabilities="none", no_new_privileges="yes")
    scene.add("octroi_build_info", 1, version="0.1.0", compiler="gcc 12.2.0",
              dpdk="22.11.5", libpcap="1.10.3")


def moved(scene, chance):
    """What the same daemon says a while later; some counters stand still."""
    later = Scene()
    for name, samples in scene.families.items():
        for labels, value in samples:
            gain = 0
            if name.startswith(("octroi_egress", "octroi_operator",
                                "octroi_flows_total", "octroi_received")):
                gain = chance.randrange(value // 9000 + 2)
            elif name == "process_cpu_seconds_total":
                gain = 3.25
            later.add(name, value + gain, **labels)
    return later
