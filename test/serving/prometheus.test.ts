import { expect, test } from "bun:test";
import fc from "fast-check";
import { createMetrics, formatMetrics, labelText, sumSnapshots } from "../../src/serving/prometheus.ts";

test("the text is Prometheus' own: buckets cumulate, labels are escaped", () => {
  const metrics = createMetrics();
  const asked = metrics.metric("asked_total", "counter", "Asked.");
  asked.add(labelText({ model: 'a"b\\c\nd', version: 1 }), 2);
  asked.add(labelText({ model: 'a"b\\c\nd', version: 1 }), 1);
  metrics.metric("waiting", "gauge", "Waiting.").set("", 4);
  const took = metrics.metric("took_seconds", "histogram", "Took.", [0.1, 1]);
  for (const value of [0.1, 0.5, 3]) took.add('m="x"', value);
  expect(formatMetrics(metrics.snapshot())).toBe(`# HELP asked_total Asked.
# TYPE asked_total counter
asked_total{model="a\\"b\\\\c\\nd",version="1"} 3
# HELP waiting Waiting.
# TYPE waiting gauge
waiting 4
# HELP took_seconds Took.
# TYPE took_seconds histogram
took_seconds_bucket{m="x",le="0.1"} 1
took_seconds_bucket{m="x",le="1"} 2
took_seconds_bucket{m="x",le="+Inf"} 3
took_seconds_sum{m="x"} 3.6
took_seconds_count{m="x"} 3
`);
});

test("summing processes is counting everything in one", () => {
  const observations = fc.array(
    fc.record({ process: fc.nat(3), label: fc.constantFrom('a="1"', 'a="2"'), value: fc.nat(20) }),
  );
  fc.assert(
    fc.property(observations, (all) => {
      const make = () => {
        const metrics = createMetrics();
        return {
          metrics,
          count: metrics.metric("c", "counter", "C."),
          took: metrics.metric("h", "histogram", "H.", [5, 10]),
        };
      };
      const processes = [make(), make(), make(), make()];
      const whole = make();
      for (const { process, label, value } of all)
        for (const to of [processes[process]!, whole]) {
          to.count.add(label, value);
          to.took.add(label, value);
        }
      expect(sumSnapshots(processes.map((one) => one.metrics.snapshot()))).toEqual(whole.metrics.snapshot());
    }),
  );
});
