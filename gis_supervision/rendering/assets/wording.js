// Texts and numbers for people, in the language that is shown.

const wording = { language: "en", texts: {} };

/** A text of the report itself, with {0}, {1} … filled in. */
function say(text, ...values) {
  const known = wording.texts[wording.language] || {};
  return values.reduce((said, value, i) => said.split(`{${i}}`).join(value), known[text] || text);
}

/** A text of the data, in both languages. */
function pick(text) {
  return text && typeof text === "object" ? text[wording.language] : String(text ?? "");
}

const numerals = new Map();

/** A number with its thousands apart; made ready once for each number of decimals. */
function numeral(value, decimals = 0) {
  if (!numerals.has(decimals)) {
    numerals.set(decimals, new Intl.NumberFormat("en-US", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    }));
  }
  return numerals.get(decimals).format(value);
}

/** A break of a scale, with the decimals that it needs and no more. */
function breakText(attribute, value, withUnit) {
  if (attribute.type === "date") return isoDate(value);
  const percent = attribute.format === "percent";
  const said = String(Number((percent ? value * 100 : value).toPrecision(12)))
    .replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ",");
  if (percent) return withUnit ? `${said}%` : said;
  return withUnit && attribute.unit ? `${said} ${pick(attribute.unit)}` : said;
}

/** A number that fits into a small circle. */
function shortNumeral(value) {
  if (value < 10000) return numeral(value);
  if (wording.language === "zh_CN") return `${(value / 10000).toFixed(1)}万`;
  return `${numeral(value / 1000, value < 100000 ? 1 : 0)}k`;
}

function isoDate(days) {
  return new Date(days * 86400000).toISOString().slice(0, 10);
}

function codeOf(attribute, value) {
  return attribute.values.find((known) => known.value === value);
}

/** A value as people read it; what a missing value means where there is none. */
function valueText(attribute, value, withUnit = true) {
  if (value === null || value === undefined) {
    return attribute.null ? pick(attribute.null) : say("No value");
  }
  const code = codeOf(attribute, value);
  if (code) return pick(code.title);
  if (attribute.type === "date") return isoDate(value);
  if (attribute.type === "boolean") return value ? say("yes") : say("no");
  if (attribute.type === "text") return String(value);
  if (attribute.format === "percent") return `${numeral(value * 100, attribute.decimals)}%`;
  const said = numeral(value, attribute.type === "number" ? attribute.decimals : 0);
  return withUnit && attribute.unit ? `${said} ${pick(attribute.unit)}` : said;
}

/** An age in days, short. */
function ageText(days) {
  return days >= 365 ? say("{0} y", numeral(days / 365.25, 1)) : say("{0} d", numeral(days));
}

/** The words for the band between two breaks, an open end given as null. */
function bandText(attribute, low, high) {
  if (low === null) return say("under {0}", breakText(attribute, high, true));
  if (high === null) return say("{0} or more", breakText(attribute, low, true));
  return say("{0} to under {1}", breakText(attribute, low, false), breakText(attribute, high, true));
}

/** An element with text and children; text is never read as HTML. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
