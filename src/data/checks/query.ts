/** unexpected_rows_expectation: a query in SQL that finds rows which should not be; `{batch}` stands for the table. */

import { ask, type CheckDefinition, count } from "./check.ts";
import { number } from "./map.ts";

export const QUERY_CHECKS: CheckDefinition[] = [
  {
    type: "unexpected_rows_expectation",
    kwargs: ["unexpected_rows_query"],
    prepare: (args) => {
      const query = args.text("unexpected_rows_query").trim().replace(/;$/, "");
      if (!query.includes("{batch}")) args.refuse("the query does not read {batch}", "write FROM {batch}");
      if (query.includes(";")) args.refuse("the query is more than one statement");
      return (table) => {
        const rows = `(${query.replaceAll("{batch}", table.rows)})`;
        const found = ask(rows, "count(*)");
        return {
          columns: [],
          asks: [found],
          judge: (answer) => {
            const observed = count(answer(found));
            return {
              success: observed === 0,
              observed,
              says: `the query finds ${number(observed)} rows`,
              unexpected: { from: rows, where: "TRUE", columns: [] },
            };
          },
        };
      };
    },
  },
];
