/** `doctor` and `events`: is everything sound, and what happened. */

import type { Command, CommandGroup } from "./command.ts";
import { numberOf, text } from "./command.ts";
import { table, when } from "./io.ts";

const doctor: Command = {
  name: "doctor",
  about: "Check the installation, the database, the journal's hash chain and the published files",
  details: "Exit code 1 when something is wrong.",
  action: async (io) => {
    const { examine } = await import("../life/doctor.ts");
    const findings = await examine(io.cwd, io.env);
    io.data({ findings }, () =>
      table(io, findings, [
        {
          title: "",
          value: (f) =>
            f.state === "ok" ? io.paint.green("ok") : f.state === "warn" ? io.paint.yellow("!") : io.paint.red("✗"),
        },
        { title: "what", value: (f) => f.what },
        { title: "found", value: (f) => f.found },
        { title: "mend", value: (f) => f.mend },
      ]),
    );
    return findings.some((finding) => finding.state === "bad") ? 1 : 0;
  },
};

const events: Command = {
  name: "events",
  about: "The journal: everything that happened, to what, by whom, why",
  options: [
    { name: "limit", short: "n", value: "n", about: "how many", default: "30" },
    { name: "subject", value: "path", about: "only this and what is below it, as model/flight-delay" },
  ],
  action: async (io, input) => {
    const { listEvents } = await import("../db/events.ts");
    const { withLife } = await import("../life/context.ts");
    const subject = text(input.options.subject);
    const filter = {
      limit: numberOf(text(input.options.limit), "--limit", { min: 1 }) ?? 30,
      ...(subject ? { subject } : {}),
    };
    const found = await withLife({ root: io.cwd, env: io.env }, (life) => listEvents(life.db, filter));
    io.data({ events: found }, () =>
      table(io, found, [
        { title: "time", value: (e) => when(e.timeMs), whole: true },
        { title: "what", value: (e) => e.kind },
        { title: "to", value: (e) => e.subject },
        { title: "by", value: (e) => e.actor },
        { title: "why", value: (e) => e.reason },
      ]),
    );
    return 0;
  },
};

export const doctorGroup: CommandGroup = { title: "Trust", commands: [events, doctor] };
