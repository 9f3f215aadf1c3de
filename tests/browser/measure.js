// What a test wants to know of the page that is shown: texts, places and sizes, as JSON.
(async () => {
  await document.fonts.ready;
  const main = document.querySelector("article") ?? document.body;
  const styles = new Map();
  const overflow = (e) => {
    if (!styles.has(e)) styles.set(e, getComputedStyle(e).overflowX);
    return styles.get(e);
  };
  const scrolls = (e) => /auto|scroll/.test(overflow(e));
  const clips = (e) => /hidden|clip/.test(overflow(e));
  const around = (e) => {
    const found = [];
    for (; e && main.contains(e); e = e.parentElement) found.push(e);
    return found;
  };
  const start = (text) => text.trim().replace(/\s+/g, " ").slice(0, 60);
  const edge = main.getBoundingClientRect().right + 1;

  // Where something is, as far as it is in view of what it can be scrolled in, and whether its end
  // is out of reach: behind the edge of what does not scroll.
  const placed = (name, rect, parent) => {
    let { left, right } = rect;
    let isCut = false;
    let isReached = false;
    for (const outer of around(parent)) {
      const frame = outer.getBoundingClientRect();
      if (scrolls(outer)) {
        [left, right] = [Math.max(left, frame.left), Math.min(right, frame.right)];
        isReached = true;
      }
      isCut ||= !isReached && clips(outer) && rect.right > frame.right + 1;
    }
    isCut ||= !isReached && rect.right > edge;
    const box = [left + scrollX, rect.top + scrollY, Math.max(0, right - left), rect.height];
    return { name, box, isCut };
  };

  const texts = [];
  const hidden = [];
  const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (!data.trim() || parentElement.closest("svg, script, noscript, style, a.headerlink")) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const rect = range.getBoundingClientRect();
    if (rect.width && rect.height) texts.push(placed(start(data), rect, parentElement));
    else hidden.push(start(data));
  }
  const drawn = [...main.querySelectorAll("img, svg")].filter((e) => !e.closest("a.headerlink"));
  const pictures = drawn.map((e) => ({
    ...placed(e.getAttribute("src") ?? "svg", e.getBoundingClientRect(), e.parentElement),
    isLoaded: e.localName === "svg" || (e.complete && e.naturalWidth > 0),
  }));
  const tables = [...main.querySelectorAll("table")].map((e) => {
    const outer = around(e).find(scrolls) ?? main;
    const isWide = e.getBoundingClientRect().width > outer.clientWidth + 1;
    return { name: start(e.textContent), isWide };
  });
  return {
    title: document.title,
    headings: [...main.querySelectorAll("h1")].map((e) => e.innerText.replace(/¶\s*$/, "").trim()),
    text: main.innerText,
    hidden,
    texts: texts.filter(({ box }) => box[2] >= 1),
    pictures,
    tables,
    height: document.documentElement.scrollHeight,
    overhang: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  };
})()
