// The panel beside the map: title, totals, filters, layers with legends.

function section(id, title, ...children) {
  return element("section", { id, "aria-label": title }, element("h2", {}, title), ...children);
}

function headSection(report) {
  const { data } = report;
  const other = wording.language === "en" ? "zh_CN" : "en";
  const head = element("header", { class: "head" },
    element("div", { class: "tools" },
      element("button", { type: "button", class: "quiet", id: "whole-area", onclick: report.showAll }, say("Whole area")),
      element("button", { type: "button", class: "quiet", id: "print", onclick: () => window.print() }, say("Print")),
      element("button", { type: "button", class: "quiet", id: "language", lang: other.replace("_", "-"), onclick: () => report.speak(other) }, other === "en" ? "English" : "中文")),
    element("h1", {}, pick(data.title)),
    element("p", { class: "description" }, pick(data.description)));
  const facts = Object.entries(data.parameters).map(([name, parameter]) => element("span", { class: "fact", id: `parameter-${name}` }, `${pick(parameter.title)} `, element("strong", {}, String(parameter.value))));
  for (const { title, values } of data.restricted) {
    facts.push(element("span", { class: "fact restricted" }, `${say("Restricted to")} ${pick(title)}: `, element("strong", {}, values.map((v) => (v === null ? say("No value") : pick(v))).join(", "))));
  }
  if (report.timeline) {
    const { layer } = report.timeline;
    facts.push(element("span", { class: "fact", id: "fact-time" }, `${pick(layer.attributes[layer.time].title)} `, element("strong", {}, stepText(report.times[report.at]))));
  }
  head.append(element("p", { class: "facts" }, ...facts));
  const notes = [...data.notes, ...report.layers.flatMap((layer) => layer.notes)];
  const said = [...new Set(notes.map(pick))];
  if (said.length > 0) head.append(element("p", { class: "note", role: "note" }, said.join(" ")));
  return head;
}

/** Features of the totals' layer by class, located and not. */
function totalsTable(layer, by) {
  const attribute = layer.attributes[by];
  const rows = new Map(attribute.values.map((known) => [known.value, { known, located: 0, missing: 0 }]));
  const values = layer.columns[by];
  for (let i = 0; i < layer.count; i += 1) {
    if (!isThere(layer, i)) continue;
    if (!rows.has(values[i])) rows.set(values[i], { known: null, value: values[i], located: 0, missing: 0 });
    const row = rows.get(values[i]);
    if (!layer.points || layer.points.site[i] >= 0) row.located += 1;
    else row.missing += 1;
  }
  const table = element("table", { class: "totals" },
    element("thead", {}, element("tr", {},
      element("th", { scope: "col" }, pick(attribute.title)),
      ...["Located", "Not located", "Total"].map((text) => element("th", { scope: "col", class: "number" }, say(text))))));
  const body = element("tbody");
  const sum = { located: 0, missing: 0 };
  for (const [value, row] of rows) {
    sum.located += row.located;
    sum.missing += row.missing;
    body.append(element("tr", { "data-value": String(value) },
      element("th", { scope: "row" }, row.known && row.known.color ? swatch({ color: row.known.color }, "point") : null, valueText(attribute, value)),
      ...[row.located, row.missing, row.located + row.missing].map((n) => element("td", { class: "number" }, numeral(n)))));
  }
  table.append(body, element("tfoot", {}, element("tr", {},
    element("th", { scope: "row" }, say("Total")),
    ...[sum.located, sum.missing, sum.located + sum.missing].map((n) => element("td", { class: "number" }, numeral(n))))));
  return table;
}

function sumOf(layer, name) {
  return layer.columns[name].reduce((sum, value) => sum + (value ?? 0), 0);
}

