// The result of a run as Markdown.

const ms = (x) => (x < 0.1 ? x.toFixed(3) : x.toFixed(2));

/** Tables of everything that was measured. */
export function markdown({ machine, light, limits }) {
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  return [
    `One thread of ${machine.processor}, Node ${machine.node}, ${packages.join(", ")}: \`${machine.command}\`.`,
    "`light`, random weights; a 20 ms hop of both channels unless said otherwise.",
    hops(light),
    roofs(light, limits),
    "",
  ].join("\n\n");
}

function hops(rows) {
  return table(
    ["", "worked", "median, ms", "p99, ms", "hops a second", "one each 20 ms, median, ms", "onnxruntime-web f32 takes"],
    rows.map((row) => [
      row.name,
      row.what,
      ms(row.medianMs),
      ms(row.p99Ms),
      Math.round(row.hopsASecond),
      ms(row.live.medianMs),
      `${row.faster.median.toFixed(2)} x (${row.faster.low.toFixed(2)} to ${row.faster.high.toFixed(2)})`,
    ]),
  );
}

function roofs(rows, limits) {
  const { bytesAMs, macsAMs } = limits.measured;
  const giga = (perMs) => (perMs / 1e6).toFixed(1);
  return ["f32", "int8"]
    .map((storage) => {
      const hop = limits[storage];
      const megabytes = ((hop.weightBytes + hop.cacheBytes) / 1e6).toFixed(1);
      const macs = ((hop.weightMacs + hop.cacheMacs) / 1e6).toFixed(1);
      const own = rows.filter((row) => row.storage === storage && row.what === "sound to events");
      const shares = own.map((row) => `${row.name} takes ${(row.medianMs / hop.leastMs).toFixed(2)} x that`);
      const rates = `${giga(bytesAMs[storage])} GB/s and ${giga(macsAMs[storage])} GMAC/s`;
      const times = `${ms(hop.bytesMs)} ms for its ${megabytes} MB, ${ms(hop.macsMs)} ms for its ${macs} M products`;
      return [`Roofline, ${storage}, at ${rates}: ${times}`, ...shares].join("; ") + ".";
    })
    .join("\n\n");
}

function table(titles, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = titles.map((_, i) => (i < 2 ? "---" : "---:"));
  return [line(titles), line(rule), ...rows.map(line)].join("\n");
}
