/** `docs`: the reference in the terminal, made from the code as docs/ is. */

import { fail } from "../base/errors.ts";
import type { Command, CommandGroup } from "./command.ts";
import { text } from "./command.ts";

/** Page → its Markdown. */
const PAGES: Record<string, (groups: readonly CommandGroup[]) => Promise<string>> = {
  pipeline: async () => {
    const { referencePage } = await import("../spec/reference.ts");
    return referencePage(await Bun.file(new URL("../spec/pipeline.example.yaml", import.meta.url)).text());
  },
  features: async () => {
    const { featuresPage } = await import("../data/features/reference.ts");
    return featuresPage(await Bun.file(new URL("../data/features/features.example.yaml", import.meta.url)).text());
  },
  cli: async (groups) => (await import("./pages.ts")).cliPage(groups),
  errors: async () => (await import("./pages.ts")).errorsPage(),
  mlflow: async () => (await import("../server/mlflow/docs.ts")).mlflowPage(),
};

export const PAGE_NAMES = Object.keys(PAGES);

/** `groups` are all commands, this one among them. */
export const helpGroup = (groups: () => readonly CommandGroup[]): CommandGroup => {
  const docs: Command = {
    name: "docs",
    about: "Print a page of the reference",
    args: [{ name: "page", about: `${PAGE_NAMES.join(", ")}; default: pipeline, the whole language of pipeline.yaml` }],
    action: async (io, input) => {
      const name = text(input.args.page) ?? "pipeline";
      const page = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
      if (!page)
        throw fail("USAGE", {
          what: `there is no page ${name}`,
          place: "docs",
          mend: `one of ${PAGE_NAMES.join(", ")}`,
        });
      const markdown = await page(groups());
      io.data({ page: name, markdown }, () => markdown);
      return 0;
    },
  };
  return { title: "Help", commands: [docs] };
};
