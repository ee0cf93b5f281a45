
// Each section of the page, from one movement of the metrics.

const EGRESS = "octroi_egress_bytes_total";
const LOSS_PLACES = ["kernel_ring", "interface", "nic", "nic_errors", "mempool"];
const OPERATOR_ROWS = 40;

function byTotal(a, b) {
  return b.total - a.total || (a.key.join() < b.key.join() ? -1 : 1);
}

function bytesCells(movement, entry) {
  return [numberCell(movement.rate(entry.gain), "bytes/s"),
    numberCell(entry.total, "bytes", "byte")];
}

function verdictCell(verdict) {
  const known = VERDICTS.find(([name]) => name === verdict);
  return {mark: known ? known[1] : "unknown", text: visible(words(verdict)),
    tone: known ? verdict : "not_judged"};
}

function nothing(metrics, name, none) {
  return metrics.has(name) ? none : NOT_KNOWN;
}

function plain(text) {
  return {text, kind: text === NOT_KNOWN ? "absent" : ""};
}

function showVerdicts(movement) {
  const found = new Map(movement.tally(EGRESS, ["verdict"])
    .map((entry) => [entry.key[0], entry]));
  const flows = new Map(movement.tally("octroi_flows_total", ["verdict"])
    .map((entry) => [entry.key[0], entry.total]));
  const whole = movement.now.sum(EGRESS);
  const names = [...new Set([...VERDICTS.map(([name]) => name),
    ...found.keys()])];
  const isKnown = movement.now.has(EGRESS);
  setRows(byId("verdict-rows"), names.map((verdict) => {
    const entry = found.get(verdict) || (isKnown ?
      {total: 0, gain: movement.before ? 0 : undefined} : {});
    return [verdictCell(verdict), ...bytesCells(movement, entry),
      percent(entry.total, whole),
      {share: `${whole > 0 ? 100 * (entry.total || 0) / whole : 0}%`,
        tone: verdict},
      numberCell(flows.has(verdict) ? flows.get(verdict) :
        movement.now.has("octroi_flows_total") ? 0 : undefined,
      "flow records", "flow record")];
  }));
  setCell(byId("egress-rate"),
    numberCell(movement.rate(movement.gain(EGRESS)), "bytes/s"));
  setCell(byId("egress-total"), numberCell(whole, "bytes", "byte"));
  setText(byId("started"), momentOf(
    movement.now.value("process_start_time_seconds")));
}

function sealCell(level) {
  if (!isNumber(level)) return {text: NOT_KNOWN, kind: "absent"};
  return {text: `${level}\u2002${SEALS[level] || ""}`.trim(), value: level,
    kind: "whole"};
}

function showWorkloads(movement) {
  const {now} = movement;
  const egress = new Map(movement.tally(EGRESS, ["workload"])
    .map((entry) => [entry.key[0], entry]));
  const violating = new Map(movement.tally(EGRESS, ["workload"],
    (labels) => labels.get("verdict") === "violation")
    .map((entry) => [entry.key[0], entry.total]));
  const names = [...new Set([
    ...now.labelValues("octroi_workload_info", "workload"),
    ...now.labelValues("octroi_workload_seal_level", "workload"),
    ...egress.keys()])];
  const zero = now.has(EGRESS) ?
    {total: 0, gain: movement.before ? 0 : undefined} : {};
  const rows = names.map((name) => ({key: [name], ...zero, ...egress.get(name)}));
  setRows(byId("workload-rows"), rows.sort(byTotal).map((entry) => [
    {name: entry.key[0]},
    sealCell(now.value("octroi_workload_seal_level", {workload: entry.key[0]})),
    ...bytesCells(movement, entry),
    numberCell(now.has(EGRESS) ? violating.get(entry.key[0]) || 0 : undefined,
      "bytes", "byte")]), NOT_KNOWN);
}

// Egress by the label `country`, of countries and of what is none:
// {key, total, gain, regimes, violating}.
function destinations(movement) {
  const found = movement.tally(EGRESS, ["country"]);
  const violating = new Map(movement.tally(EGRESS, ["country"],
    (labels) => labels.get("verdict") === "violation")
    .map((entry) => [entry.key[0], entry.total]));
  const regimes = new Map(found.map((entry) => [entry.key[0], new Set()]));
  for (const {key: [code, regime]} of
    movement.tally(EGRESS, ["country", "regime"])) {
    regimes.get(code).add(regime);
  }
  return found.sort(byTotal).map((entry) => ({...entry,
    regimes: regimes.get(entry.key[0]),
    violating: violating.get(entry.key[0]) || 0}));
}