function totalsSection(report) {
  const { totals } = report.data;
  if (!totals) return null;
  const layer = report.layers.find((one) => one.name === totals.layer);
  const made = section("totals", pick(layer.title));
  if (layer.empty) made.append(element("p", { class: "note" }, pick(layer.empty)));
  if (totals.by) made.append(totalsTable(layer, totals.by));
  if (totals.sum.length > 0 && layer.count > 0) {
    const figures = totals.shares.map((share) => {
      const whole = sumOf(layer, share.whole);
      const said = whole > 0 ? `${numeral((100 * sumOf(layer, share.part)) / whole, 1)}%` : say("No value");
      return element("div", { class: "figure main" }, element("dt", {}, pick(share.title)), element("dd", {}, said));
    });
    for (const name of totals.sum) {
      const attribute = layer.attributes[name];
      figures.push(element("div", { class: "figure", "data-name": name },
        element("dt", {}, pick(attribute.title)),
        element("dd", {}, valueText(attribute, sumOf(layer, name), false),
          attribute.unit ? element("small", {}, ` ${pick(attribute.unit)}`) : null)));
    }
    made.append(element("dl", { class: "figures" }, ...figures));
  }
  return made;
}

function shownLine(report) {
  const seen = report.layers.filter((one) => one.points && one.visible);
  const layer = seen.find((one) => one.count) || seen[0] || null;
  if (!layer) return element("p", { id: "shown", hidden: true });
  const pass = report.pass.get(layer.name);
  let shown = 0;
  let missing = 0;
  for (let i = 0; i < layer.count; i += 1) {
    if (!pass[i]) continue;
    shown += 1;
    if (layer.points.site[i] < 0) missing += 1;
  }
  return element("p", { id: "shown", role: "status", "data-shown": shown, "data-count": layer.count },
    `${say("Shown")} `, element("strong", {}, numeral(shown)), ` ${say("of")} ${numeral(layer.count)}`,
    missing > 0 ? ` ${say("({0} not located)", numeral(missing))}` : "");
}

const MOST_BOXES = 8;

function filterControl(report, filter) {
  const counts = choiceCounts(filter, report.filters);
  const id = `filter-${filter.name}`;
  if (filter.choices.length <= MOST_BOXES) {
    const boxes = filter.choices.map((choice, i) => {
      const code = choice.value === undefined ? null : codeOf(filter.attribute, choice.value);
      return element("label", { class: "choice" },
        element("input", {
          type: "checkbox",
          checked: filter.allowed[i],
          "data-filter": filter.name,
          "data-value": choice.band ? i : String(choice.value),
          onchange: (event) => {
            filter.allowed[i] = event.target.checked;
            report.refilter();
          },
        }),
        code && code.color ? swatch({ color: code.color }, "point") : null,
        element("span", {}, choiceText(filter, choice)),
        element("span", { class: "count" }, numeral(counts[i])));
    });
    return element("fieldset", { id }, element("legend", {}, pick(filter.title)), ...boxes);
  }
  const all = filter.allowed.every(Boolean);
  const options = filter.choices.map((choice, i) => element("option", { value: i, selected: !all && filter.allowed[i] }, `${choiceText(filter, choice)} (${numeral(counts[i])})`));
  const select = element("select", {
    id: `${id}-select`,
    "data-filter": filter.name,
    onchange: (event) => {
      const chosen = event.target.value;
      filter.allowed = filter.choices.map((_, i) => chosen === "" || Number(chosen) === i);
      report.refilter();
    },
  }, element("option", { value: "", selected: all }, `${say("All")} (${numeral(counts.reduce((a, b) => a + b, 0))})`), ...options);
  return element("div", { id, class: "field" }, element("label", { for: `${id}-select` }, pick(filter.title)), select);
}

function filterSection(report) {
  if (report.filters.length === 0) {
    return element("section", { id: "filters", class: "unused" }, shownLine(report));
  }
  const made = section("filters", say("Filters"),
    ...report.filters.map((filter) => filterControl(report, filter)),
    shownLine(report),
    element("p", { class: "actions" }, element("button", { type: "button", class: "quiet", id: "reset", onclick: report.resetFilters }, say("Reset filters"))));
  const used = report.filters.some((filter) => !filter.allowed.every(Boolean));
  made.classList.toggle("unused", !used);
  return made;
}

