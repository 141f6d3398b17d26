/** The way from sbatch to a job as a picture: bars on a time axis, and below them the part that is too short to be seen, magnified. Pure. */
import type { Owner, Path, Span } from "./path-times.ts";

const width = 960;
/** Where bars begin and end; names stand to the left, lengths to the right of each bar. */
const [left, right] = [300, 880];
const rowHeight = 26;
const barHeight = 16;

/** Owners by their names. */
export const owners: Readonly<Record<Owner, string>> = {
  slurm: "Slurm",
  ours: "slurm-power-agent",
  kubernetes: "Kubernetes",
};

/** The viewer's choice of light or dark counts, also where the picture is an image of a page. */
const style = `
    text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-size: 16px; font-weight: 600; } .quiet { fill: #59636e; } .strong { font-weight: 600; }
    .card { fill: #ffffff; stroke: #d1d9e0; } .line { stroke: #d1d9e0; } .lens { fill: #bc4c00; fill-opacity: 0.09; }
    .slurm { fill: #8c959f; } .ours { fill: #bc4c00; } .kubernetes { fill: #0969da; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; } .quiet { fill: #9198a1; }
      .card { fill: #0d1117; stroke: #3d444d; } .line { stroke: #3d444d; } .lens { fill: #f0883e; fill-opacity: 0.14; }
      .slurm { fill: #9198a1; } .ours { fill: #f0883e; } .kubernetes { fill: #4493f8; }
    }
  `;

interface Bar extends Span {
  /** Milliseconds from sbatch. */
  readonly begin: number;
}

/** The picture as SVG, and the same in words for those who do not see it. */
export function pathPicture({ spans, ending }: Path): { readonly svg: string; readonly words: string } {
  const bars = following(spans);
  const total = spans.reduce((sum, { length }) => sum + length, 0);
  const shortOnes = bars.filter((_, index) => index >= firstOf(bars, "ours") && index <= lastOf(bars, "ours") + 1);
  const [first, last] = [shortOnes[0], shortOnes.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError("a path without anything of ours");
  const answeredAt = bars[firstOf(bars, "ours") + 1];
  const beside: Bar = { ...ending, begin: answeredAt === undefined ? 0 : answeredAt.begin + answeredAt.length };
  const magnified = [...shortOnes, beside].sort((a, b) => a.begin - b.begin);
  const from = first.begin;
  const to = Math.max(...magnified.map(({ begin, length }) => begin + length));
  const words = wordsOf(spans, ending, total);

  const upperTop = 96;
  const lensTop = upperTop + bars.length * rowHeight + 30;
  const lowerTop = lensTop + 62;
  const height = lowerTop + magnified.length * rowHeight + 26;
  const whole = scale(0, total);
  const lens = scale(from, to);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title words">
  <title id="title">From sbatch to the job's start</title>
  <desc id="words">${escaped(words)}</desc>
  <style>${style}</style>
  <rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
  ${text(24, 34, "title", `From sbatch to the job's start: ${amount(total)}`)}
  ${legend(spans, ending)}
  ${axis(whole, 0, total, upperTop, bars.length)}
  ${bars.map((bar, row) => rowOf(bar, whole, upperTop + row * rowHeight)).join("\n  ")}
  <polygon class="lens" points="${[
    [whole(from) - 1, upperTop + firstOf(bars, "ours") * rowHeight],
    [whole(to) + 1, upperTop + firstOf(bars, "ours") * rowHeight],
    [whole(to) + 1, lensTop - 24],
    [right, lensTop + 16],
    [right, lowerTop + magnified.length * rowHeight],
    [left, lowerTop + magnified.length * rowHeight],
    [left, lensTop + 16],
    [whole(from) - 1, lensTop - 24],
  ]
    .map((point) => point.map(rounded).join())
    .join(" ")}"/>
  ${text(24, lensTop + 34, "strong", "From the program's start")}
  ${text(24, lensTop + 52, "strong", "to the Pod's object, magnified")}
  ${axis(lens, from, to, lowerTop, magnified.length)}
  ${magnified.map((bar, row) => rowOf(bar, lens, lowerTop + row * rowHeight)).join("\n  ")}
