/** `docs`: the reference in the terminal. */

import type { Command, CommandGroup } from "./command.ts";

const docs: Command = {
  name: "docs",
  about: "Print the annotated pipeline.yaml: the whole language",
  action: async (io) => {
    const example = await Bun.file(new URL("../spec/pipeline.example.yaml", import.meta.url)).text();
    io.data({ example }, () => example);
    return 0;
  },
};

export const helpGroup: CommandGroup = { title: "Help", commands: [docs] };
