
// The document: texts and tables, changed only where they differ, so that focus,
// scroll position and a reader's place stay.

function byId(id) {
  return document.getElementById(id);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (value === undefined || value === "") {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
}

function newSvg(tag) {
  return document.createElementNS(byId("world").namespaceURI, tag);
}

// A shape and a word, of one colour.
function setMark(element, shape, text, tone) {
  let mark = element.firstElementChild;
  if (!mark || mark.className !== "mark") {
    mark = document.createElement("span");
    mark.className = "mark";
    const picture = newSvg("svg");
    setAttribute(picture, "aria-hidden", "true");
    picture.append(newSvg("use"));
    mark.append(picture, document.createElement("span"));
    element.replaceChildren(mark);
  }
  setAttribute(mark, "data-tone", tone);
  setAttribute(mark.firstElementChild.firstElementChild, "href",
    `#shape-${shape}`);
  setText(mark.lastElementChild, text);
}

// A name, kept from its surroundings' direction of text, and a short code.
function setName(element, name, code) {
  let isolate = element.firstElementChild;
  if (!isolate || isolate.localName !== "bdi") {
    isolate = document.createElement("bdi");
    element.replaceChildren(isolate);
  }
  setText(isolate, visible(name));
  let suffix = isolate.nextElementSibling;
  if (code && !suffix) {
    suffix = document.createElement("span");
    suffix.className = "code";
    element.append(suffix);
  }
  if (suffix) setText(suffix, code || "");
}

// A cell is {text}, {name, code} or {mark, text, tone}, with title, value (exact,
// for whoever reads the document), kind, number, share and tone beside.
function setCell(element, cell) {
  if (cell.mark) {
    setMark(element, cell.mark, cell.text, cell.tone);
  } else if (cell.name !== undefined) {
    setName(element, cell.name, cell.code);
  } else if (cell.share !== undefined) {
    if (!element.firstElementChild) {
      const bar = document.createElement("span");
      element.replaceChildren(bar);
      setAttribute(element, "aria-hidden", "true");
    }
    element.firstElementChild.style.setProperty("--share", cell.share);
    setAttribute(element, "data-tone", cell.tone);
  } else {
    setText(element, cell.text);
  }
  const kinds = [cell.kind, cell.number ? "n" : "",
    cell.share === undefined ? "" : "bar"];
  setAttribute(element, "class", kinds.filter(Boolean).join(" "));
  setAttribute(element, "title", cell.title);
  setAttribute(element, "data-value", cell.value);
}

// Rows are arrays of cells, of which the first is the row's header.
function setRows(body, rows, emptyText) {
  const wanted = rows.length > 0 ? rows : [[{text: emptyText, kind: "absent"}]];
  while (body.rows.length > wanted.length) body.lastElementChild.remove();
  wanted.forEach((cells, index) => {
    const row = body.rows[index] || body.appendChild(
      document.createElement("tr"));
    while (row.cells.length > cells.length) row.lastElementChild.remove();
    cells.forEach((cell, column) => {
      let element = row.cells[column];
      if (!element) {
        element = document.createElement(column === 0 ? "th" : "td");
        if (column === 0) element.scope = "row";
        row.append(element);
      }
      setCell(element, cell);
    });
    if (rows.length === 0) {
      row.cells[0].colSpan = 20;
    } else {
      row.cells[0].removeAttribute("colspan");
    }
  });
}