</svg>
`;
  return { svg, words };
}

function following(spans: readonly Span[]): Bar[] {
  let begin = 0;
  return spans.map((span) => {
    const bar = { ...span, begin };
    begin += span.length;
    return bar;
  });
}

function firstOf(bars: readonly Span[], owner: Owner): number {
  return bars.findIndex((bar) => bar.owner === owner);
}

function lastOf(bars: readonly Span[], owner: Owner): number {
  return bars.findLastIndex((bar) => bar.owner === owner);
}

function scale(from: number, to: number): (milliseconds: number) => number {
  return (milliseconds) => left + ((milliseconds - from) / (to - from)) * (right - left);
}

function rowOf({ name, owner, begin, length }: Bar, x: (milliseconds: number) => number, y: number): string {
  // What is too short for its scale is still a line.
  const barWidth = Math.max(2, x(begin + length) - x(begin));
  const end = x(begin) + barWidth;
  const bar = `<rect class="${owner}" x="${rounded(x(begin))}" y="${y + (rowHeight - barHeight) / 2}" width="${rounded(barWidth)}" height="${barHeight}" rx="2"/>`;
  const label = text(24, y + 18, owner === "ours" ? "strong" : "", name);
  return `${label}${bar}${text(end + 8, y + 18, owner === "ours" ? "strong" : "quiet", amount(length))}`;
}

/** Lines at round times, with what they stand for above. */
function axis(x: (milliseconds: number) => number, from: number, to: number, top: number, rows: number): string {
  const step = roundStep((to - from) / 5);
  const marks = Array.from({ length: Math.floor((to - from) / step + 1e-9) + 1 }, (_, index) => index * step);
  return marks
    .map((mark) => {
      const at = rounded(x(from + mark));
      const line = `<line class="line" x1="${at}" y1="${top - 2}" x2="${at}" y2="${top + rows * rowHeight}"/>`;
      return `${line}<text class="quiet" x="${at}" y="${top - 8}" text-anchor="middle">${mark === 0 ? "0" : amount(mark)}</text>`;
    })
    .join("\n  ");
}

/** 1, 2 or 5 times a power of ten, not below what is asked for. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10);
}

function legend(spans: readonly Span[], ending: Span): string {
  return (Object.keys(owners) as Owner[])
    .map((owner, index) => {
      const x = 24 + index * 240;
      const all = owner === "ours" ? [...spans, ending] : spans;
      const sum = all.filter((span) => span.owner === owner).reduce((sum, { length }) => sum + length, 0);
      const box = `<rect class="${owner}" x="${x}" y="49" width="12" height="12" rx="2"/>`;
      return `${box}${text(x + 19, 60, "", `${owners[owner]}: ${amount(sum)}`)}`;
    })
    .join("\n  ");
}

function wordsOf(spans: readonly Span[], ending: Span, total: number): string {
  const parts = spans.map(({ name, owner, length }) => `${name} (${owners[owner]}) ${amount(length)}`);
  return (
    `From sbatch to the job's start: ${amount(total)}. One after the other: ${parts.join(", ")}. ` +
    `Beside the operator the program ends: ${ending.name} ${amount(ending.length)}.`
  );
}

/** Milliseconds for people: with two digits below ten, in seconds from one on. */
function amount(milliseconds: number): string {
  if (milliseconds >= 1000) return `${Number((milliseconds / 1000).toPrecision(3))} s`;
  return `${milliseconds >= 10 ? Math.round(milliseconds) : Number(milliseconds.toPrecision(2))} ms`;
}

function text(x: number, y: number, kind: string, words: string): string {
  return `<text${kind === "" ? "" : ` class="${kind}"`} x="${rounded(x)}" y="${rounded(y)}">${escaped(words)}</text>`;
}

function rounded(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