/** What the legend states: sums, first and last day, texts where all are the same. */
function statedLine(layer) {
  const said = layer.stated.map((name) => {
    const attribute = layer.attributes[name];
    const values = layer.columns[name].filter((value, i) => value !== null && isThere(layer, i));
    if (values.length === 0) return null;
    let text;
    if (attribute.type === "date") {
      const ends = values.reduce(([low, high], day) => [Math.min(low, day), Math.max(high, day)], [Infinity, -Infinity]);
      text = [...new Set(ends)].map(isoDate).join(" – ");
    } else if (attribute.type === "integer" || attribute.type === "number") {
      text = valueText(attribute, values.reduce((sum, value) => sum + value, 0));
    } else if (values.every((value) => value === values[0])) text = valueText(attribute, values[0]);
    else return null;
    return element("span", { class: "fact", "data-stated": name }, `${pick(attribute.title)} `, element("strong", {}, text));
  });
  const shown = said.filter(Boolean);
  return shown.length > 0 ? element("p", { class: "stated facts" }, ...shown) : null;
}

function legendOf(report, layer) {
  const made = element("div", { class: "legend" });
  if (layer.empty) made.append(element("p", { class: "note" }, pick(layer.empty)));
  const stated = statedLine(layer);
  if (layer.draw === "outline" || layer.styles.length === 0) {
    if (stated) made.append(stated);
    return made;
  }
  if (layer.styles.length > 1) {
    made.append(element("div", { class: "styles", role: "radiogroup", "aria-label": say("Colour by") },
      element("span", {}, say("Colour by")),
      ...layer.styles.map((style, i) => element("label", {},
        element("input", {
          type: "radio",
          name: `style-${layer.name}`,
          checked: i === layer.style,
          onchange: () => report.restyle(layer, i),
        }), pick(style.title)))));
  }
  if (layer.styles.length === 1 && layer.styles[0].breaks.length > 0) {
    made.append(element("p", { class: "hint" }, pick(layer.styles[0].title)));
  }
  const sorted = classified(layer);
  const counts = new Array(sorted.classes.length).fill(0);
  for (let i = 0; i < layer.count; i += 1) if (isThere(layer, i)) counts[sorted.ofFeature[i]] += 1;
  made.append(element("ul", { class: "classes" }, ...sorted.classes.map((entry, i) => element("li", {},
    swatch(entry, layer.points ? "point" : "area"),
    element("span", {}, classTitle(sorted, entry)),
    element("span", { class: "count" }, numeral(counts[i]))))));
  if (stated) made.append(stated);
  if (layer.points && layer.age) {
    made.append(element("p", { class: "hint" }, say("Rings show the mix of the features within, their number and their mean age.")));
  }
  return made;
}

function layerSection(report) {
  const rows = report.layers.filter((layer) => layer.draw).reverse().map((layer) => {
    const row = element("div", { class: "layer", "data-layer": layer.name },
      element("label", { class: "choice" },
        element("input", {
          type: layer.switch ? "radio" : "checkbox",
          name: layer.switch ? `switch-${layer.switch}` : `show-${layer.name}`,
          checked: layer.visible,
          "data-toggle": layer.name,
          onchange: (event) => report.show(layer, event.target.checked),
        }),
        element("strong", {}, pick(layer.title)),
        layer.draw === "outline" ? element("span", { class: "swatch line" }) : null));
    if (layer.legend && layer.visible) row.append(legendOf(report, layer));
    if (layer.legend && layer.visible && (layer.draw === "classes" || layer.stated.length > 0)) {
      row.append(element("p", { class: "hint" }, pick(layer.description)));
    }
    return row;
  });
  return section("layers", say("Layers"), ...rows);
}
