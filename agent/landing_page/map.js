
// The maps: the whole world and, of the same shapes, Europe enlarged. What is
// drawn is the country table's "Since start"; what has no place is no shape.

const EU_MEMBERS = new Set(WORLD.eu.split(" "));
const CLASS_COUNT = 5;

// Equal Earth flattens what is far from the equator. Stretched by this, Europe has
// its shape (at 52 degrees north), and areas can be compared still.
const EUROPE_STRETCH = 1.29;

// Of each map: the height of a unit, and half the size of a mark.
const SCALES = {world: {stretch: 1, mark: 26}, europe: {stretch: EUROPE_STRETCH,
  mark: 9}};

// Shapes by map and code: {shape, title}.
const drawn = {world: new Map(), europe: new Map()};

function isDrawn(code) {
  return code !== "" && Object.hasOwn(WORLD.places, code);
}

function drawMaps() {
  drawMap("world", WORLD.view, 11);
  drawMap("europe", WORLD.europe, 5);
  const [x, y, width, height] = WORLD.europe;
  const frame = newSvg("rect");
  for (const [name, value] of Object.entries({x, y, width, height})) {
    setAttribute(frame, name, value);
  }
  setAttribute(frame, "class", "frame");
  byId("world").append(frame);
}

// Members of the EU come last: their borders lie on their neighbours'.
function drawMap(id, view, dotRadius) {
  const map = byId(id);
  const {stretch} = SCALES[id];
  setAttribute(map, "viewBox",
    [view[0], view[1] * stretch, view[2], view[3] * stretch].join(" "));
  const isLater = (code) => WORLD.places[code][0] === "" ? 2 :
    EU_MEMBERS.has(code) ? 1 : 0;
  for (const code of Object.keys(WORLD.places)
    .sort((a, b) => isLater(a) - isLater(b))) {
    const [path, x, y] = WORLD.places[code];
    const shape = newSvg(path ? "path" : "circle");
    if (path) {
      setAttribute(shape, "d", path);
      setAttribute(shape, "transform", `scale(1 ${stretch})`);
    } else {
      setAttribute(shape, "cx", x);
      setAttribute(shape, "cy", y * stretch);
      setAttribute(shape, "r", dotRadius);
    }
    const title = newSvg("title");
    shape.append(title);
    map.append(shape);
    drawn[id].set(code, {shape, title});
    colour(drawn[id].get(code), code, undefined);
  }
}

function colour({shape, title}, code, country) {
  const isEu = country && country.regimes.size > 0 ?
    country.regimes.has("eu") : EU_MEMBERS.has(code);
  const isDot = shape.localName === "circle";
  setAttribute(shape, "class",
    `place${isDot ? " dot" : ""}${isEu ? " eu" : ""}`);
  setAttribute(shape, "data-code", code);
  setAttribute(shape, "data-class", country && country.level || "");
  if (code === "") {
    setText(title, "No ISO 3166-1 code");
  } else {
    setText(title, `${countryName(code)}: ${country ?
      `${numberCell(country.total, "bytes").text} since start` : "no egress"}`);
  }
}

// The class of a total, 1 to 5: a decimal order of magnitude each, the highest
// that of the largest total; the lowest takes all that is smaller.
function classOf(total, largest) {
  if (!(total > 0)) return 0;
  const top = Math.floor(Math.log10(largest));
  return Math.max(1, CLASS_COUNT - (top - Math.floor(Math.log10(total))));
}

// `countries`: Map of code to {total, regimes, violating}.
function showMaps(countries) {
  const largest = Math.max(0, ...[...countries.values()].map((c) => c.total));
  for (const country of countries.values()) {
    country.level = classOf(country.total, largest);
  }
  for (const [id, shapes] of Object.entries(drawn)) {
    for (const [code, entry] of shapes) colour(entry, code, countries.get(code));
    markViolations(byId(id), countries, SCALES[id]);
  }
  showLegend(largest);
}

// A triangle on each country that octets in violation went to.
function markViolations(map, countries, {stretch, mark: size}) {
  for (const old of map.querySelectorAll(".violation-mark")) old.remove();
  for (const [code, country] of countries) {
    if (!(country.violating > 0) || !isDrawn(code)) continue;
    const [, x, y] = WORLD.places[code];
    const mark = newSvg("path");
    setAttribute(mark, "class", "violation-mark");
    setAttribute(mark, "data-code", code);
    setAttribute(mark, "d",
      `M${x} ${y * stretch - size}l${size} ${size * 1.8}h${-2 * size}z`);
    const title = newSvg("title");
    title.textContent = `${countryName(code)}: ${
      numberCell(country.violating, "bytes").text} in violation`;
    mark.append(title);
    map.append(mark);
  }
}

function legendRow(draw, text) {
  const row = document.createElement("li");
  const picture = newSvg("svg");
  setAttribute(picture, "viewBox", "0 0 22 12");
  setAttribute(picture, "aria-hidden", "true");
  picture.append(draw);
  row.append(picture, text);
  return row;
}

function swatch(level, isEu = false) {
  const box = newSvg("rect");
  for (const [name, value] of Object.entries(
    {x: 1, y: 1, width: 20, height: 10})) {
    setAttribute(box, name, value);
  }
  setAttribute(box, "class", `place${isEu ? " eu" : ""}`);
  setAttribute(box, "data-class", level || "");
  return box;
}

// "100 GB": a power of ten without decimals.
function power(value) {
  return `${short(value).replace(/\.0+/, "")}B`;
}

function showLegend(largest) {
  const rows = [];
  const top = largest > 0 ? Math.floor(Math.log10(largest)) : -1;
  for (let level = CLASS_COUNT; largest > 0 && level > 0; --level) {
    const floor = 10 ** (top - (CLASS_COUNT - level));
    rows.push([swatch(level), level > 1 ? `${power(floor)} and more` :
      `less than ${power(floor * 10)}`]);
  }
  const mark = newSvg("path");
  setAttribute(mark, "class", "violation-mark");
  setAttribute(mark, "d", "M11 1l6 10H5z");
  rows.push([swatch(0), "none"],
    [swatch(0, true), `EU on ${WORLD.euDay}`], [mark, "has violations"]);
  const legend = byId("legend");
  if (legend.textContent !== rows.map((row) => row[1]).join("")) {
    legend.replaceChildren(...rows.map((row) => legendRow(...row)));
  }
}