function showDestinations(movement) {
  const all = destinations(movement);
  const countries = all.filter((entry) => isCountry(entry.key[0]));
  setRows(byId("country-rows"), countries.map((entry) => [
    {name: countryName(entry.key[0]), code: entry.key[0]},
    {text: [...entry.regimes].map((regime) =>
      REGIMES.get(regime) || visible(regime)).join(", ")},
    ...bytesCells(movement, entry),
    numberCell(entry.violating, "bytes", "byte")]),
  nothing(movement.now, EGRESS, "No egress to a country yet."));
  showMaps(new Map(countries.map((entry) => [entry.key[0], entry])));

  const nowhere = all.filter((entry) => !isDrawn(entry.key[0]));
  setRows(byId("nowhere-rows"), nowhere.map((entry) => [
    {name: isCountry(entry.key[0]) ?
      `${countryName(entry.key[0])}: not drawn` :
      NO_PLACES.get(entry.key[0]) || words(entry.key[0])},
    ...bytesCells(movement, entry)]),
  nothing(movement.now, EGRESS, "Nothing: all egress has a country."));
}

function showViolationTable(movement) {
  const name = "octroi_violations_total";
  const all = movement.tally(name, ["workload", "reason"]).sort(byTotal);
  setRows(byId("violation-rows"), all.filter((entry) => entry.total > 0)
    .map((entry) => [{name: entry.key[0]},
      {text: visible(words(entry.key[1])), title: visible(entry.key[1])},
      numberCell(entry.total, "flow records", "flow record"),
      numberCell(entry.gain, "flow records", "flow record")]),
  nothing(movement.now, name, "No violation since start."));
  const zeros = new Map();
  for (const {key: [workload, reason], total} of all) {
    if (total !== 0) continue;
    zeros.set(workload, [...zeros.get(workload) || [], words(reason)]);
  }
  const zeroCount = all.filter((entry) => entry.total === 0).length;
  byId("violation-zeros").hidden = zeroCount === 0;
  setText(byId("violation-zero-summary"),
    `${count(zeroCount, "pair")} of workload and reason at 0`);
  setRows(byId("violation-zero-rows"), [...zeros].map(([workload, reasons]) => [
    {name: workload}, {text: visible(reasons.join(", "))}]), "");
}

function showOperators(movement) {
  const name = "octroi_operator_egress_bytes_total";
  const all = movement.tally(name, ["operator", "verdict"]).sort(byTotal);
  const isFolded = (entry) => entry.key[0] === "other";
  const named = all.filter((entry) => !isFolded(entry));
  const rows = [...named.slice(0, OPERATOR_ROWS), ...all.filter(isFolded)];
  setRows(byId("operator-rows"), rows.map((entry) => [
    isFolded(entry) ? {name: "all others together"} :
      {name: entry.key[0] || "no operator known"},
    verdictCell(entry.key[1]), ...bytesCells(movement, entry)]),
  nothing(movement.now, name, "No egress to an operator yet."));
  const hidden = named.slice(OPERATOR_ROWS);
  setText(byId("operator-note"), hidden.length === 0 ? "" :
    `Not shown: ${count(hidden.length, "smaller row")}, together ${
      numberCell(hidden.reduce((sum, entry) => sum + entry.total, 0),
        "bytes").text}. metrics has them.`);
}

// "up", "blind", ... of a source.
function sourceCell(metrics, source) {
  const says = (name) => metrics.value(`octroi_source_${name}`, {source});
  if (says("up") === 0) return {mark: "bad", text: "down", tone: "violation"};
  if (says("blind") === 1) return {mark: "bad", text: "blind", tone: "violation"};
  if (says("silent") === 1) {
    return {mark: "warning", text: "silent", tone: "undetermined"};
  }
  return says("up") === 1 && says("blind") === 0 ?
    {mark: "ok", text: "seen", tone: "compliant"} :
    {mark: "unknown", text: NOT_KNOWN, tone: "not_judged"};
}

