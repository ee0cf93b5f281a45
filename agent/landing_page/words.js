
// How numbers, times and names are written.

const NOT_KNOWN = "not known";
const DAY_SECONDS = 86400;

const VERDICTS = [
  ["violation", "bad"], ["undetermined", "warning"], ["excepted", "excepted"],
  ["compliant", "ok"], ["not_judged", "none"],
];

const REGIMES = new Map([
  ["eu", "EU"], ["eea", "EEA"], ["adequate", "adequate"],
  ["third_country", "third country"], ["unknown", "unknown"],
]);

const SEALS = [
  "outside the EU and EEA", "EU, control from outside", "EU, EU control",
  "qualified scope in force", "claimed by the catalogue",
];

const NO_PLACES = new Map([
  ["contested", "contested: sources disagree"],
  ["anycast", "anycast: many places at once"],
  ["unknown", "unknown: no source locates it"],
  ["other", "other: countries folded together"],
]);

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

// "1,234,567".
function exact(value) {
  return value.toLocaleString("en-US", {maximumFractionDigits: 6});
}

// "1.23 G": three digits and a decimal prefix.
function short(value) {
  const prefixes = ["", "k", "M", "G", "T", "P", "E"];
  let size = Math.abs(value);
  let step = 0;
  while (size >= 999.5 && step < prefixes.length - 1) {
    size /= 1000;
    step += 1;
  }
  let text = step === 0 && Number.isInteger(size) ? String(size) :
    size === 0 ? "0" : size >= 99.95 ? size.toFixed(0) :
    size >= 9.995 ? size.toFixed(1) : size.toFixed(2);
  if (step === 0 && size > 0 && size < 0.005) text = "<0.01";
  return `${value < 0 ? "-" : ""}${text}\u00a0${prefixes[step]}`;
}

// Cells that hold a number: what is shown, and the exact value as its title.
function numberCell(value, unit, one = unit) {
  if (!isNumber(value)) return {text: NOT_KNOWN, kind: "absent", number: true};
  const shown = unit === "bytes" ? `${short(value)}B` :
    unit === "bytes/s" ? `${short(value)}B/s` : short(value).trim();
  const name = value === 1 ? one : unit;
  return {text: value === 0 ? "0" : shown, title: `${exact(value)} ${name}`,
    value, kind: value === 0 ? "zero" : "", number: true};
}

function percent(part, whole) {
  if (!isNumber(part) || !isNumber(whole)) return {text: NOT_KNOWN,
    kind: "absent", number: true};
  const share = whole === 0 ? 0 : 100 * part / whole;
  const text = share === 0 ? "0" : share < 0.1 ? "<0.1" :
    share > 99.9 && share < 100 ? ">99.9" :
    share.toFixed(share < 10 ? 1 : 0);
  return {text: `${text}\u00a0%`, title: `${exact(share)} %`, number: true,
    kind: share === 0 ? "zero" : ""};
}

function dayOf(seconds) {
  return inRange(seconds) ? new Date(seconds * 1000).toISOString().slice(0, 10) :
    NOT_KNOWN;
}

function timeOf(seconds) {
  return inRange(seconds) ?
    `${new Date(seconds * 1000).toISOString().slice(11, 19)} UTC` : NOT_KNOWN;
}

function momentOf(seconds) {
  return inRange(seconds) ? `${dayOf(seconds)} ${timeOf(seconds)}` : NOT_KNOWN;
}

// What Date can hold (ECMA-262, 8.64e15 ms).
function inRange(seconds) {
  return isNumber(seconds) && Math.abs(seconds) <= 8.64e12;
}

function count(number, one, many = `${one}s`) {
  return `${exact(number)} ${number === 1 ? one : many}`;
}

// "3 days", "4 h 12 min", "12.3 s".
function duration(seconds) {
  if (!isNumber(seconds)) return NOT_KNOWN;
  if (seconds >= 2 * DAY_SECONDS) {
    return count(Math.floor(seconds / DAY_SECONDS), "day");
  }
  if (seconds >= 3600) {
    return `${Math.floor(seconds / 3600)} h ${
      Math.floor(seconds % 3600 / 60)} min`;
  }
  if (seconds >= 60) {
    return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  }
  return `${exact(Math.round(seconds * 10) / 10)} s`;
}

function daysOf(seconds) {
  return count(Math.max(0, Math.floor(seconds / DAY_SECONDS)), "day");
}

// Words of label values: "outside_eu" is "outside EU".
function words(label) {
  return label.replace(/_/g, " ").replace(/\b(eu|eea|ip|nic|seal)\b/g,
    (word) => word.toUpperCase());
}

// Names come from configuration and databases. What cannot be seen, and what
// turns the direction of text, is shown as its number.
function visible(name) {
  return name.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function isCountry(code) {
  return /^[A-Z]{2}$/.test(code);
}

const countryNames = typeof Intl.DisplayNames === "function" ?
  new Intl.DisplayNames(["en"], {type: "region", fallback: "none"}) : null;

function countryName(code) {
  return countryNames && countryNames.of(code) || code;
}
