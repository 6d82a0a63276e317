// The view's own page. Every text of the run goes into the page as text (textContent), never as HTML; the inside of the charts'
// page alone comes as HTML, from the server's own template.
"use strict";

{
  const content = document.getElementById("content");
  const token = document.querySelector('meta[name="quarry-token"]').content;

  // el makes an element: el("td", {class: "x", onclick: f}, children…); strings become text.
  function el(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value === true) element.setAttribute(key, "");
      else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value);
    }
    element.append(...children.flat().filter((c) => c !== null && c !== undefined).map((c) => (c instanceof Node ? c : String(c))));
    return element;
  }

  // text is a text of the run: its own direction, which ends with it, and its line ends.
  const text = (value, short = false) => el("div", { class: short ? "text short" : "text", dir: "auto", title: short ? value : undefined }, value);

  function trouble(error) {
    const box = document.getElementById("trouble");
    box.hidden = !error;
    box.textContent = error ? String(error.message || error) : "";
  }

  async function ask(path, parameters = {}) {
    const query = new URLSearchParams(Object.entries(parameters).filter(([, v]) => v !== "" && v !== undefined));
    const answer = await fetch(`/api/${path}?${query}`);
    const body = await answer.json().catch(() => ({ error: answer.statusText }));
    if (!answer.ok) throw new Error(body.error);
    return body;
  }

  const state = { about: null, view: "", drawn: "", key: null, turn: 0 };

  // show draws a view; of two that are asked for one after the other only the last is drawn.
  async function show(draw) {
    const turn = ++state.turn;
    try {
      const nodes = await draw();
      if (turn !== state.turn) return;
      content.replaceChildren(...nodes);
      trouble(null);
      if (nodes.after) nodes.after();
    } catch (error) {
      if (turn === state.turn) trouble(error);
    }
  }

  const select = (label, value, options, change) =>
    el("label", {}, label, el("select", { onchange: (e) => change(e.target.value) }, options.map(([v, name]) => el("option", { value: v, selected: String(v) === String(value) }, name))));

  const pager = (list, go) => {
    const pages = Math.max(1, Math.ceil(list.total / list.size));
    return el("div", { class: "pager" },
      el("button", { type: "button", disabled: list.page <= 0, onclick: () => go(list.page - 1) }, "← before"),
      el("span", {}, `page ${list.page + 1} of ${pages}, ${list.total.toLocaleString("en")} in all`),
      el("button", { type: "button", disabled: list.page + 1 >= pages, onclick: () => go(list.page + 1) }, "next →"));
  };

  // Charts: what report.html shows, drawn again whenever the run has written something.
  async function charts() {
    const page = await ask("charts");
    state.drawn = page.state;
    const open = new Set([...content.querySelectorAll("details[open]")].map((d) => d.id));
    const inside = new DOMParser().parseFromString(page.html, "text/html").body;
    for (const d of inside.querySelectorAll("details")) d.open = open.has(d.id);
    for (const link of inside.querySelectorAll('a[href^="#"]')) {
      const to = link.getAttribute("href").slice(1); // the address names the view
      link.addEventListener("click", (event) => { event.preventDefault(); document.getElementById(to).scrollIntoView(); });
    }
    const nodes = [...inside.childNodes].map((n) => document.adoptNode(n));
    nodes.after = () => quarryCharts.draw(content, page.drawings);
    return nodes;
  }

  const count = (n) => n.toLocaleString("en");

  // Sets of queries: train and dev, then those of data.sets, then test and those of data.also. A corpus is called by the first set over it.
  const setOf = (name) => state.about.sets.find((s) => s.name === name);
  const chooseSet = (value, change, sets = state.about.sets, label = "queries of") => select(label, value, sets.map((s) => [s.name, `${s.name} (${count(s.queries)})`]), change);
  const corpusName = (name) => (name === "train" ? "the run's corpus" : `corpus of ${name}`);
  const opener = (hash, inside, name = "open") => el("button", { class: name, type: "button", onclick: () => { location.hash = hash; } }, inside);
  const passageOf = (split, p) => opener(`passage/${split}/${p.index}`, text(p.text), "open plain"); // a text to read, which opens too
  const rankOf = (rank) => (rank > 0 ? count(rank) : "–");

  // Queries: a list, and one query with its ranking in every round side by side.
  const listed = { split: "dev", search: "", order: "file", page: 0 };

  function queries() {
    return show(async () => {
      const list = await ask("queries", listed);
      const change = (key) => (value) => { listed[key] = value; listed.page = 0; queries(); };
      const search = el("input", { type: "search", value: listed.search, placeholder: "words of the text, or a key" });
      return [
        el("h1", {}, "Queries"),
        el("form", { class: "tools", role: "search", onsubmit: (e) => { e.preventDefault(); change("search")(search.value); } },
          chooseSet(listed.split, change("split")),
          el("label", {}, "search", search), el("button", {}, "Search"),
          select("order", listed.order, [["file", "as in the file"], ["worst", "worst rank first"], ["rise", "risen most first"], ["fall", "fallen most first"]], change("order"))),
        testNote(listed.split),
        pager(list, (page) => { listed.page = page; queries(); }),
        el("table", { class: "list" },
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "query"), list.columns.map((name) => el("th", { scope: "col", class: "number" }, `rank, ${name}`)))),
          el("tbody", {}, list.rows.map((row) => el("tr", {},
            el("td", {}, opener(`query/${listed.split}/${row.index}`, text(row.text, true))),
            row.ranks.map((rank) => el("td", { class: "number" }, rankOf(rank))))))),
      ].filter(Boolean);
    });
  }

  const testNote = (split) => (split === "test" ? el("p", { class: "quiet", id: "of-test" }, "Test says what a choice is worth as long as nobody chooses by it. It is ranked by the base and by the epoch that each round goes on with, and by nothing before that.") : null);

  function query(split, index) {
    return show(async () => {
      const q = await ask("query", { split, index });
      return [
        el("p", {}, el("a", { href: "#queries" }, "← all queries")),
        el("h1", {}, "Query ", el("bdi", {}, q.key), split === "train" || split === "dev" ? "" : ` of ${split}`),
        testNote(split),
        el("div", { class: "card" }, text(q.text), el("h3", {}, "Answered by"), q.positives.map((p) => passageOf(split, p))),
        q.rounds.some((r) => r.unkept) ? el("p", { class: "quiet", id: "unkept" }, `What training made of it is not kept of round ${q.rounds.filter((r) => r.unkept).map((r) => r.round).join(", ")}: an earlier quarry scored the epochs, or the files were removed. Running the recipe again scores them anew.`) : null,
        el("div", { class: "columns" }, q.rounds.flatMap((round) => rankings(split, round))),
      ].filter(Boolean);
    });
  }

  // rankings are those of a round: the miner's, then those of its model before and after the training.
  function rankings(split, round) {
    const miner = setOf(split).held ? null : el("section", {}, el("h2", {}, `Round ${round.round}: its miner`),
      round.searched ? null : el("p", { class: "quiet" }, round.hits.length ? "Drawn at random, not searched." : "Not searched."), hits(split, round.hits));
    return [...(miner ? [miner] : []), ...round.epochs.map((e) => el("section", { class: e.chosen ? "chosen" : undefined }, el("h2", {}, e.name.charAt(0).toUpperCase() + e.name.slice(1)), hits(split, e.hits)))];
  }

  // Passages of another run's corpus are to be read only: the view opens its own.
  function hits(split, all, own = true) {
    let last = 0;
    const items = [];
    for (const hit of all) {
      if (hit.rank > last + 1 && last > 0) items.push(el("li", { class: "gap" }, "", "", "⋮"));
      last = hit.rank;
      const marks = [hit.positive ? "✓ positive" : "", hit.negative ? "✗ negative" : "", hit.verdict ? `you: ${hit.verdict}` : ""].filter(Boolean).join(", ");
      items.push(el("li", { class: hit.positive ? "positive" : hit.negative ? "negative" : "" },
        el("span", {}, hit.rank > 0 ? hit.rank : "–"), el("span", {}, hit.score === undefined ? "" : hit.score.toFixed(4)),
        el("span", {}, own ? passageOf(split, hit) : text(hit.text), marks ? el("span", { class: "mark" }, marks) : null)));
    }
    return el("ol", { class: "hits" }, items);
  }

  // Passages: a list, and one passage with the queries that know it.
  const browsed = { split: "train", search: "", order: "file", page: 0 };

  function passages() {
    return show(async () => {
      const list = await ask("passages", browsed);
      const change = (key) => (value) => { browsed[key] = value; browsed.page = 0; passages(); };
      const search = el("input", { type: "search", value: browsed.search, placeholder: "words of the text, or an id" });
      return [
        el("h1", {}, "Passages"),
        el("form", { class: "tools", role: "search", onsubmit: (e) => { e.preventDefault(); change("search")(search.value); } },
          select("passages of", browsed.split, state.about.corpora.map((c) => [c.name, `${corpusName(c.name)} (${count(c.passages)})`]), change("split")),
          el("label", {}, "search", search), el("button", {}, "Search"),
          select("order", browsed.order, [["file", "as in the file"], ["mined", "mined for most queries first"], ["answers", "answer of most queries first"]], change("order"))),
        pager(list, (page) => { browsed.page = page; passages(); }),
        el("table", { class: "list" },
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "passage"), el("th", { scope: "col" }, "id"), ["answers", "mined for"].map((h) => el("th", { scope: "col", class: "number" }, h)))),
          el("tbody", {}, list.rows.map((row) => el("tr", {},
            el("td", {}, opener(`passage/${browsed.split}/${row.index}`, text(row.text, true))), el("td", {}, el("bdi", {}, row.id)),
            [row.answers, row.mined].map((n) => el("td", { class: "number" }, n ? count(n) : "–")))))),
      ];
    });
  }

  function passage(split, index, page = 0) {
    return show(async () => {
      const p = await ask("passage", { split, index, page });
      const over = state.about.sets.filter((s) => s.corpus === p.corpus);
      return [
        el("p", {}, el("a", { href: "#passages" }, "← all passages")),
        el("h1", {}, "Passage ", el("bdi", {}, p.passage.id), p.corpus === "train" ? "" : ` of ${p.corpus}`),
        el("div", { class: "card" }, text(p.passage.text),
          p.same.length ? el("p", { class: "quiet" }, "Of the same text: ", p.same.flatMap((s, i) => [i ? ", " : "", el("a", { href: `#passage/${split}/${s.index}` }, el("bdi", {}, s.id))])) : null),
        el("h2", {}, "Queries that it answers, and those that it was mined for"),
        el("form", { class: "tools", onsubmit: (e) => e.preventDefault() },
          chooseSet(split, (name) => { location.hash = `passage/${name}/${index}`; }, over)),
        pager(p.list, (to) => passage(split, index, to)),
        p.list.total ? el("table", { class: "list" },
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "query"), el("th", { scope: "col" }, "it is"),
            state.about.rounds.map((r) => el("th", { scope: "col", class: "number" }, `its rank, miner of round ${r}`)))),
          el("tbody", {}, p.list.rows.map((row) => el("tr", { class: row.positive ? "positive" : "negative" },
            el("td", {}, opener(`query/${split}/${row.query.index}`, text(row.query.text, true))),
            el("td", {}, el("span", { class: "mark" }, row.positive ? "✓ positive" : "✗ negative"), row.verdict ? `, you: ${row.verdict}` : ""),
            row.rounds.map((r) => el("td", { class: "number" }, rankOf(r.rank), r.score === undefined ? "" : ` (${r.score.toFixed(4)})`, r.mined ? " ✗ mined" : "")))))) : el("p", {}, `No query of ${split} has it as a positive or as a mined negative.`),
      ];
    });
  }

  // Doubtful negatives: one at a time, one key a verdict.
  const queue = { split: "train", filter: "open", page: 0, at: 0, list: null, last: null };
  const kinds = { d: ["drop", "too close to be a negative"], p: ["promote", "it is an answer"], k: ["keep", "it is no answer"] };

  function negatives(fresh = true) {
    return show(async () => {
      if (fresh || !queue.list) {
        queue.list = await ask("queue", { split: queue.split, filter: queue.filter, page: queue.page });
        queue.at = Math.min(queue.at, Math.max(0, queue.list.rows.length - 1));
      }
      state.key = keyed;
      const row = queue.list.rows[queue.at];
      const go = (page) => { queue.page = page; queue.at = 0; negatives(); };
      const trained = state.about.sets.filter((s) => s.train);
      return [
        el("h1", {}, "Doubtful negatives"),
        el("p", { class: "quiet" }, `Mined negatives that a round scores above the query's weakest positive, or at most ${100 * state.about.near} % below it, and those that a round's teacher scores at least as high as the positive that it scores lowest; those that most rounds, single sources and teachers doubt come first.`),
        state.about.unused ? el("p", { role: "note", id: "unused" }, state.about.unused) : null,
        el("form", { class: "tools", onsubmit: (e) => e.preventDefault() },
          trained.length > 1 ? chooseSet(queue.split, (v) => { queue.split = v; go(0); }, trained, "negatives of") : null,
          select("show", queue.filter, [["open", "without a verdict"], ["judged", "with a verdict"], ["all", "all"]], (v) => { queue.filter = v; go(0); })),
        pager(queue.list, go),
        row ? suspect(row) : el("p", {}, queue.filter === "open" ? "Nothing is left to judge." : "Nothing is here."),
      ].filter(Boolean);
    });
  }

  function suspect(row) {
    const number = (v) => (v === undefined ? "–" : v.toFixed(4));
    const taught = row.rounds.some((r) => r.teacher !== undefined);
    return el("article", { class: "card", id: "suspect" },
      el("p", { class: "quiet" }, `${queue.at + 1} of ${queue.list.rows.length} on this page; doubted by ${row.agree} of ${row.searches} rounds${row.sources ? `, by ${row.sources} single sources` : ""}${row.teachers ? `, and by the teacher of ${row.teachers}` : ""}`),
      el("h2", {}, "Query ", el("bdi", {}, row.query.key)), text(row.query.text),
      el("div", { class: "pair" },
        el("section", {}, el("h3", {}, "✓ Answered by"), row.positives.map((p) => passageOf(queue.split, p))),
        el("section", {}, el("h3", {}, "✗ Mined as a negative"), passageOf(queue.split, row.passage))),
      el("table", {},
        el("thead", {}, el("tr", {}, ["round", "mined", "rank", "its score", "positive's score", "above by"].concat(taught ? ["by the teacher", "the positive by it"] : []).map((h) => el("th", { scope: "col" }, h)))),
        el("tbody", {}, row.rounds.flatMap((r) => [el("tr", {},
          [r.round, r.mined ? "yes" : "no", r.rank || "–", number(r.score), number(r.positive), r.score === undefined || r.positive === undefined ? "–" : (r.score - r.positive).toFixed(4)].concat(taught ? [number(r.teacher), number(r.teacher_positive)] : []).map((c) => el("td", {}, c)))].concat((r.sources || []).map((s) => el("tr", { class: "quiet" },
          [s.source, "", s.rank || "–", number(s.score), number(s.positive), s.score === undefined || s.positive === undefined ? "–" : (s.score - s.positive).toFixed(4)].concat(taught ? ["", ""] : []).map((c) => el("td", {}, c)))))))),
      el("p", { class: "said", role: "status", id: "said" }, row.verdict ? `Your verdict: ${row.verdict}` : "No verdict yet"),
      el("div", { class: "verdicts" },
        Object.entries(kinds).map(([key, [kind, why]]) => el("button", { type: "button", "data-verdict": kind, onclick: () => judge(kind) }, el("kbd", {}, key), ` ${kind}: ${why}`)),
        el("button", { type: "button", disabled: !row.verdict, onclick: () => judge("open") }, el("kbd", {}, "o"), " take back"),
        el("button", { type: "button", onclick: () => move(-1) }, el("kbd", {}, "←"), " before"),
        el("button", { type: "button", onclick: () => move(1) }, el("kbd", {}, "→"), " next"),
        el("a", { href: `#query/${queue.split}/${row.query.index}` }, "its rankings")));
  }

  async function judge(kind) {
    const row = queue.list && queue.list.rows[queue.at];
    if (!row || row.busy) return;
    row.busy = true;
    try {
      const round = Math.max(0, ...row.rounds.filter((r) => r.mined).map((r) => r.round));
      const answer = await fetch("/api/verdict", {
        method: "POST", headers: { "Content-Type": "application/json", "X-Quarry-Token": token },
        body: JSON.stringify({ set: queue.split, query: row.query.key, passage: row.passage.id, verdict: kind, round }),
      });
      if (!answer.ok) throw new Error((await answer.text()).slice(0, 500));
      row.verdict = kind === "open" ? "" : kind;
      trouble(null);
      if (kind === "open") await negatives(false);
      else await move(1);
    } catch (error) {
      trouble(new Error(`The verdict is not saved. ${error.message}`));
    } finally {
      row.busy = false;
    }
  }

  function move(by) {
    const to = queue.at + by;
    if (to < 0) return negatives(false);
    if (to < queue.list.rows.length) { queue.at = to; return negatives(false); }
    // The page is at its end. Of the open ones those that were judged are gone, so the same page has others now.
    const judged = queue.list.rows.some((r) => r.verdict);
    if (queue.filter === "open" && judged) { queue.at = 0; return negatives(); }
    if ((queue.page + 1) * queue.list.size < queue.list.total) { queue.page += 1; queue.at = 0; return negatives(); }
    return negatives(false);
  }

  function keyed(key) {
    if (kinds[key]) return judge(kinds[key][0]);
    if (key === "o") return judge("open");
    if (key === "ArrowRight" || key === "j") return move(1);
    if (key === "ArrowLeft") return move(-1);
    return null;
  }

  // Compare: a ranking against another one, of this run or of the other, query by query.
  const sides = { split: "dev", a: undefined, b: undefined, order: "change", page: 0 };

  function compare() {
    return show(async () => {
      const a = state.about;
      // Miners rank what is mined, epochs what they are scored on. Of one run its beginning and its end are compared, of two their ends.
      const ranked = (all) => all.filter((r) => r.sets.includes(sides.split));
      const [ours, theirs] = [ranked(a.rankers), ranked(a.against_rankers)];
      const end = (all) => (all.findLast((r) => r.chosen) || all.at(-1) || {}).id;
      const known = (all, id) => all.some((r) => r.id === id);
      if (!known(ours, sides.a)) sides.a = a.alone ? ((ours.find((r) => !r.miner) || ours[0]) || {}).id : end(ours);
      if (!known(theirs, sides.b)) sides.b = end(theirs);
      const change = (key) => (value) => { sides[key] = value; sides.page = 0; compare(); };
      const tools = el("form", { class: "tools", onsubmit: (e) => e.preventDefault() },
        chooseSet(sides.split, change("split")),
        select(`A: ${a.run}`, sides.a, ours.map((r) => [r.id, r.name]), change("a")),
        select(`B: ${a.against}`, sides.b, theirs.map((r) => [r.id, r.name]), change("b")),
        select("order", sides.order, [["change", "largest change first"], ["wins", "B better first"], ["losses", "B worse first"], ["file", "as in the file"]], change("order")));
      const head = [el("h1", {}, "Compare"), el("p", { class: "quiet" }, "Rank of the best positive of each query, as two models rank the corpus: those of epochs (on dev, test and the sets of data.also), or those that mine."), tools, testNote(sides.split)].filter(Boolean);
      if (sides.a === undefined || sides.b === undefined) return [...head, el("p", {}, "A comparison wants a ranking of each run.")];
      let c;
      try {
        c = await ask("compare", sides);
      } catch (error) {
        return [...head, el("p", { role: "alert" }, error.message)];
      }
      return [
        ...head, c.notes.map((n) => el("p", { class: "worse" }, n)),
        el("p", {}, el("span", { class: "better" }, `▲ B better: ${c.better}`), " · ", el("span", { class: "worse" }, `▼ B worse: ${c.worse}`), ` · same: ${c.same}`, c.alone ? ` · in one of them alone: ${c.alone}` : ""),
        pager(c.list, (page) => { sides.page = page; compare(); }),
        el("table", { class: "list" },
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "query"), [c.a, c.b].map((n) => el("th", { scope: "col", class: "number" }, `rank in ${n}`)), el("th", { scope: "col", class: "number" }, "change"))),
          el("tbody", {}, c.list.rows.map((row) => el("tr", {},
            el("td", {}, opener(`pair/${sides.split}/${row.index}/${encodeURIComponent(sides.a)}/${encodeURIComponent(sides.b)}`, text(row.text, true))),
            el("td", { class: "number" }, row.a), el("td", { class: "number" }, row.b),
            el("td", { class: `number ${row.b < row.a ? "better" : row.b > row.a ? "worse" : ""}` }, row.b < row.a ? `▲ ${row.a - row.b}` : row.b > row.a ? `▼ ${row.b - row.a}` : "="))))),
      ].flat();
    });
  }

  // pair is a query as the two rank it that are compared.
  function pair(split, index, a, b) {
    return show(async () => {
      const q = await ask("pair", { split, index, a, b });
      const side = (name, s) => el("section", {}, el("h2", {}, `${name}: ${s.name}`),
        el("p", { class: "quiet" }, s.known ? `Rank of the best positive: ${rankOf(s.rank)}` : "It has no query of this key."), hits(split, s.hits, s.same));
      return [
        el("p", {}, el("a", { href: "#compare" }, "← the comparison"), " · ", el("a", { href: `#query/${split}/${index}` }, `all rankings of ${state.about.run}`)),
        el("h1", {}, "Query ", el("bdi", {}, q.key), split === "train" || split === "dev" ? "" : ` of ${split}`),
        testNote(split),
        el("div", { class: "card" }, text(q.text), el("h3", {}, "Answered by"), q.positives.map((p) => passageOf(split, p))),
        el("div", { class: "columns" }, q.sides.map((s, i) => side("AB"[i], s))),
      ].filter(Boolean);
    });
  }

  async function route() {
    let [view, split, index, a, b] = (location.hash.slice(1) || "charts").split("/");
    try {
      [split, a, b] = [split, a, b].map((part) => part && decodeURIComponent(part)); // letters of a set's name, and 0/3
    } catch {
      view = "charts"; // typed in by hand
    }
    state.view = view;
    state.key = null;
    for (const tab of document.querySelectorAll("#tabs a")) {
      if (tab.hash.slice(1) === ({ query: "queries", passage: "passages", pair: "compare" }[view] || view)) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    try {
      state.about = await ask("about");
    } catch (error) {
      return trouble(error);
    }
    switch (view) {
      case "queries": return queries();
      case "query": return query(split, index);
      case "passages": return passages();
      case "passage": return passage(split, index);
      case "negatives": return negatives();
      case "compare": return compare();
      case "pair": return pair(split, index, a, b);
      default: state.view = "charts"; return show(charts);
    }
  }

  document.addEventListener("keydown", (event) => {
    if (!state.key || event.altKey || event.ctrlKey || event.metaKey || event.repeat || event.target.closest("input, select, textarea")) return;
    if (state.key(event.key)) event.preventDefault();
  });
  document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); content.focus(); });
  window.addEventListener("hashchange", route);

  // The server says when the run has written something.
  const live = document.getElementById("live");
  const events = new EventSource("/events");
  let waiting = false;
  events.addEventListener("changed", (event) => {
    live.textContent = "live";
    if (state.view !== "charts" || state.drawn === event.data || waiting) return;
    waiting = true; // at most twice a second, however fast a run writes
    setTimeout(() => { waiting = false; if (state.view === "charts") show(charts); }, 500);
  });
  events.addEventListener("error", () => { live.textContent = "the view has ended, or cannot be reached"; });

  route();
}