function showSources(movement) {
  const {now} = movement;
  const places = [...new Set([...LOSS_PLACES,
    ...now.labelValues("octroi_lost_packets_total", "where")])];
  const names = [...new Set(["octroi_source_up", "octroi_source_blind",
    "octroi_received_packets_total", "octroi_lost_packets_total",
    "octroi_blind_seconds_total"]
    .flatMap((name) => now.labelValues(name, "source")))];
  showSourceHead(places);
  setRows(byId("source-rows"), names.map((source) => {
    const blind = now.value("octroi_blind_seconds_total", {source});
    return [{name: source}, sourceCell(now, source),
      numberCell(now.value("octroi_received_packets_total", {source}),
        "packets", "packet"),
      {text: duration(blind), title: isNumber(blind) ? `${exact(blind)} s` : "",
        value: blind, number: true,
        kind: isNumber(blind) ? blind === 0 ? "zero" : "" : "absent"},
      ...places.map((where) => numberCell(
        now.value("octroi_lost_packets_total", {source, where}),
        "packets", "packet"))];
  }), NOT_KNOWN);
  showUndecoded(movement);
  showRecordLosses(now);
}

function showSourceHead(places) {
  const titles = ["Source", "State", "Received", "Blind for",
    ...places.map((where) => `Lost: ${visible(words(where))}`)];
  const head = byId("source-head");
  const key = titles.join("\n");
  if (head.dataset.key === key) return;
  head.dataset.key = key;
  const row = document.createElement("tr");
  titles.forEach((title, index) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = index > 1 ? "n" : "";
    cell.textContent = title;
    row.append(cell);
  });
  head.replaceChildren(row);
}

function showUndecoded(movement) {
  const name = "octroi_undecoded_packets_total";
  const all = movement.tally(name, ["reason"]).sort(byTotal);
  const rows = all.filter((entry) => entry.total > 0).map((entry) => [
    {text: visible(words(entry.key[0]))},
    numberCell(entry.total, "packets", "packet")]);
  const zeros = all.length - rows.length;
  if (zeros > 0 && rows.length > 0) {
    rows.push([{text: count(zeros, "other reason")}, numberCell(0, "packets")]);
  }
  setRows(byId("undecoded-rows"), rows,
    nothing(movement.now, name, "None: every packet was decoded."));
}

function showRecordLosses(now) {
  const name = "octroi_flow_records_lost_total";
  const rows = now.samples(name).map((sample) => [
    {text: `flow records: ${visible(words(sample.labels.get("where") || ""))}`},
    numberCell(sample.value, "flow records", "flow record")]);
  if (!now.has(name)) rows.push([{text: "flow records"}, numberCell()]);
  rows.push([{text: "events"},
    numberCell(now.value("octroi_events_lost_total"), "events", "event")]);
  setRows(byId("record-rows"), rows, "");
}

function leftCell(end, at) {
  if (!inRange(end)) return {text: NOT_KNOWN, kind: "absent", number: true};
  const days = Math.floor(Math.abs(end - at) / DAY_SECONDS);
  if (end <= at) {
    return {mark: "bad", tone: "violation",
      text: days === 0 ? "ended today" : `ended ${count(days, "day")} ago`,
      number: true, value: -days};
  }
  const text = days === 0 ? "last day" : count(days, "day");
  return days < 60 ?
    {mark: "warning", tone: "undetermined", text, number: true, value: days} :
    {text, number: true, value: days};
}

// The sample is the end of the last day; a second before it is that day.
function showQualifications(movement, at) {
  const name = "octroi_qualification_expires_timestamp_seconds";
  const all = [...movement.now.samples(name)]
    .sort((a, b) => a.value - b.value);
  setRows(byId("qualification-rows"), all.map((sample) => [
    {name: sample.labels.get("provider") || ""},
    {name: sample.labels.get("service") || ""},
    {...plain(dayOf(sample.value - 1)), kind: "whole"}, leftCell(sample.value, at)]),
  nothing(movement.now, name, "None in the catalogue in force."));
}

