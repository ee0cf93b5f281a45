
// The sentence at the top: what holds now, the worst first. It is read aloud when
// it changes, so nothing in it counts up from one refresh to the next.

// When this page first saw a source blind: {at, isExact}, by source.
const blindSince = new Map();

function isOne(metrics, name, source) {
  return metrics.value(name, {source}) === 1;
}

function list(names) {
  return new Intl.ListFormat("en").format(names.map(visible));
}

function noteBlindness(movement, at) {
  for (const source of movement.now.labelValues("octroi_source_blind", "source")) {
    if (!isOne(movement.now, "octroi_source_blind", source)) {
      blindSince.delete(source);
    } else if (!blindSince.has(source)) {
      blindSince.set(source, {at, isExact: movement.before !== null});
    }
  }
}

// Everything that is said, as [level, word, sentence].
function findings(movement) {
  return [...readiness(movement.now), ...blindness(movement.now),
    ...losses(movement), ...edition(movement.now), ...silence(movement.now)];
}

function readiness(metrics) {
  const found = [];
  const sources = metrics.labelValues("octroi_source_up", "source");
  const down = sources.filter(
    (source) => !isOne(metrics, "octroi_source_up", source));
  const stalled = metrics.value("octroi_worker_stalled");
  if (sources.length > 0 && down.length === sources.length) {
    found.push(["bad", "Not ready.", "No source is up."]);
  } else if (metrics.sum("octroi_received_packets_total") === 0) {
    found.push(["bad", "Not ready.", "No packet has been received yet."]);
  }
  if (stalled > 0) {
    found.push(["bad", "Not ready.", stalled === 1 ?
      "A worker makes no progress." :
      `${count(stalled, "worker")} make no progress.`]);
  }
  if (down.length > 0 && down.length < sources.length) {
    found.push(["bad", "Source down.",
      `${list(down)} ${down.length === 1 ? "is" : "are"} not received.`]);
  }
  return found;
}

function blindness(metrics) {
  return metrics.labelValues("octroi_source_blind", "source")
    .filter((source) => isOne(metrics, "octroi_source_blind", source))
    .map((source) => {
      const since = blindSince.get(source);
      const when = !since ? "" : since.isExact ?
        ` since ${timeOf(since.at)}` :
        ` since before ${timeOf(since.at)}, when this page first looked`;
      return ["bad", "Blind.",
        `${visible(source)} has not been seen in full${when}.`];
    });
}

function losses(movement) {
  const found = [];
  const packets = movement.tally("octroi_lost_packets_total",
    ["source", "where"]).filter((entry) => entry.gain > 0);
  for (const {key: [source, where]} of packets) {
    found.push(["warning", "Losing packets.",
      `${visible(source)} loses packets: ${visible(words(where))}.`]);
  }
  const records = movement.tally("octroi_flow_records_lost_total", ["where"])
    .filter((entry) => entry.gain > 0).map((entry) => words(entry.key[0]));
  if (records.length > 0) {
    found.push(["warning", "Losing flow records.",
      `Flow records are lost (${list(records)}); their octets are counted.`]);
  }
  return found;
}

function edition(metrics) {
  if (metrics.value("octroi_edition_refused") !== 1) return [];
  const adopted = metrics.value("octroi_edition_adopted_timestamp_seconds");
  const which = isNumber(adopted) ? `of ${momentOf(adopted)}` : "before it";
  return [["warning", "Edition refused.",
    `The last one to be loaded was refused; the one ${which} stays in force.`]];
}

function silence(metrics) {
  const silent = metrics.labelValues("octroi_source_silent", "source")
    .filter((source) => isOne(metrics, "octroi_source_silent", source));
  return silent.length === 0 ? [] : [["warning", "Silence.", `${list(silent)} ${
    silent.length === 1 ? "is" : "are"} up and carries no traffic.`]];
}

function allIsWell(metrics) {
  const sources = metrics.labelValues("octroi_source_up", "source");
  if (sources.length === 0 || !metrics.has("octroi_source_blind")) {
    return ["unknown", "Not known.",
      "The metrics do not say whether the sources are seen."];
  }
  const lost = metrics.sum("octroi_lost_packets_total");
  return ["ok", sources.length === 1 ? "The source is seen." :
    sources.length === 2 ? "Both sources are seen." :
    `All ${sources.length} sources are seen.`,
    lost > 0 ? "Packets were lost earlier." : ""];
}

function showState(level, word, sentence) {
  setAttribute(byId("state"), "data-level", level);
  setAttribute(byId("state").querySelector("use"), "href", `#shape-${level}`);
  const line = byId("sentence");
  if (line.textContent !== `${word} ${sentence}`) {
    const strong = document.createElement("strong");
    strong.textContent = word;
    line.replaceChildren(strong, ` ${sentence}`);
  }
  document.title = `${word.replace(/\.$/, "")} – octroi`;
}

// REQUIRES: noteBlindness has seen the same movement.
function showFindings(movement) {
  const found = findings(movement);
  if (found.length === 0) found.push(allIsWell(movement.now));
  const [level, word] = found[0];
  const rest = found.map(([, otherWord, sentence], index) =>
    index === 0 || otherWord === found[index - 1][1] ? sentence :
      `${otherWord} ${sentence}`);
  showState(level, word, rest.join(" "));
}
