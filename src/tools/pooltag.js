"use strict";
/* The report's script: sorting, filter, legend, values under the pointer, details by link. The view is
 * kept in the address (#sort=bytes-down&filter=Na), so that it can be passed on. */

/* Rows of cells [{v, text}]: which comes first. Numbers as numbers; equals keep their order. */
function order(rows, column, isNumber, isDown) {
    const compare = isNumber
        ? (a, b) => (BigInt(a[column]) < BigInt(b[column]) ? -1 : BigInt(a[column]) > BigInt(b[column]) ? 1 : 0)
        : (a, b) => (a[column] < b[column] ? -1 : a[column] > b[column] ? 1 : 0);
    return rows
        .map((row, i) => ({row, i}))
        .sort((x, y) => (isDown ? -1 : 1) * compare(x.row, y.row) || x.i - y.i)
        .map((entry) => entry.i);
}

/* Does one of the texts contain the wanted one? In any case; * and ? as in tag patterns. */
function fits(texts, wanted) {
    const quoted = wanted.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
    const pattern = new RegExp(quoted, "is");
    return texts.some((text) => pattern.test(text));
}

/* The value of a step curve [{x, v}] at x; undefined before its first point. */
function valueAt(points, x) {
    let found;
    for (const p of points)
        if (p.x <= x + 0.05)
            found = p.v;
    return found;
}

function group(digits) {
    return String(digits).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

function start() {
    const table = document.getElementById("tags"), body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const filter = document.getElementById("filter"), side = document.getElementById("side");
    const rows = [...body.rows].map((element) => ({
        element,
        values: [...element.cells].map((c) => c.dataset.v ?? c.textContent),
    }));
    const view = {column: -1, isDown: false};

    function show() {
        const texts = (r) => r.values.filter((_, i) => !heads[i].classList.contains("n"));
        let shown = 0;
        for (const r of rows) {
            const isShown = fits(texts(r), filter.value) && (!side.value || r.values[1] === side.value);
            r.element.hidden = !isShown;
            shown += isShown;
        }
        document.getElementById("shown").textContent = `${shown} of ${rows.length}`;
        document.getElementById("none").hidden = shown > 0;
    }

    function sort(column, isDown) {
        const isNumber = heads[column].classList.contains("n");
        Object.assign(view, {column, isDown});
        heads.forEach((h, i) => (i === column ? h.setAttribute("aria-sort", isDown ? "descending" : "ascending")
            : h.removeAttribute("aria-sort")));
        for (const i of order(rows.map((r) => r.values), column, isNumber, isDown))
            body.append(rows[i].element);
    }

    function remember() {
        const parts = new URLSearchParams();
        if (view.column >= 0)
            parts.set("sort", heads[view.column].dataset.column + (view.isDown ? "-down" : "-up"));
        if (filter.value)
            parts.set("filter", filter.value);
        if (side.value)
            parts.set("side", side.value);
        try {
            history.replaceState(null, "", `${parts}` ? "#" + parts : location.pathname + location.search);
        } catch {
            /* some browsers refuse it for files: the view works all the same */
        }
    }

    /* "#t-656d614e-1" names a row's details; anything else a view. */
    function follow() {
        const name = location.hash.slice(1), target = document.getElementById(name);
        if (target) {
            if (target instanceof HTMLDetailsElement)
                target.open = true;
            target.scrollIntoView();
            return;
        }
        const parts = new URLSearchParams(name), wanted = /^(.*)-(up|down)$/.exec(parts.get("sort") ?? "");
        const column = wanted ? heads.findIndex((h) => h.dataset.column === wanted[1]) : -1;
        filter.value = parts.get("filter") ?? "";
        side.value = parts.get("side") ?? "";
        if (column >= 0)
            sort(column, wanted[2] === "down");
    }

    heads.forEach((head, i) => head.firstElementChild.addEventListener("click", () => {
        sort(i, view.column === i ? !view.isDown : head.classList.contains("n"));
        remember();
    }));
    for (const control of [filter, side])
        control.addEventListener("input", () => (show(), remember()));
    window.addEventListener("hashchange", () => (follow(), show()));
    follow();
    show();
    legend();
    document.querySelectorAll(".plot svg").forEach(readout);
}

function legend() {
    for (const button of document.querySelectorAll(".legend button"))
        button.addEventListener("click", () => {
            const isOn = button.getAttribute("aria-pressed") !== "true";
            button.setAttribute("aria-pressed", isOn);
            const overview = button.closest("section");
            for (const g of overview.querySelectorAll(`svg [data-row="${button.dataset.row}"]`))
                g.classList.toggle("off", !isOn);
        });
}

/* What the curves are worth under the pointer. */
function readout(svg) {
    const cursor = svg.querySelector(".cursor"), text = svg.parentElement.querySelector(".readout");
    const [min, max, left, right] = ["min", "max", "left", "right"].map((n) => Number(svg.dataset[n]));
    const isTime = svg.dataset.over === "time";
    let series;

    function parse() {
        return [...svg.querySelectorAll(".series")].map((g) => ({
            g,
            points: g.dataset.p.split(";").map((p) => ({x: Number(p.split(" ")[0]), v: p.split(" ")[2]})),
        }));
    }
    svg.addEventListener("pointermove", (event) => {
        const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
        const x = Math.min(Math.max(at.x, left), right);
        const place = min + (max - min) * (x - left) / (right - left);
        const values = [];
        series ??= parse();
        for (const s of series) {
            const v = valueAt(s.points, x);
            if (v !== undefined && !s.g.classList.contains("off"))
                values.push(`${s.g.dataset.name} ${group(v)}`);
        }
        cursor.setAttribute("transform", `translate(${x} 0)`);
        cursor.style.visibility = "visible";
        text.textContent = (isTime ? `${(place / 1e7).toFixed(3)} s` : `after ${Math.round(place)}`) +
            ":  " + (values.join("   ") || "nothing yet");
    });
    svg.addEventListener("pointerleave", () => {
        cursor.style.visibility = "hidden";
        text.textContent = "\u00a0";
    });
}

if (typeof document !== "undefined")
    start();
else
    module.exports = {order, fits, valueAt, group};