function showFacts(movement, at) {
  const {now} = movement;
  const name = "octroi_fact_built_timestamp_seconds";
  setRows(byId("fact-rows"), now.samples(name).map((sample) => [
    {name: sample.labels.get("fact") || ""}, {...plain(dayOf(sample.value)), kind: "whole"},
    {text: isNumber(sample.value) ? daysOf(at - sample.value) :
      NOT_KNOWN, number: true, kind: isNumber(sample.value) ? "" : "absent"}]),
  NOT_KNOWN);
  const digest = now.labelValues("octroi_edition_info", "digest");
  const refused = now.value("octroi_edition_refused");
  setRows(byId("edition-rows"), [
    [{text: "Edition"}, {...plain(digest.map(visible).join(", ") || NOT_KNOWN),
      kind: digest.length > 0 ? "wrap" : "absent"}],
    [{text: "Adopted"}, plain(momentOf(
      now.value("octroi_edition_adopted_timestamp_seconds")))],
    [{text: "Last load"}, refused === 1 ?
      {mark: "warning", text: "refused", tone: "undetermined"} :
      plain(refused === 0 ? "accepted" : NOT_KNOWN)],
    [{text: "Loads"}, plain(now.samples("octroi_reloads_total").map((sample) =>
      `${exact(sample.value)} ${visible(sample.labels.get("result") || "")}`)
      .join(", ") || NOT_KNOWN)],
  ], "");
}

function fillCell(ratio) {
  return isNumber(ratio) ? {...percent(ratio, 1), number: false, value: ratio} :
    plain(NOT_KNOWN);
}

function showProcess(movement, at) {
  const {now} = movement;
  const number = (name, unit, one) => ({
    ...numberCell(now.value(name), unit, one), number: false});
  const busy = movement.rate(movement.gain("process_cpu_seconds_total"));
  const start = now.value("process_start_time_seconds");
  const workers = now.value("octroi_workers");
  const stalled = now.value("octroi_worker_stalled");
  const build = now.samples("octroi_build_info")[0];
  setRows(byId("process-rows"), [
    [{text: "Flow table"}, fillCell(now.value("octroi_flow_table_fill_ratio"))],
    [{text: "Open flows"}, number("octroi_flows_active", "flows", "flow")],
    [{text: "Workers"}, isNumber(workers) ? plain(`${exact(workers)}${
      stalled > 0 ? `, ${exact(stalled)} stalled` : ""}`) : plain(NOT_KNOWN)],
    [{text: "Processor"}, isNumber(busy) ? {...plain(
      `${exact(Math.round(busy * 100) / 100)} cores`), value: busy} :
      plain(NOT_KNOWN)],
    [{text: "Memory"}, number("process_resident_memory_bytes", "bytes", "byte")],
    [{text: "Open files"}, number("process_open_fds", "files", "file")],
    [{text: "Running for"}, plain(isNumber(start) ?
      duration(Math.max(0, at - start)) : NOT_KNOWN)],
    [{text: "Folded series"}, number("octroi_series_folded_total",
      "combinations of labels", "combination of labels")],
    ...sandboxRows(now),
    [{text: "Version"}, {...plain(build ? [...build.labels]
      .map(([name, text]) => name === "version" ? visible(text) :
        `${name} ${visible(text)}`).join(", ") : NOT_KNOWN), kind:
      build ? "wrap" : "absent"}],
  ], "");
}

function sandboxRows(now) {
  const measures = now.samples("octroi_sandbox_in_force").map((sample) =>
    [sample.labels.get("measure") || "", sample.value === 1]);
  const info = now.samples("octroi_sandbox_info")[0];
  if (measures.length > 0) {
    const missing = measures.filter(([, holds]) => !holds)
      .map(([measure]) => visible(words(measure)));
    return [[{text: "Sandbox"}, missing.length === 0 ?
      plain("every measure in force") :
      {mark: "warning", tone: "undetermined",
        text: `without ${missing.join(", ")}`}]];
  }
  return [[{text: "Sandbox"}, {text: info ? [...info.labels].map(
    ([name, level]) => `${visible(words(name))} ${visible(level)}`).join(", ") :
    NOT_KNOWN, kind: info ? "wrap" : "absent"}]];
}

function showSections(movement, at) {
  showVerdicts(movement);
  showWorkloads(movement);
  showDestinations(movement);
  showViolationTable(movement);
  showOperators(movement);
  showSources(movement);
  showQualifications(movement, at);
  showFacts(movement, at);
  showProcess(movement, at);
}
