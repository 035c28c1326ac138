/** The status page: one request, plain HTML, no script. What the CLI's `status`, `models show`, `drift` and `events` say. */

import { listEvents } from "../db/events.ts";
import { type StatusView, statusOf } from "../life/status.ts";
import { ownVersionViews, type VersionView } from "../life/views.ts";
import { type WindowView, windowViews } from "../life/windows.ts";
import type { ApiContext } from "./api/context.ts";
import { html, raw } from "./html.ts";

/** The whole page as HTML text. */
export async function statusPage(context: ApiContext): Promise<string> {
  const pipelines = await context.pipelines();
  const sections = await Promise.all(
    pipelines.map(async (pipeline) => {
      const [status, versions, windows] = await Promise.all([
        statusOf(context.life, pipeline),
        ownVersionViews(context.life, pipeline.model),
        windowViews(context.life, pipeline.model, { limit: 12 }),
      ]);
      return section(status, versions, windows);
    }),
  );
  const events = (await listEvents(context.life.db, { limit: 25 })).reverse();
  const journal = rows(
    ["time", "what", "to", "by", "why"],
    events.map((e) => [time(e.timeMs), e.kind, e.subject, e.actor, e.reason]),
  );
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="15"><title>Trimtab</title><link rel="icon" href="${raw(ICON)}"><style>${raw(STYLE)}</style></head>
<body><header><h1>Trimtab</h1><a href="/api/v1/openapi.json">API</a></header>
${raw(sections.length > 0 ? sections.join("\n") : "<p>Tracking and model registry alone: no pipeline is looked after here.</p>")}
<section><h2>Journal</h2>${raw(journal)}</section></body></html>`;
}

function section(status: StatusView, versions: readonly VersionView[], windows: readonly WindowView[]): string {
  const serving = status.deployment?.models.map((m) => `version ${m.version} (${m.weight}%)`).join(", ") ?? "nothing";
  const attention = status.attention.map((a) => html`<li>${a.what} <code>${a.mend}</code></li>`).join("");
  return html`<section><h2>${status.model}</h2>
<p>Serving <strong>${serving}</strong>${status.deployment ? `, deployed ${status.deployment.created.slice(0, 19).replace("T", " ")}` : ""}</p>
${raw(attention ? `<ul class="attention">${attention}</ul>` : `<p class="ok">Nothing needs attention.</p>`)}
<h3>Steps</h3>${raw(
    rows(
      ["step", "would", "why"],
      status.plan.map((p) => [p.step, p.action, p.reason]),
    ),
  )}
<h3>Versions</h3>${raw(versionRows(versions))}
<h3>Live windows</h3>${raw(windowRows(windows))}</section>`;
}

function versionRows(versions: readonly VersionView[]): string {
  const metrics = [...new Set(versions.flatMap((v) => v.verdict?.rules.map((rule) => rule.metric) ?? []))];
  return rows(
    ["version", "made", "gate", "traffic", ...metrics],
    versions
      .slice(0, 12)
      .map((v) => [
        v.version,
        v.created.slice(0, 19).replace("T", " "),
        v.gate,
        `${v.trafficPercent}%`,
        ...metrics.map((name) => figure(v.metrics[name])),
      ]),
  );
}

function windowRows(windows: readonly WindowView[]): string {
  const columns = [...new Set(windows.flatMap((w) => Object.keys(w.drift)))];
  const metrics = [...new Set(windows.flatMap((w) => Object.keys(w.performance)))];
  return rows(
    ["from", "version", "rows", ...columns.map((name) => `drift ${name}`), ...metrics, "verdict"],
    windows.map((w) => [
      time(w.fromMs),
      w.version,
      w.rows.toLocaleString("en"),
      ...columns.map((name) => figure(w.drift[name]?.score)),
      ...metrics.map((name) => figure(w.performance[name])),
      w.pass ? "ok" : w.reason,
    ]),
  );
}

const time = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 19).replace("T", " ");
const figure = (value: number | undefined): string =>
  value === undefined ? "" : Number(value.toPrecision(4)).toString();

function rows(head: readonly string[], body: readonly (readonly (string | number)[])[]): string {
  if (body.length === 0) return "<p>Nothing yet.</p>";
  const cells = (tag: string, values: readonly (string | number)[]) =>
    values.map((v) => html`<${raw(tag)}>${v}</${raw(tag)}>`).join("");
  return `<table><thead><tr>${cells("th", head)}</tr></thead><tbody>${body.map((row) => `<tr>${cells("td", row)}</tr>`).join("")}</tbody></table>`;
}

/** A rudder with its trim tab; without an icon of its own a page makes every browser ask for one that is not there. */
const ICON = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 1h7v14H2z" fill="#1d4ed8"/><path d="M10 9h4v6h-4z" fill="#f59e0b"/></svg>')}`;

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 15%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
header { display: flex; align-items: baseline; gap: 1rem; } h1 { margin: 0; font-size: 1.4rem; } h2 { margin: 2rem 0 .25rem; }
h3 { margin: 1.25rem 0 .25rem; font-size: .95rem; opacity: .7; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; vertical-align: top; }
td:first-child { white-space: nowrap; } th { font-weight: 600; opacity: .7; } section { overflow-x: auto; } code { opacity: .7; } .attention { color: #b45309; } .ok { color: #15803d; }`;
