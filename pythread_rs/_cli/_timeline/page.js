const zoom = document.getElementById("zoom"), even = document.getElementById("even");
const picture = document.getElementById("timeline"), scroller = picture.parentNode;
const length = +picture.dataset.length, first = picture.querySelector(".run");

// Where things are, in per cent of the time: [element, attribute, begin, end of a bar].
const placed = [];
for (const element of picture.querySelectorAll(".run, .wait, .dot, .arrow line, .panic"))
  for (const attribute of ["x", "cx", "x1", "x2"])
    if (element.hasAttribute(attribute)) {
      const begin = parseFloat(element.getAttribute(attribute));
      const width = element.tagName === "rect" ? parseFloat(element.getAttribute("width")) : 0;
      placed.push([element, attribute, begin, begin + width]);
    }

// To spread bursts, a gap between two moments is as wide as the logarithm of its time.
const moments = [...new Set([0, 100, ...placed.flatMap(place => place.slice(2))])];
moments.sort((one, other) => one - other);
const gaps = moments.slice(1).map((moment, i) => moment - moments[i]);
const usual = [...gaps].sort((one, other) => one - other)[gaps.length >> 1];
const spread = [0];
for (const gap of gaps) spread.push(spread.at(-1) + Math.log1p(gap / usual));
for (const i in spread) spread[i] *= 100 / (spread.at(-1) || 1);

function between(value, from, to) {
  let low = 0, high = from.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (from[middle] <= value) low = middle; else high = middle;
  }
  const share = (value - from[low]) / (from[high] - from[low] || 1);
  return to[low] + share * (to[high] - to[low]);
}

const shown = value => even.checked ? between(value, moments, spread) : value;

function put(name, attributes, text) {
  const element = document.createElementNS(picture.namespaceURI, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.textContent = text;
  picture.insertBefore(element, first);
}

function put_tick(x, text) {
  put("line", { class: "tick", x1: x + "%", x2: x + "%", y1: 18, y2: picture.clientHeight }, "");
  if ((100 - x) * 2 ** zoom.value > 4) put("text", { class: "tick", x: x + "%", dx: 3, y: 14 }, text);
}

const units = [[1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"], [1, "ns"]];
function text_of(time, least) {
  const [size, unit] = units.find(x => least >= x[0]) || units.at(-1);
  return time === 0 ? "0" : +(time / size).toFixed(3) + " " + unit;
}

function draw_ticks() {
  picture.querySelectorAll(".tick").forEach(tick => tick.remove());
  const count = 10 * 2 ** zoom.value;
  if (even.checked) {
    for (let i = 0; i < count; i++) {
      const time = between(100 * i / count, spread, moments) / 100 * length;
      put_tick(100 * i / count, text_of(time, time));
    }
    return;
  }
  const least = length / count, power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map(x => x * power).find(x => x >= least);
  for (let time = 0; time < length; time += step)
    put_tick(100 * time / length, text_of(time, step));
}

function draw() {
  for (const [element, attribute, begin, end] of placed) {
    element.setAttribute(attribute, shown(begin) + "%");
    if (element.tagName === "rect") element.setAttribute("width", shown(end) - shown(begin) + "%");
  }
  set_width();
}

function set_width() {
  picture.style.width = 100 * 2 ** zoom.value + "%";
  draw_ticks();
}

function widen(at) {
  const share = (scroller.scrollLeft + at) / picture.clientWidth;
  set_width();
  scroller.scrollLeft = share * picture.clientWidth - at;
}

even.addEventListener("change", draw);
zoom.addEventListener("input", () => widen(scroller.clientWidth / 2));
scroller.addEventListener("wheel", event => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoom.value = +zoom.value - Math.sign(event.deltaY) / 2;
  widen(event.clientX - scroller.getBoundingClientRect().left);
}, { passive: false });

// #spread opens the page with bursts spread; #zoom=4,95 opens it 2 to the 4th times as wide,
// around 95 per cent of the time.
if (location.hash === "#spread") {
  even.checked = true;
  draw();
}
const wanted = /^#zoom=([0-9.]+),([0-9.]+)$/.exec(location.hash);
if (wanted) {
  zoom.value = wanted[1];
  set_width();
  scroller.scrollLeft = picture.clientWidth * wanted[2] / 100 - scroller.clientWidth / 2;
}
