// Filters: choices of readers, the features that pass them, and how many each choice would show.

/** The choices of a filter over all layers that have it, and the choice of every feature. */
function prepareFilter(filter, layers) {
  const using = layers.filter((layer) => filter.layers.includes(layer.name));
  const attributeOf = (layer) => layer.attributes[layer.filters[filter.name]];
  let choices;
  let code;
  if (filter.type === "range") {
    const ends = [null, ...filter.breaks, null];
    choices = ends.slice(1).map((end, i) => ({ band: [ends[i], end] }));
    code = (value) => {
      let band = 0;
      while (band < filter.breaks.length && value >= filter.breaks[band]) band += 1;
      return band;
    };
  } else {
    const values = new Set();
    for (const layer of using) {
      for (const value of allValues(layer, layer.filters[filter.name])) values.add(value);
    }
    const declared = attributeOf(using[0]).values.map((known) => known.value);
    const others = [...values].filter((value) => value !== null && !declared.includes(value));
    others.sort((a, b) => (a < b ? -1 : 1));
    const ordered = [...declared, ...others];
    if (values.has(null)) ordered.push(null);
    choices = ordered.map((value) => ({ value }));
    const places = new Map(ordered.map((value, place) => [value, place]));
    code = (value) => places.get(value);
  }
  const prepared = {
    ...filter,
    using,
    attribute: attributeOf(using[0]),
    choices,
    code,
    codes: new Map(),
    allowed: choices.map(() => true),
  };
  recode(prepared);
  return prepared;
}

/** Find the choice of every feature, by the values that are shown. */
function recode(filter) {
  for (const layer of filter.using) {
    filter.codes.set(layer.name, layer.columns[layer.filters[filter.name]].map(filter.code));
  }
}

/** Which features of a layer pass all filters, one filter perhaps left out. */
function passing(layer, filters, except = null) {
  const pass = layer.present ? layer.present.slice() : new Uint8Array(layer.count).fill(1);
  for (const filter of filters) {
    const codes = filter.codes.get(layer.name);
    if (filter === except || !codes || filter.allowed.every(Boolean)) continue;
    for (let i = 0; i < pass.length; i += 1) if (!filter.allowed[codes[i]]) pass[i] = 0;
  }
  return pass;
}

/** How many features of the filter's first layer each choice holds, the other filters given. */
function choiceCounts(filter, filters) {
  const layer = filter.using.find((one) => one.points) || filter.using[0];
  const pass = passing(layer, filters, filter);
  const codes = filter.codes.get(layer.name);
  const counts = new Array(filter.choices.length).fill(0);
  for (let i = 0; i < pass.length; i += 1) if (pass[i]) counts[codes[i]] += 1;
  return counts;
}

function choiceText(filter, choice) {
  if (choice.band) return bandText(filter.attribute, choice.band[0], choice.band[1]);
  return valueText(filter.attribute, choice.value);
}
