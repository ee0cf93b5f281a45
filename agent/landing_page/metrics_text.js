"use strict";

// Prometheus text format 0.0.4, read into families. Every number of the page
// comes from here. Labels are hostile text: they stay in Maps, and reach the
// document as text alone.

// One fetch of the metrics.
class Metrics {
  constructor() {
    this.families = new Map();  // Name: array of {labels: Map, value}.
  }

  // True if the family is there, be it without a sample.
  has(name) {
    return this.families.has(name);
  }

  samples(name) {
    return this.families.get(name) || [];
  }

  // The sample with exactly these values of these labels, or undefined.
  value(name, wanted = {}) {
    const found = this.samples(name).find((sample) => Object.entries(wanted)
      .every(([label, text]) => sample.labels.get(label) === text));
    return found && found.value;
  }

  // All samples together; undefined if there is no such family.
  sum(name) {
    return this.has(name) ?
      this.samples(name).reduce((sum, sample) => sum + sample.value, 0) :
      undefined;
  }

  // Different values of a label, in order of appearance.
  labelValues(name, label) {
    return [...new Set(this.samples(name)
      .map((sample) => sample.labels.get(label))
      .filter((text) => text !== undefined))];
  }
}

// Throws an Error that names the line.
function parseMetrics(text) {
  const metrics = new Metrics();
  const family = (name) => {
    if (!metrics.families.has(name)) metrics.families.set(name, []);
    return metrics.families.get(name);
  };
  text.split("\n").forEach((line, index) => {
    const where = `line ${index + 1}`;
    if (line.startsWith("#")) {
      const declared = /^# (?:HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*)/.exec(line);
      if (declared) family(declared[1]);
    } else if (line.trim() !== "") {
      const sample = parseSample(line, where);
      family(sample.name).push(sample);
    }
  });
  if (metrics.families.size === 0) throw new Error("there are no metrics in it");
  return metrics;
}

function parseSample(line, where) {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line);
  if (!name) throw new Error(`${where} begins with no metric name`);
  const labels = new Map();
  let at = name[0].length;
  if (line[at] === "{") {
    const label = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|(?=\}))/y;
    for (at += 1; line[at] !== "}"; at = label.lastIndex) {
      label.lastIndex = at;
      const found = label.exec(line);
      if (!found) throw new Error(`${where} has a label that cannot be read`);
      labels.set(found[1], unescapeLabel(found[2]));
    }
    at += 1;
  }
  const rest = line.slice(at).trim().split(/\s+/);
  const value = parseNumber(rest[0]);
  if (value === undefined || rest.length > 2) {
    throw new Error(`${where} has no number where one is expected`);
  }
  return {name: name[0], labels, value};
}

function unescapeLabel(text) {
  return text.replace(/\\(.)/g, (all, letter) => letter === "n" ? "\n" : letter);
}

function parseNumber(text) {
  if (/^nan$/i.test(text)) return NaN;
  if (/^\+?inf(inity)?$/i.test(text)) return Infinity;
  if (/^-inf(inity)?$/i.test(text)) return -Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) :
    undefined;
}

// What changed between two fetches of one process.
class Movement {
  // `before` is null for the first fetch and after a restart.
  constructor(now, before, seconds) {
    this.now = now;
    this.before = before;
    this.seconds = seconds;
  }

  // Sums of `name` by the values of `labels`, as [{key, total, gain}]: `gain` is
  // what came since the fetch before, undefined if that is not known. Only
  // samples that `wanted` accepts.
  tally(name, labels, wanted = () => true) {
    const total = sumBy(this.now, name, labels, wanted);
    const earlier = this.before && this.before.has(name) ?
      sumBy(this.before, name, labels, wanted) : null;
    return [...total.values()].map((entry) => {
      const id = JSON.stringify(entry.key);
      const was = earlier && earlier.has(id) ? earlier.get(id).total : 0;
      return {...entry, gain: earlier ? entry.total - was : undefined};
    });
  }

  // Of a gain: per second.
  rate(gain) {
    return gain === undefined ? undefined : gain / this.seconds;
  }

  gain(name) {
    const [all] = this.tally(name, []);
    return all && all.gain;
  }
}

function sumBy(metrics, name, labels, wanted) {
  const sums = new Map();
  for (const sample of metrics.samples(name)) {
    if (!wanted(sample.labels)) continue;
    const key = labels.map((label) => sample.labels.get(label) || "");
    const id = JSON.stringify(key);
    if (!sums.has(id)) sums.set(id, {key, total: 0});
    sums.get(id).total += sample.value;
  }
  return sums;
}
