// Refuses a build that is too large: 100 KB compressed to begin, 400 KB in all (the limits).
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const firstMax = 100_000;
const allMax = 400_000;
const dist = new URL("../dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");
if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i.test(html)) throw new Error("index.html holds inline code or styles, which the Content-Security-Policy refuses");

let first = gzipSync(html).length;
let all = first;
for (const name of readdirSync(new URL("assets/", dist))) {
  const size = gzipSync(readFileSync(new URL(`assets/${name}`, dist))).length;
  all += size;
  if (html.includes(`/assets/${name}`)) first += size;
  if (!/-[\w-]{8}\.\w+$/.test(name)) throw new Error(`${name} has no hash in its name`);
}
const kb = (n) => `${(n / 1000).toFixed(1)} KB`;
console.log(`compressed: first load ${kb(first)} of ${kb(firstMax)}, all ${kb(all)} of ${kb(allMax)}`);
if (first > firstMax || all > allMax) throw new Error("the console grew past its limit");
