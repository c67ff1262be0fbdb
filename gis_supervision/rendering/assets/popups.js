// Popups: everything that is declared about the features at a place, as text, page by page.

const FEATURES_PER_PAGE = 3;

function pair(attribute, value) {
  const missing = value === null ? " missing" : "";
  return element("div", { class: "pair" },
    element("dt", {}, pick(attribute.title)),
    element("dd", { class: `value${missing}` }, valueText(attribute, value)));
}

/** Attributes that say nothing on this map, since no feature has a value, are left out. */
function telling(layer) {
  layer.telling = layer.telling || layer.popup.filter(
    (name) => !layer.packed[name] || !("v" in layer.packed[name]) || layer.packed[name].v !== null,
  );
  return layer.telling;
}

function groupHead(layer, i) {
  const { group, attributes, columns } = layer;
  const head = element("header", {}, element("h3", {}, valueText(attributes[group.title], columns[group.title][i])));
  const shown = group.attributes.filter((name) => telling(layer).includes(name));
  if (shown.length > 0) {
    head.append(element("dl", { class: "pairs" },
      ...shown.map((name) => pair(attributes[name], columns[name][i]))));
  }
  return head;
}

function featureCard(layer, i) {
  const inHead = layer.group ? [layer.group.title, ...layer.group.attributes] : [];
  const names = telling(layer).filter((name) => !inHead.includes(name) && name !== layer.key);
  const card = element("dl", { class: "pairs card" },
    ...names.map((name) => pair(layer.attributes[name], layer.columns[name][i])));
  if (layer.styles.length > 0 && layer.draw === "classes") {
    const { classes, ofFeature } = classified(layer);
    card.style.borderLeftColor = classes[ofFeature[i]].color;
  }
  return card;
}

/** The contents of a popup for features at one place. */
function popupContent(layer, features) {
  const box = element("div", { class: "popup" });
  const pages = Math.ceil(features.length / FEATURES_PER_PAGE);
  let page = 0;
  const draw = () => {
    box.replaceChildren();
    box.append(element("p", { class: "layer-name" }, pick(layer.title)));
    const from = page * FEATURES_PER_PAGE;
    let last = null;
    for (const i of features.slice(from, from + FEATURES_PER_PAGE)) {
      if (layer.group) {
        const by = layer.columns[layer.group.by][i];
        if (by !== last) box.append(groupHead(layer, i));
        last = by;
      }
      box.append(featureCard(layer, i));
    }
    if (pages > 1) {
      const turn = (step) => (event) => {
        event.stopPropagation();
        page += step;
        draw();
        const again = box.querySelector(step > 0 ? ".next" : ".previous");
        (again.disabled ? box.querySelector(".turn:not(:disabled)") : again).focus();
      };
      const to = Math.min(from + FEATURES_PER_PAGE, features.length);
      box.append(element("nav", { class: "pages" },
        element("button", { type: "button", class: "turn previous", disabled: page === 0, onclick: turn(-1) }, say("Previous")),
        element("span", {}, say("{0} to {1} of {2}", numeral(from + 1), numeral(to), numeral(features.length))),
        element("button", { type: "button", class: "turn next", disabled: page === pages - 1, onclick: turn(1) }, say("Next"))));
    }
  };
  draw();
  return box;
}

/** Details of a feature that has no place on the map. */
function showDetails(layer, i) {
  const dialog = document.getElementById("details");
  dialog.replaceChildren(
    popupContent(layer, [i]),
    element("p", { class: "actions" },
      element("button", { type: "button", onclick: () => dialog.close() }, say("Close"))),
  );
  dialog.showModal();
}
