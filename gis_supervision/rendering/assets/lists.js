// Lists beside the map: rows lead to their features; nothing that has no place is left out.

const ROWS_AT_ONCE = 50;

/** Features of a list that pass the filters, in its order. */
function listRows(report, list, layer) {
  const pass = report.pass.get(layer.name) || new Uint8Array(layer.count).fill(1);
  const wanted = Object.entries(list.where);
  const rows = [];
  for (let i = 0; i < layer.count; i += 1) {
    if (pass[i] && wanted.every(([name, value]) => layer.columns[name][i] === value)) rows.push(i);
  }
  const keys = list.order_by.map((key) => [key.replace(/^-/, ""), key.startsWith("-") ? -1 : 1]);
  rows.sort((a, b) => {
    for (const [name, sign] of keys) {
      const order = compare(layer.columns[name][a], layer.columns[name][b], sign);
      if (order !== 0) return order;
    }
    return a - b;
  });
  return rows;
}

/** Order of two values, missing ones last. */
function compare(a, b, sign) {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return (a < b ? -1 : 1) * sign;
}

function isNumber(attribute) {
  return attribute.values.length === 0 && ["integer", "number", "date"].includes(attribute.type);
}

function listTable(report, layer, columns, rows, sorting) {
  const head = element("tr", {}, ...columns.map((name) => {
    const attribute = layer.attributes[name];
    const title = pick(attribute.title);
    const sorted = sorting && sorting.name === name ? (sorting.sign > 0 ? "ascending" : "descending") : "none";
    return element("th", { scope: "col", class: isNumber(attribute) ? "number" : "", "aria-sort": sorted },
      sorting ? element("button", { type: "button", class: "sort", onclick: () => sorting.by(name) }, title) : title);
  }));
  const unit = (attribute) => attribute.format !== "percent" && attribute.unit;
  const made = element("tbody");
  const add = (from) => {
    for (const i of rows.slice(from, from + ROWS_AT_ONCE)) {
      const cells = columns.map((name, n) => {
        const attribute = layer.attributes[name];
        const text = valueText(attribute, layer.columns[name][i], Boolean(unit(attribute)) && columns.length < 5);
        const code = codeOf(attribute, layer.columns[name][i]);
        const kind = isNumber(attribute) ? "number" : text.length <= 16 ? "short" : "";
        const cell = element("td", { class: kind });
        if (code && code.color) cell.append(swatch({ color: code.color }, "point"));
        if (n === 0) {
          cell.append(element("button", { type: "button", class: "link", title: say("Show on the map") }, text));
        } else cell.append(text);
        return cell;
      });
      made.append(element("tr", { "data-feature": i, onclick: () => report.focus(layer, i) }, ...cells));
    }
    return from + ROWS_AT_ONCE;
  };
  let shown = add(0);
  const box = element("div", { class: columns.length > 6 ? "list wide" : "list" }, element("table", {}, element("thead", {}, head), made));
  if (rows.length === 0) box.append(element("p", { class: "hint" }, say("Nothing to show")));
  if (rows.length > shown) {
    const more = element("button", { type: "button", class: "quiet more" }, say("Show more"));
    more.addEventListener("click", () => {
      shown = add(shown);
      if (shown >= rows.length) more.remove();
    });
    box.append(more);
  }
  return box;
}

function foldable(report, id, title, number, open, content) {
  const remembered = report.open.get(id);
  const made = element("details", { id, open: remembered ?? open },
    element("summary", {}, title, element("span", { class: "count" }, number)), content);
  made.addEventListener("toggle", () => report.open.set(id, made.open));
  return made;
}

function listSection(report, list, number) {
  const layer = report.layers.find((one) => one.name === list.layer);
  const id = `list-${number}`;
  const own = report.sorting.get(id);
  const sorted = own ? { ...list, order_by: [`${own.sign < 0 ? "-" : ""}${own.name}`] } : list;
  const all = listRows(report, list, layer);
  const kept = list.limit ? new Set(all.slice(0, list.limit)) : null;
  const rows = listRows(report, sorted, layer).filter((i) => !kept || kept.has(i));
  const first = list.order_by[0] || "";
  const sorting = {
    name: own ? own.name : first.replace(/^-/, ""),
    sign: own ? own.sign : first.startsWith("-") ? -1 : 1,
    by: (name) => {
      const again = sorting.name === name;
      report.sorting.set(id, { name, sign: again ? -sorting.sign : 1 });
      report.relist();
    },
  };
  const said = list.limit && all.length > list.limit ? `${numeral(list.limit)} / ${numeral(all.length)}` : numeral(all.length);
  return foldable(report, id, pick(list.title), said, number === 0, listTable(report, layer, list.columns, rows, sorting));
}

/** Features of visible layers that have no place: counted above, listed here. */
function missingSections(report) {
  return report.layers.filter((layer) => layer.points && layer.visible).map((layer) => {
    const pass = report.pass.get(layer.name);
    const rows = [];
    for (let i = 0; i < layer.count; i += 1) {
      if (pass[i] && layer.points.site[i] < 0) rows.push(i);
    }
    const style = layer.styles[0] ? layer.styles[0].attribute : null;
    if (style && layer.styles[0]) {
      const { ofFeature } = classify(layer, layer.styles[0]);
      rows.sort((a, b) => ofFeature[a] - ofFeature[b] || a - b);
    }
    const wanted = [layer.group ? layer.group.title : layer.popup[0], style, layer.age];
    const columns = [...new Set(wanted.filter(Boolean))];
    const content = element("div", {},
      element("p", { class: "hint" }, say("They cannot be drawn, and are counted in all totals.")),
      listTable(report, layer, columns, rows, null));
    return foldable(report, `missing-${layer.name}`, say("Not located: {0}", pick(layer.title)), numeral(rows.length), false, content);
  });
}

function listsSection(report) {
  return element("section", { id: "lists" },
    ...report.data.lists.map((list, i) => listSection(report, list, i)),
    ...missingSections(report));
}
