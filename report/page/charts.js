// Draws the drawings of a page (package page, drawing.go) as SVG. Series differ by colour, dash and symbol; colours are the
// style sheet's. Every chart can be walked with the arrow keys, and the table behind it has the same numbers.
"use strict";

const quarryCharts = (() => {
  const dashes = ["", "7 4", "2 4", "9 3 2 3", "12 4", "1 3"];
  const symbols = ["circle", "triangle", "square", "diamond", "cross", "star"];
  // Beyond six series dashes come again with other symbols.
  const style = (i) => ({ stroke: `var(--s${i % 6})`, dash: dashes[i % 6], symbol: symbols[(i + Math.floor(i / 6)) % 6] });
  const margin = { marginLeft: 58, marginRight: 20, marginTop: 34, marginBottom: 40 };

  // draw fills every chart below root.
  function draw(root, drawings) {
    for (const box of root.querySelectorAll("[data-drawing]")) {
      const drawing = drawings[box.dataset.drawing];
      if (!drawing) continue;
      const title = document.getElementById(`${box.dataset.drawing}-title`);
      box.replaceChildren();
      const chart = kinds[drawing.kind](drawing, Math.max(340, Math.min(720, box.clientWidth || 560)));
      chart.svg.setAttribute("role", "img");
      chart.svg.setAttribute("aria-label", `${title ? title.textContent : "Chart"}. The numbers are in the table behind it.`);
      box.append(chart.svg);
      if (drawing.series && drawing.series.length > 1) box.append(legend(drawing));
      walk(box, chart, title ? title.textContent : "Chart");
    }
  }

  function points(d, width) {
    const facets = d.facets || [];
    const rows = d.points.map((p) => ({ ...p, series: d.series[p.s], facet: facets[p.f] }));
    const marks = [];
    const many = facets.length > 1;
    const at = { x: "x", y: "y", ...(many ? { fx: "facet" } : {}) };
    d.series.forEach((name, i) => {
      const own = rows.filter((r) => r.s === i);
      const s = style(i);
      if (d.kind === "curve") marks.push(Plot.areaY(own, { x: "x", y1: "low", y2: "high", ...(many ? { fx: "facet" } : {}), fill: s.stroke, fillOpacity: 0.18 }));
      marks.push(Plot.line(own, { ...at, stroke: s.stroke, strokeWidth: 2, strokeDasharray: s.dash || null, curve: d.kind === "steps" ? "step-after" : "linear" }));
      if (d.kind === "lines") marks.push(Plot.ruleX(own.filter((r) => r.low !== undefined), { x: "x", y1: "low", y2: "high", ...(many ? { fx: "facet" } : {}), stroke: s.stroke, strokeWidth: 1.5, strokeOpacity: 0.75 }));
      if (d.kind === "lines") marks.push(Plot.dot(own, { ...at, symbol: s.symbol, fill: s.stroke, stroke: s.stroke, r: 3.5 }));
    });
    if (d.edges) marks.push(Plot.ruleX(d.edges.map((e) => ({ ...e, facet: facets[e.f] })), { x: "x", ...(many ? { fx: "facet" } : {}), stroke: "var(--quiet)", strokeDasharray: "3 3" }));
    const chosen = rows.filter((r) => r.chosen);
    marks.push(Plot.dot(chosen, { ...at, r: 9, stroke: "currentColor", strokeWidth: 2, symbol: "circle" }));
    marks.push(Plot.text(chosen.filter((r) => r.s === 0), { ...at, text: () => "★ chosen", dy: -17, dx: 9, textAnchor: "end", fill: "currentColor", stroke: "var(--panel)", strokeWidth: 4, fontWeight: "bold" }));
    const whole = d.x === "epoch" ? d3.range(0, (d3.max(rows, (r) => r.x) || 0) + 1) : undefined;
    const svg = Plot.plot({
      width: Math.max(width, 150 * facets.length), height: 260, ...margin, style: "font: 12px system-ui, sans-serif",
      x: { label: d.x, type: d.log_x ? "log" : "linear", ticks: whole && whole.length < 12 ? whole : Math.max(2, Math.floor(8 / Math.max(1, facets.length))), tickFormat: whole ? "d" : d.log_x ? ",d" : undefined, inset: 8 },
      y: { label: d.y, grid: true, nice: true, insetTop: 16, zero: d.kind === "steps" },
      fx: { label: null, domain: many ? facets : undefined, padding: 0.08 },
      marks: [Plot.frame({ stroke: "var(--line)" }), ...marks],
    });
    const x = svg.scale("x"), y = svg.scale("y"), fx = svg.scale("fx");
    const format = (v) => (Number.isInteger(v) ? String(v) : v.toPrecision(4));
    return {
      svg,
      stops: rows.filter((r) => d.kind !== "steps" || r.y > 0).map((r) => ({
        cx: x.apply(r.x) + (fx ? fx.apply(r.facet) - margin.marginLeft : 0), cy: y.apply(r.y),
        text: `${facets.length ? `${r.facet}, ` : ""}${d.series.length > 1 ? `${r.series}, ` : ""}${d.x} ${format(r.x)}: ${d.y} ${format(r.y)}${d.kind === "lines" && r.low !== undefined ? `, interval ${format(r.low)} to ${format(r.high)}` : ""}${r.chosen ? " (chosen)" : ""}`,
      })),
    };
  }

  function cells(d, width) {
    const rows = d.cells.map((c) => ({ ...c, row: d.rows[c.r], column: d.columns[c.c] }));
    const most = d.share ? 1 : d3.max(rows, (r) => r.v) || 1;
    const shade = (r) => `color-mix(in srgb, var(--cell-high) ${Math.round((100 * r.v) / most)}%, var(--cell-low))`;
    const svg = Plot.plot({
      width, height: 90 + 34 * d.rows.length, marginLeft: 84, marginTop: 50, marginRight: 10, marginBottom: 10, style: "font: 12px system-ui, sans-serif",
      x: { domain: d.columns, label: `${d.x} →`, axis: "top" },
      y: { domain: d.rows, label: `${d.y} ↓` },
      marks: [
        Plot.cell(rows, { x: "column", y: "row", fill: shade, stroke: "var(--line)", inset: 0.5 }),
        Plot.text(rows, { x: "column", y: "row", text: "t", fill: "var(--cell-text)" }),
      ],
    });
    const x = svg.scale("x"), y = svg.scale("y");
    return { svg, stops: rows.map((r) => ({ cx: x.apply(r.column) + x.bandwidth / 2, cy: y.apply(r.row) + y.bandwidth / 2, text: `${d.y} ${r.row}, ${d.x} ${r.column}: ${r.t}` })) };
  }

  function bars(d, width) {
    const rows = d.cells.map((c) => ({ ...c, row: d.rows[c.r] }));
    const svg = Plot.plot({
      width, height: 60 + 22 * d.rows.length, marginLeft: 190, marginRight: 60, marginTop: 30, marginBottom: 10, style: "font: 12px system-ui, sans-serif",
      x: { label: `${d.x} →`, grid: true, axis: "top", ticks: 5 },
      y: { domain: d.rows, label: null },
      marks: [
        Plot.barX(rows, { x: "v", y: "row", fill: "var(--s0)" }),
        Plot.text(rows, { x: "v", y: "row", text: "t", dx: 4, textAnchor: "start", fill: "currentColor" }),
        Plot.ruleX([0], { stroke: "currentColor" }),
      ],
    });
    const x = svg.scale("x"), y = svg.scale("y");
    return { svg, stops: rows.map((r) => ({ cx: x.apply(r.v), cy: y.apply(r.row) + y.bandwidth / 2, text: `${r.row}: ${r.t} ${d.x}` })) };
  }

  function differences(d, width) {
    const clip = (text) => (text.length > 30 ? `${text.slice(0, 29)}…` : text);
    const svg = Plot.plot({
      width, height: 60 + 22 * d.rows.length, marginLeft: 190, marginRight: 30, marginTop: 30, marginBottom: 10, style: "font: 12px system-ui, sans-serif",
      x: { label: `${d.x} →`, grid: true, axis: "top", ticks: 5, nice: true },
      y: { type: "band", domain: d3.range(d.rows.length), tickFormat: (i) => clip(d.rows[i]), label: null },
      marks: [
        Plot.ruleX([0], { stroke: "currentColor" }),
        Plot.ruleY(d.points.filter((p) => p.low !== undefined), { y: "y", x1: "low", x2: "high", stroke: "var(--s0)", strokeWidth: 2 }),
        Plot.dot(d.points, { x: "x", y: "y", fill: "var(--s0)", r: 4 }),
      ],
    });
    const x = svg.scale("x"), y = svg.scale("y");
    const format = (v) => (v > 0 ? "+" : "") + v.toPrecision(3);
    return {
      svg,
      stops: d.points.map((p) => ({
        cx: x.apply(p.x), cy: y.apply(p.y) + y.bandwidth / 2,
        text: `${d.rows[p.y]}: ${format(p.x)}${p.low !== undefined ? `, interval ${format(p.low)} to ${format(p.high)}` : ""}`,
      })),
    };
  }

  function lineage(d, width) {
    const wide = Math.max(width, 720), depth = 1 + (d3.max(d.nodes, (n) => n.y) || 0);
    const clip = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);
    const links = d.links.map(([from, to]) => {
      const a = d.nodes[from], b = d.nodes[to];
      const back = a.x > b.x || (a.x === b.x && a.y > b.y); // a model that mines, guides, or is trained from
      if (a.x === b.x && !back) return { x1: a.x, y1: a.y + 0.3, x2: b.x, y2: b.y - 0.3, back };
      return { x1: back ? a.x : a.x + 0.43, y1: back ? a.y + 0.3 : a.y, x2: back ? b.x + 0.1 : b.x - 0.43, y2: back ? b.y - 0.3 : b.y, back };
    });
    const svg = Plot.plot({
      width: wide, height: 30 + 78 * depth, margin: 10, style: "font: 12px system-ui, sans-serif",
      x: { domain: [-0.45, 3.45], axis: null }, y: { domain: [depth - 0.5, -0.5], axis: null },
      marks: [
        Plot.arrow(links.filter((l) => !l.back), { x1: "x1", y1: "y1", x2: "x2", y2: "y2", stroke: "var(--quiet)", headLength: 7 }),
        Plot.arrow(links.filter((l) => l.back), { x1: "x1", y1: "y1", x2: "x2", y2: "y2", stroke: "var(--s1)", strokeDasharray: "5 3", headLength: 7 }),
        Plot.rect(d.nodes, { x1: (n) => n.x - 0.43, x2: (n) => n.x + 0.43, y1: (n) => n.y - 0.3, y2: (n) => n.y + 0.3, fill: "var(--panel)", stroke: "currentColor", rx: 4 }),
        Plot.text(d.nodes, { x: "x", y: "y", text: (n) => `${clip(n.label)}\n${n.detail}`, fill: "currentColor", lineHeight: 1.4 }),
      ],
    });
    const x = svg.scale("x"), y = svg.scale("y");
    return { svg, stops: d.nodes.map((n) => ({ cx: x.apply(n.x), cy: y.apply(n.y), text: `${n.label}, ${n.detail}` })) };
  }

  const kinds = { lines: points, curve: points, steps: points, cells, bars, differences, lineage };

  // legend names the series beside what their lines look like.
  function legend(d) {
    const list = document.createElement("ul");
    list.className = "legend";
    d.series.forEach((name, i) => {
      const s = style(i), svg = d3.create("svg").attr("width", 44).attr("height", 14).attr("aria-hidden", "true");
      svg.append("line").attr("x1", 1).attr("x2", 43).attr("y1", 7).attr("y2", 7).style("stroke", s.stroke).attr("stroke-width", 2).attr("stroke-dasharray", s.dash || null);
      if (d.kind === "lines") svg.append("path").attr("transform", "translate(22,7)").attr("d", d3.symbol(d3[`symbol${s.symbol[0].toUpperCase()}${s.symbol.slice(1)}`], 50)()).style("fill", s.stroke);
      const item = document.createElement("li");
      item.append(svg.node(), name);
      list.append(item);
    });
    return list;
  }

  // walk lets the arrow keys go from value to value, which is ringed and read out.
  function walk(box, chart, title) {
    const readout = document.createElement("output");
    readout.className = "readout";
    readout.setAttribute("aria-live", "polite");
    const ring = d3.select(chart.svg).append("circle").attr("r", 7).attr("fill", "none").style("stroke", "var(--bad)").attr("stroke-width", 2.5).attr("visibility", "hidden");
    box.append(readout);
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `${title}; arrow keys read out the values`);
    let at = -1;
    const go = (to) => {
      at = Math.max(0, Math.min(chart.stops.length - 1, to));
      const stop = chart.stops[at];
      if (!stop) return;
      ring.attr("cx", stop.cx).attr("cy", stop.cy).attr("visibility", "visible");
      readout.textContent = stop.text;
    };
    box.onkeydown = (event) => {
      const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: Infinity }[event.key];
      if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      go(to);
    };
    box.onfocus = () => { if (at < 0) readout.textContent = "Arrow keys read out the values."; };
    box.onblur = () => { readout.textContent = ""; ring.attr("visibility", "hidden"); };
  }

  return { draw };
})();

{
  const data = document.getElementById("drawings");
  if (data) quarryCharts.draw(document, JSON.parse(data.textContent));
}
